"""Prediction intervals of a regression by split-conformal prediction.

Belongs here: how far an interval reaches below and above a prediction, learned from predictions
and outcomes. Does not belong here: the model that predicts (``calibration.py``), or whether the
intervals hold what they promise on later rows (``evidence/``).

Source: V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World" (2005): Mondrian
conformal prediction, here with bins of the prediction as its categories, so that the promise is
kept among small and among large predictions.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.training.thresholds import float32_below

MOST_BINS = 5
ROWS_A_BIN = 200
"""Fewest calibration rows of one of several bins."""
SEARCHED = 0.02
"""Share of all predictions, around a quantile, among which an edge is put into the widest gap."""


@dataclass(frozen=True)
class Intervals:
    """What is added to a prediction, for each bin of predictions; every number is a float32.

    The bin of a prediction is the number of ``edges`` that are not above it.
    """

    edges: tuple[float, ...]
    """Rising; an edge belongs to the bin above it."""
    lower: tuple[float, ...]
    """What is added for the lower bound, none above 0: an interval holds its prediction."""
    upper: tuple[float, ...]
    """What is added for the upper bound, none below 0."""
    coverage: float
    """Share of outcomes that the intervals are to hold."""
    rows: tuple[int, ...]
    """Calibration rows in each bin."""
    rows_needed: int
    """With fewer rows, a bin's widest residual had to do, and may not be wide enough."""

    def bounds(self, predictions: NDArray[np.float32]) -> NDArray[np.float32]:
        """Lower and upper bound of float32 predictions ``[n]``, as float32 ``[n, 2]``."""
        bins = np.searchsorted(np.array(self.edges, np.float32), predictions, side="right")
        offsets = np.array([self.lower, self.upper], np.float32).T[bins]
        moved: NDArray[np.float32] = predictions[:, None] + offsets
        return moved

    def describe(self) -> dict[str, Any]:
        """The intervals for ``model.json``. ``too_few_rows`` says of each bin whether it had fewer
        calibration rows than ``rows_needed``."""
        return {
            "coverage": self.coverage,
            "edges": list(self.edges),
            "lower": list(self.lower),
            "upper": list(self.upper),
            "rows": list(self.rows),
            "rows_needed": self.rows_needed,
            "too_few_rows": [count < self.rows_needed for count in self.rows],
        }


def one_width(lower: float, upper: float) -> Intervals:
    """The same offsets for every prediction, learned from no rows and promising nothing."""
    return Intervals((), (lower,), (upper,), 0.0, (0,), 0)


def rows_needed(coverage: float) -> int:
    """Fewest rows whose residuals can tell both bounds of intervals that hold ``coverage``."""
    rows = 1
    while _rank(rows, coverage) > rows:
        rows += 1
    return rows


def fit_intervals(
    predictions: NDArray[np.float32], outcomes: NDArray[np.float64], coverage: float
) -> Intervals:
    """Intervals that hold the share ``coverage`` of outcomes, in each bin of predictions, where
    later rows are like these.

    ``predictions`` and ``outcomes`` are ``[n]``, of one row or more. Each bound is the residual of
    rank ``ceil((n + 1) * (1 - (1 - coverage) / 2))`` on its side, among the ``n`` of the bin; the
    widest one where that is more than ``n``. Bounds are rounded outwards, to float32.
    """
    edges = _edges(predictions, coverage)
    bins = np.searchsorted(edges, predictions, side="right")
    within = [bins == position for position in range(len(edges) + 1)]
    offsets = [_offsets(predictions[rows], outcomes[rows], coverage) for rows in within]
    return Intervals(
        edges=tuple(float(edge) for edge in edges),
        lower=tuple(-below for below, _ in offsets),
        upper=tuple(above for _, above in offsets),
        coverage=coverage,
        rows=tuple(int(rows.sum()) for rows in within),
        rows_needed=rows_needed(coverage),
    )


def _rank(rows: int, coverage: float) -> int:
    # Rounded first: 1 - 0.9 is a little less than 0.1, and a rank must not be one too many for it.
    return ceil(round((rows + 1) * (1.0 + coverage) / 2.0, 9))


def _edges(predictions: NDArray[np.float32], coverage: float) -> NDArray[np.float32]:
    fewest = max(ROWS_A_BIN, 5 * rows_needed(coverage))
    bins = min(MOST_BINS, len(predictions) // fewest)
    ordered = np.sort(predictions)
    edges: list[np.float32] = []
    for position in range(1, bins):
        edges += _edge(ordered, len(ordered) * position // bins)
    return _without_thin_bins(ordered, np.unique(np.array(edges, np.float32)), fewest // 2)


def _edge(ordered: NDArray[np.float32], middle: int) -> list[np.float32]:
    """The middle of the widest gap around a position, or of the next above it; none where there is
    none. In a gap, for runtimes that sum in another order differ in a prediction's last bit."""
    reach = max(1, int(len(ordered) * SEARCHED / 2))
    start = max(middle - reach, 0)
    gaps = np.diff(ordered[start : middle + reach + 1])
    above = start + 1 + int(gaps.argmax())
    if not gaps.any():
        above = int(np.searchsorted(ordered, ordered[middle], side="right"))
    if above == len(ordered):
        return []
    low, high = ordered[above - 1], ordered[above]
    edge = low + (high - low) / np.float32(2.0)
    return [edge if edge > low else high]


def _without_thin_bins(
    ordered: NDArray[np.float32], edges: NDArray[np.float32], fewest: int
) -> NDArray[np.float32]:
    ends = np.searchsorted(ordered, edges)
    kept: list[int] = []
    for position, end in enumerate(ends):
        start = ends[kept[-1]] if kept else 0
        if end - start >= fewest and len(ordered) - end >= fewest:
            kept.append(position)
    return edges[kept]


def _offsets(
    predictions: NDArray[np.float32], outcomes: NDArray[np.float64], coverage: float
) -> tuple[float, float]:
    """How far the interval reaches below and above the predictions of a bin."""
    residuals = outcomes - predictions
    position = min(_rank(len(residuals), coverage), len(residuals)) - 1
    reaches = [float(np.sort(side)[position]) for side in (-residuals, residuals)]
    # A bound is a rounded sum: one float32 further out, and it holds the residual all the same.
    farthest = np.float32(np.abs(predictions).max()) + np.float32(max(map(abs, reaches)))
    spacing = float(np.spacing(farthest))
    below, above = (_float32_above(max(reach, 0.0) + spacing) for reach in reaches)
    return below, above


def _float32_above(value: float) -> float:
    return -float(float32_below(np.array([-value]))[0])
