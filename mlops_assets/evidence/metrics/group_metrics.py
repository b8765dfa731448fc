"""How good answers are in each group of rows, one model beside the other.

Belongs here: the evaluation of groups, without resampling, so that hundreds of groups cost little.
Does not belong here: which rows a group holds (``groups.py``), the metrics over all rows
(``metrics.py``), how much worse a group is than all rows (``slices.py``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Cut, Labels, decisions, row_losses
from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS, Blocks, Estimate, Record, Values
from mlops_assets.evidence.metrics.metrics import GROUP_METRICS, check_answers
from mlops_assets.evidence.metrics.regression_metrics import inside
from mlops_assets.evidence.metrics.scales import Scale, jeffreys
from mlops_assets.evidence.metrics.spread import estimate, mean_estimate, root_of, spread
from mlops_assets.target_declaration import Task

Groups = Mapping[str, NDArray[np.bool_]]
GroupVerdict = Literal["measured", "insufficient evidence"]
Measured = tuple[float, Values, Scale]
"""A value, the influences of the rows ``[n]`` on it, and its scale."""


@dataclass(frozen=True)
class GroupEvaluation(Record):
    """The metrics on one group of rows. The verdict says whether there was enough to measure,
    never that the group is served well. ``positives`` are counted for a binary task only."""

    name: str
    rows: int
    positives: int | None
    verdict: GroupVerdict
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class Scored:
    """Rows with a model's answers ``[n, k]``, its decisions and losses ``[n]``, checked once."""

    task: Task
    labels: Labels
    answers: Answers
    decided: NDArray[np.int64] | None
    losses: Values
    blocks: Blocks | None

    def at(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> "Scored":
        held = self.blocks
        return Scored(
            self.task,
            self.labels[mask],
            self.answers[mask],
            None if self.decided is None else self.decided[mask],
            self.losses[mask],
            None if held is None else held[mask],
        )


def score(
    task: Task,
    labels: Labels,
    answers: Answers,
    *,
    variance: float = 1.0,
    cut: Cut | None = None,
    blocks: Blocks | None = None,
) -> Scored:
    """The rows ready to be looked at group by group. Raises as ``evaluate`` does."""
    check_answers(task, labels, answers, variance)
    if len(labels) == 0:
        return Scored(task, labels, answers, None, np.zeros(0), blocks)
    losses = row_losses(task, labels, answers, variance)
    return Scored(task, labels, answers, decisions(task, answers, cut), losses, blocks)


def by_group(
    task: Task,
    labels: Labels,
    answers: Answers,
    groups: Groups,
    *,
    variance: float = 1.0,
    min_rows: int = MIN_ROWS,
    cut: Cut | None = None,
    blocks: Blocks | None = None,
) -> list[GroupEvaluation]:
    """``GROUP_METRICS[task]`` of each group, a mask ``[n]`` by name; groups may overlap.

    A group of fewer than ``min_rows`` rows, or of one class, is "insufficient evidence" and its
    metrics are all ``None``. Raises as ``evaluate`` does, ``IndexError`` for an unequal mask.
    """
    scored = score(task, labels, answers, variance=variance, cut=cut, blocks=blocks)
    return [measured_group(name, scored, mask, min_rows) for name, mask in groups.items()]


def measured_group(
    name: str, scored: Scored, mask: NDArray[np.bool_], min_rows: int = MIN_ROWS
) -> GroupEvaluation:
    """One group of the rows, see ``by_group``."""
    held = scored.labels[mask]
    positives = int(np.count_nonzero(held)) if scored.task == "binary" else None
    if not is_enough(scored.task, held, min_rows):
        unknown = {metric: Estimate() for metric in GROUP_METRICS[scored.task]}
        return GroupEvaluation(name, len(held), positives, "insufficient evidence", unknown)
    return GroupEvaluation(name, len(held), positives, "measured", group_metrics(scored.at(mask)))


def is_enough(task: Task, labels: Labels, min_rows: int = MIN_ROWS) -> bool:
    """Whether rows with these labels are evidence: enough, and of more than one class."""
    varied = task == "regression" or (len(labels) > 0 and bool((labels != labels[0]).any()))
    return len(labels) >= min_rows and varied


def group_metrics(rows: Scored) -> dict[str, Estimate]:
    """``GROUP_METRICS[task]`` of rows that are enough. The order of the rows does not matter."""
    order = np.lexsort((rows.losses, rows.labels))
    rows = rows.at(order)
    strata = None if rows.task == "regression" else rows.labels.astype(np.int64)
    units = (
        len(rows.labels) if strata is None else int(np.unique(strata, return_counts=True)[1].min())
    )
    if rows.blocks is not None:
        units = len(np.unique(rows.blocks))
    return {
        name: _mean_of(name, rows, strata)
        or _share_alone(name, rows)
        or _estimated(MEASURES[name](rows), strata, rows.blocks, units)
        for name in GROUP_METRICS[rows.task]
    }


def _estimated(
    found: Measured, strata: Blocks | None, blocks: Blocks | None, units: int
) -> Estimate:
    value, influences, scale = found
    return estimate(value, spread(influences, strata, blocks), scale=scale, units=units)


def _mean_of(name: str, rows: Scored, strata: Blocks | None) -> Estimate | None:
    if name not in ("loss", "rmse"):
        return None
    means = rows.losses if name == "loss" else (rows.answers[:, 0] - rows.labels) ** 2
    found = mean_estimate(means, strata=strata, blocks=rows.blocks)
    return found if name == "loss" else root_of(found)


def _share_alone(name: str, rows: Scored) -> Estimate | None:
    """A share of independent rows of one kind has an interval of its own."""
    if rows.blocks is not None or name not in ("recall", "coverage"):
        return None
    used = inside(rows.labels, rows.answers) if name == "coverage" else _right(rows)
    if name == "recall":
        used = used[rows.labels == 1]
    hits = int(used.sum())
    return Estimate(hits / len(used), *jeffreys(hits, len(used), 0.95))


def _coverage(rows: Scored) -> Measured:
    held = inside(rows.labels, rows.answers)
    return float(held.mean()), held - held.mean(), "share"


def _recall(rows: Scored) -> Measured:
    return _weighted_recalls(rows, np.array([0.0, 1.0]))


def _right(rows: Scored) -> Values:
    """1 where the decision is the right one, else 0."""
    assert rows.decided is not None  # only metrics of classes ask
    return np.equal(rows.decided, rows.labels).astype(np.float64)


def _accuracy(rows: Scored) -> Measured:
    right = _right(rows)
    return float(right.mean()), right - right.mean(), "share"


def _balanced_accuracy(rows: Scored) -> Measured:
    present = np.bincount(rows.labels.astype(np.int64)) > 0
    return _weighted_recalls(rows, present / present.sum())


def _weighted_recalls(rows: Scored, weights: Values) -> Measured:
    """The recalls of the classes, each with its weight."""
    codes = rows.labels.astype(np.int64)
    right = _right(rows)
    sizes = np.bincount(codes, minlength=len(weights))
    recalls = np.bincount(codes, right, len(weights)) / np.maximum(sizes, 1)
    scaled = weights / np.maximum(sizes, 1) * len(codes)
    return float((weights * recalls).sum()), (right - recalls[codes]) * scaled[codes], "share"


def _roc_auc(rows: Scored) -> Measured:
    """With the placements of E. DeLong, D. DeLong and D. Clarke-Pearson, "Comparing the areas
    under two or more correlated receiver operating characteristic curves", Biometrics 44, 1988."""
    from scipy.stats import rankdata

    own, scores = rows.labels == 1, rows.answers[:, 0]
    positives, negatives = int(own.sum()), int((~own).sum())
    among_all, placements = rankdata(scores), np.empty(len(scores))
    placements[own] = (among_all[own] - rankdata(scores[own])) / negatives
    placements[~own] = 1.0 - (among_all[~own] - rankdata(scores[~own])) / positives
    area = float(placements[own].mean())
    sizes = np.where(own, positives, negatives)
    return area, (placements - area) * len(scores) / sizes, "share"


MEASURES: dict[str, Callable[[Scored], Measured]] = {
    "roc_auc": _roc_auc,
    "recall": _recall,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "coverage": _coverage,
}
