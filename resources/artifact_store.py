"""The artifact store: every artifact by name and by content hash.

Belongs here: atomic writes, the lineage record of each artifact, and the cache that brings back
every version ever made. The cache has the layout of DVC's, so that DVC finds the same objects.
Does not belong here: what an artifact holds (the stage folders).
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from mlops_assets.content_hash import (
    FileHash,
    bytes_md5,
    file_md5,
    folder_listing,
    folder_md5,
    hash_folder,
    json_bytes,
)


class MissingArtifactError(Exception):
    """An artifact that was asked for and does not exist; the message says how to make it."""


@dataclass(frozen=True, order=True)
class ArtifactKey:
    """Which artifact: its name and, where there is one folder a batch, the batch."""

    name: str
    batch: str | None = None

    def __str__(self) -> str:
        return self.name if self.batch is None else f"{self.name}/{self.batch}"


@dataclass(frozen=True)
class Lineage:
    """What an artifact is and what it was made of: its content hash, files, the hashes of what it
    was made from (``str(ArtifactKey)`` to hash), the hash of the code, and its settings.

    It says nothing of what came before, so that the same artifact has the same record everywhere:
    DVC brings it back with the files."""

    hash: str
    files: tuple[FileHash, ...]
    upstream: dict[str, str] = field(default_factory=dict)
    code: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> "Lineage":
        files = tuple(FileHash(**file) for file in record["files"])
        return cls(
            record["hash"],
            files,
            record["upstream"],
            record["code"],
            record["settings"],
        )


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``; a crash leaves the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    temporary.write_bytes(content)
    temporary.replace(path)


class ArtifactStore:
    """The artifacts of one use case.

    The commit point of a write is the replacement of the lineage record; a folder that a crash
    left behind it is restored from the cache when the store is next opened for writing or asked
    for that artifact.
    """

    def __init__(self, root: Path, use_case: str, cache: Path) -> None:
        self.use_case = use_case
        self.root = root / use_case
        self.cache = cache
        self._staging = self.root / ".staging"

    def folder(self, key: ArtifactKey) -> Path:
        """Where the artifact's files are; raises ``MissingArtifactError`` where there are none."""
        self.recover()
        folder = self._folder(key)
        if self.lineage(key) is None or not folder.is_dir():
            raise MissingArtifactError(
                f"{self.use_case}/{key} has not been made: materialize it first"
            )
        return folder

    def lineage(self, key: ArtifactKey) -> Lineage | None:
        """The lineage record of the artifact's current version, ``None`` where there is none."""
        path = self._record(key)
        return Lineage.parse(json.loads(path.read_bytes())) if path.is_file() else None

    def hash(self, key: ArtifactKey) -> str:
        """Content hash of the artifact's current version."""
        lineage = self.lineage(key)
        if lineage is None:
            raise MissingArtifactError(f"{self.use_case}/{key} has not been made")
        return lineage.hash

    def batches(self, name: str) -> tuple[str, ...]:
        """The batches that the artifact ``name`` has been made for, oldest first."""
        folder = self.root / "lineage" / name
        return tuple(sorted(path.stem for path in folder.glob("*.json")))

    def is_made(self, name: str) -> bool:
        """Whether the artifact ``name`` has been made, for any batch where there is one a batch."""
        return bool(self.batches(name)) or self.lineage(ArtifactKey(name)) is not None

    def make_folders(self, name: str, per_batch: bool) -> None:
        """Make the folders of the artifact ``name`` that DVC asks for, be they empty: those of a
        monitor without a batch to watch are."""
        (self.root / name).mkdir(parents=True, exist_ok=True)
        if per_batch:
            (self.root / "lineage" / name).mkdir(parents=True, exist_ok=True)

    def report(self, key: ArtifactKey) -> dict[str, Any]:
        """The ``report.json`` of a report."""
        return self.json(key, "report.json")

    def json(self, key: ArtifactKey, file: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder(key) / file).read_bytes())
        return content

    @contextmanager
    def write(
        self,
        key: ArtifactKey,
        *,
        upstream: Mapping[str, str],
        code: str = "",
        settings: Mapping[str, Any] | None = None,
    ) -> Iterator[Path]:
        """A folder to write the artifact's files into; they become its new version at the end of
        the block, all at once. An exception inside the block leaves the old version."""
        staged = self._staging / uuid4().hex
        staged.mkdir(parents=True)
        try:
            yield staged
            files = hash_folder(staged)
            lineage = Lineage(
                folder_md5(files), files, dict(sorted(upstream.items())), code, dict(settings or {})
            )
            with self._lock():
                self._commit(key, staged, lineage)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def replaced(self, key: ArtifactKey) -> tuple[str, ...]:
        """Hashes of the artifact's other versions, the one made last at the end; the cache keeps
        them."""
        lineage = self.lineage(key)
        now = lineage.hash if lineage else None
        return tuple(version for version in self._versions(key) if version != now)

    def _versions(self, key: ArtifactKey) -> list[str]:
        path = self._versions_file(key)
        return list(json.loads(path.read_bytes())) if path.is_file() else []

    def put_object(self, folder: Path) -> str:
        """Keep a folder's files in the cache and return its hash."""
        files = hash_folder(folder)
        for file in files:
            self._cache_file(file.md5, folder / file.path)
        return self.keep_listing(files)

    def keep_listing(self, files: tuple[FileHash, ...]) -> str:
        """Keep the listing of a folder whose files are in the cache, and return its hash."""
        name = folder_md5(files)
        self._cache_bytes(name, folder_listing(files))
        return name

    def keep_file(self, content: bytes) -> str:
        """Keep a file's content in the cache and return its hash."""
        name = bytes_md5(content)
        self._cache_bytes(name, content)
        return name

    def restore_file(self, name: str, target: Path) -> None:
        """Bring back the file with the hash ``name`` as ``target``.

        Raises ``MissingArtifactError`` where the cache does not hold it, or not unchanged.
        """
        path = self._object(name)
        if not path.is_file() or file_md5(path) != name:
            raise MissingArtifactError(f"no unchanged file with the hash {name} is in the cache")
        write_atomically(target, path.read_bytes())

    def restore(self, name: str, target: Path) -> None:
        """Bring back the folder with the hash ``name`` as ``target``, which must not exist.

        Raises ``MissingArtifactError`` where the cache does not hold it, or not unchanged.
        """
        listing = self._object(name)
        if not listing.is_file():
            raise MissingArtifactError(f"no version with the hash {name} is in the cache")
        entries = json.loads(listing.read_bytes())
        absent = [e["relpath"] for e in entries if not self._object(e["md5"]).is_file()]
        if absent:
            raise MissingArtifactError(f"the version {name} lacks {absent} in the cache")
        temporary = target.with_name(f".{target.name}.{uuid4().hex}")
        temporary.mkdir(parents=True)
        for entry in entries:
            path = temporary / entry["relpath"]
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._object(entry["md5"]), path)
        if folder_md5(hash_folder(temporary)) != name:
            shutil.rmtree(temporary)
            raise MissingArtifactError(f"the version {name} was changed in the cache")
        temporary.rename(target)

    def recover(self) -> None:
        """Finish what a crash interrupted: records that were committed without their files."""
        if not any(self._staging.glob("*.swap")):
            return
        with self._lock():
            for marker in self._staging.glob("*.swap"):
                key = ArtifactKey(**json.loads(marker.read_bytes()))
                self._restore_current(key)
                marker.unlink()

    def _restore_current(self, key: ArtifactKey) -> None:
        lineage = self.lineage(key)
        folder = self._folder(key)
        if lineage is None or (folder.is_dir() and hash_folder(folder) == lineage.files):
            return
        # Beside the artifact, what a second crash leaves would be part of it to DVC.
        restored = self._staging / uuid4().hex
        self.restore(lineage.hash, restored)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        restored.rename(folder)

    def _commit(self, key: ArtifactKey, staged: Path, lineage: Lineage) -> None:
        self.put_object(staged)
        marker = self._staging / f"{uuid4().hex}.swap"
        write_atomically(marker, json_bytes(asdict(key)))
        before = self.lineage(key)
        write_atomically(self._record(key), json_bytes(asdict(lineage)))
        folder = self._folder(key)
        if not (folder.is_dir() and hash_folder(folder) == lineage.files):
            folder.parent.mkdir(parents=True, exist_ok=True)
            replaced = self._staging / f"{uuid4().hex}.replaced"
            if folder.is_dir():
                folder.rename(replaced)
            staged.rename(folder)
            shutil.rmtree(replaced, ignore_errors=True)
        made = [*self._versions(key), *([before.hash] if before else []), lineage.hash]
        # A version that comes back moves to the end.
        latest_last = list(dict.fromkeys(reversed(made)))[::-1]
        write_atomically(self._versions_file(key), json_bytes(latest_last))
        marker.unlink()

    def _folder(self, key: ArtifactKey) -> Path:
        return self.root / key.name / (key.batch or "")

    def _record(self, key: ArtifactKey) -> Path:
        return self.root / "lineage" / f"{key}.json"

    def _versions_file(self, key: ArtifactKey) -> Path:
        return self.root / "versions" / f"{key}.json"

    def _lock(self) -> FileLock:
        self.root.mkdir(parents=True, exist_ok=True)
        return FileLock(self.root / ".lock")

    def _object(self, name: str) -> Path:
        return self.cache / name[:2] / name[2:]

    def _cache_file(self, name: str, path: Path) -> None:
        target = self._object(name)
        if target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid4().hex}")
        shutil.copyfile(path, temporary)
        os.chmod(temporary, 0o444)  # noqa: PTH101 - DVC protects its objects the same way
        temporary.replace(target)

    def _cache_bytes(self, name: str, content: bytes) -> None:
        target = self._object(name)
        if not target.is_file():
            write_atomically(target, content)
            target.chmod(0o444)
