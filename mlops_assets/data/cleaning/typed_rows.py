"""A chunk of a batch in the types that the use case declares.

Belongs here: typing a chunk whole, and a chunk as pandas holds it. Does not belong here: how a
value is read (``coercion.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.cleaning.coercion import PARQUET_TYPES, Reading, coerce
from mlops_assets.data.cleaning.rules import declared_columns
from mlops_assets.use_case import UseCase

Mask = NDArray[np.bool_]

CHUNK_ROWS = 131_072
"""Most rows that are looked at together, whatever a reader yields."""

_EXTENSIONS: dict[pa.DataType, Any] = {
    pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
}


@dataclass(frozen=True)
class TypedRows:
    """Rows with the declared types, and by column which of its values (``[n]``) could not be read;
    a column is left out where all could."""

    table: pa.Table
    unreadable: Mapping[str, Mask]


def slices(chunks: Iterator[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """The chunks, none too large and none empty, each with the number of its first row."""
    first = 0
    for chunk in chunks:
        for start in range(0, chunk.num_rows, CHUNK_ROWS):
            part = chunk.slice(start, CHUNK_ROWS)
            yield first, part
            first += part.num_rows


def readings(use_case: UseCase, zones: Mapping[str, frozenset[str]]) -> dict[str, Reading]:
    """How each declared column is read, given the time zones of the batch's texts."""
    found = {name: Reading(column) for name, column in declared_columns(use_case).items()}
    target = use_case.target.column
    found[target] = replace(found[target], target=use_case.target)
    for name, accepted in zones.items():
        found[name] = replace(found[name], zones=accepted)
    return found


def typed_rows(raw: pa.Table, readings: Mapping[str, Reading]) -> TypedRows:
    """The columns of ``readings``, all missing where the batch lacks one."""
    columns: dict[str, pa.Array] = {}
    unreadable: dict[str, Mask] = {}
    present = set(raw.column_names)
    for name, reading in readings.items():
        if name not in present:
            columns[name] = pa.nulls(raw.num_rows, reading.type)
            continue
        coerced = coerce(raw.column(name), reading)
        columns[name] = coerced.values
        if coerced.unreadable is not None:
            unreadable[name] = coerced.unreadable
    return TypedRows(pa.table(columns), unreadable)


def row_schema(use_case: UseCase) -> pa.Schema:
    """The columns of the cleaned dataset, the target last."""
    declared = declared_columns(use_case)
    return pa.schema([(name, PARQUET_TYPES[column.type]) for name, column in declared.items()])


def frame(table: pa.Table, columns: Sequence[str], index: pd.Index) -> pd.DataFrame:
    """Columns of typed rows with pandas' types that know missing values."""
    held = {name: _nullable(table.column(name)) for name in columns}
    return pd.DataFrame(held, index=index, copy=False)


def _nullable(values: pa.ChunkedArray) -> Any:
    extension = _EXTENSIONS.get(values.type)
    if extension is None:
        return values.to_numpy().astype("datetime64[us]")
    return extension.__from_arrow__(values)


def series_of(values: pa.ChunkedArray) -> pd.Series:
    """Values of a declared type, none of which is missing."""
    if pa.types.is_string(values.type):
        return pd.Series(_nullable(values), copy=False)
    return pd.Series(values.to_numpy(), copy=False)
