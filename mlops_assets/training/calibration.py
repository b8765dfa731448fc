"""Probabilities that mean what they say: Platt scaling of a fitted pipeline.

Source: J. Platt, "Probabilistic outputs for support vector machines" (1999), applied to the logit
of the uncalibrated probability so that one definition serves every family.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

PROBABILITY_FLOOR = 1e-6
PROBABILITY_CEILING = 1.0 - 1e-4
"""Probabilities are clipped to these before the logit is taken. Networks answer in float32, which
is fine near 0 and coarse near 1: closer to it, a logit is rounding noise, and a small slope would
carry that noise into the calibrated probability."""


def logit(probability: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The log odds of clipped probabilities, computed and returned in float64."""
    clipped = np.clip(probability.astype(np.float64), PROBABILITY_FLOOR, PROBABILITY_CEILING)
    return np.log(clipped / (1.0 - clipped))


class CalibratedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted pipeline (``encode``, ``classify``) whose probability ``p`` of the positive class
    becomes ``sigmoid(slope * logit(p) + intercept)``, fitted on rows the pipeline has not seen.

    Raises ``ValueError`` from ``fit`` where the calibration rows hold one class only.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def fit(self, rows: pd.DataFrame, y: NDArray[Any]) -> Self:
        if len(np.unique(y)) < 2:
            raise ValueError("the calibration rows hold one class only: add batches to the window")
        scores = logit(self.pipeline.predict_proba(rows)[:, 1])[:, None]
        platt = LogisticRegression(C=np.inf).fit(scores, y)
        self.slope_ = float(np.float32(platt.coef_[0, 0]))
        self.intercept_ = float(np.float32(platt.intercept_[0]))
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities as float64 ``[n, 2]``: negative, positive class."""
        scores = logit(self.pipeline.predict_proba(rows)[:, 1])
        positive = 1.0 / (1.0 + np.exp(-(self.slope_ * scores + self.intercept_)))
        return np.column_stack([1.0 - positive, positive])

    def predict(self, rows: pd.DataFrame) -> NDArray[np.int64]:
        """Labels 0 or 1 at probability 0.5, as int64 ``[n]``."""
        return (self.predict_proba(rows)[:, 1] >= 0.5).astype(np.int64)
