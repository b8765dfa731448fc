"""How good answers are: the metrics of each task with their intervals.

Belongs here: which metrics a task has, and their estimates. Does not belong here: groups
(``group_metrics.py``), how a metric is computed (``binary_metrics.py``,
``multiclass_metrics.py``, ``regression_metrics.py``, ``decision_shares.py``,
``calibration_error.py``), the comparison of two models (``comparison.py``), what a number must
reach (the use case), who is compared with whom (``evaluation.py``).

The resamples of a classification are stratified: drawn within each class, so that no resample loses
the rare class and every metric stays defined. They therefore describe the uncertainty at the
observed class balance. Rows of one day are not independent of each other: with ``blocks``, whole
days are drawn instead, whatever their classes.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import INTERVAL_ANSWERS, Answers, Cut, Labels, decisions
from mlops_assets.evidence.metrics import binary_metrics, multiclass_metrics, regression_metrics
from mlops_assets.evidence.metrics.bootstrap import (
    Blocks,
    Counts,
    Estimate,
    Values,
    draws,
    interval,
    resampled_rows,
    shrink_of,
)
from mlops_assets.evidence.metrics.calibration_error import calibration_error
from mlops_assets.evidence.metrics.decision_shares import share_estimates
from mlops_assets.evidence.metrics.regression_metrics import inside
from mlops_assets.evidence.metrics.scales import Scale, jeffreys
from mlops_assets.evidence.metrics.spread import mean_estimate, root_of
from mlops_assets.reporting.text import mark
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
    "binary": mark(
        "ROC AUC is how often a positive row gets a higher probability than a negative one: 0.5 is "
        "guessing, 1 is perfect. PR AUC is the mean precision over all thresholds. Log loss and "
        "Brier score are mean penalties of the probabilities, smaller is better. Precision "
        "is the share of positive decisions that are right, recall the share of positive rows that "
        "are found, and F1 their harmonic mean."
    ),
    "multiclass": mark(
        "Log loss and Brier score are mean penalties of the probabilities, smaller is better. "
        "Accuracy is the share of right decisions, balanced accuracy its mean over the classes, "
        "and F1 the harmonic mean of precision and recall."
    ),
    "regression": mark(
        "Errors and widths are in the target's unit; the standardised squared error is 1 for a "
        "model that always answers the mean."
    ),
}
"""What a reader has to know of the metrics of each task."""
RESAMPLES = 400
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from adding up to 1."""


class _Rows(Protocol):
    sizes: tuple[int, ...]
    scales: dict[str, Scale]
    means: dict[str, Values]
    """What a metric is the mean of, ``[n]``; the RMSE is the root of one."""

    def measure(self, counts: Counts) -> Values: ...


def evaluate(
    task: Task,
    labels: Labels,
    answers: Answers,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    variance: float = 1.0,
    cut: Cut | None = None,
    blocks: Blocks | None = None,
) -> dict[str, Estimate]:
    """Every metric of ``METRICS[task]`` with its two-sided interval.

    ``labels`` ``[n]`` and ``answers`` ``[n, k]`` are as in ``mlops_assets.answers``; ``variance``
    is that of the labels in the train split, for a regression; ``cut`` decides (by default at 0.5,
    or for the most probable class); ``blocks`` ``[n]`` are resampled as wholes. Log loss is in
    nats; PR AUC is the average precision; errors and widths are in the target's unit. No rows:
    everything is ``None``. One class: what compares classes is. Precision is ``None`` where no row
    is decided positive. The order of the rows does not matter.

    Raises ``ValueError`` for other labels, probabilities outside [0, 1] or not adding up to 1,
    numbers that are not finite, shapes that do not match.
    """
    check_answers(task, labels, answers, variance)
    names = METRICS[task]
    if len(labels) == 0:
        return {name: Estimate() for name in names}
    order = _order(task, labels, answers, cut, blocks)
    truth, given = labels[order], answers[order]
    held = None if blocks is None else np.unique(blocks[order], return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    rows = _prepare(task, truth, given, variance)
    found = _resampled(task, rows, truth, given, resamples, confidence, rng, held)
    found |= _means(
        rows, None if task == "regression" else truth.astype(np.int64), held, confidence
    )
    decided = decisions(task, given, cut.at(order) if cut else None)
    if decided is not None:
        classes = max(2, given.shape[1])
        found |= share_estimates(
            task,
            truth.astype(np.int64),
            decided,
            classes,
            rng=rng,
            blocks=held,
            confidence=confidence,
        )
        found["calibration_error"] = calibration_error(
            task, truth, given, blocks=held, confidence=confidence
        )
    elif held is None:
        hits = int(inside(truth, given).sum())
        bounds = jeffreys(hits, len(truth), confidence)
        found["coverage"] = Estimate(hits / len(truth), *bounds)
    return {name: found[name] for name in names}


def _means(
    rows: _Rows, strata: Blocks | None, blocks: Blocks | None, confidence: float
) -> dict[str, Estimate]:
    """The metrics that are means over rows, whose intervals need no resampling."""
    found = {}
    for name, values in rows.means.items():
        found[name] = mean_estimate(values, strata=strata, blocks=blocks, confidence=confidence)
        if name == "rmse":
            found[name] = root_of(found[name])
    return found


def _resampled(
    task: Task,
    rows: _Rows,
    labels: Labels,
    answers: Answers,
    resamples: int,
    confidence: float,
    rng: np.random.Generator,
    blocks: Blocks | None,
) -> dict[str, Estimate]:
    """The metrics that are resampled. Rows are ordered by label."""
    used = np.arange(len(labels)) if blocks is not None else resampled_rows(rows.sizes)
    some = rows
    if len(used) < len(labels):
        some = _prepare(task, labels[used], answers[used], 1.0)
    values = rows.measure(np.ones((1, len(labels)), np.int64))[0]
    drawn = draws(some.measure, some.sizes, resamples, rng, blocks)
    shrink = shrink_of(len(used), len(labels))
    units = min(size for size in rows.sizes if size) if blocks is None else int(blocks.max()) + 1
    return {
        name: interval(
            values[place],
            drawn[:, place] if len(drawn) else drawn.ravel(),
            scale=scale,
            units=units,
            shrink=shrink,
            confidence=confidence,
        )
        for place, (name, scale) in enumerate(rows.scales.items())
    }


def _order(
    task: Task, labels: Labels, answers: Answers, cut: Cut | None, blocks: Blocks | None
) -> NDArray[np.intp]:
    """Rows by label, then by all else that is known of them."""
    decided = decisions(task, answers, cut)
    more = [given[:, None] for given in (decided, blocks) if given is not None]
    return row_order(labels, answers, *more)


def row_order(labels: Labels, *answers: NDArray[np.generic]) -> NDArray[np.intp]:
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
