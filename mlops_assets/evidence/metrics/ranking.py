"""How well a score puts the rows of one class before all others.

Belongs here: the area under the ROC curve on weighted rows, what ties count. Does not belong here:
which scores are ranked (``binary_metrics.py``, ``multiclass_metrics.py``, ``comparison.py``), where
the weights come from (``bootstrap.py``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.metrics.bootstrap import Counts, Values

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Ranking:
    """The rows of a class (``own``) and the ``rest``, each by ascending score, as places among all
    rows. ``below`` and ``up_to`` count the rest under and not above each own row, ``own_below`` the
    own rows under it."""

    own: Places
    rest: Places
    below: Places
    up_to: Places
    own_below: Places

    @property
    def has_both(self) -> bool:
        return len(self.own) > 0 and len(self.rest) > 0


def rank(is_own: NDArray[np.bool_], scores: Values) -> Ranking:
    """Rank the rows by ``scores`` ``[n]``; ``is_own`` ``[n]`` says which are of the class."""
    order = np.argsort(scores, kind="stable")
    own, rest = order[is_own[order]], order[~is_own[order]]
    return Ranking(
        own,
        rest,
        below=np.searchsorted(scores[rest], scores[own], side="left"),
        up_to=np.searchsorted(scores[rest], scores[own], side="right"),
        own_below=np.searchsorted(scores[own], scores[own], side="left"),
    )


def cumulative(counts: Counts) -> Counts:
    """How many rows there are before each place, and in all, along the last axis."""
    empty = np.zeros((len(counts), 1), np.int64)
    return np.concatenate([empty, np.cumsum(counts, axis=1)], axis=1)


def roc_auc(ranking: Ranking, counts: Counts) -> Values:
    """ROC AUC ``[b]`` where each row counts as often as ``counts`` ``[b, n]`` says: the
    Mann-Whitney statistic, the share of pairs in order, ties counting half. NaN where a resample,
    or the ranking, holds only one side."""
    own, rest = counts[:, ranking.own], cumulative(counts[:, ranking.rest])
    half_wins = rest[:, ranking.below] + rest[:, ranking.up_to]
    pairs = 2 * own.sum(axis=1) * rest[:, -1]
    return ratio((own * half_wins).sum(axis=1), pairs)


def ratio(parts: Values | Counts, wholes: Values | Counts) -> Values:
    """``parts / wholes`` ``[b]``, NaN where the whole is nothing."""
    found: Values = np.full(len(wholes), np.nan)
    some = wholes != 0
    found[some] = parts[some] / wholes[some]
    return found
