"""Sources: what delivers batches.

Belongs here: listing a source's batches and reading their bytes. Does not belong here: what is
made of them (``mlops_assets/data``).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from mlops_assets.use_case import Source


class SourceError(Exception):
    """A source that cannot be read; the message names it and says what to do."""


@dataclass(frozen=True)
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
            if not re.fullmatch(self.source.batch_name, path.stem):
                raise SourceError(
                    f"{path.name} in {self.folder} matches {self.source.pattern!r} but "
                    f"{path.stem!r} is no batch name ({self.source.batch_name!r}): rename the file "
                    "or move it away"
                )
        if not files:
            raise SourceError(
                f"source folder {self.folder} holds no file {self.source.pattern!r}: "
                "put the first batch there or correct source.pattern"
            )
        return tuple(BatchFile(path.stem, path) for path in files)

    def batch(self, name: str) -> BatchFile:
        """The batch called ``name``; raises ``SourceError`` where it is not there (any more)."""
        for batch in self.batches():
            if batch.name == name:
                return batch
        raise SourceError(f"batch {name!r} is not in the source folder {self.folder}")
