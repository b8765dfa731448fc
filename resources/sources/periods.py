"""Batches cut out of files by a column of theirs: a day, a month, or what stands in the column.

Belongs here: which batches the files of a source hold, their fingerprints, and copying one. Does
not belong here: reading files in pieces (``period_rows.py``), or names of periods
(``mlops_assets/data/periods.py``).
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops_assets.data.parquet_files import ChunkWriter
from mlops_assets.data.periods import is_over
from mlops_assets.data.raw_copy import DATA_FILE
from mlops_assets.data.row_hashes import Fingerprint, row_hashes
from mlops_assets.source_declaration import Batches, Source
from resources.sources.base import (
    Copy,
    Delivery,
    SourceError,
    require_room,
    utc_today,
    writing,
)
from resources.sources.batch_names import require_names
from resources.sources.files import FileSource
from resources.sources.period_rows import OpenFile, opened, require_same_columns
from resources.sources.storage import StoredFile


@dataclass(frozen=True)
class FileRead:
    """What one pass over a file, after all files before it, found out: the schema of all, and the
    fingerprints that its rows carried on."""

    file: StoredFile
    schema: pa.Schema
    fingerprints: Mapping[str, Fingerprint]


@dataclass(frozen=True)
class CutSource:
    """The rows of all files of a folder, cut into batches by ``source.batches``. ``numbers`` are
    the columns in which the comma of delimited text may be a decimal mark."""

    files: FileSource
    source: Source
    numbers: frozenset[str] = frozenset()
    today: Callable[[], date] = utc_today
    _read: list[FileRead] = field(default_factory=list, compare=False, repr=False)

    @property
    def batches(self) -> Batches:
        if self.source.batches is None:
            raise SourceError("source.batches is missing: name the column that cuts the batches")
        return self.source.batches

    def deliveries(self) -> tuple[Delivery, ...]:
        """The batches whose period is over, oldest first. A file that did not change since it was
        read, as none before it did, is not read again.

        Raises ``SourceError`` where a file cannot be read, a row's value in the column cannot, a
        value is no name of a batch, or no period is over yet.
        """
        found = self._fingerprints()
        self._require_names(found)
        period, today = self.batches.period, self.today()
        over = sorted(name for name in found if is_over(name, period, today))
        if not over:
            raise SourceError(
                f"source folder {self.files.storage} holds no batch: no {period} of column "
                f"{self.batches.column!r} is over yet"
            )
        return tuple(Delivery(name, str(found[name])) for name in over)

    def _fingerprints(self) -> dict[str, Fingerprint]:
        files = self.files.files()
        known = zip(list(self._read), files, strict=False)
        unchanged = takewhile(lambda pair: pair[0].file == pair[1] and pair[1].stamp, known)
        read = [one for one, _ in unchanged]
        found = {name: f for one in read for name, f in one.fingerprints.items()}
        try:
            for file in files[len(read) :]:
                read.append(self._read_file(file, read[0].schema if read else None, found))
                found.update(read[-1].fingerprints)
        finally:
            self._read[:] = read
        return found

    def _read_file(
        self, file: StoredFile, first: pa.Schema | None, before: Mapping[str, Fingerprint]
    ) -> FileRead:
        added: dict[str, Fingerprint] = {}
        unreadable = 0
        with self._opened(file) as content:
            schema = first or content.schema
            require_same_columns(content, schema)
            for piece in content.pieces(schema):
                unreadable += piece.names.null_count
                hashes = row_hashes(piece.rows)
                for name, places in piece.rows_by_name():
                    if name not in added:
                        earlier = before.get(name)
                        added[name] = earlier.copy() if earlier else Fingerprint(schema)
                    added[name].add(hashes[places])
        self._require_readable(file, schema, unreadable)
        return FileRead(file, schema, added)

    def _opened(self, file: StoredFile) -> AbstractContextManager[OpenFile]:
        return opened(self.files.storage, file, self.batches, self.source.delimited, self.numbers)

    def _require_readable(self, file: StoredFile, schema: pa.Schema, unreadable: int) -> None:
        if unreadable:
            column, period = self.batches.column, self.batches.period
            wanted = "value" if period == "value" else "date"
            raise SourceError(
                f"{file.name} in {self.files.storage}: {unreadable} row(s) have no {wanted} in "
                f"column {column!r} ({schema.field(column).type}) that can be read: correct them, "
                "or choose another column as source.batches.column"
            )

    def _require_names(self, names: Collection[str]) -> None:
        if self.batches.period == "value":
            folder = f"source folder {self.files.storage}"
            require_names(names, self.batches.column, folder, "in the files, or cut by a date")

    def copy(self, batch: str, folder: Path) -> Copy:
        """Write the rows of a batch to ``data.parquet`` in ``folder``, in the order of the files.

        Raises ``SourceError`` where it is not there (any more) or not over, a file or a row's value
        in the column cannot be read, or the disk has too little room, and ``SourceLostError`` where
        a file changed meanwhile.
        """
        self._require_over(batch)
        files = self.files.files()
        require_room(folder, max(file.size or 0 for file in files), f"batch {batch}")
        copied = _Copied()
        with writing(f"batch {batch}"), ExitStack() as stack:
            for file in files:
                with self._opened(file) as content:
                    if copied.writer is None:
                        copied.fingerprint = Fingerprint(content.schema)
                        writer = ChunkWriter(content.schema, folder / DATA_FILE)
                        copied.writer = stack.enter_context(writer)
                    self._copy_rows(batch, file, content, copied)
        if not copied.files:
            raise SourceError(f"batch {batch!r} is not in the source folder {self.files.storage}")
        cut = {"column": self.batches.column, "period": self.batches.period}
        origin: dict[str, Any] = {"files": copied.files, "batch": cut}
        if copied.dialects:
            origin["delimited"] = copied.dialects
        return Copy(DATA_FILE, Delivery(batch, str(copied.fingerprint)), origin)

    def _copy_rows(
        self, batch: str, file: StoredFile, content: OpenFile, copied: "_Copied"
    ) -> None:
        writer, fingerprint = copied.writer, copied.fingerprint
        if writer is None or fingerprint is None:
            raise ValueError("no file was opened to write to")
        require_same_columns(content, writer.schema)
        unreadable, before = 0, fingerprint.rows
        for piece in content.pieces(writer.schema, only=batch):
            unreadable += piece.names.null_count
            rows = piece.rows_of(batch)
            fingerprint.add(row_hashes(rows))
            writer.write(rows)
        self._require_readable(file, writer.schema, unreadable)
        if fingerprint.rows > before:
            name = self.files.storage.below(file)
            copied.files.append(name)
            if content.dialect is not None:
                copied.dialects[name] = content.dialect

    def _require_over(self, batch: str) -> None:
        period = self.batches.period
        if period == "value":
            self._require_names([batch])
            return
        try:
            over = is_over(batch, period, self.today())
        except ValueError as error:
            raise SourceError(
                f"batch {batch!r} is not in the source folder {self.files.storage}: it is no "
                f"{period}"
            ) from error
        if not over:
            raise SourceError(f"batch {batch!r} is not over yet: wait until its {period} is")


@dataclass
class _Copied:
    """What was copied of a batch up to now: to where, from which files, and how these are
    written."""

    writer: ChunkWriter | None = None
    fingerprint: Fingerprint | None = None
    files: list[str] = field(default_factory=list)
    dialects: dict[str, dict[str, Any]] = field(default_factory=dict)
