"""The rows of files, each with the name of its batch, in bounded memory.

Belongs here: reading files of one schema in pieces, and which batch each row is of. Does not belong
here: what becomes of the batches (``periods.py``).
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.parquet_files import open_parquet
from mlops_assets.data.periods import period_end, period_names, period_start
from mlops_assets.data.row_hashes import plain_schema
from mlops_assets.data.text.delimited import is_delimited, read_delimited
from mlops_assets.source_declaration import Batches, Delimited
from resources.sources.base import SourceError
from resources.sources.files import fetch
from resources.sources.storage import Storage, StoredFile

PIECE_ROWS = 65_536
_ALL = "of all files"
_ZONE_MARGIN = timedelta(days=1)
"""Statistics are in UTC, and rows are cut by their local time."""


@dataclass(frozen=True)
class Piece:
    """Rows of a file in their order, and for each the name of its batch, null where its value
    cannot be read."""

    rows: pa.Table
    names: pa.Array

    def rows_of(self, name: str) -> pa.Table:
        return self.rows.filter(pc.equal(self.names, name))

    def rows_by_name(self) -> Iterator[tuple[str, np.ndarray]]:
        """Each batch with the places of its rows, in their order."""
        encoded = pc.dictionary_encode(self.names)
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        order = np.argsort(codes, kind="stable")
        found, starts = np.unique(codes[order], return_index=True)
        for code, places in zip(found, np.split(order, starts[1:]), strict=True):
            if code >= 0:
                yield encoded.dictionary[int(code)].as_py(), places


@dataclass(frozen=True)
class OpenFile:
    """One file of a cut source while it is read. ``dialect`` is how delimited text is written."""

    what: str
    schema: pa.Schema
    dialect: dict[str, Any] | None
    content: Path | pa.Table
    batches: Batches

    def pieces(self, schema: pa.Schema, only: str | None = None) -> Iterator[Piece]:
        """The rows as ``schema`` orders and types them; with ``only``, pieces that hold neither
        that batch's rows nor unreadable ones may be left out.

        Raises ``SourceError`` where the file is damaged.
        """
        if isinstance(self.content, pa.Table):
            for batch in self.content.to_batches(PIECE_ROWS):
                yield self._piece(batch, schema)
            return
        with readable(self.what), open_parquet(self.content) as parquet:
            groups = [
                group
                for group in range(parquet.num_row_groups)
                if only is None or self._may_hold(parquet, group, only)
            ]
            for batch in parquet.iter_batches(PIECE_ROWS, row_groups=groups):
                yield self._piece(batch, schema)

    def _piece(self, batch: pa.RecordBatch, schema: pa.Schema) -> Piece:
        rows = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
        return Piece(rows, period_names(rows[self.batches.column], self.batches.period))

    def _may_hold(self, parquet: pq.ParquetFile, group: int, name: str) -> bool:
        """By the group's statistics where they tell; then by the column that cuts."""
        if not self._period_overlaps(parquet, group, name):
            return False
        column, period = self.batches.column, self.batches.period
        for batch in parquet.iter_batches(PIECE_ROWS, row_groups=[group], columns=[column]):
            names = period_names(batch.column(0), period)
            if names.null_count or pc.any(pc.equal(names, name)).as_py():
                return True
        return False

    def _period_overlaps(self, parquet: pq.ParquetFile, group: int, name: str) -> bool:
        if self.batches.period == "value":
            return True
        metadata = parquet.metadata.row_group(group)
        places = (metadata.column(place) for place in range(metadata.num_columns))
        column = next((c for c in places if c.path_in_schema == self.batches.column), None)
        known = column.statistics if column is not None else None
        if known is None or not (known.has_min_max and known.has_null_count) or known.null_count:
            return True
        try:
            first, last = known.min, known.max
        except (OverflowError, ValueError):
            return True  # of values beyond the calendar, which cannot be read
        if not isinstance(first, date) or not isinstance(last, date):
            return True
        start = period_start(name, self.batches.period)
        end = period_end(name, self.batches.period)
        before, after = start - _day_of(last), _day_of(first) - end
        return before <= _ZONE_MARGIN and after <= _ZONE_MARGIN


def _day_of(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


@contextmanager
def opened(
    storage: Storage,
    file: StoredFile,
    batches: Batches,
    delimited: Delimited,
    numbers: frozenset[str],
) -> Iterator[OpenFile]:
    """A file, ready to be read in pieces. A remote one is copied to a temporary folder meanwhile.

    Raises ``SourceError`` where it cannot be read or lacks the column that cuts.
    """
    what = f"{file.name} in {storage}"
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(file.path)
        if storage.is_remote:
            path = Path(temporary) / "copy"
            fetch(storage, file, path)
        with readable(what):
            if is_delimited(file.name):
                content, found = read_delimited(
                    path.read_bytes(), file.name, _ALL, delimited, numbers
                )
                opened = OpenFile(what, content.schema, asdict(found), content, batches)
            else:
                with open_parquet(path) as parquet:
                    schema = plain_schema(parquet.schema_arrow)
                opened = OpenFile(what, schema, None, path, batches)
        _require_columns(opened)
        yield opened
        if not storage.is_remote:
            storage.require_unchanged(file)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Whatever reading a file raises in the block becomes a ``SourceError``."""
    try:
        yield
    except BatchError as error:
        raise SourceError(str(error).removeprefix(f"batch {_ALL}: ")) from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(
            f"{what} is no whole Parquet file ({type(error).__name__}): deliver it again"
        ) from None


def _require_columns(file: OpenFile) -> None:
    names = file.schema.names
    if file.batches.column not in names:
        raise SourceError(
            f"{file.what} has no column {file.batches.column!r}: correct source.batches.column, or "
            "deliver the file with it"
        )
    if len(set(names)) < len(names):
        raise SourceError(f"{file.what} has two columns of one name: deliver it with one of them")


def require_same_columns(file: OpenFile, first: pa.Schema) -> None:
    """Raise ``SourceError`` where a file's columns are not those of the first file. Those of
    delimited text go by their number, for a header that is missing makes names of values."""
    for problem in _differences(file, first):
        raise SourceError(f"{file.what} {problem}: deliver all files with the same columns")


def _differences(file: OpenFile, first: pa.Schema) -> Iterator[str]:
    def shown(name: str, schema: pa.Schema) -> str:
        is_text = file.dialect is not None
        return f"number {schema.get_field_index(name) + 1}" if is_text else repr(name)

    for name in first.names:
        if name not in file.schema.names:
            yield f"lacks column {shown(name, first)} of the first file"
        elif file.schema.field(name).type != first.field(name).type:
            column, found = shown(name, file.schema), file.schema.field(name).type
            yield f"has column {column} as {found}, the first file as {first.field(name).type}"
    for name in file.schema.names:
        if name not in first.names:
            yield f"has column {shown(name, file.schema)}, which the first file lacks"
