"""Keys that tell rows apart: 128 bits a row, from the values of some columns.

Belongs here: making keys of typed rows and finding equal ones. Does not belong here: which columns
identify a row (``whole_batch.py``), or whether the rows of a period changed (``row_hashes.py``).

Two independent hashes of 64 bits each: among ten million different rows, two have the same key with
a probability of 1e-25.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_SEEDS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
_TEXT_KEYS = ("rows told apart1", "rows told apart2")
_MISSING = 0xD6E8FEB86659FD93


def row_keys(table: pa.Table, names: Sequence[str]) -> tuple[Hashes, Hashes]:
    """Two hashes of each row's values in the columns ``names``; a missing value equals another, and
    minus zero equals zero."""
    first, second = (np.full(table.num_rows, seed, dtype=np.uint64) for seed in _SEEDS)
    for name in names:
        values = table.column(name).combine_chunks()
        for combined, hashed in zip((first, second), _hashes(values), strict=True):
            combined ^= hashed
            _mix(combined)
    return first, second


def _hashes(values: pa.Array) -> tuple[Hashes, Hashes]:
    hashed = _text_hashes(values) if pa.types.is_string(values.type) else _bit_hashes(values)
    if values.null_count:
        missing = values.is_null().to_numpy(zero_copy_only=False)
        for one in hashed:
            one[missing] = _MISSING
    return hashed


def _bit_hashes(values: pa.Array) -> tuple[Hashes, Hashes]:
    if pa.types.is_floating(values.type):
        # Minus zero has other bits than zero.
        bits = (values.fill_null(0.0).to_numpy() + 0.0).view(np.uint64)
    else:
        whole = values if pa.types.is_boolean(values.type) else values.view(pa.int64())
        bits = whole.cast(pa.int64()).fill_null(0).to_numpy().view(np.uint64)
    first, second = (bits + np.uint64(seed) for seed in _SEEDS)
    _mix(first)
    _mix(second)
    return first, second


def _text_hashes(values: pa.Array) -> tuple[Hashes, Hashes]:
    encoded = values.dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    places = pc.fill_null(encoded.indices, 0).to_numpy()
    if len(distinct) == 0:
        return np.zeros(len(values), dtype=np.uint64), np.zeros(len(values), dtype=np.uint64)
    first, second = (
        pd.util.hash_array(distinct, hash_key=key, categorize=False)[places] for key in _TEXT_KEYS
    )
    return first, second


def _mix(hashes: Hashes) -> None:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014), in place: one to one, and each bit
    depends on all."""
    hashes ^= hashes >> np.uint64(30)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(27)
    hashes *= np.uint64(0x94D049BB133111EB)
    hashes ^= hashes >> np.uint64(31)


def later_copies(first: Hashes, second: Hashes, candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which rows have the key of an earlier row, among the ``candidates`` (``[n]``)."""
    copies = np.zeros(len(first), dtype=np.bool_)
    if candidates.all():
        rows = np.argsort(first, kind="stable")
    else:
        rows = np.flatnonzero(candidates)
        rows = rows[np.argsort(first[rows], kind="stable")]
    ordered = first[rows]
    follows = np.zeros(len(rows), dtype=np.bool_)
    follows[1:] = ordered[1:] == ordered[:-1]
    del ordered
    alike = follows.copy()
    alike[:-1] |= follows[1:]
    rows = rows[alike]
    # Equal in one hash: only now does the other count, and the row's place.
    rows = rows[np.lexsort((rows, second[rows], first[rows]))]
    same = (first[rows[1:]] == first[rows[:-1]]) & (second[rows[1:]] == second[rows[:-1]])
    copies[rows[1:][same]] = True
    return copies
