"""Finding, naming and reading the files a use case starts from."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.scaffolding import source_sample
from mlops_assets.scaffolding.source_sample import (
    ScaffoldError,
    batch_name_pattern,
    locate,
    read_sample,
)


@dataclass(frozen=True)
class Written:
    decimal: str = ","


def no_text(*_: Any) -> Any:
    raise AssertionError("no text is to be read")


def write(folder: Path, name: str, **columns: Any) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


@pytest.mark.parametrize(
    ("names", "pattern", "padded"),
    [
        (["2013-01", "2013-02"], r"\d{4}-\d{2}", True),
        (["2013-01-05"], r"\d{4}-\d{2}-\d{2}", True),
        (["2013", "2014"], r"\d{4}", True),
        (["2013-Q1"], r"\d{4}-Q[1-4]", True),
        (["sales_201301", "sales_201302"], r"sales_\d{6}", True),
        (["v1.part-01", "v1.part-02"], r"v\d{1}\.part-\d{2}", True),
        (["b9", "b10"], r"b\d+", False),
        (["north", "south-1"], source_sample.SAFE_NAME, True),
    ],
)
def test_batch_names_become_a_pattern(names: list[str], pattern: str, padded: bool) -> None:
    assert batch_name_pattern(names) == (pattern, padded)


@given(st.lists(st.from_regex(f"\\A{source_sample.SAFE_NAME}\\Z"), min_size=1, max_size=5))
def test_every_name_matches_the_pattern_made_from_it(names: list[str]) -> None:
    pattern, _ = batch_name_pattern(names)
    assert all(re.fullmatch(pattern, name) for name in names)


def test_a_single_file_gets_a_name_that_the_next_one_sorts_after(tmp_path: Path) -> None:
    write(tmp_path, "adult census.parquet", a=[1])
    located = locate(tmp_path / "adult census.parquet")
    assert (located.batches, located.folder, located.pattern) == (("batch-001",), None, "*.parquet")
    assert re.fullmatch(located.batch_name, located.batches[0])


def test_a_single_file_named_as_a_period_keeps_its_name(tmp_path: Path) -> None:
    assert locate(write(tmp_path, "2015.parquet", a=[1])).batches == ("2015",)


def test_a_folder_holds_one_batch_a_file_in_order_of_name(tmp_path: Path) -> None:
    for name in ("2013-02.csv.gz", "2013-01.csv.gz", "notes.md", ".hidden.csv.gz", "x.parquet"):
        (tmp_path / name).touch()
    located = locate(tmp_path)
    assert located.batches == ("2013-01", "2013-02")
    assert (located.pattern, located.folder) == ("*.csv.gz", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.parquet", "no such file or folder"),
        ("book.xlsx", "not a kind of file"),
        ("empty", "holds no file"),
        ("odd", "rename it"),
    ],
)
def test_what_cannot_be_found_is_said(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "book.xlsx").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "a batch.csv").touch()
    with pytest.raises(ScaffoldError, match=message):
        locate(tmp_path / name)


def test_the_sample_is_spread_over_batches_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_sample, "MAX_ROWS", 100)
    monkeypatch.setattr(source_sample, "READ_ROWS", 64)
    write(tmp_path, "1.parquet", a=np.arange(1000))
    write(tmp_path, "2.parquet", a=pa.array([None, *range(9)], pa.int64()))
    sample = read_sample(locate(tmp_path), no_text)
    first = sample.table.column("a").to_numpy()[sample.batch_of == 0]
    assert first.tolist() == list(range(0, 1000, 20))
    assert (sample.batch_of == 1).sum() == 10
    assert sample.rows == 1010


def test_a_missing_value_that_is_not_in_the_sample_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_sample, "MAX_ROWS", 10)
    write(tmp_path, "1.parquet", a=[0, None, *range(98)], b=list(range(100)))
    sample = read_sample(locate(tmp_path), no_text)
    assert sample.table.column("a").null_count == 0
    assert sample.with_missing == {"a"}


def test_batches_that_differ_are_read_as_what_fits_them_all(tmp_path: Path) -> None:
    write(tmp_path, "1.parquet", a=[1], b=[1], c=["x"], d=pa.array(["u"]).dictionary_encode())
    write(tmp_path, "2.parquet", a=[0.5], b=["?"], d=pa.array(["v"]).dictionary_encode())
    sample = read_sample(locate(tmp_path), no_text)
    assert sample.table.to_pydict() == {"a": [1.0, 0.5], "b": ["1", "?"], "d": ["u", "v"]}
    assert sample.partial == ("c",)


def test_types_that_fit_together_in_no_way_are_said(tmp_path: Path) -> None:
    write(tmp_path, "1.parquet", a=[1])
    write(tmp_path, "2.parquet", a=[[1]])
    with pytest.raises(ScaffoldError, match="column 'a' is of type int64 and list"):
        read_sample(locate(tmp_path), no_text)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "1.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ScaffoldError, match=r"1\.parquet is no whole Parquet file"):
        read_sample(locate(tmp_path), no_text)
    write(tmp_path, "1.parquet", a=pa.array([], pa.int64()))
    with pytest.raises(ScaffoldError, match=r"1\.parquet has no rows"):
        read_sample(locate(tmp_path), no_text)


def test_unusable_column_names_are_said(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "1.parquet")
    with pytest.raises(ScaffoldError, match=r"several columns called \['a'\]"):
        read_sample(locate(tmp_path), no_text)
    write(tmp_path, "1.parquet", **{" ": [1]})
    with pytest.raises(ScaffoldError, match="name is empty"):
        read_sample(locate(tmp_path), no_text)


def test_text_is_read_again_once_its_numbers_are_known(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("stand-in")
    asked: list[Collection[str]] = []

    def read_text(
        content: bytes, file: str, batch: str, numbers: frozenset[str]
    ) -> tuple[pa.Table, Any]:
        assert (content, file, batch) == (b"stand-in", "1.csv", "1")
        asked.append(numbers)
        decimal = "." if numbers else ","
        return pa.table({"n": [f"1{decimal}5", "?", "2"], "t": ["a", "1", "b"]}), Written()

    sample = read_sample(locate(tmp_path), read_text)
    assert asked == [frozenset(), {"n"}]
    assert sample.table.column("n").to_pylist() == ["1.5", "?", "2"]
    assert sample.written == Written()
