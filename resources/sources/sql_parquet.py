"""Pieces of rows written as one Parquet file, whole or not at all, with the same bytes for the same
rows.

Belongs here: disk room, and the test that the order is certain. Does not belong here:
where the rows come from (``sql_rows.py``), or row groups (``mlops_assets/data/parquet_files.py``).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_assets.data.parquet_files import COMPRESSION, ChunkWriter
from resources.sources.base import SourceError, require_room, writing


def write_rows(
    pieces: Iterable[pa.Table], schema: pa.Schema, path: Path, expected: int, what: str
) -> int:
    """Write pieces to ``path``; returns the number of rows.

    Raises ``SourceError``, in which ``what`` names the batch, where the disk has no room for
    ``expected`` rows like the first ones, or none is left meanwhile. ``path`` is there only when
    every row is in it.
    """
    rows = 0
    with (
        _whole_or_absent(path, what) as partial,
        ChunkWriter(schema, partial) as writer,
    ):
        for piece in _with_room(pieces, path.parent, expected, what):
            writer.write(piece)
            rows += len(piece)
    return rows


@contextmanager
def _whole_or_absent(path: Path, what: str) -> Iterator[Path]:
    # The writer ends a file with a valid footer even when the block fails.
    partial = path.with_name(f"{path.name}.partial")
    try:
        with writing(what):
            yield partial
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


def _with_room(
    pieces: Iterable[pa.Table], folder: Path, expected: int, what: str
) -> Iterator[pa.Table]:
    for position, piece in enumerate(pieces):
        if position == 0:
            sample = pa.BufferOutputStream()
            pq.write_table(piece, sample, compression=COMPRESSION)
            size = len(sample.getvalue()) * max(expected, len(piece)) // len(piece)
            require_room(folder, size, what)
        yield piece


def told_apart(
    pieces: Iterable[pa.Table], order_by: Sequence[str], what: str
) -> Iterator[pa.Table]:
    """The pieces, as long as no two rows, which are in the order of ``order_by``, agree in all of
    its columns; then ``SourceError``: a database may deliver these in another order next time."""
    last: pa.Table | None = None
    for piece in pieces:
        keys = piece.select(list(order_by))
        keys = keys if last is None else pa.concat_tables([last, keys])
        if len(keys) > 1 and pc.any(_same_as_before(keys)).as_py():
            raise SourceError(
                f"{what}: rows agree in all columns of sql.order_by ({', '.join(order_by)}), so "
                "that their order is left to chance: name more columns"
            )
        last = keys.slice(len(keys) - 1)
        yield piece


def _same_as_before(keys: pa.Table) -> pa.ChunkedArray:
    """For each row but the first, whether all its values are those of the row before."""
    same = None
    for column in keys.combine_chunks().columns:
        before, after = column.slice(0, len(column) - 1), column.slice(1)
        equal = pc.fill_null(pc.equal(before, after), False)
        alike = pc.or_(equal, pc.and_(pc.is_null(before), pc.is_null(after)))
        same = alike if same is None else pc.and_(same, alike)
    return same
