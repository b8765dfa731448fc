"""How good answers are: the metrics of each task with their intervals, overall and by group.

Belongs here: which metrics a task has, their estimates, the evaluation of groups. Does not belong
here: how a metric is computed (``binary_metrics.py``, ``multiclass_metrics.py``,
``regression_metrics.py``), the comparison of two models (``comparison.py``), what a number must
reach (the use case), who is compared with whom (``evaluation.py``).

The resamples of a classification are stratified: drawn within each class, so that no resample loses
the rare class and every metric stays defined. They therefore describe the uncertainty at the
observed class balance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import INTERVAL_ANSWERS, Answers, Labels
from mlops_assets.evidence import binary_metrics, multiclass_metrics, regression_metrics
from mlops_assets.evidence.bootstrap import (
    MIN_ROWS,
    Counts,
    Estimate,
    Record,
    Values,
    draws,
    interval,
    resampled_rows,
    shrink_of,
)
from mlops_assets.target_declaration import Task

METRICS: dict[Task, dict[str, str]] = {
    "binary": binary_metrics.NAMES,
    "multiclass": multiclass_metrics.NAMES,
    "regression": regression_metrics.NAMES,
}
"""The metrics of each task: name, and what it is called in a report. Every task has ``loss``, the
mean of ``answers.row_losses``."""
HEADLINES: dict[Task, tuple[str, str]] = {
    "binary": ("roc_auc", "loss"),
    "multiclass": ("accuracy", "loss"),
    "regression": ("rmse", "r2"),
}
"""The two metrics that stand for all where there is room for two."""
GROUP_METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "loss", "recall"),
    "multiclass": ("accuracy", "loss", "balanced_accuracy"),
    "regression": ("rmse", "loss", "coverage"),
}
"""What a table of groups shows."""
METRIC_NOTES: dict[Task, str] = {
    "binary": "Precision, recall and F1 are of decisions at probability 0.5.",
    "multiclass": "The class answered is the most probable one.",
    "regression": "Errors and widths are in the target's unit; the standardised squared error is 1 "
    "for a model that always answers the mean.",
}
"""What a reader has to know of the metrics of each task."""
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from adding up to 1."""

Groups = Mapping[str, NDArray[np.bool_]]
GroupVerdict = Literal["measured", "insufficient evidence"]


@dataclass(frozen=True)
class GroupEvaluation(Record):
    """The metrics on one group of rows. The verdict says whether there was enough to measure,
    never that the group is served well. ``positives`` are counted for a binary task only."""

    name: str
    rows: int
    positives: int | None
    verdict: GroupVerdict
    metrics: dict[str, Estimate]


class _Rows(Protocol):
    sizes: tuple[int, ...]

    def measure(self, counts: Counts) -> Values: ...


def evaluate(
    task: Task,
    labels: Labels,
    answers: Answers,
    *,
    seed: int,
    resamples: int = 200,
    confidence: float = 0.95,
    variance: float = 1.0,
) -> dict[str, Estimate]:
    """Every metric of ``METRICS[task]`` with its two-sided bootstrap interval.

    ``labels`` ``[n]`` and ``answers`` ``[n, k]`` are as in ``mlops_assets.answers``; ``variance``
    is that of the labels in the train split, for a regression. Log loss is in nats; PR AUC is the
    average precision; precision, recall and F1 are of decisions at 0.5; errors and widths are in
    the target's unit. No rows: everything is ``None``. One class: what compares classes is.
    Precision is ``None`` where no row is decided positive; a resample that leaves a metric
    undefined counts as 0 for the lower bound and as 1 for the upper one. The order of the rows does
    not matter.

    Raises ``ValueError`` for other labels, probabilities outside [0, 1] or not adding up to 1,
    numbers that are not finite, shapes that do not match.
    """
    check_answers(task, labels, answers, variance)
    names = METRICS[task]
    if len(labels) == 0:
        return {name: Estimate() for name in names}
    order = row_order(labels, answers)
    rows = _prepare(task, labels[order], answers[order], variance)
    used = order[resampled_rows(rows.sizes)]
    some = (
        rows if len(used) == len(order) else _prepare(task, labels[used], answers[used], variance)
    )
    values, centers = (_of_all(one) for one in (rows, some))
    drawn = draws(some.measure, some.sizes, resamples, np.random.default_rng(seed))
    shrink = shrink_of(len(used), len(order))
    return {
        name: interval(values[i], drawn[:, i], centers[i], shrink=shrink, confidence=confidence)
        for i, name in enumerate(names)
    }


def by_group(
    task: Task,
    labels: Labels,
    answers: Answers,
    groups: Groups,
    *,
    seed: int,
    resamples: int = 200,
    variance: float = 1.0,
    min_rows: int = MIN_ROWS,
) -> list[GroupEvaluation]:
    """``evaluate`` on each group, a mask ``[n]`` by name; groups may overlap.

    A group of fewer than ``min_rows`` rows, or of one class, is "insufficient evidence" and its
    metrics are all ``None``. Raises as ``evaluate`` does, ``IndexError`` for an unequal mask.
    """
    records = []
    for name, mask in groups.items():
        held, rows = labels[mask], int(mask.sum())
        varied = task == "regression" or len(np.unique(held)) > 1
        enough = rows >= min_rows and varied
        used = mask & enough
        metrics = evaluate(
            task, labels[used], answers[used], seed=seed, resamples=resamples, variance=variance
        )
        verdict: GroupVerdict = "measured" if enough else "insufficient evidence"
        positives = int(np.count_nonzero(held)) if task == "binary" else None
        records.append(GroupEvaluation(name, rows, positives, verdict, metrics))
    return records


def row_order(labels: Labels, *answers: Answers) -> NDArray[np.intp]:
    """Rows by label, then by their answers: the same whatever order they came in."""
    columns = [column for one in answers for column in one.T]
    return np.lexsort((*reversed(columns), labels))


def check_answers(task: Task, labels: Labels, answers: Answers, variance: float) -> None:
    """Raise ``ValueError`` where labels or answers are not what ``mlops_assets.answers`` says."""
    width = {"binary": answers.shape[-1] == 1, "multiclass": answers.shape[-1] >= 2}
    fits = width.get(task, answers.shape[-1] == len(INTERVAL_ANSWERS)) or len(labels) == 0
    if labels.ndim != 1 or answers.ndim != 2 or len(labels) != len(answers) or not fits:
        raise ValueError(f"labels {labels.shape} and {task} answers {answers.shape} do not match")
    if not (np.isfinite(variance) and variance > 0.0):
        raise ValueError(f"the variance of the labels is {variance}, and must be above 0")
    if task == "regression":
        if not (np.isfinite(labels).all() and np.isfinite(answers).all()):
            raise ValueError("labels or answers that are NaN or infinite")
        return
    classes = max(2, answers.shape[1])
    if not np.isin(labels, np.arange(classes)).all():
        raise ValueError(f"labels other than 0 to {classes - 1}")
    if not ((answers >= 0.0) & (answers <= 1.0)).all():
        raise ValueError("probabilities outside 0 to 1, or NaN")
    if task == "multiclass" and (np.abs(answers.sum(axis=1) - 1.0) > SUM_TOLERANCE).any():
        raise ValueError("probabilities of a row that do not add up to 1")


def _prepare(task: Task, labels: Labels, answers: Answers, variance: float) -> _Rows:
    match task:
        case "binary":
            return binary_metrics.BinaryRows(labels, answers, variance)
        case "multiclass":
            return multiclass_metrics.MulticlassRows(labels, answers, variance)
        case "regression":
            return regression_metrics.RegressionRows(labels, answers, variance)


def _of_all(rows: _Rows) -> Values:
    """The metrics where each row counts once."""
    values: Values = rows.measure(np.ones((1, sum(rows.sizes)), np.int64))[0]
    return values
