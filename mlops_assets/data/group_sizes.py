"""Counting by hashes: how many rows share their values, and a bounded sample of distinct values.

Belongs here: what can be counted over chunks of rows without keeping the rows. Does not belong
here: what group sizes say about a person (``protection.py``), or what is looked for in a value
(``personal_data.py``).

**Hashes** are SipHash-2-4 (Aumasson and Bernstein, 2012) of texts and bytes, and the finalizer of
splitmix64 (Steele et al., 2014) of the bits of numbers. They are the same in every process and,
their keys being fixed, no protection against who chooses values to collide.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Item = TypeVar("Item")

SAMPLE = 1_000
"""Distinct values in a sample; the share estimated from one has a standard error of 3 percent."""
HASH_RANGE = 2.0**64
KEYS = ("distinct values.", "groups of equal.")
"""The 16 bytes each that make two independent hashes of one value."""
PARTS = 64
"""Ranges of the hashes that are added up one after the other."""


class DistinctSample(Generic[Item]):
    """The ``SAMPLE`` distinct values with the smallest hashes, of any number of values.

    It is the same in whatever order, chunks and number of times the values come; all distinct
    values are in it while they are no more than ``SAMPLE``. Two values with one hash count as one:
    among ``n`` distinct values that has a probability of n² / 2**65 (3e-6 for ten million).
    """

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._largest: int | None = None

    def wanted(self, hashes: Hashes) -> NDArray[np.int64]:
        """Positions of the hashes that are small enough to be in the sample."""
        if self._largest is None:
            return np.arange(len(hashes))
        return np.flatnonzero(hashes < np.uint64(self._largest))

    def add(self, hashes: Hashes, items: Sequence[Item]) -> None:
        """Take in values by their hashes; ``items`` are what is kept of them."""
        self._items.update(zip(hashes.tolist(), items, strict=True))
        if len(self._items) > SAMPLE:
            kept = sorted(self._items)[:SAMPLE]
            self._items = {key: self._items[key] for key in kept}
            self._largest = kept[-1]

    def items(self) -> list[Item]:
        """What was kept of the values in the sample, in the order of their hashes."""
        return [item for _, item in sorted(self._items.items(), key=lambda pair: pair[0])]

    def __len__(self) -> int:
        return len(self._items)

    @property
    def distinct(self) -> float:
        """How many distinct values there were: exact while all are in the sample, otherwise
        estimated by the largest hash in it (Bar-Yossef et al., 2002)."""
        if self._largest is None:
            return float(len(self._items))
        return (SAMPLE - 1) * HASH_RANGE / self._largest


class GroupSizes:
    """How many rows share each combination of the values of ``columns``, over chunks of rows.

    Values are equal where Arrow's ``group_by`` has them equal: bit by bit, and null is a value.
    All chunks have the same column types.
    A combination is known by 128 bits, so that the sizes are exact unless two combinations have the
    same: among ``n`` combinations that has a probability of n² / 2**129 (1.5e-25 for ten million).
    Each combination of a chunk takes 20 bytes: 200 MB for ten million rows that all differ.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(dict.fromkeys(columns))
        self.rows = 0
        self._chunks: list[tuple[Hashes, NDArray[np.int32]]] = []

    def add(self, rows: pa.Table) -> None:
        """Count a chunk. Raises ``ValueError`` naming the columns that ``rows`` does not have."""
        absent = sorted(set(self.columns) - set(rows.column_names))
        if absent:
            raise ValueError(f"quasi-identifier(s) {absent} are no columns: {rows.column_names}")
        self.rows += rows.num_rows
        if not self.columns:
            return
        for batch in rows.select(self.columns).to_batches():
            keys, sizes = _added_up(_row_hashes(batch), np.ones(batch.num_rows, np.int64))
            self._chunks.append((keys, sizes.astype(np.int32)))

    def sizes(self) -> NDArray[np.int64]:
        """Rows of each combination, in no order that means anything."""
        ends = np.arange(1, PARTS, dtype=np.uint64) * np.uint64(2**64 // PARTS)
        # Each chunk is in the order of its second hashes, so that a range of them is a slice.
        cuts = [[0, *np.searchsorted(keys[1], ends), len(sizes)] for keys, sizes in self._chunks]
        sizes = [np.empty(0, np.int64)]
        for part in range(PARTS if self._chunks else 0):
            slices = [slice(cut[part], cut[part + 1]) for cut in cuts]
            chunks = [*zip(self._chunks, slices, strict=True)]
            keys = np.concatenate([keys[:, some] for (keys, _), some in chunks], axis=1)
            counts = np.concatenate([counts[some] for (_, counts), some in chunks])
            sizes.append(_added_up(keys, counts.astype(np.int64))[1])
        return np.concatenate(sizes)


def text_hashes(values: pa.Array | Sequence[str], key: str = KEYS[0]) -> Hashes:
    """A 64-bit hash of each text or byte string; ``values`` has no nulls."""
    objects = np.empty(len(values), dtype=object)
    objects[:] = values.to_pylist() if isinstance(values, pa.Array) else values
    if not len(objects):
        return np.empty(0, np.uint64)
    return np.asarray(pd.util.hash_array(objects, hash_key=key, categorize=False), np.uint64)


def _added_up(keys: Hashes, counts: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    order = np.lexsort(keys)
    keys = keys[:, order]
    differs = np.any(keys[:, 1:] != keys[:, :-1], axis=0)
    starts = np.flatnonzero(np.append(np.ones(min(1, len(order)), bool), differs))
    return keys[:, starts], np.add.reduceat(counts[order], starts) if len(starts) else counts


def _row_hashes(rows: pa.RecordBatch) -> Hashes:
    """``[2, rows]``: two independent hashes of each row's values."""
    state = np.zeros((2, rows.num_rows), np.uint64)
    for values in rows.columns:
        # Mixed between any two columns, or else their values could change places.
        state = _mixed(state * np.uint64(0x9FB21C651E98DF25) + _value_hashes(values))
    return state


def _value_hashes(values: pa.Array) -> Hashes:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    present = values.drop_null()
    hashed = _number_hashes(present) if _has_bits(values.type) else _object_hashes(present)
    absent = _mixed(np.array([[1], [2]], np.uint64))
    result = np.repeat(absent, len(values), axis=1)
    result[:, values.is_valid().to_numpy(zero_copy_only=False)] = hashed
    return result


def _has_bits(type: pa.DataType) -> bool:
    types = pa.types
    is_time = types.is_temporal(type) and not types.is_interval(type)
    return types.is_integer(type) or types.is_floating(type) or types.is_boolean(type) or is_time


def _number_hashes(values: pa.Array) -> Hashes:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    same_width = values.view(pa.type_for_alias(f"int{values.type.bit_width}"))
    bits = same_width.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return np.stack([_mixed(bits), _mixed(_mixed(bits ^ np.uint64(0xD1B54A32D192ED03)))])


def _object_hashes(values: pa.Array) -> Hashes:
    if pa.types.is_nested(values.type) or isinstance(values.type, pa.BaseExtensionType):
        values = pa.array([repr(value) for value in values.to_pylist()], pa.large_string())
    encoded = values.dictionary_encode()
    objects = encoded.dictionary.to_pylist()
    texts = [value if isinstance(value, str) else repr(value) for value in objects]
    hashed = np.stack([text_hashes(texts, key) for key in KEYS])
    return hashed[:, encoded.indices.to_numpy()]


def _mixed(values: Hashes) -> Hashes:
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
