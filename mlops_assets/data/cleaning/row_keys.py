"""Keys that tell rows apart: 128 bits a row, from the values of some columns.

Belongs here: making keys of typed rows and finding equal ones. Does not belong here: which columns
identify a row (``whole_batch.py``), or how values are hashed (``row_hashes.py``).

Among ten million different rows, two have the same key with a probability of 1e-25.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.data.row_hashes import Hashes, wide_row_hashes


def row_keys(table: pa.Table, names: Sequence[str]) -> tuple[Hashes, Hashes]:
    """Two hashes of each row's values in the columns ``names``; a missing value equals another, and
    minus zero equals zero."""
    first, second = wide_row_hashes(pa.table({name: _plain(table.column(name)) for name in names}))
    return first, second


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    # Minus zero has other bits than zero.
    return pc.add(values, 0.0) if pa.types.is_floating(values.type) else values


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
