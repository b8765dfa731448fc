"""A folder by URL, in the memory file system."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from mlops_assets.scaffolding.batch_files import ScaffoldError
from mlops_assets.scaffolding.remote_files import is_remote, read_remote
from mlops_assets.scaffolding.use_case_guess import read_text
from resources.sources.base import SourceError

URL = "memory://scaffolding/lake"


@pytest.fixture
def lake() -> Iterator[fsspec.AbstractFileSystem]:
    memory = fsspec.filesystem("memory")
    memory.makedirs("/scaffolding/lake")
    yield memory
    memory.rm("/scaffolding", recursive=True)


def deliver(lake: fsspec.AbstractFileSystem, name: str, rows: int = 30) -> None:
    lines = "".join(f"{i % 7},{i % 2}\n" for i in range(rows))
    lake.pipe_file(f"/scaffolding/lake/{name}", f"x,y\n{lines}".encode())


def test_the_files_of_a_url_are_batches(lake: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for name in ("2020-02.csv", "2020-01.csv", "notes.md"):
        deliver(lake, name)
    located, sample = read_remote(URL, tmp_path, read_text)
    assert located.batches == ("2020-01", "2020-02")
    assert (located.pattern, located.batch_name) == ("*.csv", r"\d{4}-\d{2}")
    assert not located.is_copied
    assert sample.table.num_rows == 60 and sample.looked_at == ()


def test_of_many_files_some_are_fetched(lake: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for number in range(40):
        deliver(lake, f"part-{number:03d}.csv", rows=number + 1)
    located, sample = read_remote(URL, tmp_path, read_text)
    assert len(located.batches) == 40
    assert sample.looked_at[:4] == (0, 1, 2, 3) and sample.looked_at[-1] == 39
    assert len(list(tmp_path.iterdir())) == 12
    assert sample.table.num_rows == sum(at + 1 for at in sample.looked_at)


@pytest.mark.usefixtures("lake")
def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises((ScaffoldError, SourceError), match="holds no file"):
        read_remote(URL, tmp_path, read_text)
    with pytest.raises(SourceError):
        read_remote("memory://scaffolding/nowhere", tmp_path, read_text)


def test_a_password_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="leave user, password and query out") as error:
        read_remote("https://ann:hunter2@host/lake?token=abc", tmp_path, read_text)
    assert "hunter2" not in str(error.value) and "abc" not in str(error.value)


def test_urls_are_told_from_paths() -> None:
    assert is_remote("s3://bucket/flights") and not is_remote("/data/flights")
