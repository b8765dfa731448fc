"""Parquet files written and read in bounded memory, with nothing in them that depends on when,
where, or in which pieces they were written.

Belongs here: the one way tables become files. Does not belong here: what is in a table.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 131_072
"""Rows of a row group, and of a chunk that is read."""
COMPRESSION = "zstd"
_READ_BUFFER = 1 << 18


class ChunkWriter:
    """Writes tables of one schema to a file as if they were one: the same rows give the same bytes,
    however they are divided into tables. What was written is a file at the end of the block."""

    def __init__(self, schema: pa.Schema, path: Path) -> None:
        self.schema = pa.schema([pa.field(f.name, f.type, f.nullable) for f in schema])
        self._writer = pq.ParquetWriter(path, self.schema, compression=COMPRESSION)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self._waiting:
                self._write_group(pa.concat_tables(self._waiting))
        finally:
            self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Append rows. Raises ``ValueError`` where their schema is another."""
        if table.schema.names != self.schema.names or table.schema.types != self.schema.types:
            raise ValueError(f"columns {table.schema.names} in a file of {self.schema.names}")
        self._waiting.append(pa.Table.from_arrays(table.columns, schema=self.schema))
        self._rows += table.num_rows
        if self._rows < GROUP_ROWS:
            return
        waiting = pa.concat_tables(self._waiting)
        whole = waiting.num_rows - waiting.num_rows % GROUP_ROWS
        for start in range(0, whole, GROUP_ROWS):
            self._write_group(waiting.slice(start, GROUP_ROWS))
        self._waiting = [waiting.slice(whole)]
        self._rows = waiting.num_rows - whole

    def _write_group(self, table: pa.Table) -> None:
        # Pages break where chunks do: one chunk makes the bytes depend on the rows alone.
        self._writer.write_table(table.combine_chunks(), row_group_size=GROUP_ROWS)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet (zstd, row groups of 131,072 rows), without metadata."""
    with ChunkWriter(table.schema, path) as writer:
        writer.write(table)


def open_parquet(path: Path) -> pq.ParquetFile:
    """A file to be read in chunks: buffers are small, and checksums are compared where it has
    them."""
    return pq.ParquetFile(path, buffer_size=_READ_BUFFER, page_checksum_verification=True)


def read_chunks(
    path: Path, columns: Sequence[str] | None = None, rows: int = GROUP_ROWS, **options: Any
) -> Iterator[pa.Table]:
    """The rows of a Parquet file in their order, at most ``rows`` at a time; none of a file without
    rows. ``options`` are those of ``pyarrow.parquet.ParquetFile.iter_batches``.

    Raises ``pyarrow.ArrowException``, ``OSError`` or ``ValueError`` where the file is damaged.
    """
    with open_parquet(path) as file:
        wanted = None if columns is None else list(columns)
        for batch in file.iter_batches(batch_size=rows, columns=wanted, **options):
            yield pa.Table.from_batches([batch])
