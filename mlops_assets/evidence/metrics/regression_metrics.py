"""How good predicted numbers and their intervals are, on rows weighted by a resample.

Belongs here: the metrics of a regression. Does not belong here: bootstrap intervals of the metrics
(``bootstrap.py``), which rows are measured (``metrics.py``).
"""

import numpy as np

from mlops_assets.answers import Answers, Labels
from mlops_assets.evidence.metrics.bootstrap import Counts, Values
from mlops_assets.evidence.metrics.ranking import ratio
from mlops_assets.evidence.metrics.scales import Scale
from mlops_assets.reporting.text import mark

NAMES = {
    "rmse": mark("RMSE"),
    "mae": mark("MAE"),
    "median_absolute_error": mark("median absolute error"),
    "r2": mark("R2"),
    "bias": mark("mean error"),
    "loss": mark("standardised squared error"),
    "coverage": mark("share inside the interval"),
    "interval_width": mark("mean width of the interval"),
}

SCALES: dict[str, Scale] = {
    "median_absolute_error": "positive",
    "r2": "below one",
}
"""The metrics that are resampled, and the scale of each."""


def inside(labels: Labels, answers: Answers) -> Values:
    """1 where the number is inside its interval, bounds included, else 0, float64 ``[n]``."""
    held: Values = ((answers[:, 1] <= labels) & (labels <= answers[:, 2])).astype(np.float64)
    return held


class RegressionRows:
    """Rows of numbers ``[n]`` and answers ``[n, 3]``, ready to be measured. ``variance`` is that of
    the labels in the train split."""

    def __init__(self, labels: Labels, answers: Answers, variance: float) -> None:
        self.scales = SCALES
        self.sizes: tuple[int, ...] = (len(labels),)
        self._errors = answers[:, 0] - labels
        self._squares = self._errors**2
        self._by_size = np.argsort(np.abs(self._errors), kind="stable")
        self._sizes_of_errors = np.abs(self._errors)[self._by_size]
        # Centred first, so that a large mean does not swallow the spread.
        self._labels = labels - labels.mean()
        self.means = {
            "rmse": self._squares,
            "mae": np.abs(self._errors),
            "bias": self._errors,
            "loss": self._squares / variance,
            "coverage": inside(labels, answers),
            "interval_width": answers[:, 2] - answers[:, 1],
        }

    def measure(self, counts: Counts) -> Values:
        """The metrics in the order of ``SCALES``, ``[b, 2]``, where each row counts as often as
        ``counts`` ``[b, n]`` says. R2 is NaN where all labels are the same."""
        rows = counts.sum(axis=1)
        # Not a matrix product: BLAS adds up in another order with another number of threads.
        squares = (counts * self._squares).sum(axis=1)
        explained = 1.0 - ratio(squares, self._spread(counts, rows))
        return np.stack([self._median_error(counts[:, self._by_size], rows), explained], axis=1)

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
