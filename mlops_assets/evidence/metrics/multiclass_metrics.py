"""How good the probabilities of a classifier of many classes are, on rows weighted by a resample.

Belongs here: the metrics of a multiclass task, and how those of probabilities are computed. Does
not belong here: metrics of decisions (``decision_shares.py``), intervals (``bootstrap.py``), which
rows are measured (``metrics.py``).
"""

import numpy as np

from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.evidence.metrics.bootstrap import Counts, Values
from mlops_assets.evidence.metrics.ranking import rank, roc_auc
from mlops_assets.evidence.metrics.scales import Scale
from mlops_assets.reporting.text import mark

NAMES = {
    "accuracy": mark("accuracy"),
    "balanced_accuracy": mark("balanced accuracy"),
    "macro_f1": mark("macro F1"),
    "macro_roc_auc": mark("macro one-vs-rest ROC AUC"),
    "loss": mark("log loss"),
    "brier": mark("Brier score"),
    "calibration_error": mark("expected calibration error"),
}

SCALES: dict[str, Scale] = {
    "macro_roc_auc": "share",
}
"""The metrics that are resampled, and the scale of each."""


class MulticlassRows:
    """Rows of class positions ``[n]`` (ascending) and answers ``[n, k]``, ready to be measured.

    The Brier score is that of G. Brier, "Verification of forecasts expressed in terms of
    probability", 1950: the squared differences of all classes added up, 0 to 2.
    """

    def __init__(self, labels: Labels, answers: Answers, variance: float) -> None:
        self.scales = SCALES
        codes = labels.astype(np.int64)
        classes = answers.shape[1]
        occurring = np.bincount(codes, minlength=classes)
        self.sizes: tuple[int, ...] = tuple(int(rows) for rows in occurring if rows)
        expected = np.arange(classes) == codes[:, None]
        self.means = {
            "loss": row_losses("multiclass", labels, answers, variance),
            "brier": ((answers - expected) ** 2).sum(axis=1),
        }
        self._rankings = [rank(codes == k, answers[:, k]) for k in np.flatnonzero(occurring)]

    def measure(self, counts: Counts) -> Values:
        """The metric of ``SCALES``, ``[b, 1]``, where each row counts as often as ``counts``
        ``[b, n]`` says; NaN where there is one class only."""
        if len(self._rankings) < 2:
            return np.full((len(counts), 1), np.nan)
        areas = [roc_auc(ranking, counts) for ranking in self._rankings]
        mean: Values = np.stack(areas, axis=1).mean(axis=1, keepdims=True)
        return mean
