"""Codes for the weights of a column's categories.

Belongs here: the step and the codes of one column. Does not belong here: the graph that reads them
(``linear_codes.py``), or weights of numbers and layers (``integer_layers.weight_codes``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRETCHES = np.linspace(1.0, 1.5, 201)
"""Steps that are tried, as multiples of the smallest one whose codes suffice."""


@dataclass(frozen=True)
class CategoryCodes:
    """``codes`` ``[categories]`` from 0; a weight is ``step * (code - zero)``, and that of an
    unknown category, which is nothing, has the code ``zero``."""

    codes: NDArray[np.int64]
    zero: int
    step: float


def category_codes(
    weights: NDArray[np.float32], shares: NDArray[np.float64], levels: int
) -> CategoryCodes:
    """At most ``levels`` codes of ``weights`` ``[categories]``, with the step at which the variance
    of the error is least where the categories have these ``shares`` of the rows: the mean error
    goes into the bias. A few frequent weights can so be met almost exactly.
    """
    exact = weights.astype(np.float64)
    lowest, highest = min(exact.min(initial=0.0), 0.0), max(exact.max(initial=0.0), 0.0)
    # Rounding both ends may take one code more than their distance.
    smallest = (highest - lowest) / (levels - 2)
    if smallest == 0.0:
        return CategoryCodes(np.zeros(len(exact), np.int64), 0, 1.0)
    steps = smallest * STRETCHES
    whole = np.rint(exact / steps[:, None])
    error = whole * steps[:, None] - exact
    # Not a product of matrices, whose order of summation depends on the number of threads.
    variance = (error**2 * shares).sum(axis=1) - (error * shares).sum(axis=1) ** 2
    best = int(variance.argmin())
    zero = -int(min(whole[best].min(), 0.0))
    return CategoryCodes(whole[best].astype(np.int64) + zero, zero, float(steps[best]))
