"""How good the probabilities of a binary classifier are, on rows weighted by a resample.

Belongs here: the metrics of a binary task, and how those of probabilities are computed. Does not
belong here: metrics of decisions (``decision_shares.py``), intervals (``bootstrap.py``), which rows
are measured (``metrics.py``).
"""

import numpy as np

from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.evidence.metrics.bootstrap import Counts, Values
from mlops_assets.evidence.metrics.ranking import cumulative, rank, roc_auc
from mlops_assets.evidence.metrics.scales import Scale
from mlops_assets.reporting.text import mark

NAMES = {
    "roc_auc": mark("ROC AUC"),
    "pr_auc": mark("PR AUC"),
    "loss": mark("log loss"),
    "brier": mark("Brier score"),
    "precision": mark("precision"),
    "recall": mark("recall"),
    "f1": mark("F1"),
    "calibration_error": mark("expected calibration error"),
}

SCALES: dict[str, Scale] = {
    "roc_auc": "share",
    "pr_auc": "share",
}
"""The metrics that are resampled, and the scale of each."""


class BinaryRows:
    """Rows of labels 0 or 1 ``[n]`` (all 0 first) and answers ``[n, 1]``, ready to be measured."""

    def __init__(self, labels: Labels, answers: Answers, variance: float) -> None:
        self.scales = SCALES
        scores, positive = answers[:, 0], labels == 1
        self.sizes: tuple[int, ...] = (int((~positive).sum()), int(positive.sum()))
        self.means = {
            "loss": row_losses("binary", labels, answers, variance),
            "brier": (scores - labels) ** 2,
        }
        self._ranking = rank(positive, scores)

    def measure(self, counts: Counts) -> Values:
        """The metrics in the order of ``SCALES``, ``[b, 2]``, where each row counts as often as
        ``counts`` ``[b, n]`` says; NaN where there is one class."""
        if not self._ranking.has_both:
            return np.full((len(counts), len(self.scales)), np.nan)
        ranking = self._ranking
        own = counts[:, ranking.own]
        own_before, rest_before = cumulative(own), cumulative(counts[:, ranking.rest])
        positives, negatives = own_before[:, -1], rest_before[:, -1]
        found = positives[:, None] - own_before[:, ranking.own_below]
        alarms = found + negatives[:, None] - rest_before[:, ranking.below]
        hits = (own * (found / np.maximum(alarms, 1))).sum(axis=1)
        average_precision = np.where(positives > 0, hits / np.maximum(positives, 1), np.nan)
        return np.stack([roc_auc(ranking, counts), average_precision], axis=1)
