"""The artifact store: versions replaced at once, kept for ever, and found by DVC."""

import os
from pathlib import Path

import pytest
from dvc_data.hashfile.db import HashFileDB
from dvc_objects.fs.local import LocalFileSystem

from mlops_assets.content_hash import folder_md5, hash_folder
from resources.artifact_store import (
    ArtifactKey,
    ArtifactStore,
    MissingArtifactError,
    write_atomically,
)

MODEL = ArtifactKey("model")
BATCH = ArtifactKey("cleaned_dataset", "2020-01")


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts", "deliveries", tmp_path / "cache")


def _write(store: ArtifactStore, key: ArtifactKey, **files: str) -> str:
    with store.write(key, upstream={"features": "f"}, code="c", settings={"s": 1}) as folder:
        for name, content in files.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
    return store.hash(key)


def _read(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_an_artifact_is_called_by_its_name_and_batch() -> None:
    assert (str(MODEL), str(BATCH)) == ("model", "cleaned_dataset/2020-01")


@pytest.mark.parametrize("key", [MODEL, BATCH], ids=str)
def test_what_was_written_is_read_with_its_lineage(key: ArtifactKey, store: ArtifactStore) -> None:
    name = _write(store, key, a="1", deep__b="2")

    lineage = store.lineage(key)
    assert _read(store.folder(key)) == {"a": "1", "deep/b": "2"}
    assert lineage is not None
    assert (lineage.hash, lineage.files) == (name, hash_folder(store.folder(key)))
    assert (lineage.upstream, lineage.code, lineage.settings) == ({"features": "f"}, "c", {"s": 1})
    assert name == folder_md5(lineage.files)


@pytest.mark.parametrize("key", [MODEL, BATCH], ids=str)
def test_what_was_never_made_is_missing_and_says_what_to_do(
    key: ArtifactKey, store: ArtifactStore
) -> None:
    assert store.lineage(key) is None
    with pytest.raises(MissingArtifactError, match=f"deliveries/{key} has not been made: material"):
        store.folder(key)
    with pytest.raises(MissingArtifactError, match=f"deliveries/{key} has not been made"):
        store.hash(key)


def test_the_versions_that_were_replaced_are_named_and_kept(
    store: ArtifactStore, tmp_path: Path
) -> None:
    first = _write(store, BATCH, a="1")
    second = _write(store, BATCH, a="2")
    _write(store, BATCH, a="2")
    third = _write(store, BATCH, a="3")
    assert store.replaced(BATCH) == (first, second)
    store.restore(first, tmp_path / "restored")
    assert _read(tmp_path / "restored") == {"a": "1"}

    assert _write(store, BATCH, a="1") == first
    assert store.replaced(BATCH) == (second, third)


def test_the_record_of_a_version_says_nothing_of_earlier_ones(store: ArtifactStore) -> None:
    _write(store, BATCH, a="1")
    first = store.lineage(BATCH)
    record = store.root / "lineage" / f"{BATCH}.json"
    before = record.read_bytes()
    _write(store, BATCH, a="2")
    _write(store, BATCH, a="1")
    assert store.lineage(BATCH) == first
    assert record.read_bytes() == before


def test_a_folder_that_was_deleted_is_missing(store: ArtifactStore) -> None:
    _write(store, MODEL, a="1")
    store.folder(MODEL).rename(store.root / "elsewhere")

    with pytest.raises(MissingArtifactError, match="has not been made"):
        store.folder(MODEL)


def test_a_new_version_replaces_all_of_the_old_one(store: ArtifactStore) -> None:
    first = _write(store, BATCH, a="1", b="2")
    second = _write(store, BATCH, b="3", c="4")

    assert first != second
    assert _read(store.folder(BATCH)) == {"b": "3", "c": "4"}


def test_one_batch_does_not_touch_another(store: ArtifactStore) -> None:
    other = ArtifactKey("cleaned_dataset", "2020-02")
    _write(store, other, a="other")
    _write(store, BATCH, a="1")
    _write(store, BATCH, a="2")

    assert _read(store.folder(other)) == {"a": "other"}
    assert store.batches("cleaned_dataset") == ("2020-01", "2020-02")
    assert store.batches("drift_report") == ()


class DeliberateError(Exception):
    """What goes wrong inside a block."""


@pytest.mark.parametrize("error", [DeliberateError, KeyboardInterrupt])
def test_an_exception_inside_the_block_leaves_the_old_version(
    error: type[BaseException], store: ArtifactStore
) -> None:
    name = _write(store, MODEL, a="1")

    def fail() -> None:
        with store.write(MODEL, upstream={}) as folder:
            (folder / "a").write_text("half")
            raise error

    with pytest.raises(error):
        fail()

    assert store.hash(MODEL) == name
    assert _read(store.folder(MODEL)) == {"a": "1"}
    assert list((store.root / ".staging").iterdir()) == []


def test_an_exception_in_a_first_version_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(DeliberateError), store.write(BATCH, upstream={}):
        raise DeliberateError

    assert store.lineage(BATCH) is None
    assert store.batches("cleaned_dataset") == ()


@pytest.mark.parametrize("step", ["rename", "replace", "unlink"])
def test_an_error_of_the_disk_while_committing_is_mended_by_the_next_reader(
    step: str, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = _write(store, MODEL, a="1")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, step, fail)
        with pytest.raises(OSError, match="No space left"):
            _write(store, MODEL, a="2")

    lineage = store.lineage(MODEL)
    assert lineage is not None
    assert _read(store.folder(MODEL)) == {"a": "1" if lineage.hash == old else "2"}
    assert hash_folder(store.folder(MODEL)) == lineage.files
    assert not list((store.root / ".staging").glob("*.swap"))


def test_the_same_content_leaves_the_folder_untouched_and_renews_the_lineage(
    store: ArtifactStore,
) -> None:
    name = _write(store, MODEL, a="1")
    folder = store.folder(MODEL)
    before = (folder.stat().st_ino, (folder / "a").stat().st_ino, (folder / "a").stat().st_mtime_ns)

    with store.write(MODEL, upstream={"features": "another"}) as staged:
        (staged / "a").write_text("1")

    after = (folder.stat().st_ino, (folder / "a").stat().st_ino, (folder / "a").stat().st_mtime_ns)
    lineage = store.lineage(MODEL)
    assert after == before
    assert lineage is not None
    assert (lineage.hash, lineage.upstream) == (name, {"features": "another"})


def test_a_folder_changed_by_hand_is_replaced_also_by_the_same_content(
    store: ArtifactStore,
) -> None:
    _write(store, MODEL, a="1")
    (store.folder(MODEL) / "a").write_text("by hand")

    _write(store, MODEL, a="1")

    assert _read(store.folder(MODEL)) == {"a": "1"}


def test_every_version_can_be_brought_back_by_its_hash(
    store: ArtifactStore, tmp_path: Path
) -> None:
    names = [_write(store, MODEL, a=str(i), deep__b="same") for i in range(3)]

    for i, name in enumerate(names):
        store.restore(name, tmp_path / "back" / name)
        assert _read(tmp_path / "back" / name) == {"a": str(i), "deep/b": "same"}
        assert folder_md5(hash_folder(tmp_path / "back" / name)) == name


def test_an_empty_folder_is_a_version_as_well(store: ArtifactStore, tmp_path: Path) -> None:
    name = _write(store, MODEL)

    store.restore(name, tmp_path / "back")

    assert _read(tmp_path / "back") == {}


def _object(store: ArtifactStore, name: str) -> Path:
    return store.cache / name[:2] / name[2:]


@pytest.mark.parametrize("damage", ["no such hash", "a file is gone", "a file was changed"])
def test_a_version_that_is_not_whole_in_the_cache_is_not_brought_back(
    damage: str, store: ArtifactStore, tmp_path: Path
) -> None:
    name = _write(store, MODEL, a="1")
    (file,) = hash_folder(store.folder(MODEL))
    kept = _object(store, file.md5)
    kept.chmod(0o644)
    if damage == "a file is gone":
        kept.unlink()
    elif damage == "a file was changed":
        kept.write_text("2")
    else:
        name = "0" * 32 + ".dir"

    with pytest.raises(MissingArtifactError, match=name):
        store.restore(name, tmp_path / "back" / "version")

    assert not list((tmp_path / "back").glob("*"))


def test_the_cache_is_one_that_dvc_reads(store: ArtifactStore) -> None:
    name = _write(store, MODEL, a="1", deep__b="2")
    files = LocalFileSystem()  # type: ignore[no-untyped-call]
    odb = HashFileDB(files, str(store.cache))

    for oid in (name, *(file.md5 for file in hash_folder(store.folder(MODEL)))):
        odb.check(oid, check_hash=True)
        assert not os.access(odb.oid_to_path(oid), os.W_OK) or os.getuid() == 0
        assert Path(odb.oid_to_path(oid)).stat().st_mode & 0o777 == 0o444


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    write_atomically(path, b"1")
    write_atomically(path, b"2")

    assert path.read_bytes() == b"2"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_file_that_cannot_be_written_keeps_its_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"1")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"2")

    assert path.read_bytes() == b"1"


def test_reports_and_other_json_are_read_from_the_artifact(store: ArtifactStore) -> None:
    _write(store, BATCH, **{"report.json": '{"a": 1}', "counts.json": '{"b": 2}'})

    assert store.report(BATCH) == {"a": 1}
    assert store.json(BATCH, "counts.json") == {"b": 2}
