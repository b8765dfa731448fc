"""Which raw column each encoded column is made of.

Belongs here: finding it out by asking. Does not belong here: the encoding
(``training/encoding.py``, ``export/onnx_encoding.py``), or what follows from it
(``tree_attribution.py``).

Asked of the released file itself, so that it holds for what is released: one row is encoded again
with each raw column's value replaced by those of all the others.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Encode = Callable[[Integers], NDArray[np.float32]]
"""What mixtures of rows are encoded to: for positions ``[n, columns]``, where column ``j`` of a row
takes the value of the row at that position, float32 ``[n, encoded]``."""


def owners(
    encode: Encode, rows: int, columns: int, read: Integers | None = None
) -> Integers | None:
    """The raw column that each encoded one is made of, ``[encoded]``; 0 for those that are the same
    on all ``rows``. ``None`` where one of those ``read`` (all of them by default) is made of
    several raw columns: then they cannot be switched one by one.
    """
    own = np.repeat(np.arange(rows)[:, None], columns, axis=1)
    given = encode(own)
    anchor = given[0]
    depends = np.zeros((given.shape[1], columns), dtype=np.bool_)
    rebuilt = np.tile(anchor, (rows, 1))
    for j in range(columns):
        mixed = np.zeros((rows, columns), dtype=np.int64)
        mixed[:, j] = np.arange(rows)
        switched = encode(mixed)
        depends[:, j] = _differ(switched, anchor).any(axis=0)
        rebuilt[:, depends[:, j]] = switched[:, depends[:, j]]
    is_joint = (depends.sum(axis=1) > 1) | _differ(rebuilt, given).any(axis=0)
    if is_joint[slice(None) if read is None else read].any():
        return None
    owner: Integers = depends.argmax(axis=1)
    return owner


def _differ(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.bool_]:
    apart: NDArray[np.bool_] = (first != second) & ~(np.isnan(first) & np.isnan(second))
    return apart
