"""Sources: what delivers batches.

Belongs here: listing a source's batches and reading their bytes. Does not belong here: what is
made of them (``mlops_assets/data``).
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mlops_assets.source_declaration import Source
from resources.sources.base import SourceError


@dataclass(frozen=True, order=True)
class BatchFile:
    """One batch as the source holds it. Batches are ordered by name."""

    name: str
    path: Path


@dataclass(frozen=True)
class FolderSource:
    """A folder with one file a batch."""

    folder: Path
    source: Source

    def batches(self) -> tuple[BatchFile, ...]:
        """The batches that are there now, oldest first.

        Raises ``SourceError`` where the folder is missing, a file's name is no batch name, or the
        folder holds no batch.
        """
        if not self.folder.is_dir():
            raise SourceError(
                f"source folder {self.folder} does not exist: create it or correct source.folder"
            )
        files = sorted(path for path in self.folder.glob(self.source.pattern) if path.is_file())
        for path in files:
            if not re.fullmatch(self.source.batch_name or "", _name(path)):
                raise SourceError(
                    f"{path.name} in {self.folder} matches {self.source.pattern!r} but "
                    f"{_name(path)!r} is no batch name ({self.source.batch_name!r}): rename the "
                    "file or move it away"
                )
        if not files:
            raise SourceError(
                f"source folder {self.folder} holds no file {self.source.pattern!r}: "
                "put the first batch there or correct source.pattern"
            )
        named = sorted(BatchFile(_name(path), path) for path in files)
        for earlier, later in pairwise(named):
            if earlier.name == later.name:
                raise SourceError(
                    f"{earlier.path.name} and {later.path.name} in {self.folder} are both batch "
                    f"{later.name!r}: remove one of them"
                )
        return tuple(named)

    def batch(self, name: str) -> BatchFile:
        """The batch called ``name``; raises ``SourceError`` where it is not there (any more)."""
        for batch in self.batches():
            if batch.name == name:
                return batch
        raise SourceError(f"batch {name!r} is not in the source folder {self.folder}")


def _name(path: Path) -> str:
    """A batch file's name without ``.parquet``, ``.csv`` or ``.csv.gz``."""
    return Path(path.stem).stem if path.suffix == ".gz" else path.stem
