"""How many members an attack recognises, at a given rate of false alarms.

Belongs here: rates with their intervals, the ROC curve and its area. Does not belong here: where
the scores come from (``likelihood_ratios.py``), or what an attack is (``membership.py``).
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.metrics.ranking import rank, roc_auc

Scores = NDArray[np.float64]
Clusters = NDArray[np.int64]

ROC_POINTS = 31
DESIGN_RATE = 0.01
"""What rows of a cluster have in common is judged at this rate or a higher one: too few are above a
threshold that one in a thousand is above."""


@dataclass(frozen=True)
class Recognition:
    """The true-positive rate at the false-positive rate ``rate``, with the bounds of its two-sided
    interval. ``enough`` says whether there were non-members to tell such a rate from."""

    rate: float
    value: float
    low: float
    high: float
    enough: bool

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def recognition(
    members: Scores,
    non_members: Scores,
    rate: float,
    *,
    clusters: tuple[Clusters, Clusters] | None = None,
    confidence: float = 0.95,
) -> Recognition:
    """Members ``[n]`` recognised by the threshold that ``rate`` of all non-members are above, where
    only the given ones ``[m]`` are known.

    The interval holds at least at ``confidence``, whatever the distributions are: on each side half
    of the error is spent on the threshold (which of the given non-members lie around it is
    binomial) and half on the members above it (C. Clopper and E. Pearson, 1934). ``rate`` needs
    ``1 / rate`` non-members; with less than about 4.4 times as many the lower bound is 0.

    ``clusters`` say which members ``[n]`` and which non-members ``[m]`` belong together; rows then
    count for as many as ``effective_rows`` finds.
    """
    share = (1.0 - confidence) / 4.0
    highest = np.sort(non_members)[::-1]
    asked, known = float(len(members)), float(len(highest))
    if clusters is not None:
        around = highest[int(max(rate, DESIGN_RATE) * len(highest))]
        asked = effective_rows(members > around, clusters[0], share)
        known = effective_rows(non_members > around, clusters[1], share)
    fewest, most = _around(rate, known, len(highest) / known, share)
    surely = float(np.mean(members > highest[fewest - 1])) if fewest else 0.0
    # Where all of them may be above the threshold, so may be every member.
    possibly = float(np.mean(members > highest[most])) if most < len(highest) else 1.0
    return Recognition(
        rate,
        value=float(np.mean(members > highest[int(rate * len(highest))])),
        low=clopper_pearson(surely, asked, share)[0],
        high=clopper_pearson(possibly, asked, share)[1],
        enough=known * rate >= 1.0 - 1e-9,
    )


def _around(rate: float, known: float, scale: float, error: float) -> tuple[int, int]:
    """How many non-members are above the threshold, at least and at most: each is wrong with a
    chance of at most ``error``. Each of ``known`` independent ones stands for ``scale`` rows."""
    from scipy.stats import binom

    fewest = binom.ppf(error, int(known), rate) * scale
    return int(fewest), math.ceil(binom.isf(error, int(known), rate) * scale)


def clopper_pearson(share: float, of: float, error: float) -> tuple[float, float]:
    """Bounds of a ``share`` of so many rows, each of which is wrong with a chance of at most
    ``error``."""
    from scipy.stats import beta

    count = share * of
    low = float(beta.ppf(error, count, of - count + 1.0)) if share > 0.0 else 0.0
    high = float(beta.isf(error, count + 1.0, of - count)) if share < 1.0 else 1.0
    return low, high


def effective_rows(flags: NDArray[np.bool_], clusters: Clusters, error: float) -> float:
    """As how many independent rows these tell of the share of ``flags`` ``[n]``, where the rows of
    one cluster have something in common; fewer where there are few clusters.

    Source: E. Korn and B. Graubard, "Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data", 1998.
    """
    from scipy.stats import norm, t

    _, codes = np.unique(clusters, return_inverse=True)
    count, rows, share = int(codes.max()) + 1, len(flags), float(flags.mean())
    if count < 2:
        return 1.0
    effect = 1.0
    if 0.0 < share < 1.0:
        sums = np.bincount(codes, weights=flags - share)
        variance = float((sums**2).sum()) * count / (count - 1) / rows**2
        effect = max(1.0, variance / (share * (1.0 - share) / rows))
    few = float(norm.isf(error) / t.isf(error, count - 1)) ** 2
    return max(rows / effect * few, 1.0)


def area(members: Scores, non_members: Scores) -> float:
    """Area under the ROC curve: the chance that a member scores above a non-member, ties half."""
    is_member = np.arange(len(members) + len(non_members)) < len(members)
    ranking = rank(is_member, np.concatenate([members, non_members]))
    return float(roc_auc(ranking, np.ones((1, len(is_member)), np.int64))[0])


def roc_points(members: Scores, non_members: Scores) -> list[dict[str, float]]:
    """Points of the ROC curve whose false-positive rates are evenly spaced on a log scale, from one
    non-member to all of them."""
    thresholds = np.append(np.sort(non_members)[::-1], -np.inf)
    rows, ordered = len(non_members), np.sort(members)
    counts = np.unique(np.geomspace(1, rows, ROC_POINTS).round().astype(np.int64))
    above = len(ordered) - np.searchsorted(ordered, thresholds[counts], side="right")
    return [
        {"false_positives": float(f), "true_positives": float(t)}
        for f, t in zip(counts / rows, above / len(ordered), strict=True)
    ]
