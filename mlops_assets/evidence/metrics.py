"""How good probabilities are: the metrics of a binary classifier with their intervals.

Belongs here: the metrics, overall and by group, their bootstrap, the paired comparison of two
models on the same rows. Does not belong here: what a number must reach (the use case), who is
compared with whom (``evaluation.py``), a batch's verdict (``monitoring/performance.py``).

Intervals are percentile intervals of a bootstrap (B. Efron and R. Tibshirani, "An Introduction to
the Bootstrap", 1993, chapter 13). The resamples of ``evaluate`` are stratified: drawn within each
class, so that no resample loses the rare class and every metric stays defined. They therefore
describe the uncertainty at the observed class balance. Both bootstraps treat rows as independent.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.reporting.page import Number

METRIC_NAMES = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}
METRICS = tuple(METRIC_NAMES)
DECISION_THRESHOLD = 0.5
"""Rows with at least this probability are decided positive."""
LOG_LOSS_FLOOR = 1e-15
"""Probabilities are clipped to this and its complement, in float64, before a logarithm."""
MIN_ROWS = 50
"""Fewer rows than this are no evidence of how good a model is."""

Labels = NDArray[np.integer[Any]]
Probabilities = NDArray[np.floating[Any]]
Counts = NDArray[np.int64]
GroupVerdict = Literal["measured", "insufficient evidence"]


@dataclass(frozen=True)
class _Record:
    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able values."""
        return asdict(self)


@dataclass(frozen=True)
class Estimate(_Record):
    """A number with the bounds of its interval; ``None`` where it is not defined."""

    value: Number = None
    low: Number = None
    high: Number = None


@dataclass(frozen=True)
class PairedDifference(_Record):
    """Two models on the same rows. Positive is in the challenger's favour: ``log_loss`` is the
    mean of champion minus challenger, ``roc_auc`` is challenger minus champion. The ``_low``
    fields are one-sided lower bounds at ``confidence``."""

    rows: int
    confidence: float
    log_loss: Number = None
    log_loss_low: Number = None
    roc_auc: Number = None
    roc_auc_low: Number = None


@dataclass(frozen=True)
class GroupEvaluation(_Record):
    """The metrics on one group of rows. The verdict says whether there was enough to measure,
    never that the group is served well."""

    name: str
    rows: int
    positives: int
    verdict: GroupVerdict
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class _Ranking:
    """The rows of each class (positives, negatives) by ascending probability: where they stood
    (``order``), what they cost, where they reach the threshold (``decided``). ``below`` and
    ``up_to`` count the negatives under and not above each positive, ``own_below`` the positives
    under it."""

    order: tuple[NDArray[np.intp], NDArray[np.intp]]
    losses: tuple[NDArray[np.float64], NDArray[np.float64]]
    squares: tuple[NDArray[np.float64], NDArray[np.float64]]
    below: NDArray[np.intp]
    up_to: NDArray[np.intp]
    own_below: NDArray[np.intp]
    decided: tuple[int, int]

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.order[0]), len(self.order[1])


def evaluate(
    labels: Labels,
    probabilities: Probabilities,
    *,
    seed: int,
    resamples: int = 200,
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """Every metric of ``METRICS`` with its two-sided bootstrap interval.

    ``labels`` are 0 or 1 ``[n]``, ``probabilities`` of class 1 in [0, 1] ``[n]``. Log loss is in
    nats. PR AUC is the average precision; precision, recall and F1 are of decisions at 0.5. No
    rows: everything is ``None``. One class: everything but log loss and Brier is. Precision is
    ``None`` where no row is decided positive; a resample that leaves it undefined counts as 0 for
    the lower bound and as 1 for the upper one. The order of the rows does not matter.
    Raises ``ValueError`` for other labels, probabilities outside [0, 1] or NaN, unequal lengths.
    """
    truth, scores = _checked(labels, probabilities)
    if len(truth) == 0:
        return {name: Estimate() for name in METRICS}
    ranking = _rank(truth, scores)
    values = _measure(ranking, *(np.ones(n, np.int64) for n in ranking.sizes))
    rng = np.random.default_rng(seed)
    draws = np.array(
        [_measure(ranking, *(_resample(rng, n) for n in ranking.sizes)) for _ in range(resamples)]
    )
    return {name: _interval(values[i], draws[:, i], confidence) for i, name in enumerate(METRICS)}


def paired_difference(
    labels: Labels,
    champion_probabilities: Probabilities,
    challenger_probabilities: Probabilities,
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> PairedDifference:
    """How much better the challenger is than the champion on identical rows.

    The bound of the log loss resamples rows regardless of class, so that it also covers the chance
    in the class balance: a difference of two models often has another sign in each class. That of
    the ROC AUC resamples within classes. Fewer than ``MIN_ROWS`` rows have no bounds, one class no
    ROC AUC. The order of the rows does not matter. Raises ``ValueError`` as ``evaluate`` does.
    """
    truth, champion = _checked(labels, champion_probabilities)
    _, challenger = _checked(labels, challenger_probabilities)
    rows, order = len(truth), np.lexsort((challenger, champion, truth))
    if rows == 0:
        return PairedDifference(rows, confidence)
    truth, answers = truth[order], [champion[order], challenger[order]]
    losses = [_losses(np.where(truth, scores, 1.0 - scores)) for scores in answers]
    differences = losses[0] - losses[1]
    resamples = resamples if rows >= MIN_ROWS else 0
    rng = np.random.default_rng(seed)
    means = [differences[rng.integers(0, rows, rows)].mean() for _ in range(resamples)]
    area, areas = _area_differences(truth, answers, rng, resamples)
    low, area_low = (_lower_bound(draws, confidence) for draws in (means, areas))
    return PairedDifference(rows, confidence, float(differences.mean()), low, area, area_low)


def by_group(
    labels: Labels,
    probabilities: Probabilities,
    groups: Mapping[str, NDArray[np.bool_]],
    *,
    seed: int,
    resamples: int = 200,
    min_rows: int = MIN_ROWS,
) -> list[GroupEvaluation]:
    """``evaluate`` on each group, a mask ``[n]`` by name; groups may overlap.

    A group of fewer than ``min_rows`` rows, or of one class, is "insufficient evidence" and its
    metrics are all ``None``. Raises as ``evaluate`` does, ``IndexError`` for an unequal mask.
    """
    records = []
    for name, mask in groups.items():
        rows, positives = int(mask.sum()), int(np.count_nonzero(labels[mask]))
        enough = rows >= min_rows and 0 < positives < rows
        used = mask & enough
        metrics = evaluate(labels[used], probabilities[used], seed=seed, resamples=resamples)
        verdict: GroupVerdict = "measured" if enough else "insufficient evidence"
        records.append(GroupEvaluation(name, rows, positives, verdict, metrics))
    return records


def _checked(
    labels: Labels, probabilities: Probabilities
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    scores = probabilities.astype(np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(f"labels {labels.shape} and probabilities {scores.shape} do not match")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels other than 0 and 1")
    if not ((scores >= 0.0) & (scores <= 1.0)).all():
        raise ValueError("probabilities outside 0 to 1, or NaN")
    return labels == 1, scores


def _losses(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log loss of each row, given the probability of what happened."""
    return -np.log(np.clip(chances, LOG_LOSS_FLOOR, 1.0 - LOG_LOSS_FLOOR))


def _rank(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> _Ranking:
    order = np.argsort(scores[truth], kind="stable"), np.argsort(scores[~truth], kind="stable")
    positives, negatives = scores[truth][order[0]], scores[~truth][order[1]]
    starts = [int(np.searchsorted(c, DECISION_THRESHOLD)) for c in (positives, negatives)]
    return _Ranking(
        order,
        losses=(_losses(positives), _losses(1.0 - negatives)),
        squares=((1.0 - positives) ** 2, negatives**2),
        below=np.searchsorted(negatives, positives, side="left"),
        up_to=np.searchsorted(negatives, positives, side="right"),
        own_below=np.searchsorted(positives, positives, side="left"),
        decided=(starts[0], starts[1]),
    )


def _resample(rng: np.random.Generator, rows: int) -> Counts:
    """How often each of ``rows`` rows is drawn: a resample as multinomial counts."""
    return np.bincount(rng.integers(0, max(rows, 1), rows), minlength=rows)


def _cumulative(counts: Counts) -> Counts:
    return np.concatenate([[0], np.cumsum(counts)])


def _measure(ranking: _Ranking, positives: Counts, negatives: Counts) -> tuple[float, ...]:
    """The metrics in the order of ``METRICS`` where each row counts as often as given."""
    n_positive, n_negative = ranking.sizes
    losses, squares, rows = ranking.losses, ranking.squares, n_positive + n_negative
    # Not a dot product: BLAS adds up in another order with another number of threads.
    log_loss = float(np.sum(positives * losses[0]) + np.sum(negatives * losses[1])) / rows
    brier = float(np.sum(positives * squares[0]) + np.sum(negatives * squares[1])) / rows
    if n_positive == 0 or n_negative == 0:
        return np.nan, np.nan, log_loss, brier, np.nan, np.nan, np.nan
    up_to_positive, up_to_negative = _cumulative(positives), _cumulative(negatives)
    true_positives = n_positive - up_to_positive[ranking.own_below]
    alarms = true_positives + n_negative - up_to_negative[ranking.below]
    average_precision = np.sum(positives * true_positives / np.maximum(alarms, 1)) / n_positive
    hits = int(n_positive - up_to_positive[ranking.decided[0]])
    decided = hits + int(n_negative - up_to_negative[ranking.decided[1]])
    precision, recall = hits / decided if decided else np.nan, hits / n_positive
    f1 = 2 * hits / (decided + n_positive)
    area = _area(ranking, positives, up_to_negative)
    return area, float(average_precision), log_loss, brier, precision, recall, f1


def _area(ranking: _Ranking, positives: Counts, up_to_negative: Counts) -> float:
    """ROC AUC as the Mann-Whitney statistic: the share of pairs in order, ties counting half."""
    half_wins = up_to_negative[ranking.below] + up_to_negative[ranking.up_to]
    return int(np.sum(positives * half_wins)) / (2 * len(positives) * int(up_to_negative[-1]))


def _area_differences(
    truth: NDArray[np.bool_],
    answers: list[NDArray[np.float64]],
    rng: np.random.Generator,
    resamples: int,
) -> tuple[Number, list[float]]:
    """The second's minus the first's ROC AUC, and the same on resamples shared by both."""
    rankings = [_rank(truth, scores) for scores in answers]
    sizes = rankings[0].sizes
    if 0 in sizes:
        return None, []

    def difference(positives: Counts, negatives: Counts) -> float:
        first, second = (
            _area(r, positives[r.order[0]], _cumulative(negatives[r.order[1]])) for r in rankings
        )
        return second - first

    draws = [difference(*(_resample(rng, n) for n in sizes)) for _ in range(resamples)]
    return difference(*(np.ones(n, np.int64) for n in sizes)), draws


def _lower_bound(draws: list[float], confidence: float) -> Number:
    return float(np.quantile(draws, 1.0 - confidence)) if draws else None


def _interval(value: float, draws: NDArray[np.float64], confidence: float) -> Estimate:
    if np.isnan(value):
        return Estimate()
    tail = (1.0 - confidence) / 2.0
    undefined = np.isnan(draws)
    return Estimate(
        value=float(value),
        low=float(np.quantile(np.where(undefined, 0.0, draws), tail)),
        high=float(np.quantile(np.where(undefined, 1.0, draws), 1.0 - tail)),
    )
