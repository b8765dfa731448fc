"""What every source of batches has in common.

Belongs here: what a delivery is, what can be asked of a source, and what is said where it fails.
Does not belong here: any kind of source (``files.py``, ``periods.py``, ``sql.py``), or what is made
of a batch (``mlops_assets/data``).
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol


class SourceError(Exception):
    """A source that cannot be read; the message names it and says what to do."""


class SourceLostError(SourceError):
    """A source that went away while it was read, and may come back: the copy is tried again."""


@dataclass(frozen=True, order=True)
class Delivery:
    """One batch as the source holds it now. Deliveries are ordered by name, which is by time.

    ``fingerprint`` differs where the content does: the md5 of a batch's file, of its rows where a
    file is cut, or what a database says about the rows.
    """

    name: str
    fingerprint: str


@dataclass(frozen=True)
class Copy:
    """What ``copy`` left in the folder: ``file``, the name of the file in it that holds the
    delivery as it came (``data.parquet``, or ``original.csv.gz`` and its like), the delivery it is,
    and in ``origin`` what else the manifest should say about where it is from."""

    file: str
    delivery: Delivery
    origin: Mapping[str, Any] = field(default_factory=dict)


class BatchSource(Protocol):
    """A source of batches."""

    def deliveries(self) -> tuple[Delivery, ...]:
        """The batches that are there now, oldest first.

        Raises ``SourceError`` where the source cannot be read or holds no batch.
        """

    def copy(self, batch: str, folder: Path) -> Copy:
        """Copy a batch into ``folder``, as it is, in bounded memory.

        Raises ``SourceError`` where it is not there (any more), cannot be read, or the disk has
        too little room, and ``SourceLostError`` where the source went away meanwhile. What is in
        the folder then is no batch, and the caller's to remove.
        """


KEPT_COPIES = 3
"""A raw copy is on disk while it is staged, in the cache, and as the artifact."""


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise ``SourceError`` where the disk of ``folder`` has no room for a copy of ``size`` bytes
    and its versions."""
    free = shutil.disk_usage(folder).free
    needed = KEPT_COPIES * size
    if free < needed:
        raise SourceError(
            f"{what}: a copy needs {needed / 1e9:.2f} GB of disk, and {free / 1e9:.2f} GB are "
            "free: make room, or move the project"
        )


@contextmanager
def writing(what: str) -> Iterator[None]:
    """What the disk refuses in the block becomes a ``SourceError`` about the copy of ``what``."""
    try:
        yield
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise SourceError(
            f"the copy of {what} cannot be written ({problem}): make room, or check the disk"
        ) from error


def utc_today() -> date:
    """The day by which a period is over or not."""
    return datetime.now(UTC).date()
