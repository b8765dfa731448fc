"""Exact Shapley values of a model whose scores are sums over its raw columns.

Belongs here: the values, from as many questions as there are values. Does not belong here: whether
the sums are what the model answers, which ``attribution.py`` checks for every row.
"""

import numpy as np

from mlops_assets.evidence.explainability.mixtures import Mixtures
from mlops_assets.evidence.explainability.score_scale import Floats


def additive_values(mixtures: Mixtures, scores: Floats) -> tuple[Floats, Floats]:
    """The values of the rows, float64 ``[n, columns, scores]``, and the mean score of the
    background, ``[scores]``.

    ``scores`` ``[n + background, scores]`` are those of the rows and the background. One background
    row is asked about again with each value of each column in its place: what a column adds is what
    it adds there, which in a sum is what it adds anywhere. It is the row with the middle score, at
    which a probability is told best from its neighbours.
    """
    n, every = mixtures.rows, mixtures.rows + mixtures.background
    middle = np.argsort(scores[n:, 0], kind="stable")[mixtures.background // 2]
    anchor = int(n + middle)
    added = np.empty((every, mixtures.columns, scores.shape[1]))
    for j in range(mixtures.columns):
        positions = np.full((every, mixtures.columns), anchor)
        positions[:, j] = np.arange(every)
        added[:, j] = mixtures.scores(positions) - scores[anchor]
    mean = added[n:].mean(axis=0)
    return added[:n] - mean, scores[anchor] + mean.sum(axis=0)
