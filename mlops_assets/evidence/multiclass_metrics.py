"""How good the answers of a classifier of many classes are, on rows weighted by a resample.

Belongs here: the metrics of decisions and probabilities of many classes, the confusion matrix. Does
not belong here: intervals (``bootstrap.py``), which rows are measured (``metrics.py``).
"""

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.evidence.bootstrap import Counts, Values
from mlops_assets.evidence.ranking import rank, ratio, roc_auc

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "macro_roc_auc": "macro one-vs-rest ROC AUC",
    "loss": "log loss",
    "brier": "Brier score",
}


class MulticlassRows:
    """Rows of class positions ``[n]`` (ascending) and answers ``[n, k]``, ready to be measured.

    The Brier score is that of G. Brier, "Verification of forecasts expressed in terms of
    probability", 1950: the squared differences of all classes added up, 0 to 2.
    """

    def __init__(self, labels: Labels, answers: Answers, variance: float) -> None:
        codes = labels.astype(np.int64)
        self._truth, self._given = codes, answers.argmax(axis=1)
        classes = answers.shape[1]
        occurring = np.bincount(codes, minlength=classes)
        self.sizes: tuple[int, ...] = tuple(int(rows) for rows in occurring if rows)
        self._present = [int(k) for k in np.flatnonzero(occurring)]
        self._seen = sorted({*self._present, *self._given.tolist()})
        self._losses = row_losses("multiclass", labels, answers, variance)
        expected = np.arange(classes) == codes[:, None]
        self._squares = ((answers - expected) ** 2).sum(axis=1)
        self._rankings = [rank(codes == k, answers[:, k]) for k in self._present]

    def measure(self, counts: Counts) -> Values:
        """The metrics in the order of ``NAMES``, ``[b, 6]``, where each row counts as often as
        ``counts`` ``[b, n]`` says. What compares classes is NaN where there is one only."""
        rows = counts.sum(axis=1)
        loss = (counts * self._losses).sum(axis=1) / rows
        brier = (counts * self._squares).sum(axis=1) / rows
        right = counts[:, self._truth == self._given].sum(axis=1) / rows
        unknown = np.full(len(counts), np.nan)
        balanced, f1, area = unknown, unknown, unknown
        if len(self._present) > 1:
            balanced = _mean([self._recall(counts, k) for k in self._present])
            f1 = _mean([self._f1(counts, k) for k in self._seen])
            area = _mean([roc_auc(ranking, counts) for ranking in self._rankings])
        return np.stack([right, balanced, f1, area, loss, brier], axis=1)

    def _recall(self, counts: Counts, k: int) -> Values:
        hits = counts[:, (self._truth == k) & (self._given == k)].sum(axis=1)
        return ratio(hits, counts[:, self._truth == k].sum(axis=1))

    def _f1(self, counts: Counts, k: int) -> Values:
        """0 for a class that occurs in neither labels nor decisions of a resample."""
        hits = counts[:, (self._truth == k) & (self._given == k)].sum(axis=1)
        named = counts[:, self._truth == k].sum(axis=1) + counts[:, self._given == k].sum(axis=1)
        score: Values = 2.0 * hits / np.maximum(named, 1)
        return score


def confusion_matrix(labels: Labels, answers: Answers) -> list[list[int]]:
    """Rows of each class (outer) that were given each class (inner), in the answers' order."""
    classes = answers.shape[1]
    cells = labels.astype(np.int64) * classes + answers.argmax(axis=1)
    counted: NDArray[np.int64] = np.bincount(cells, minlength=classes * classes)
    return [[int(rows) for rows in row] for row in counted.reshape(classes, classes)]


def _mean(columns: list[Values]) -> Values:
    averages: Values = np.stack(columns, axis=1).mean(axis=1)
    return averages
