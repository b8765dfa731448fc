"""Two models on the same rows: how much better one is, and how certainly.

Belongs here: the paired comparison. Does not belong here: who is compared with whom
(``evaluation.py``), or what a gain leads to (``release/gate.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.evidence.bootstrap import (
    MIN_ROWS,
    Counts,
    Record,
    Values,
    draws,
    lower_bound,
    resampled_rows,
    shrink_of,
)
from mlops_assets.evidence.metrics import check_answers, row_order
from mlops_assets.evidence.ranking import rank, roc_auc
from mlops_assets.reporting.page import Number
from mlops_assets.target_declaration import Task

Measure = Callable[[Counts], Values]


@dataclass(frozen=True)
class PairedDifference(Record):
    """Two models on the same rows. Positive is in the challenger's favour: ``loss`` is the mean of
    champion minus challenger, ``roc_auc`` (binary only) is challenger minus champion. The ``_low``
    fields are one-sided lower bounds at ``confidence``."""

    rows: int
    confidence: float
    loss: Number = None
    loss_low: Number = None
    roc_auc: Number = None
    roc_auc_low: Number = None


def paired_difference(
    task: Task,
    labels: Labels,
    champion_answers: Answers,
    challenger_answers: Answers,
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
    variance: float = 1.0,
) -> PairedDifference:
    """How much better the challenger is than the champion on identical rows, by the mean of
    ``answers.row_losses``.

    The bound of the loss resamples rows regardless of class, so that it also covers the chance in
    the class balance: a difference of two models often has another sign in each class. That of the
    ROC AUC resamples within classes. Fewer than ``MIN_ROWS`` rows have no bounds, one class no ROC
    AUC. The order of the rows does not matter. Raises ``ValueError`` as ``evaluate`` does.
    """
    both = (champion_answers, challenger_answers)
    for answers in both:
        check_answers(task, labels, answers, variance)
    rows = len(labels)
    if rows == 0:
        return PairedDifference(rows, confidence)
    order = row_order(labels, *both)
    truth, champion, challenger = labels[order], champion_answers[order], challenger_answers[order]
    gains = row_losses(task, truth, champion, variance) - row_losses(
        task, truth, challenger, variance
    )
    resamples = resamples if rows >= MIN_ROWS else 0
    rng = np.random.default_rng(seed)
    loss, low = _with_bound(_mean_of, gains, (rows,), resamples, rng, confidence)
    area, area_low = None, None
    positives = int(np.count_nonzero(truth))
    if task == "binary" and 0 < positives < rows:
        sizes = (rows - positives, positives)
        scores = np.column_stack([truth, champion, challenger]).astype(np.float64)
        area, area_low = _with_bound(_areas_apart, scores, sizes, resamples, rng, confidence)
    return PairedDifference(rows, confidence, loss, low, area, area_low)


def _with_bound(
    prepare: Callable[[Values], Measure],
    rows: Values,
    sizes: tuple[int, ...],
    resamples: int,
    rng: np.random.Generator,
    confidence: float,
) -> tuple[float, Number]:
    """What ``prepare(rows)`` measures, and its lower bound on resamples of the strata."""
    used = resampled_rows(sizes)
    kept = np.diff(np.searchsorted(used, [0, *np.cumsum(sizes)])).tolist()
    value, center = (_of_all(prepare(some), len(some)) for some in (rows, rows[used]))
    drawn = draws(prepare(rows[used]), kept, resamples, rng).ravel()
    shrink = shrink_of(len(used), len(rows))
    return value, lower_bound(value, drawn, center, shrink=shrink, confidence=confidence)


def _of_all(measure: Measure, rows: int) -> float:
    return float(measure(np.ones((1, rows), np.int64))[0, 0])


def _mean_of(values: Values) -> Measure:
    """The mean of ``values`` ``[n]`` where each counts as often as a resample says."""

    def measure(counts: Counts) -> Values:
        means: Values = (counts * values).sum(axis=1, keepdims=True) / len(values)
        return means

    return measure


def _areas_apart(rows: Values) -> Measure:
    """The second's minus the first's ROC AUC; columns are label, first and second answer."""
    first, second = (rank(rows[:, 0] == 1, rows[:, place]) for place in (1, 2))

    def measure(counts: Counts) -> Values:
        return (roc_auc(second, counts) - roc_auc(first, counts))[:, None]

    return measure
