"""Finding and naming the files a use case starts from."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.scaffolding.batch_files import (
    SAFE_NAME,
    ScaffoldError,
    batch_name_pattern,
    locate,
)


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
        (["north", "south-1"], SAFE_NAME, True),
    ],
)
def test_batch_names_become_a_pattern(names: list[str], pattern: str, padded: bool) -> None:
    assert batch_name_pattern(names) == (pattern, padded)


@given(st.lists(st.from_regex(f"\\A{SAFE_NAME}\\Z"), min_size=1, max_size=5))
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
