"""How good predicted numbers and their intervals are, on rows weighted by a resample.

Belongs here: the metrics of a regression. Does not belong here: bootstrap intervals of the metrics
(``bootstrap.py``), which rows are measured (``metrics.py``).
"""

import numpy as np

from mlops_assets.answers import LOSS_NAMES, Answers, Labels
from mlops_assets.evidence.bootstrap import Counts, Values
from mlops_assets.evidence.ranking import ratio

NAMES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "median_absolute_error": "median absolute error",
    "r2": "R2",
    "bias": "mean error",
    "loss": LOSS_NAMES["regression"],
    "coverage": "share inside the interval",
    "interval_width": "mean width of the interval",
}


def inside(labels: Labels, answers: Answers) -> Values:
    """1 where the number is inside its interval, bounds included, else 0, float64 ``[n]``."""
    held: Values = ((answers[:, 1] <= labels) & (labels <= answers[:, 2])).astype(np.float64)
    return held


class RegressionRows:
    """Rows of numbers ``[n]`` and answers ``[n, 3]``, ready to be measured. ``variance`` is that of
    the labels in the train split."""

    def __init__(self, labels: Labels, answers: Answers, variance: float) -> None:
        self.sizes: tuple[int, ...] = (len(labels),)
        self._variance = variance
        self._errors = answers[:, 0] - labels
        self._squares = self._errors**2
        self._by_size = np.argsort(np.abs(self._errors), kind="stable")
        self._sizes_of_errors = np.abs(self._errors)[self._by_size]
        # Centred first, so that a large mean does not swallow the spread.
        self._labels = labels - labels.mean()
        self._inside = inside(labels, answers)
        self._widths = answers[:, 2] - answers[:, 1]

    def measure(self, counts: Counts) -> Values:
        """The metrics in the order of ``NAMES``, ``[b, 8]``, where each row counts as often as
        ``counts`` ``[b, n]`` says. R2 is NaN where all labels are the same."""
        rows = counts.sum(axis=1)
        # Not a matrix product: BLAS adds up in another order with another number of threads.
        squares = (counts * self._squares).sum(axis=1)
        absolute = counts[:, self._by_size]
        return np.stack(
            [
                np.sqrt(squares / rows),
                (absolute * self._sizes_of_errors).sum(axis=1) / rows,
                self._median_error(absolute, rows),
                1.0 - ratio(squares, self._spread(counts, rows)),
                (counts * self._errors).sum(axis=1) / rows,
                squares / rows / self._variance,
                (counts * self._inside).sum(axis=1) / rows,
                (counts * self._widths).sum(axis=1) / rows,
            ],
            axis=1,
        )

    def _spread(self, counts: Counts, rows: Counts) -> Values:
        """The sum of squared differences of the labels from their mean."""
        means = (counts * self._labels).sum(axis=1) / rows
        spread: Values = (counts * (self._labels - means[:, None]) ** 2).sum(axis=1)
        return spread

    def _median_error(self, counts: Counts, rows: Counts) -> Values:
        """Of an even number of rows, the middle of the two in the middle."""
        reached = np.cumsum(counts, axis=1)
        last = len(self._sizes_of_errors) - 1
        lower, upper = (
            np.minimum((reached < wanted[:, None]).sum(axis=1), last)
            for wanted in ((rows + 1) // 2, rows // 2 + 1)
        )
        middle: Values = (self._sizes_of_errors[lower] + self._sizes_of_errors[upper]) / 2.0
        return middle
