"""A sample of the rows a new use case starts from, spread over its batches.

Belongs here: reading. Does not belong here: finding the files (``batch_files.py``), asking a
database (``database_sample.py``), or what the rows mean (``use_case_guess.py``). Memory is bounded
by the sample for Parquet, and by the largest file for delimited text.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError
from mlops_assets.scaffolding.batch_files import Located, ScaffoldError

MAX_ROWS = 200_000
READ_ROWS = 65_536
FIRST_BATCHES = 4
"""So many of the oldest batches are in the sample, for the first training is from them."""
MAX_BATCHES = 12

_NUMBER = r"\s*[+-]?\d{1,3}(?:[.,]?\d+)*(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s*"

TextReader = Callable[[bytes, str, str, frozenset[str]], tuple[pa.Table, Any]]
"""From a text file's content, its name, its batch and its number columns to a table of strings and
how it was written."""


@dataclass(frozen=True)
class Sample:
    """Rows of all batches with the columns that the last ones have, and each row's batch.

    ``with_missing`` are columns where any row of the batches that have them has no value; ``since``
    is the position of the first batch that has a column, where that is not the very first;
    ``partial`` are columns that come and go; ``rows`` counts the source's rows; ``written`` is how
    text files are written, ``None`` for Parquet."""

    table: pa.Table
    batch_of: NDArray[np.int64]
    with_missing: frozenset[str]
    partial: tuple[str, ...]
    rows: int
    written: Any = None
    since: Mapping[str, int] = field(default_factory=dict)
    looked_at: tuple[int, ...] = ()
    """Positions of the sample's batches among all of them; empty where it has them all."""

    def batches_up_to(self, number: int) -> int:
        """How many batches there are up to the one that is ``number``-th in the sample."""
        return self.looked_at[number - 1] + 1 if self.looked_at else number


def spread(batches: int) -> tuple[int, ...]:
    """Positions of the batches to look at: the oldest, and others up to the newest."""
    if batches <= MAX_BATCHES:
        return tuple(range(batches))
    later = np.linspace(FIRST_BATCHES, batches - 1, MAX_BATCHES - FIRST_BATCHES)
    return (*range(FIRST_BATCHES), *(int(at) for at in later))


def read_sample(located: Located, read_text: TextReader) -> Sample:
    """At most ``MAX_ROWS`` rows, as many of each batch and evenly spread over it.

    Raises ``ScaffoldError`` naming the file that cannot be read, has no rows or repeats a column.
    """
    quota = max(1, MAX_ROWS // len(located.files))
    parts, missing, rows, written = [], set(), 0, None
    for path, batch in zip(located.files, located.names, strict=True):
        try:
            if located.ending == ".parquet":
                part, empty, count = _sample_parquet(path, quota)
            else:
                table, written = _read_text(path, batch, read_text)
                part, empty, count = _thin(table, quota), _columns_with_null(table), table.num_rows
        except BatchError as error:
            raise ScaffoldError(str(error)) from error
        if count == 0:
            raise ScaffoldError(f"{path.name} has no rows: remove it, or deliver it with its data")
        parts.append(part)
        missing |= empty
        rows += count
    table, since, partial = _together(parts)
    batch_of = np.repeat(np.arange(len(parts)), [part.num_rows for part in parts])
    return Sample(table, batch_of, frozenset(missing), partial, rows, written, since)


def _sample_parquet(path: Path, quota: int) -> tuple[pa.Table, set[str], int]:
    try:
        with pq.ParquetFile(path) as parquet:
            _require_distinct(parquet.schema_arrow.names, path)
            rows = parquet.metadata.num_rows
            step = max(1, -(-rows // quota))
            parts, missing, seen = [], set(), 0
            for batch in _batches(parquet):
                missing |= _columns_with_null(batch)
                parts.append(batch.take(pa.array(range(-seen % step, batch.num_rows, step))))
                seen += batch.num_rows
            return pa.Table.from_batches(parts, parquet.schema_arrow), missing, rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ScaffoldError(f"{path.name} is no whole Parquet file: {error}") from error


def _batches(parquet: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    yield from parquet.iter_batches(batch_size=READ_ROWS)


def _read_text(path: Path, batch: str, read_text: TextReader) -> tuple[pa.Table, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScaffoldError(f"cannot read {path.name}: {error.strerror}") from error
    table, written = read_text(content, path.name, batch, frozenset())
    _require_distinct(table.column_names, path)
    numbers = frozenset(name for name in table.column_names if _holds_numbers(table.column(name)))
    # How a number is written is known only once it is known where numbers are.
    return read_text(content, path.name, batch, numbers) if numbers else (table, written)


def _holds_numbers(texts: pa.ChunkedArray) -> bool:
    head = texts.drop_null().slice(0, READ_ROWS)
    if len(head) == 0:
        return False
    matching = pc.sum(pc.match_substring_regex(head, f"^{_NUMBER}$")).as_py() or 0
    return bool(matching >= 0.5 * len(head))


def _thin(table: pa.Table, quota: int) -> pa.Table:
    step = max(1, -(-table.num_rows // quota))
    return table if step == 1 else table.take(pa.array(range(0, table.num_rows, step)))


def _columns_with_null(rows: pa.Table | pa.RecordBatch) -> set[str]:
    return {name for name in rows.schema.names if rows.column(name).null_count}


def _require_distinct(names: list[str], path: Path) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ScaffoldError(f"{path.name} has several columns called {repeated}: rename them")
    if any(not name.strip() or len(name) > 200 for name in names):
        raise ScaffoldError(
            f"{path.name} has a column whose name is empty or longer than 200 characters: rename it"
        )


def _together(parts: list[pa.Table]) -> tuple[pa.Table, dict[str, int], tuple[str, ...]]:
    """The rows of all parts with the columns that the last ones have; where their types do not
    agree, the values become text, as which any type can be read again."""
    first = {
        name: next(
            number
            for number in range(len(parts))
            if all(name in part.column_names for part in parts[number:])
        )
        for name in parts[-1].column_names
    }
    ever = {name for part in parts for name in part.column_names}
    steady = {name: number for name, number in first.items() if not _has(parts[:number], name)}
    since = {name: number for name, number in steady.items() if number}
    names = sorted(steady, key=lambda name: name in since)
    columns = {name: _joined(name, [_plain(part, name) for part in parts]) for name in names}
    return pa.table(columns), since, tuple(sorted(ever - set(names)))


def _has(parts: list[pa.Table], name: str) -> bool:
    return any(name in part.column_names for part in parts)


def _joined(name: str, columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    tables = [pa.table({"values": column}) for column in columns]
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        try:
            texts = [pa.table({"values": column.cast(pa.string())}) for column in columns]
        except pa.ArrowException as error:
            kinds = sorted({str(column.type) for column in columns})
            raise ScaffoldError(
                f"column {name!r} is of type {' and '.join(kinds)}, from batch to batch: deliver "
                "it as one"
            ) from error
        joined = pa.concat_tables(texts)
    return joined.column("values")


def _plain(part: pa.Table, name: str) -> pa.ChunkedArray:
    """The column, or nothing but missing values where the part has none."""
    if name not in part.column_names:
        return pa.chunked_array([pa.nulls(part.num_rows)])
    column = part.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
