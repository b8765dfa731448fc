"""Segments as Parquet: ``answers/<day>/<release>/<instance>-<number>.parquet``.

Belongs here: one file of one segment, exactly once. Does not belong here: which segments, and when
(``shipping.py``), or reading the files (``reading.py``). A server's process never imports this.

A file is written under a name that readers pass over, made durable, then renamed; the segment is
removed after that. A crash in between leaves a segment whose file is there already: its name says
so, and it is only removed.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.serving.prediction_log.completeness import METADATA
from mlops_assets.serving.prediction_log.retention import Retention, delete_expired
from mlops_assets.serving.prediction_log.segment import Header, SegmentReader, sync_folder

GROUP_ROWS = 16_384
TYPES: dict[str, Any] = {
    "timestamp": pa.timestamp("us", tz="UTC"),
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "float32": pa.float32(),
    "bool": pa.bool_(),
    "list<float32>": pa.list_(pa.field("element", pa.float32())),
}
"""As they are read again: Parquet calls what is in a list ``element``."""


class ParquetSink:
    """Answers as files below ``folder``, the use case's ``served/``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ship(self, segment: SegmentReader) -> int:
        """Write the segment's file, unless it is there; its number of rows. Raises ``OSError``."""
        header = segment.header
        target = self._folder / "answers" / header.day / header.release / f"{header.name}.parquet"
        if target.exists():
            return int(pq.read_metadata(target).num_rows)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.unfinished")
        rows = _write(unfinished, segment)
        if not rows:
            unfinished.unlink()
            return 0
        unfinished.rename(target)
        sync_folder(target.parent)
        sync_folder(target.parent.parent)
        return rows

    def delete_expired(self, today: str, retention: Retention) -> list[str]:
        return delete_expired(self._folder, today, retention.days)

    def close(self) -> None:
        """There is nothing to give back."""


def _write(path: Path, segment: SegmentReader) -> int:
    schema = schema_of(segment.header)
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    numbers = ["time", "sequence", "row"]
    rows = 0
    with (
        path.open("wb") as stream,
        pq.ParquetWriter(
            stream,
            schema,
            compression="zstd",
            use_dictionary=texts,
            column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
            write_statistics=True,
        ) as writer,
    ):
        for group in _groups(segment, schema):
            writer.write_table(group, row_group_size=GROUP_ROWS)
            rows += group.num_rows
        writer.close()
        stream.flush()
        os.fsync(stream.fileno())
    return rows


def _groups(segment: SegmentReader, schema: pa.Schema) -> Iterator[pa.Table]:
    batches: list[pa.RecordBatch] = []
    rows = 0
    for columns in segment.lines():
        batches.append(to_batch(columns, segment.header, schema))
        rows += batches[-1].num_rows
        if rows >= GROUP_ROWS:
            yield pa.Table.from_batches(batches, schema)
            batches, rows = [], 0
    if batches:
        yield pa.Table.from_batches(batches, schema)


def schema_of(header: Header) -> pa.Schema:
    """The columns of the segment's file; what is known of the whole of it is in its metadata."""
    facts = {"instance": header.instance, "number": header.number, "started": header.started}
    return pa.schema(
        [pa.field(name, TYPES[kind]) for name, kind in header.columns],
        {METADATA: json.dumps(facts).encode()},
    )


def to_batch(columns: Mapping[str, Any], header: Header, schema: pa.Schema) -> pa.RecordBatch:
    """A line as a record batch of ``schema``."""
    rows = len(columns["sequence"])
    same = {"release": header.release, "instance": header.instance}
    arrays = [
        pa.repeat(pa.scalar(same[field.name], field.type), rows)
        if field.name in same
        else arrow_array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.record_batch(arrays, schema=schema)


def arrow_array(values: Any, kind: pa.DataType) -> pa.Array:
    """Values as ``SegmentReader.lines`` gives them, as an array of one of ``TYPES``."""
    if pa.types.is_list(kind):
        floats = np.asarray(values, np.float64)
        offsets = np.arange(len(floats) + 1, dtype=np.int32) * floats.shape[1]
        return pa.ListArray.from_arrays(offsets, arrow_array(floats.reshape(-1), kind.value_type))
    if pa.types.is_float32(kind):
        with np.errstate(over="ignore"):
            return pa.array(values.astype(np.float32), kind)
    return pa.array(values, kind)
