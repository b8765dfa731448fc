"""By how much probabilities are off, in one number.

Belongs here: the expected calibration error and its interval; of a regression, the shortfall of
the coverage of its intervals. Does not belong here: the curve (``calibration_curve.py``),
calibration itself (``training/calibration.py``).

The error is the root of the mean squared gap between what is predicted and what is observed, over
bins of equal count. The squared gaps that chance alone would give are taken off (A. Kumar, P. Liang
and T. Ma, "Verified uncertainty calibration", 2019): without that, a perfect model of few rows has
an error far above 0. The sum of the squared gaps is a noncentral chi-squared variable, up to a
factor (F. Satterthwaite, 1946); the interval holds every error under which what was seen is not
surprising (W. Venables, "Calculation of confidence intervals for noncentrality parameters", 1975).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.evidence.metrics.bootstrap import Blocks, Estimate, Values
from mlops_assets.evidence.metrics.regression_metrics import inside
from mlops_assets.evidence.metrics.spread import estimate, spread
from mlops_assets.target_declaration import Task

BINS = 10
MIN_ROWS_A_BIN = 20


class _Gaps(NamedTuple):
    """Of each bin: its share of the rows, the gap, and the variance that chance gives the gap."""

    weights: Values
    gaps: Values
    variances: Values


def compared(task: Task, labels: Labels, answers: Answers) -> tuple[Values, Values]:
    """What is predicted and what is observed, ``[n]`` each. Binary: the probability of the positive
    class, and whether it is. Multiclass: the probability of the most probable class, and whether it
    is the right one. Regression: the prediction and the label."""
    truth: NDArray[np.float64] = labels.astype(np.float64)
    if task == "multiclass":
        return answers.max(axis=1), (answers.argmax(axis=1) == labels).astype(np.float64)
    return answers[:, 0], truth


def bins_of(predicted: Values, bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each prediction ``[n]``, from 0 on without a gap: ``bins`` of about equal count,
    fewer where predictions are the same, which are never divided."""
    from scipy.stats import rankdata

    middle = (rankdata(predicted) - 0.5) / max(len(predicted), 1)
    codes: NDArray[np.int64] = np.unique((middle * bins).astype(np.int64), return_inverse=True)[1]
    return codes


def calibration_error(
    task: Task,
    labels: Labels,
    answers: Answers,
    *,
    blocks: Blocks | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """The expected calibration error of probabilities, 0 to 1, with its interval; unknown for fewer
    than ``MIN_ROWS_A_BIN`` rows. The order of the rows does not matter.

    Not for a regression, whose intervals are looked at instead: see ``coverage_shortfall``.
    """
    if len(labels) < MIN_ROWS_A_BIN:
        return Estimate()
    from scipy.special import chndtr, chndtrinc

    predicted, observed = compared(task, labels, answers)
    order = np.lexsort((observed, predicted, *([] if blocks is None else [blocks])))
    held = None if blocks is None else blocks[order]
    found = _gaps(predicted[order], observed[order], held)
    noise = float((found.weights * found.variances).sum())
    seen = float((found.weights * found.gaps**2).sum())
    value = float(np.sqrt(max(seen - noise, 0.0)))
    if noise == 0.0:
        return Estimate(value, value, value)
    factor = float(((found.weights * found.variances) ** 2).sum()) / noise
    bins, tail = noise / factor, (1.0 - confidence) / 2.0

    def error_at(chance: float) -> float:
        """The error under which as little as was seen has this chance."""
        if chndtr(seen / factor, bins, 0.0) <= chance:
            return 0.0
        return float(np.sqrt(factor * chndtrinc(seen / factor, bins, chance)))

    low, high = error_at(1.0 - tail), error_at(tail)
    return Estimate(value, min(low, value), max(high, value))


def coverage_shortfall(
    labels: Labels, answers: Answers, nominal: float, blocks: Blocks | None = None
) -> Estimate:
    """By how much the share of labels inside their intervals is below ``nominal``; 0 where it is
    not."""
    if len(labels) == 0:
        return Estimate()
    held = inside(labels, answers)
    value = float(held.mean())
    found = estimate(value, spread(held - value, None, blocks), scale="share", units=len(labels))
    short = [
        None if one is None else max(0.0, nominal - one) for one in (value, found.high, found.low)
    ]
    return Estimate(*short)


def _gaps(predicted: Values, observed: Values, blocks: Blocks | None) -> _Gaps:
    rows = len(predicted)
    codes = bins_of(predicted, max(1, min(BINS, rows // MIN_ROWS_A_BIN)))
    sizes = np.bincount(codes).astype(np.float64)
    apart = predicted - observed
    gaps = np.bincount(codes, apart) / sizes
    # One row that behaves as predicted is added, so that a bin without a surprise is not certain.
    expected = np.bincount(codes, predicted * (1.0 - predicted)) / sizes
    squares = np.bincount(codes, (apart - gaps[codes]) ** 2)
    variances = (squares + expected) / sizes**2
    if blocks is not None:
        variances = _of_blocks(apart - gaps[codes], codes, blocks, sizes)
    return _Gaps(sizes / rows, gaps, variances)


def _of_blocks(apart: Values, codes: Blocks, blocks: Blocks, sizes: Values) -> Values:
    units = int(blocks.max()) + 1
    sums = np.bincount(codes * units + blocks, apart, len(sizes) * units).reshape(len(sizes), units)
    variances: Values = (sums**2).sum(axis=1) / sizes**2 * units / max(units - 1, 1)
    return variances
