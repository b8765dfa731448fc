"""The share of labels that are flipped in one set of rows and not in another.

Belongs here: the estimate from labels and scores. Does not belong here: which sets are compared
(``label_noise.py``).

Where a share e of labels is replaced by one of the other classes at random, a class of probability
p is the label with probability p + e g(p), with g(p) = (1 - p) / (K - 1) - p for K classes; the
rank of a number moves by e (1/2 - p). (N. Manwani and P. Sastry, "Noise tolerance under risk
minimization", 2013, use the same model of uniform noise.) The rows of both sets are put into bins
by score, and e is fitted to the differences of the bins' mean labels by weighted least squares.
Honest uncertainty is in both sets and cancels. The bins that are most certain decide most: there,
flips are many beside the few that disagree by chance, and days differ least.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.risk.risk_statistics import Clusters
from mlops_assets.target_declaration import Task

BINS = 10
MIN_BIN_ROWS = 20
MIN_CLUSTERS = 3
RAREST = 0.01

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """``scores`` and ``labels`` are ``[n, k]``, one column a class (of two the second, of a number
    its rank), ``clusters`` ``[n]`` the rows that come together."""

    scores: Floats
    labels: Floats
    clusters: Clusters

    def at(self, mask: NDArray[np.bool_]) -> "Labelled":
        return Labelled(self.scores[mask], self.labels[mask], self.clusters[mask])

    def __len__(self) -> int:
        return len(self.clusters)


@dataclass(frozen=True)
class FlipShare:
    """The estimate (negative where labels agree better than in the reference), its standard error,
    and the clusters of the side that has fewer."""

    value: float
    error: float
    clusters: int


def flip_share(task: Task, known: Labelled, reference: Labelled, by_day: bool) -> FlipShare | None:
    """The share of flipped labels of ``known`` beyond those of ``reference``. ``None`` where either
    has too few rows or clusters.

    ``by_day``: rows of a day move together, in proportion to p (1 - p); else they are independent.
    """
    if min(len(known), len(reference)) < 2 * MIN_BIN_ROWS:
        return None
    width = known.scores.shape[1]
    cells = [_cells(known, reference, column) for column in range(width)]
    if not all(len(one.usual) for one in cells):
        return None
    usual = np.concatenate([one.usual for one in cells])
    pull, weights = _pull(task, usual, width), _weights(task, usual, by_day)
    scale = float((pull**2 * weights).sum())
    if scale <= 0.0:
        return None
    shares = pull * weights / scale
    value = float((shares * np.concatenate([one.apart for one in cells])).sum())
    variance, clusters = 0.0, []
    for side in (0, 1):
        influence = _influence(cells, shares, side)
        groups = (known, reference)[side].clusters
        _, codes = np.unique(groups, return_inverse=True)
        sums = np.bincount(codes, influence)
        count = len(sums)
        if count < MIN_CLUSTERS:
            return None
        variance += float((sums**2).sum()) * count / (count - 1)
        clusters.append(count)
    return FlipShare(value, float(np.sqrt(variance)), min(clusters))


@dataclass(frozen=True)
class _Cells:
    """One column of labels in bins: ``usual`` ``[b]`` are the means of the reference, smoothed,
    ``apart`` how far those of the known rows are from its own, and ``residuals`` by side what each
    row adds to a bin's mean, with its bin."""

    usual: Floats
    apart: Floats
    residuals: tuple[tuple[Floats, NDArray[np.int64]], tuple[Floats, NDArray[np.int64]]]


def _cells(known: Labelled, reference: Labelled, column: int) -> _Cells:
    scores = reference.scores[:, column]
    bins = int(np.clip(len(scores) // (2 * MIN_BIN_ROWS), 2, BINS))
    edges = np.unique(np.quantile(scores, np.arange(1, bins) / bins))
    places = [np.searchsorted(edges, s.scores[:, column], "right") for s in (known, reference)]
    counts = [np.bincount(p, minlength=len(edges) + 1) for p in places]
    kept = np.flatnonzero(np.minimum(*counts) >= MIN_BIN_ROWS)
    renamed = np.full(len(edges) + 1, -1, np.int64)
    renamed[kept] = np.arange(len(kept))
    means, residuals = [], []
    for side, place, count in zip((known, reference), places, counts, strict=True):
        labels = side.labels[:, column]
        mean = np.bincount(place, labels, minlength=len(edges) + 1) / np.maximum(count, 1)
        means.append(mean[kept])
        residuals.append(((labels - mean[place]) / np.maximum(count[place], 1), renamed[place]))
    centres = np.bincount(places[1], scores, minlength=len(edges) + 1) / np.maximum(counts[1], 1)
    usual = _smooth(centres[kept], means[1], counts[1][kept])
    return _Cells(usual, means[0] - means[1], (residuals[0], residuals[1]))


def _smooth(centres: Floats, means: Floats, rows: NDArray[np.int64]) -> Floats:
    """The mean labels of the bins on a line over their scores. As they are, a mean that is low by
    chance would weigh the difference that it makes, and clean labels look flipped."""
    if len(means) < 2:
        return means
    middle = np.average(centres, weights=rows)
    apart = centres - middle
    spread = float((rows * apart**2).sum())
    slope = float((rows * apart * means).sum()) / spread if spread > 0.0 else 0.0
    line = np.average(means, weights=rows) + slope * apart
    held: Floats = np.clip(line, RAREST, 1.0 - RAREST)
    return held


def _pull(task: Task, usual: Floats, width: int) -> Floats:
    if task == "regression":
        return 0.5 - usual
    others = max(width - 1, 1)
    return (1.0 - usual) / others - usual


def _weights(task: Task, usual: Floats, by_day: bool) -> Floats:
    if task == "regression":
        return np.ones(len(usual))
    chances = np.clip(usual, RAREST, 1.0 - RAREST)
    spread = chances * (1.0 - chances)
    return 1.0 / (spread**2 if by_day else spread)


def _influence(cells: list[_Cells], shares: Floats, side: int) -> Floats:
    """What each row adds to the estimate's deviation, ``[n]``."""
    total, start = np.zeros(len(cells[0].residuals[side][0])), 0
    for one in cells:
        residual, place = one.residuals[side]
        own = shares[start : start + len(one.usual)]
        total += np.where(place >= 0, own[place] * residual, 0.0)
        start += len(one.usual)
    return total
