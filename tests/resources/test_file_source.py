"""Files as batches: their order, their fingerprints, their copies, and clear errors."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_assets.content_hash import bytes_md5
from mlops_assets.source_declaration import Source
from resources.sources import files as files_module
from resources.sources import open_source
from resources.sources.base import Delivery, SourceError, SourceLostError
from resources.sources.files import FileSource, fetch
from resources.sources.periods import CutSource
from resources.sources.storage import BLOCK

SOURCE = Source(
    folder="data",
    batch_name=r"\d{4}-\d{2}",
    licence="CC0-1.0",
    attribution="them",
    terms="none",
    licence_expires="never",
)
Deliver = Callable[..., FileSource]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def deliver(data: Path) -> Deliver:
    """Makes a source folder of files that hold their own name."""

    def make(*names: str, **declared: Any) -> FileSource:
        for name in names:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_text(name)
        return FileSource(data.parent, SOURCE.model_copy(update=declared))

    return make


def _names(source: FileSource) -> list[str]:
    return [delivery.name for delivery in source.deliveries()]


def test_batches_are_named_by_their_files_and_ordered(deliver: Deliver) -> None:
    source = deliver("2020-10.parquet", "2020-02.parquet", "2019-12.parquet", "README.md")

    assert source.deliveries() == tuple(
        Delivery(name, bytes_md5(f"{name}.parquet".encode()))
        for name in ("2019-12", "2020-02", "2020-10")
    )


@pytest.mark.parametrize("location", ["data", "{}", "file://{}", "./data/"])
def test_a_folder_is_relative_absolute_or_a_url(
    location: str, deliver: Deliver, data: Path
) -> None:
    source = deliver("2020-01.parquet", folder=location.format(data))

    assert _names(source) == ["2020-01"]


def test_where_the_yaml_is_may_be_relative_too(
    deliver: Deliver, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = deliver("2020-01.parquet").source
    (data.parent / "defs").mkdir()
    monkeypatch.chdir(data.parent)

    assert _names(FileSource(Path(), source)) == ["2020-01"]
    above = source.model_copy(update={"folder": "../data"})
    assert _names(FileSource(Path("defs"), above)) == ["2020-01"]


def test_the_pattern_says_which_files_are_batches(deliver: Deliver) -> None:
    files = ("2020-01.csv", "2020-02.csv.gz", "2020-03.parquet", "a/2020-04.csv", "a/b/2020-05.csv")

    assert _names(deliver(*files, pattern="*.csv")) == ["2020-01"]
    assert _names(deliver(pattern="*.csv*")) == ["2020-01", "2020-02"]
    assert _names(deliver(pattern="*/*.csv")) == ["2020-04"]
    assert _names(deliver(pattern="**/*.csv")) == ["2020-01", "2020-04", "2020-05"]
    assert _names(deliver(pattern="a/2020-04.csv")) == ["2020-04"]


def test_a_folder_is_no_batch_and_a_link_to_a_file_is_one(deliver: Deliver, data: Path) -> None:
    source = deliver("2020-02.parquet", "kept.bin")
    (data / "2020-01.parquet").mkdir()
    (data / "2020-03.parquet").symlink_to(data / "kept.bin")
    (data / "2020-04.parquet").symlink_to(data / "lost.bin")

    assert _names(source) == ["2020-02", "2020-03"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"data does not exist: create it or correct source\."):
        FileSource(tmp_path, SOURCE).deliveries()
    one = SOURCE.model_copy(update={"pattern": "2020-01.parquet"})
    with pytest.raises(SourceError, match="does not exist"):
        FileSource(tmp_path, one).deliveries()


def test_a_source_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")

    with pytest.raises(SourceError, match="is a file: name its folder"):
        FileSource(tmp_path, SOURCE).deliveries()


@pytest.mark.parametrize("pattern", ["*.parquet", "2020-01.parquet"])
def test_a_folder_without_batches_is_an_error(deliver: Deliver, pattern: str) -> None:
    with pytest.raises(SourceError, match=r"holds no file '.*': put the first batch"):
        deliver("README.md", pattern=pattern).deliveries()


@pytest.mark.parametrize("name", ["2020.parquet", "2020-01b.parquet", "x2020-01.parquet"])
def test_a_file_whose_name_is_no_batch_is_an_error_that_names_it(
    name: str, deliver: Deliver
) -> None:
    with pytest.raises(SourceError, match=f"{name} in .* is no batch name .*: rename the file"):
        deliver("2020-01.parquet", name).deliveries()


def test_two_files_of_one_batch_are_an_error(deliver: Deliver) -> None:
    with pytest.raises(SourceError, match=r"2020-01.csv.gz in .* are both batch '2020-01'"):
        deliver("2020-01.csv", "2020-01.csv.gz", pattern="*").deliveries()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("2020-01.parquet", "data.parquet"),
        ("2020-01.csv", "original.csv"),
        ("2020-01.tsv.gz", "original.tsv.gz"),
    ],
)
def test_a_copy_is_the_file_byte_for_byte(
    name: str, kept: str, deliver: Deliver, data: Path, tmp_path: Path
) -> None:
    source = deliver(name, pattern="*")
    content = os.urandom(2 * BLOCK + 17)
    (data / name).write_bytes(content)

    copy = source.copy("2020-01", tmp_path)

    assert (tmp_path / kept).read_bytes() == content
    assert copy.file == kept
    assert copy.delivery == Delivery("2020-01", bytes_md5(content)) == source.deliveries()[0]
    assert copy.origin == {"file": name, "md5": bytes_md5(content), "bytes": len(content)}


def test_a_batch_that_is_not_there_any_more_is_an_error(deliver: Deliver, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="batch '2020-02' is not in the source folder"):
        deliver("2020-01.parquet").copy("2020-02", tmp_path)


def test_a_file_is_hashed_again_only_when_it_changed(
    deliver: Deliver, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    hash_file = files_module._md5
    monkeypatch.setattr(
        files_module, "_md5", lambda s, file: (hashed.append(file.name), hash_file(s, file))[1]
    )
    source = deliver("2020-01.parquet", "2020-02.parquet")

    before = source.deliveries()
    assert source.deliveries() == before
    (data / "2020-02.parquet").write_text("another text here")
    after = source.deliveries()

    assert hashed == ["2020-01.parquet", "2020-02.parquet", "2020-02.parquet"]
    assert after[0] == before[0]
    assert after[1].fingerprint == bytes_md5(b"another text here") != before[1].fingerprint


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written again"])
def test_a_file_that_changes_while_it_is_copied_is_tried_again(
    change: str, deliver: Deliver, data: Path
) -> None:
    source = deliver("2020-01.parquet")
    path = data / "2020-01.parquet"
    path.write_bytes(b"a" * 3 * BLOCK)
    [file] = source.files()
    blocks = source.storage.blocks(file)
    next(blocks)

    if change == "shrinks":
        os.truncate(path, BLOCK)
    else:
        with path.open("ab" if change == "grows" else "rb+") as stream:
            stream.write(b"b")

    with pytest.raises(SourceLostError, match=r"2020-01\.parquet"):
        list(blocks)


def test_a_file_that_is_replaced_while_it_is_copied_is_copied_as_it_was(
    deliver: Deliver, data: Path
) -> None:
    source = deliver("2020-01.parquet")
    path = data / "2020-01.parquet"
    path.write_bytes(b"a" * 2 * BLOCK)
    [file] = source.files()
    blocks = source.storage.blocks(file)
    first = next(blocks)
    (data / "new").write_bytes(b"b")
    (data / "new").replace(path)

    assert first + b"".join(blocks) == b"a" * 2 * BLOCK


def test_a_disk_without_room_is_an_error_before_anything_is_written(
    deliver: Deliver, data: Path, tmp_path: Path
) -> None:
    with (data / "2020-01.parquet").open("wb") as stream:
        stream.truncate(1 << 43)

    with pytest.raises(SourceError, match=r"2020-01\.parquet: a copy needs .* GB of disk"):
        deliver().copy("2020-01", tmp_path)
    assert not (tmp_path / "data.parquet").exists()


def test_a_disk_that_fills_up_meanwhile_is_an_error(deliver: Deliver) -> None:
    source = deliver("2020-01.parquet")

    with pytest.raises(SourceError, match=r"2020-01\.parquet cannot be written \(No space left"):
        fetch(source.storage, source.files()[0], Path("/dev/full"))


def test_the_declaration_says_which_kind_of_source_it_is(tmp_path: Path) -> None:
    batches = {"column": "day", "period": "month"}
    cut = Source(**{**SOURCE.model_dump(), "batch_name": None, "batches": batches})

    assert open_source(tmp_path, SOURCE) == FileSource(tmp_path, SOURCE)
    opened = open_source(tmp_path, cut, ["price"])
    assert isinstance(opened, CutSource)
    assert opened.numbers == {"price"}
