"""Hashes of rows: what tells rows apart without keeping them, and whether rows changed.

Belongs here: hashes of values and of rows, and the fingerprint of many rows in their order. Does
not belong here: hashes of files (``content_hash.py``), or what equal hashes mean
(``cleaning/row_keys.py``, ``privacy/group_sizes.py``).

A hash depends on the values, their types and the order of the columns, and on nothing about how a
table holds them: pieces, row groups and dictionaries do not count. Null is a value like any other,
and numbers are equal bit by bit: 0.0 is not -0.0. Texts are hashed by SipHash-2-4 (Aumasson and
Bernstein, 2012), numbers by the finalizer of splitmix64 (Steele et al., 2014). The keys are fixed,
so that every process has the same hashes; they are no protection against who chooses values to
collide.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

KEYS = ("distinct values.", "groups of equal.")
"""The 16 bytes each that make two independent hashes of one value."""
MISSING = np.array([0xD6E8FEB86659FD93, 0xA0761D6478BD642F], np.uint64)
"""Hashes of null, which are those of no small number."""
SECOND_STREAM = np.uint64(0xD1B54A32D192ED03)


def row_hashes(rows: pa.Table | pa.RecordBatch) -> Hashes:
    """One hash a row, uint64 ``[n]``: two rows that differ share one with probability 2**-64."""
    hashes: Hashes = wide_row_hashes(rows, KEYS[:1])[0]
    return hashes


def wide_row_hashes(rows: pa.Table | pa.RecordBatch, keys: Sequence[str] = KEYS) -> Hashes:
    """``[len(keys), n]``: independent hashes of each row's values, by default 128 bits a row."""
    if isinstance(rows, pa.Table):
        parts = [wide_row_hashes(batch, keys) for batch in rows.to_batches()]
        return np.concatenate([np.empty((len(keys), 0), np.uint64), *parts], axis=1)
    state = np.zeros((len(keys), rows.num_rows), np.uint64)
    for values in rows.columns:
        # Mixed between any two columns, or else their values could change places.
        state = _mixed(state * np.uint64(0x9FB21C651E98DF25) + value_hashes(values, keys))
    return state


def value_hashes(values: pa.Array, keys: Sequence[str] = KEYS) -> Hashes:
    """``[len(keys), n]``: independent hashes of each value."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    present = values.drop_null() if values.null_count else values
    hashed = (_number_hashes if _has_bits(values.type) else _object_hashes)(present, keys)
    if not values.null_count:
        return hashed
    result = np.repeat(MISSING[: len(keys), None], len(values), axis=1)
    result[:, values.is_valid().to_numpy(zero_copy_only=False)] = hashed
    return result


def text_hashes(values: pa.Array | Sequence[str], key: str = KEYS[0]) -> Hashes:
    """A hash of each text or byte string; ``values`` has no nulls."""
    objects = np.empty(len(values), dtype=object)
    objects[:] = values.to_pylist() if isinstance(values, pa.Array) else values
    if not len(objects):
        return np.empty(0, np.uint64)
    return np.asarray(pd.util.hash_array(objects, hash_key=key, categorize=False), np.uint64)


def _has_bits(type: pa.DataType) -> bool:
    types = pa.types
    is_time = types.is_temporal(type) and not types.is_interval(type)
    return types.is_integer(type) or types.is_floating(type) or types.is_boolean(type) or is_time


def _number_hashes(values: pa.Array, keys: Sequence[str]) -> Hashes:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    same_width = values.view(pa.type_for_alias(f"int{values.type.bit_width}"))
    bits = same_width.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    streams = [_mixed(bits)]
    if len(keys) > 1:
        streams.append(_mixed(_mixed(bits ^ SECOND_STREAM)))
    return np.stack(streams)


def _object_hashes(values: pa.Array, keys: Sequence[str]) -> Hashes:
    if pa.types.is_nested(values.type) or isinstance(values.type, pa.BaseExtensionType):
        values = pa.array([repr(value) for value in values.to_pylist()], pa.large_string())
    encoded = values.dictionary_encode()
    objects = encoded.dictionary.to_pylist()
    texts = [value if isinstance(value, str) else repr(value) for value in objects]
    hashed = np.stack([text_hashes(texts, key) for key in keys])
    return hashed[:, encoded.indices.to_numpy()]


def _mixed(values: Hashes) -> Hashes:
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class Fingerprint:
    """The md5 of a schema and of row hashes that are added in order."""

    def __init__(self, schema: pa.Schema) -> None:
        described = "\n".join(f"{field.name}\t{field.type}" for field in plain_schema(schema))
        self._digest = hashlib.md5(described.encode(), usedforsecurity=False)
        self.rows = 0

    def add(self, hashes: Hashes) -> None:
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
