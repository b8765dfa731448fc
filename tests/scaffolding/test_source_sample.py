"""Reading the files a use case starts from."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.scaffolding import source_sample
from mlops_assets.scaffolding.batch_files import ScaffoldError, locate
from mlops_assets.scaffolding.source_sample import read_sample


@dataclass(frozen=True)
class Written:
    decimal: str = ","


def no_text(*_: Any) -> Any:
    raise AssertionError("no text is to be read")


def write(folder: Path, name: str, **columns: Any) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


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
