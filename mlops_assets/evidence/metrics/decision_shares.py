"""How good decisions are: shares of the confusion matrix, and how certain they are.

Belongs here: the confusion matrix, what is computed from it, and its chance. Does not belong here:
what decisions cost (``decision_costs.py``), or metrics of probabilities (``binary_metrics.py``,
``multiclass_metrics.py``).

The decisions of the rows of a class are multinomial. Their shares are drawn from the posterior of
the overall objective prior, a K-th of a row in each of K cells (J. Berger, J. Bernardo and D. Sun,
"Overall objective priors", Bayesian Analysis 10, 2015; for two classes it is Jeffreys' prior), and
the interval holds the middle of what is drawn (C. Goutte and E. Gaussier, "A probabilistic
interpretation of precision, recall and F-score", 2005). The bootstrap is of no use here: of a group
without a mistake no resample has one. Where rows come in blocks, blocks are resampled all the same.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.metrics.bootstrap import (
    Blocks,
    Counts,
    Estimate,
    Values,
    draws,
    interval,
)
from mlops_assets.target_declaration import Task

DRAWS = 2_000
Codes = NDArray[np.int64]
Numbers = NDArray[np.float64] | NDArray[np.int64]
Matrices = NDArray[np.float64]
"""Rows of each class by the class decided, ``[r, k, k]``."""

SHARES: dict[Task, tuple[str, ...]] = {
    "binary": ("precision", "recall", "f1"),
    "multiclass": ("accuracy", "balanced_accuracy", "macro_f1"),
    "regression": (),
}
"""The metrics that are taken from the confusion matrix."""


def confusion(truth: Codes, decided: Codes, classes: int) -> Codes:
    """Rows of each class (outer) that were given each class (inner), int64 ``[k, k]``."""
    counted = np.bincount(truth * classes + decided, minlength=classes * classes)
    return counted.reshape(classes, classes).astype(np.int64)


def shares_of(task: Task, matrix: Codes) -> dict[str, float]:
    """``SHARES[task]`` of one confusion matrix; NaN where a share is of nothing, or where there is
    one class only."""
    return {name: float(found[0]) for name, found in _shares(task, matrix)(matrix[None]).items()}


def share_estimates(
    task: Task,
    truth: Codes,
    decided: Codes,
    classes: int,
    *,
    rng: np.random.Generator,
    blocks: Blocks | None = None,
    resamples: int = 400,
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """``SHARES[task]`` with their intervals. ``truth`` and ``decided`` are classes ``[n]``."""
    matrix = confusion(truth, decided, classes)
    values, measure = shares_of(task, matrix), _shares(task, matrix)
    if blocks is not None:
        return _of_blocks(values, truth, decided, classes, measure, rng, blocks, resamples)
    drawn = measure(_posterior(matrix, rng))
    tails = ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0)
    return {name: _around(value, drawn[name], tails) for name, value in values.items()}


def _around(value: float, drawn: Values, tails: tuple[float, float]) -> Estimate:
    if np.isnan(value):
        return Estimate()
    low, high = np.quantile(drawn, tails)
    return Estimate(value, min(float(low), value), max(float(high), value))


def _posterior(matrix: Codes, rng: np.random.Generator) -> Matrices:
    """Matrices ``[r, k, k]`` whose shares are drawn for each class on its own."""
    classes = len(matrix)
    weights = rng.standard_gamma(matrix + 1.0 / classes, (DRAWS, classes, classes))
    drawn: Matrices = weights / weights.sum(axis=2, keepdims=True) * matrix.sum(axis=1)[:, None]
    return drawn


def _of_blocks(
    values: dict[str, float],
    truth: Codes,
    decided: Codes,
    classes: int,
    measure: Callable[[Numbers], dict[str, Values]],
    rng: np.random.Generator,
    blocks: Blocks,
    resamples: int,
) -> dict[str, Estimate]:
    # Per block, so that a resample of days costs as much as there are days, not rows.
    units, cells = int(blocks.max()) + 1, classes * classes
    places = blocks * cells + truth * classes + decided
    by_block = np.bincount(places, minlength=units * cells).reshape(units, cells)

    def counted(counts: Counts) -> Values:
        found = measure(np.einsum("bu,uc->bc", counts, by_block).reshape(-1, classes, classes))
        return np.stack([found[name] for name in values], axis=1)

    drawn = draws(counted, (units,), resamples, rng)
    return {
        name: interval(value, drawn[:, place], scale="share", units=units)
        for place, (name, value) in enumerate(values.items())
    }


def _shares(task: Task, matrix: Codes) -> Callable[[Numbers], dict[str, Values]]:
    """What computes the shares of matrices ``[r, k, k]`` for the classes that ``matrix`` has."""
    present = matrix.sum(axis=1) > 0
    seen = present | (matrix.sum(axis=0) > 0)

    def binary(found: Numbers) -> dict[str, Values]:
        hits, alarms, misses = found[:, 1, 1], found[:, 0, 1], found[:, 1, 0]
        if not present.all():
            return dict.fromkeys(SHARES["binary"], np.full(len(found), np.nan))
        return {
            "precision": _ratio(hits, hits + alarms),
            "recall": _ratio(hits, hits + misses),
            "f1": _ratio(2.0 * hits, 2.0 * hits + alarms + misses),
        }

    def multiclass(found: Numbers) -> dict[str, Values]:
        right = np.einsum("rkk->rk", found)
        rows, given = found.sum(axis=2), found.sum(axis=1)
        recall = _ratio(right[:, present], rows[:, present]).mean(axis=1)
        # A class that a resample neither holds nor decides counts as 0.
        f1 = np.nan_to_num(_ratio(2.0 * right, rows + given))[:, seen].mean(axis=1)
        unknown = np.full(len(found), np.nan)
        return {
            "accuracy": right.sum(axis=1) / rows.sum(axis=1),
            "balanced_accuracy": recall if present.sum() > 1 else unknown,
            "macro_f1": f1 if present.sum() > 1 else unknown,
        }

    return binary if task == "binary" else multiclass


def _ratio(parts: NDArray[Any], wholes: NDArray[Any]) -> Values:
    found: Values = np.full(wholes.shape, np.nan)
    np.divide(parts, wholes, out=found, where=np.asarray(wholes) > 0)
    return found
