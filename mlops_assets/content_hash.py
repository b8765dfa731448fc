"""Content hashes: the identity of every artifact, equal to what DVC records for the same files.

Belongs here: hashing bytes, files and folders. Does not belong here: keeping the hashes
(``resources/artifact_store.py``). DVC's own library is not used to compute them so that serving
needs nothing but the standard library; a test holds both to the same answers.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IGNORED_FOLDERS = frozenset({"__pycache__"})


@dataclass(frozen=True, order=True)
class FileHash:
    """One file of a folder: its POSIX path inside it, md5 (hex) and size in bytes."""

    path: str
    md5: str
    size: int


def bytes_md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def file_md5(path: Path) -> str:
    """md5 (hex) of a file's bytes, read in blocks of 1 MiB."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_folder(folder: Path) -> tuple[FileHash, ...]:
    """Every file below ``folder`` with its hash, in DVC's order (by path)."""
    files = (
        path
        for path in folder.rglob("*")
        if path.is_file() and not IGNORED_FOLDERS.intersection(path.relative_to(folder).parts)
    )
    return sort_files(
        FileHash(path.relative_to(folder).as_posix(), file_md5(path), path.stat().st_size)
        for path in files
    )


def sort_files(files: Iterable[FileHash]) -> tuple[FileHash, ...]:
    return tuple(sorted(files, key=lambda file: file.path))


def folder_listing(files: Iterable[FileHash]) -> bytes:
    """The listing DVC stores for a folder and hashes: a JSON list of md5 and relpath."""
    entries = [{"md5": file.md5, "relpath": file.path} for file in files]
    return json.dumps(entries, sort_keys=True).encode()


def folder_md5(files: Iterable[FileHash]) -> str:
    """DVC's hash of a folder: the md5 of its listing, with the suffix ``.dir``."""
    return bytes_md5(folder_listing(files)) + ".dir"


def json_bytes(value: Any) -> bytes:
    """The one way JSON is written here: sorted keys, two spaces, UTF-8, a final newline, no NaN."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def json_md5(value: Any) -> str:
    return bytes_md5(json_bytes(value))
