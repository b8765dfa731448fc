"""How good the answers of a binary classifier are, on rows weighted by a resample.

Belongs here: the metrics of decisions and probabilities of two classes. Does not belong here:
intervals (``bootstrap.py``), which rows are measured (``metrics.py``).
"""

import numpy as np

from mlops_assets.answers import DECISION, Answers, Labels, row_losses
from mlops_assets.evidence.bootstrap import Counts, Values
from mlops_assets.evidence.ranking import cumulative, rank, ratio, roc_auc

NAMES = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "loss": "log loss",
    "brier": "Brier score",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}


class BinaryRows:
    """Rows of labels 0 or 1 ``[n]`` (all 0 first) and answers ``[n, 1]``, ready to be measured."""

    def __init__(self, labels: Labels, answers: Answers, variance: float) -> None:
        scores, positive = answers[:, 0], labels == 1
        self.sizes: tuple[int, ...] = (int((~positive).sum()), int(positive.sum()))
        self._losses = row_losses("binary", labels, answers, variance)
        self._squares = (scores - labels) ** 2
        self._ranking = rank(positive, scores)
        own, rest = self._ranking.own, self._ranking.rest
        self._undecided = (
            int(np.searchsorted(scores[own], DECISION)),
            int(np.searchsorted(scores[rest], DECISION)),
        )

    def measure(self, counts: Counts) -> Values:
        """The metrics in the order of ``NAMES``, ``[b, 7]``, where each row counts as often as
        ``counts`` ``[b, n]`` says. Precision is NaN where nothing is decided positive; all but log
        loss and Brier are where there is one class."""
        rows = counts.sum(axis=1)
        # Not a matrix product: BLAS adds up in another order with another number of threads.
        loss = (counts * self._losses).sum(axis=1) / rows
        brier = (counts * self._squares).sum(axis=1) / rows
        if not self._ranking.has_both:
            unknown = np.full(len(counts), np.nan)
            return np.stack([unknown, unknown, loss, brier, *[unknown] * 3], axis=1)
        ranking = self._ranking
        own = counts[:, ranking.own]
        own_before, rest_before = cumulative(own), cumulative(counts[:, ranking.rest])
        positives, negatives = own_before[:, -1], rest_before[:, -1]
        found = positives[:, None] - own_before[:, ranking.own_below]
        alarms = found + negatives[:, None] - rest_before[:, ranking.below]
        average_precision = (own * (found / np.maximum(alarms, 1))).sum(axis=1) / positives
        hits = positives - own_before[:, self._undecided[0]]
        decided = hits + negatives - rest_before[:, self._undecided[1]]
        return np.stack(
            [
                roc_auc(ranking, counts),
                average_precision,
                loss,
                brier,
                ratio(hits, decided),
                hits / positives,
                2 * hits / (decided + positives),
            ],
            axis=1,
        )
