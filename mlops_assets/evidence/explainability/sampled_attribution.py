"""Shapley values of any function of raw rows, estimated with their errors.

Belongs here: the estimate, how it is bounded, and its errors. Does not belong here: the explainers
that are exact (``tree_attribution.py``, ``additive_attribution.py``).

Antithetic permutation sampling (R. Mitchell and others, "Sampling permutations for Shapley value
estimation", 2022): the columns of a row are revealed one by one in a random order, and hidden again
in the same order; what is hidden is taken from a background row. Each pair of a row and a
background row has an order of its own, which for the same number of questions varies less than one
order for many background rows. It is exact for a function without interactions of three or more
columns.

All rows meet the same background rows, so that contributions add up exactly. As many replicates are
made as the wanted precision takes, or as the budget of questions allows.
"""

from dataclasses import dataclass

import numpy as np

from mlops_assets.evidence.explainability.mixtures import Integers, Mixtures
from mlops_assets.evidence.explainability.score_scale import Floats
from mlops_assets.evidence.explainability.shares import jackknife_errors, shares_of, standard_errors

FEWEST_REPLICATES = 5
REPLICATES = 10
"""Parts of the background, none of which is met twice: what they differ by is then the error of the
background and of the orders together."""
PAIRS_AT_ONCE = 16_000_000
"""Positions held at a time: 128 MB of them."""


@dataclass(frozen=True)
class Sampled:
    """Values ``[n, columns, scores]`` with their standard errors, the mean score of the background
    rows that were met, ``[scores]``, the standard errors of the columns' shares ``[columns]``, and
    how many replicates and background rows there were."""

    values: Floats
    standard_errors: Floats
    base: Floats
    share_errors: Floats
    replicates: int
    background: int


def affordable_rows(rows: int, columns: int, budget: int) -> int:
    """How many of the rows can be explained by the fewest questions there are."""
    return min(rows, max(1, budget // (_questions(columns) * FEWEST_REPLICATES)))


def sampled_values(
    mixtures: Mixtures, scores: Floats, *, seed: int, budget: int, precision: float
) -> Sampled:
    """The values of the rows of ``mixtures``, whose ``scores`` (the background's after them) are
    ``[n + background, scores]``.

    Stops where no share has a standard error above ``precision``, where the whole background was
    met, or where ``budget`` questions are used up. Each replicate meets a part of the background.
    With a single background row there is one replicate, and its errors are NaN.
    """
    rng = np.random.default_rng(seed)
    n, b = mixtures.rows, mixtures.background
    a_row = n * _questions(mixtures.columns)
    at_once = max(1, min(b // REPLICATES, budget // (a_row * FEWEST_REPLICATES)))
    order = rng.permutation(b)
    most = min(REPLICATES, b // at_once, max(2, budget // (a_row * at_once)))
    estimates: list[Floats] = []
    while len(estimates) < most:
        part = order[len(estimates) * at_once : (len(estimates) + 1) * at_once]
        estimates.append(_replicate(mixtures, scores, part, rng))
        if len(estimates) >= FEWEST_REPLICATES and _error(estimates).max() <= precision:
            break
    met = order[: len(estimates) * at_once]
    stacked = np.stack(estimates)
    return Sampled(
        values=stacked.mean(axis=0),
        standard_errors=standard_errors(stacked),
        base=scores[n + met].mean(axis=0),
        share_errors=_error(estimates),
        replicates=len(estimates),
        background=len(np.unique(met)),
    )


def _questions(columns: int) -> int:
    """Mixtures a pair: those on the way there and back, without its two ends."""
    return max(2 * columns - 2, 1)


def _error(estimates: list[Floats]) -> Floats:
    """The standard error of each column's share, ``[columns]``."""
    return jackknife_errors(np.stack(estimates), shares_of)


def _replicate(
    mixtures: Mixtures, scores: Floats, background: Integers, rng: np.random.Generator
) -> Floats:
    """The mean over some ``background`` rows, float64 ``[n, columns, scores]``."""
    n, m = mixtures.rows, mixtures.columns
    row = np.repeat(np.arange(n), len(background))
    other = n + np.tile(background, n)
    orders = rng.permuted(np.tile(np.arange(m), (len(row), 1)), axis=1)
    places = np.argsort(orders, axis=1)
    at_once = max(1, PAIRS_AT_ONCE // (_questions(m) * m))
    values = np.concatenate(
        [
            _revealed_and_hidden(mixtures, scores, row[part], other[part], places[part])
            for part in (slice(i, i + at_once) for i in range(0, len(row), at_once))
        ]
    )
    mean: Floats = values.reshape(n, len(background), m, -1).mean(axis=1)
    return mean


def _revealed_and_hidden(
    mixtures: Mixtures, scores: Floats, row: Integers, other: Integers, places: Integers
) -> Floats:
    """What revealing and hiding each column moved, ``[pairs, columns, scores]``; ``places``
    ``[pairs, columns]`` is when a column is revealed."""
    pairs, m = places.shape
    steps = np.delete(np.arange(2 * m + 1), [0, m, 2 * m])[None, :, None]
    shown = (steps > places[:, None, :]) & (steps <= places[:, None, :] + m)
    asked = np.where(shown, row[:, None, None], other[:, None, None])
    path = np.empty((pairs, 2 * m + 1, scores.shape[1]))
    path[:, 0] = path[:, 2 * m] = scores[other]
    path[:, m] = scores[row]
    path[:, steps[0, :, 0]] = mixtures.scores(asked.reshape(-1, m)).reshape(pairs, 2 * m - 2, -1)
    moved = np.diff(path, axis=1)
    each = np.arange(pairs)[:, None]
    values: Floats = (moved[each, places] - moved[each, places + m]) / 2.0
    return values
