"""Two models on the same rows: how much better one is, and how certainly.

Belongs here: the paired comparison. Does not belong here: who is compared with whom
(``evaluation.py``), or what a gain leads to (``release/gate.py``).

The bound of the mean gain is that of the studentised bootstrap, which follows the skewness of gains
(P. Hall, "Theoretical comparison of bootstrap confidence intervals", 1988).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.evidence.metrics.bootstrap import (
    MIN_ROWS,
    Blocks,
    Record,
    Values,
    draws,
    resampled_rows,
    resamples_of,
    shrink_of,
)
from mlops_assets.evidence.metrics.metrics import check_answers, row_order
from mlops_assets.evidence.metrics.ranking import rank, roc_auc
from mlops_assets.evidence.metrics.spread import spread
from mlops_assets.reporting.page import Number
from mlops_assets.target_declaration import Task


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
    blocks: Blocks | None = None,
) -> PairedDifference:
    """How much better the challenger is than the champion on identical rows, by the mean of
    ``answers.row_losses``.

    The bound of the loss resamples rows regardless of class, so that it also covers the chance in
    the class balance: a difference of two models often has another sign in each class. That of the
    ROC AUC resamples within classes. With ``blocks`` ``[n]``, both resample whole blocks. Fewer
    than ``MIN_ROWS`` rows have no bounds, one class no ROC AUC. The order of the rows does not
    matter. Raises ``ValueError`` as ``evaluate`` does.
    """
    both = (champion_answers, challenger_answers)
    for answers in both:
        check_answers(task, labels, answers, variance)
    rows = len(labels)
    if rows == 0:
        return PairedDifference(rows, confidence)
    order = row_order(labels, *both, *([] if blocks is None else [blocks[:, None]]))
    truth, champion, challenger = labels[order], champion_answers[order], challenger_answers[order]
    held = None if blocks is None else np.unique(blocks[order], return_inverse=True)[1]
    gains = row_losses(task, truth, champion, variance) - row_losses(
        task, truth, challenger, variance
    )
    resamples = resamples if rows >= MIN_ROWS else 0
    rng = np.random.default_rng(seed)
    low = _mean_bound(gains, held, resamples, rng, confidence)
    area, area_low = None, None
    if task == "binary" and 0 < np.count_nonzero(truth) < rows:
        area, area_low = _area_gain(truth, champion, challenger, held, resamples, rng, confidence)
    return PairedDifference(rows, confidence, float(gains.mean()), low, area, area_low)


def _mean_bound(
    gains: Values,
    blocks: Blocks | None,
    resamples: int,
    rng: np.random.Generator,
    confidence: float,
) -> Number:
    """The lower bound of the mean of ``gains`` ``[n]``."""
    found = spread(gains - gains.mean(), None, blocks)
    if not resamples or found is None:
        return None
    if found.error == 0.0:
        return float(gains.mean())
    sums = gains[resampled_rows((len(gains),))] if blocks is None else np.bincount(blocks, gains)
    sizes = np.ones(len(sums)) if blocks is None else np.bincount(blocks).astype(np.float64)
    pivots = _pivots(sums, sizes, resamples, rng)
    return float(gains.mean() - np.quantile(pivots, confidence) * found.error)


def _pivots(sums: NDArray[Any], sizes: Values, resamples: int, rng: np.random.Generator) -> Values:
    """The mean of each resample of blocks with ``sums`` ``[u]`` over ``sizes`` ``[u]``, minus the
    mean of all, in standard errors of its own, ``[r]``."""
    center, units, found = sums.sum() / sizes.sum(), len(sums), []
    for counts in resamples_of((units,), resamples, rng):
        rows = (counts * sizes).sum(axis=1)
        means = (counts * sums).sum(axis=1) / rows
        squares = (counts * (sums - means[:, None] * sizes) ** 2).sum(axis=1)
        errors = np.sqrt(squares * units / (units - 1.0)) / rows
        varied = errors > 0.0
        found.append((means[varied] - center) / errors[varied])
    return np.concatenate(found)


def _area_gain(
    labels: Labels,
    champion: Answers,
    challenger: Answers,
    blocks: Blocks | None,
    resamples: int,
    rng: np.random.Generator,
    confidence: float,
) -> tuple[float, Number]:
    """The challenger's minus the champion's ROC AUC, and its lower bound: Student's t with the
    resamples' standard deviation. Rows are ordered by label."""
    from scipy.special import stdtrit

    negatives = int((labels == 0).sum())
    sizes = (negatives, len(labels) - negatives)
    used = np.arange(len(labels)) if blocks is not None else resampled_rows(sizes)
    kept = np.diff(np.searchsorted(used, [0, *np.cumsum(sizes)])).tolist()
    first, second = (rank(labels == 1, answers[:, 0]) for answers in (champion, challenger))
    ones = np.ones((1, len(labels)), np.int64)
    value = float((roc_auc(second, ones) - roc_auc(first, ones))[0])
    one, other = (rank(labels[used] == 1, given[used, 0]) for given in (champion, challenger))
    drawn = draws(
        lambda counts: (roc_auc(other, counts) - roc_auc(one, counts))[:, None],
        kept,
        resamples,
        rng,
        blocks,
    ).ravel()
    drawn = drawn[~np.isnan(drawn)]
    units = min(sizes) if blocks is None else int(blocks.max()) + 1
    if len(drawn) < max(2, resamples // 2) or units < 2:
        return value, None
    widened = np.sqrt(units / (units - 1.0)) * shrink_of(len(used), len(labels))
    return value, value - float(stdtrit(units - 1, confidence) * drawn.std(ddof=1) * widened)
