"""Hashes of rows: what tells whether the rows of a period changed.

Belongs here: one 64-bit hash a row, and the fingerprint of many in their order. Does not belong
here: hashes of files (``content_hash.py``).

A hash depends on the values, their types, and the order of the columns, and on nothing about how a
file holds them: pieces, row groups and dictionaries do not count.
"""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_MISSING = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0x100000001B3)


class Fingerprint:
    """The md5 of a schema and of row hashes that are added in order."""

    def __init__(self, schema: pa.Schema) -> None:
        described = "\n".join(f"{field.name}\t{field.type}" for field in plain_schema(schema))
        self._digest = hashlib.md5(described.encode(), usedforsecurity=False)
        self.rows = 0

    def add(self, hashes: np.ndarray) -> None:
        self._digest.update(hashes.astype("<u8").tobytes())
        self.rows += len(hashes)

    def copy(self) -> "Fingerprint":
        other = object.__new__(Fingerprint)
        other._digest, other.rows = self._digest.copy(), self.rows
        return other

    def __str__(self) -> str:
        return self._digest.hexdigest()


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema without metadata and dictionaries, texts as strings."""
    return pa.schema([pa.field(field.name, _plain_type(field.type)) for field in schema])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def row_hashes(table: pa.Table) -> np.ndarray:
    """A uint64 for each row of a table that has a ``plain_schema``."""
    combined = np.full(table.num_rows, _MISSING)
    for column in table.columns:
        combined *= _FACTOR
        combined ^= _column_hashes(column)
    return combined


def _column_hashes(column: pa.ChunkedArray) -> np.ndarray:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        return np.concatenate([_array_hashes(chunk) for chunk in array.chunks])
    return _array_hashes(array)


def _array_hashes(array: pa.Array) -> np.ndarray:
    whole = _as_integers(array)
    if whole is None:
        hashes = _hashes_of_distinct(array)
    else:
        hashes = pd.util.hash_array(pc.fill_null(whole, 0).to_numpy(zero_copy_only=False))
    if array.null_count:
        is_missing = pc.is_null(array).to_numpy(zero_copy_only=False)
        hashes = np.where(is_missing, _MISSING, hashes)
    return hashes


def _as_integers(array: pa.Array) -> pa.Array | None:
    """The values as numbers of at most 64 bits, where they are such."""
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_float16(kind):
        return array.cast(pa.uint8() if pa.types.is_boolean(kind) else pa.float32())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return array
    if pa.types.is_temporal(kind) and kind.bit_width in (32, 64):
        return array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    return None


def _hashes_of_distinct(array: pa.Array) -> np.ndarray:
    """Hashes of texts and of whatever else there is, each distinct value hashed once."""
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        encoded = pc.dictionary_encode(array.cast(pa.binary()))
        distinct = encoded.dictionary.to_pylist()
        places = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    else:
        distinct = [repr(value).encode() for value in array.to_pylist()]
        places = np.arange(len(array))
    values = np.empty(max(1, len(distinct)), object)
    values[: len(distinct)] = distinct
    hashes: np.ndarray = pd.util.hash_array(values, categorize=False)[places]
    return hashes
