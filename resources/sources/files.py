"""Files as batches: one file of a folder is one batch.

Belongs here: which files are batches, what they are called, and copying one. Does not belong here:
where files are (``storage.py``), cutting them into batches (``periods.py``), or what is made of
them (``mlops_assets/data``).
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from mlops_assets.data.raw_copy import DATA_FILE
from mlops_assets.data.text.delimited import ENDINGS, is_delimited
from mlops_assets.source_declaration import Source
from resources.sources.base import Copy, Delivery, SourceError, require_room, writing
from resources.sources.storage import Storage, StoredFile


@dataclass(frozen=True)
class FileSource:
    """A folder with one file a batch. ``folder`` is where the YAML is, to which ``source.folder``
    may be relative."""

    folder: Path
    source: Source

    @property
    def storage(self) -> Storage:
        declared = self.source.folder or ""
        return Storage(declared if "://" in declared else str(self.folder / declared))

    def files(self) -> tuple[StoredFile, ...]:
        """The files that match the pattern, ordered by path.

        Raises ``SourceError`` where the folder is missing, cannot be read, or holds none.
        """
        files = self.storage.files(self.source.pattern)
        if not files:
            raise SourceError(
                f"source folder {self.storage} holds no file {self.source.pattern!r}: "
                "put the first batch there or correct source.pattern"
            )
        return files

    def batches(self) -> dict[str, StoredFile]:
        """Each batch's file, oldest first.

        Raises ``SourceError`` where a file's name is no batch name, two have the same, or there is
        no batch.
        """
        files = self.files()
        for file in files:
            name = batch_name(file.name)
            if "/" in name or not re.fullmatch(self.source.batch_name or "", name):
                raise SourceError(
                    f"{file.name} in {self.storage} matches {self.source.pattern!r} but {name!r} "
                    f"is no batch name ({self.source.batch_name!r}): rename the file or move it "
                    "away"
                )
        named = sorted(files, key=lambda file: (batch_name(file.name), file.path))
        for earlier, later in pairwise(named):
            if batch_name(earlier.name) == batch_name(later.name):
                raise SourceError(
                    f"{earlier.name} and {later.name} in {self.storage} are both batch "
                    f"{batch_name(later.name)!r}: remove one of them"
                )
        return {batch_name(file.name): file for file in named}

    def deliveries(self) -> tuple[Delivery, ...]:
        """The batches that are there now, oldest first; the fingerprint is the file's md5.

        Raises ``SourceError`` where the source cannot be read or holds no batch.
        """
        return tuple(
            Delivery(name, file_fingerprint(self.storage, file))
            for name, file in self.batches().items()
        )

    def copy(self, batch: str, folder: Path) -> Copy:
        """Copy a batch's file into ``folder``, byte for byte. The fingerprint is that of the bytes
        that were copied.

        Raises ``SourceError`` where it is not there (any more), cannot be read, or the disk has
        too little room, and ``SourceLostError`` where it could not be copied whole.
        """
        file = self.batches().get(batch)
        if file is None:
            raise SourceError(f"batch {batch!r} is not in the source folder {self.storage}")
        kept = DATA_FILE
        if is_delimited(file.name):
            kept = f"original{_ending(file.name)}"
        md5, size = fetch(self.storage, file, folder / kept)
        origin = {"file": file.name, "md5": md5, "bytes": size}
        return Copy(kept, Delivery(batch, md5), origin)


def batch_name(file: str) -> str:
    """A batch file's name without ``.parquet``, ``.csv`` or ``.csv.gz``."""
    path = Path(file.removesuffix(".gz"))
    return path.stem


def _ending(file: str) -> str:
    return next(ending for ending in ENDINGS if file.lower().endswith(ending))


def fetch(storage: Storage, file: StoredFile, target: Path) -> tuple[str, int]:
    """Copy a file's bytes to ``target``; returns their md5 (hex) and number.

    Raises ``SourceError`` and ``SourceLostError`` as ``FileSource.copy`` does.
    """
    require_room(target.parent, file.size or 0, file.name)
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with writing(file.name), target.open("wb") as copy:
        for block in storage.blocks(file):
            digest.update(block)
            size += copy.write(block)
    return digest.hexdigest(), size


def file_fingerprint(storage: Storage, file: StoredFile) -> str:
    """md5 (hex) of a file's bytes, read again only when its stamp differs or it has none."""
    if file.stamp is None:
        return _md5(storage, file)
    return _md5_while_unchanged(storage, file)


@lru_cache(maxsize=8192)
def _md5_while_unchanged(storage: Storage, file: StoredFile) -> str:
    return _md5(storage, file)


def _md5(storage: Storage, file: StoredFile) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in storage.blocks(file):
        digest.update(block)
    return digest.hexdigest()
