"""Content hashes: the same answers as DVC's own library, for any file and any folder."""

import json
import tempfile
from pathlib import Path

import pytest
from dvc_data.hashfile import hash as dvc_hash
from dvc_data.hashfile.build import build
from dvc_data.hashfile.db import HashFileDB
from dvc_objects.fs.local import LocalFileSystem
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_assets.content_hash import (
    FileHash,
    bytes_md5,
    file_md5,
    folder_listing,
    folder_md5,
    hash_folder,
    json_bytes,
    json_md5,
    sort_files,
)

# The characters around "/" in the order of code points, and some that JSON escapes.
NAMES = st.text("ab-. é\u2028漢", min_size=1, max_size=3).filter(lambda n: n.strip(".") != "")
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=20), max_size=8
)


def _write(root: Path, tree: dict[str, bytes]) -> Path:
    folder = root / "tree"
    folder.mkdir()
    for name, content in tree.items():
        path = folder / name
        if path.is_dir() or any(parent.is_file() for parent in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _dvc_folder_hash(folder: Path) -> str:
    files = LocalFileSystem()  # type: ignore[no-untyped-call]
    odb = HashFileDB(files, str(folder.parent / "odb"))
    _, _, built = build(odb, str(folder), files, "md5", dry_run=True)
    return str(built.hash_info.value)


@settings(max_examples=60)
@given(TREES)
@example({})
@example({"b/x": b"1", "b.x": b"2", "b-x": b"3", "b": b"4"})
@example({"2013-01/data.parquet": b"1", "2013-01-b/data.parquet": b"2"})
def test_a_folder_has_the_hash_that_dvc_gives_it(tree: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = _write(Path(root), tree)

        assert folder_md5(hash_folder(folder)) == _dvc_folder_hash(folder)


@settings(max_examples=20)
@given(st.binary(max_size=200))
@example(b"\r\n")
@example(b"x" * (2**20 + 1))
def test_a_file_has_the_hash_that_dvc_gives_it(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "file"
        path.write_bytes(content)

        found = file_md5(path)

        files = LocalFileSystem()  # type: ignore[no-untyped-call]
        assert found == dvc_hash.file_md5(str(path), files)
        assert found == bytes_md5(content)


@given(TREES)
def test_the_order_of_the_files_does_not_matter(tree: dict[str, bytes]) -> None:
    files = [FileHash(name, bytes_md5(content), len(content)) for name, content in tree.items()]

    assert sort_files(files) == sort_files(reversed(files))
    assert folder_md5(sort_files(files)) == folder_md5(sort_files(reversed(files)))


def test_a_changed_byte_or_name_or_place_changes_the_hash(tmp_path: Path) -> None:
    trees = [{"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"c/a": b"1"}, {"a": b"1", "b": b""}]
    hashes = set()
    for number, tree in enumerate(trees):
        root = tmp_path / str(number)
        root.mkdir()
        hashes.add(folder_md5(hash_folder(_write(root, tree))))

    assert len(hashes) == len(trees)


def test_compiled_code_is_not_content(tmp_path: Path) -> None:
    folder = _write(tmp_path, {"a.py": b"1", "b/c.py": b"2"})
    before = hash_folder(folder)
    (folder / "b" / "__pycache__").mkdir()
    (folder / "b" / "__pycache__" / "c.pyc").write_bytes(b"3")

    assert hash_folder(folder) == before


def test_the_listing_names_every_file_with_its_hash() -> None:
    listing = folder_listing((FileHash("a/b", "0" * 32, 5),))

    assert json.loads(listing) == [{"md5": "0" * 32, "relpath": "a/b"}]


def test_json_is_written_in_one_way_whatever_the_order() -> None:
    assert json_bytes({"b": 1, "a": "é"}) == '{\n  "a": "é",\n  "b": 1\n}\n'.encode()
    assert json_md5({"b": 1, "a": 2}) == json_md5({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_know_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"a": value})
