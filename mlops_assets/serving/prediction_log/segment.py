"""One file of the journal: a header, then lines, only ever appended to.

Belongs here: its name, its header, appending so that a crash or a full disk leaves whole lines, and
reading it. Does not belong here: when one begins and ends (``journal.py``), or what a line says
(``lines.py``).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mlops_assets.serving.prediction_log.lines import read_line

FORMAT = 1
OPEN, CLOSED = ".open.jsonl", ".jsonl"


class DamagedSegmentError(ValueError):
    """A file of the journal whose header cannot be read."""


@dataclass(frozen=True)
class Header:
    """What is the same of all rows of a segment, and what they need to become a table: the kind of
    each column by its name, in order. ``started`` is when the instance did (ISO 8601)."""

    instance: str
    number: int
    release: str
    day: str
    started: str
    columns: tuple[tuple[str, str], ...]
    use_case: str = ""
    format: int = FORMAT

    @property
    def kinds(self) -> dict[str, str]:
        return dict(self.columns)

    @property
    def name(self) -> str:
        """Of the segment, among those of all instances: the same whenever it is shipped."""
        return f"{self.instance}-{self.number:06d}"


class SegmentWriter:
    """A segment that grows. Raises ``OSError`` where it cannot be begun."""

    def __init__(self, folder: Path, header: Header) -> None:
        self.header = header
        self.path = folder / f"{header.number:06d}{OPEN}"
        self.rows = self.size = self._safe_rows = self._safe_size = 0
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o640)
        try:
            self.append(orjson.dumps(asdict(header), option=orjson.OPT_APPEND_NEWLINE), 0)
            self._safe_size = self.size
        except OSError:
            os.close(self._file)
            self.path.unlink()
            raise

    def append(self, content: bytes, rows: int) -> None:
        """Write a line, all of it or nothing. Raises ``OSError`` where there is no room."""
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(content)
        self.rows += rows

    def written(self) -> "Written":
        """What is there by now, to be made durable by another thread while this one goes on."""
        return Written(self, os.dup(self._file), self.size, self.rows, self._safe_rows == 0)

    def mark_durable(self, written: "Written") -> int:
        """Note that so much is durable; the number of rows that were not before."""
        fresh = written.rows - self._safe_rows
        self._safe_size, self._safe_rows = written.size, written.rows
        return fresh

    def discard_unsafe(self) -> int:
        """Forget what is not durable, for it could not be made so, and what the kernel still has of
        it is not known; the number of rows."""
        lost = self.unsafe_rows
        os.ftruncate(self._file, self._safe_size)
        self.size, self.rows = self._safe_size, self._safe_rows
        return lost

    @property
    def unsafe_rows(self) -> int:
        """Rows written and not yet durable."""
        return self.rows - self._safe_rows

    def close(self) -> None:
        """End the segment, all of which must be durable; it may be shipped then."""
        os.close(self._file)
        if not self.rows:
            self.path.unlink()
            return
        self.path.rename(self.path.with_name(f"{self.header.number:06d}{CLOSED}"))
        sync_folder(self.path.parent)


class Written(NamedTuple):
    """A segment's first ``size`` bytes with ``rows`` rows, as a file of their own to sync; ``new``
    where its name is not durable either."""

    segment: SegmentWriter
    file: int
    size: int
    rows: int
    new: bool


def sync(all_written: Sequence[Written]) -> list[OSError | None]:
    """Make durable what was written, with the names of new files; for each the error, if any."""
    problems: list[OSError | None] = []
    for written in all_written:
        try:
            os.fdatasync(written.file)
            problems.append(None)
        except OSError as problem:
            problems.append(problem)
        finally:
            os.close(written.file)
    for folder in {written.segment.path.parent for written in all_written if written.new}:
        with suppress(OSError):
            sync_folder(folder)
    return problems


class SegmentReader:
    """A closed segment, or what a dead process left of one: read once, line by line.

    ``damaged`` counts the lines that could not be read; one torn at the end is no more than was
    never promised, and is not counted. Raises ``DamagedSegmentError`` without a header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        try:
            with path.open("rb") as stream:
                first = stream.readline()
            fields: dict[str, Any] = orjson.loads(first) if first.endswith(b"\n") else {}
            columns = tuple((str(name), str(kind)) for name, kind in fields.pop("columns"))
            self.header = Header(columns=columns, **fields)
            known = self.header.format == FORMAT
        except (ValueError, TypeError, KeyError):
            known = False
        if not known:
            raise DamagedSegmentError(f"{path.name} has no header that can be read")

    def lines(self) -> Iterator[dict[str, Any]]:
        """The columns of each line, as ``lines.read_line`` gives them."""
        with self.path.open("rb") as stream:
            stream.readline()
            for content in stream:
                if not content.endswith(b"\n"):
                    return
                try:
                    yield read_line(content, self.header.kinds)
                except ValueError:
                    self.damaged += 1


def is_empty(path: Path) -> bool:
    """Whether a dead process left not even a header: then nothing was ever in the segment."""
    with path.open("rb") as stream:
        return not stream.readline().endswith(b"\n")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where its file system can."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            os.fsync(opened)
    finally:
        os.close(opened)
