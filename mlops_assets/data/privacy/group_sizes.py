"""Counting by hashes: how many rows share their values, and a bounded sample of distinct values.

Belongs here: what can be counted over chunks of rows without keeping the rows. Does not belong
here: what group sizes say about a person (``protection.py``), or what is looked for in a value
(``personal_data.py``).
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.row_hashes import Hashes, wide_row_hashes

Item = TypeVar("Item")

SAMPLE = 1_000
"""Distinct values in a sample; the share estimated from one has a standard error of 3 percent."""
HASH_RANGE = 2.0**64
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
            keys, sizes = _added_up(wide_row_hashes(batch), np.ones(batch.num_rows, np.int64))
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


def _added_up(keys: Hashes, counts: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    order = np.lexsort(keys)
    keys = keys[:, order]
    differs = np.any(keys[:, 1:] != keys[:, :-1], axis=0)
    starts = np.flatnonzero(np.append(np.ones(min(1, len(order)), bool), differs))
    return keys[:, starts], np.add.reduceat(counts[order], starts) if len(starts) else counts
