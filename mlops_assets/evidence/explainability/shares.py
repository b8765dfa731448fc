"""The columns' shares of an attribution, and how far two of them are apart.

Belongs here: shares, their distance and its intervals. Does not belong here: the values that are
shared out (``attribution.py``), or which models are compared (``attribution_stability.py``).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def row_sizes(values: Floats) -> Floats:
    """How far each column moves each row, float64 ``[n, columns]``: absolute ``values``
    ``[n, columns, scores]``, averaged over the scores so that the unit stays that of one."""
    sizes: Floats = np.abs(values).mean(axis=2)
    return sizes


def shares_of(values: Floats) -> Floats:
    """Each column's share of the mean absolute value over rows and scores, ``[columns]``, adding up
    to 1; NaN where nothing moves anything."""
    shares: Floats = shares_of_sizes(row_sizes(values).mean(axis=0)[None, :])[0]
    return shares


def shares_of_sizes(sizes: Floats) -> Floats:
    """Each column's share of its line of ``[r, columns]``; NaN where a line is all zero."""
    totals = sizes.sum(axis=1, keepdims=True)
    shares: Floats = np.full(sizes.shape, np.nan)
    np.divide(sizes, totals, out=shares, where=totals > 0)
    return shares


def distance(first: Floats, second: Floats) -> Floats:
    """The total variation distance of shares ``[..., columns]``: what part of the attribution would
    have to move between columns to make one of the other, 0 to 1."""
    apart: Floats = np.abs(first - second).sum(axis=-1) / 2.0
    return apart


def jackknife_errors(replicates: Floats, figure: Callable[[Floats], Floats]) -> Floats:
    """The standard error of ``figure`` of the mean of ``replicates`` ``[r, ...]``, each left out in
    turn (J. Tukey, 1958); zero where the figure is not defined, NaN for a single replicate."""
    r, total = len(replicates), replicates.sum(axis=0)
    if r < 2:
        return np.full_like(figure(total), np.nan)
    left_out = np.stack([figure((total - one) / (r - 1)) for one in replicates])
    apart = left_out - left_out.mean(axis=0)
    errors: Floats = np.sqrt((r - 1) / r * (apart**2).sum(axis=0))
    return np.nan_to_num(errors)


def standard_errors(replicates: Floats) -> Floats:
    """Of the mean of ``replicates`` ``[r, ...]``, from their scatter; NaN for a single one."""
    r = len(replicates)
    if r < 2:
        return np.full(replicates.shape[1:], np.nan)
    errors: Floats = replicates.std(axis=0, ddof=1) / np.sqrt(r)
    return errors


def resampled_sizes(sizes: Floats, weights: Floats) -> Floats:
    """Means of ``sizes`` ``[n, columns]`` under bootstrap ``weights`` ``[r, n]``, ``[r, columns]``.
    Not a product of matrices, whose order of summation depends on the number of threads."""
    means: Floats = np.einsum("rn,nc->rc", weights, sizes, optimize=False) / len(sizes)
    return means


def bootstrap_weights(rows: int, resamples: int, seed: int) -> Floats:
    """How often each row is drawn in each resample, float64 ``[resamples, rows]``."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(rows, np.full(rows, 1.0 / rows), size=resamples)
    return drawn.astype(np.float64)
