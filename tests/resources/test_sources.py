"""The source: its batches in order, and a clear error for a folder that is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_assets.source_declaration import Source
from resources.sources.base import SourceError
from resources.sources.files import FolderSource

SOURCE = Source(
    folder="data",
    batch_name=r"\d{4}-\d{2}",
    licence="CC0-1.0",
    attribution="them",
    terms="none",
    licence_expires="never",
)


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., FolderSource]:
    """Makes a source folder of empty files."""

    def make(*names: str, source: Source = SOURCE) -> FolderSource:
        for name in names:
            (tmp_path / name).write_bytes(b"")
        return FolderSource(tmp_path, source)

    return make


def test_batches_are_named_by_their_files_and_ordered(deliver: Callable[..., FolderSource]) -> None:
    source = deliver("2020-10.parquet", "2020-02.parquet", "2019-12.parquet", "README.md")

    assert [b.name for b in source.batches()] == ["2019-12", "2020-02", "2020-10"]
    assert source.batch("2020-02").path.name == "2020-02.parquet"


def test_the_pattern_says_which_files_are_batches(deliver: Callable[..., FolderSource]) -> None:
    csv = SOURCE.model_copy(update={"pattern": "*.csv"})

    source = deliver("2020-01.csv", "2020-02.parquet", source=csv)

    assert [b.name for b in source.batches()] == ["2020-01"]


def test_a_folder_is_no_batch(deliver: Callable[..., FolderSource], tmp_path: Path) -> None:
    (tmp_path / "2020-01.parquet").mkdir()

    assert [b.name for b in deliver("2020-02.parquet").batches()] == ["2020-02"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing does not exist: create it or correct source\."):
        FolderSource(tmp_path / "missing", SOURCE).batches()


def test_a_source_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")

    with pytest.raises(SourceError, match="does not exist"):
        FolderSource(tmp_path / "data", SOURCE).batches()


def test_a_folder_without_batches_is_an_error(deliver: Callable[..., FolderSource]) -> None:
    with pytest.raises(SourceError, match=r"holds no file '\*\.parquet': put the first batch"):
        deliver("README.md").batches()


@pytest.mark.parametrize("name", ["2020.parquet", "2020-01b.parquet", "x2020-01.parquet"])
def test_a_file_whose_name_is_no_batch_is_an_error_that_names_it(
    name: str, deliver: Callable[..., FolderSource]
) -> None:
    with pytest.raises(SourceError, match=f"{name} in .* is no batch name .*: rename the file"):
        deliver("2020-01.parquet", name).batches()


def test_a_batch_that_is_not_there_any_more_is_an_error(
    deliver: Callable[..., FolderSource],
) -> None:
    with pytest.raises(SourceError, match="batch '2020-02' is not in the source folder"):
        deliver("2020-01.parquet").batch("2020-02")
