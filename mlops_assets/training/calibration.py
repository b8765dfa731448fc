"""Fitted models whose answers mean what they say: probabilities and intervals that were brought
into line on rows that the estimator has not seen.

Belongs here: the three kinds of model, one a task, and what turns an estimator's output into an
answer. Does not belong here: the estimators (``candidates.py``), how wide an interval has to be
(``intervals.py``), the rule that decides from an answer, which a model carries (``decision.py``),
or the same arithmetic as ONNX operators (``export/onnx_graph.py``).

Every learned number is rounded to float32, so that it is the same number in every runtime. The
trees of a pipeline are snapped (``thresholds.py``) before anything is learned from its output.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from mlops_assets.answers import Answers, DecisionRule, Labels
from mlops_assets.target_declaration import Task
from mlops_assets.training.intervals import fit_intervals, one_width
from mlops_assets.training.thresholds import snap_trees

CHUNK_ROWS = 65_536
"""Rows encoded at a time: memory is bounded by a chunk, whatever is asked."""
PROBABILITY_FLOOR = 1e-6
PROBABILITY_CEILING = 1.0 - 1e-4
"""Probabilities are clipped to these before the logit is taken. Networks answer in float32, which
is fine near 0 and coarse near 1: closer to it, a logit is rounding noise, and a small slope would
carry that noise into the calibrated probability. Logarithms of many classes need the floor only."""
PRIOR_DEVIATIONS = (1.0, 10.0)
"""Standard deviations of the priors of the slope and of each intercept of vector scaling. A class
that the estimator was not shown needs an intercept of about 10 to be as frequent as it is."""
ONE_CLASS = "the calibration rows hold one class only: add batches to the window"


class BinaryModel:
    """A fitted pipeline (``encode``, ``estimate``) whose probability ``p`` of the positive class
    becomes ``sigmoid(slope_ * logit(p) + intercept_)``.

    Source: J. Platt, "Probabilistic outputs for support vector machines" (1999), applied to the
    logit of the uncalibrated probability so that one definition serves every family.
    """

    task: ClassVar[Task] = "binary"
    LEARNED: ClassVar[tuple[str, ...]] = ("slope_", "intercept_", "rule")
    """What is learned from calibration rows."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.rule = DecisionRule()

    def fit(self, rows: pd.DataFrame, labels: Labels) -> Self:
        """Learn from calibration ``rows`` and their ``labels``, 0 or 1 ``[n]``. Raises
        ``ValueError`` where the labels are all the same."""
        if len(np.unique(labels)) < 2:
            raise ValueError(ONE_CLASS)
        self.uncalibrated()
        scores = logit(_probabilities(self.pipeline, rows, 2)[:, 1])[:, None]
        with threadpool_limits(limits=1):
            platt = LogisticRegression(C=np.inf).fit(scores, labels)
        self.slope_ = float(np.float32(platt.coef_[0, 0]))
        self.intercept_ = float(np.float32(platt.intercept_[0]))
        return self

    def uncalibrated(self) -> Self:
        """The model as its estimator answers, without rows to learn from. Raises ``ValueError``
        where the estimator was shown one class only."""
        _prepare(self.pipeline)
        self.slope_, self.intercept_ = 1.0, 0.0
        return self

    def answers(self, rows: pd.DataFrame) -> Answers:
        """The probability of the positive class, float64 ``[n, 1]``."""
        scores = logit(_probabilities(self.pipeline, rows, 2)[:, 1:])
        positive: Answers = 1.0 / (1.0 + np.exp(-(self.slope_ * scores + self.intercept_)))
        return positive

    def describe(self) -> dict[str, Any]:
        """What was learned, for ``model.json``."""
        return {"slope": self.slope_, "intercept": self.intercept_}


class MulticlassModel:
    """A fitted pipeline whose probabilities ``p`` of ``classes`` classes become
    ``softmax(slope_ * log(p) + intercepts_)``: vector scaling with one slope for all classes.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
    ICML 2017. Here the slope has a normal prior around 1 and the intercepts around 0, of
    ``PRIOR_DEVIATIONS``: together they weigh less than a row, and keep finite what no calibration
    row tells about, such as the intercept of a class that none of them is of.
    """

    task: ClassVar[Task] = "multiclass"
    LEARNED: ClassVar[tuple[str, ...]] = ("slope_", "intercepts_", "rule")

    def __init__(self, pipeline: Pipeline, classes: int) -> None:
        self.pipeline = pipeline
        self.classes = classes
        self.rule = DecisionRule()

    def fit(self, rows: pd.DataFrame, labels: Labels) -> Self:
        """Learn from calibration ``rows`` and their ``labels``, positions of classes ``[n]``.
        Raises ``ValueError`` where the labels are all the same."""
        if len(np.unique(labels)) < 2:
            raise ValueError(ONE_CLASS)
        self.uncalibrated()
        logs = log_probabilities(_probabilities(self.pipeline, rows, self.classes))
        learned = _fit_vector_scaling(logs, labels.astype(np.int64))
        self.slope_ = float(learned[0])
        self.intercepts_ = tuple(float(intercept) for intercept in learned[1:])
        return self

    def uncalibrated(self) -> Self:
        """The model as its estimator answers, without rows to learn from. Raises ``ValueError``
        where the estimator was shown one class only."""
        _prepare(self.pipeline)
        self.slope_, self.intercepts_ = 1.0, (0.0,) * self.classes
        return self

    def answers(self, rows: pd.DataFrame) -> Answers:
        """The probability of each class, float64 ``[n, classes]``."""
        logs = log_probabilities(_probabilities(self.pipeline, rows, self.classes))
        return _softmax(self.slope_ * logs + np.array(self.intercepts_))

    def describe(self) -> dict[str, Any]:
        """What was learned, for ``model.json``."""
        return {"slope": self.slope_, "intercepts": list(self.intercepts_)}


class RegressionModel:
    """A pipeline fitted on standardised labels, ``(label - mean) / scale``, whose predictions get
    the interval that is to hold the share ``coverage`` of outcomes (see ``intervals.py``).

    Predictions are float32 numbers, in float32 arithmetic as in the exported model: which bin of
    ``intervals_`` a row is in is decided on the same number there.
    """

    task: ClassVar[Task] = "regression"
    LEARNED: ClassVar[tuple[str, ...]] = ("intervals_", "rule")

    def __init__(self, pipeline: Pipeline, mean: float, scale: float, coverage: float) -> None:
        self.pipeline = pipeline
        self.rule = DecisionRule()
        self.mean = float(np.float32(mean))
        self.scale = float(np.float32(scale))
        self.coverage = coverage

    def fit(self, rows: pd.DataFrame, labels: Labels) -> Self:
        """Learn from calibration ``rows`` and their ``labels``, numbers ``[n]``. Raises
        ``ValueError`` where there are none."""
        if len(labels) == 0:
            raise ValueError("no calibration row has a label: add batches to the window")
        self.uncalibrated()
        self.intervals_ = fit_intervals(
            self._predictions(rows), labels.astype(np.float64), self.coverage
        )
        return self

    def uncalibrated(self) -> Self:
        """The model as its estimator answers, its intervals without width."""
        snap_trees(self.pipeline.named_steps["estimate"])
        self.intervals_ = one_width(0.0, 0.0)
        return self

    @property
    def edges_(self) -> tuple[float, ...]:
        """Where one bin of predictions ends and the next begins: an edge is of the bin above."""
        return self.intervals_.edges

    @property
    def lower_(self) -> tuple[float, ...]:
        """What is added to a prediction for its lower bound, one number a bin, none above 0."""
        return self.intervals_.lower

    @property
    def upper_(self) -> tuple[float, ...]:
        """What is added to a prediction for its upper bound, one number a bin, none below 0."""
        return self.intervals_.upper

    def answers(self, rows: pd.DataFrame) -> Answers:
        """Prediction, lower and upper bound, float64 ``[n, 3]``."""
        predictions = self._predictions(rows)
        bounds = self.intervals_.bounds(predictions)
        return np.column_stack([predictions, bounds]).astype(np.float64)

    def describe(self) -> dict[str, Any]:
        """What was learned, for ``model.json``."""
        return {"mean": self.mean, "scale": self.scale, **self.intervals_.describe()}

    def _predictions(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        with threadpool_limits(limits=1):
            parts = [self.pipeline.predict(chunk) for chunk in _chunks(rows)]
        standardised = np.concatenate(parts).astype(np.float32).reshape(-1)
        return standardised * np.float32(self.scale) + np.float32(self.mean)


Model = BinaryModel | MulticlassModel | RegressionModel
"""A fitted model of any task."""


def logit(probability: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The log odds of clipped probabilities, computed and returned in float64."""
    clipped = np.clip(probability.astype(np.float64), PROBABILITY_FLOOR, PROBABILITY_CEILING)
    return np.log(clipped / (1.0 - clipped))


def log_probabilities(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The logarithm of probabilities, none below ``PROBABILITY_FLOOR``, in float64."""
    return np.log(np.maximum(probabilities.astype(np.float64), PROBABILITY_FLOOR))


def _prepare(pipeline: Pipeline) -> None:
    estimator = pipeline.named_steps["estimate"]
    if len(estimator.classes_) < 2:
        raise ValueError("the fitted rows hold one class only: add batches to the window")
    snap_trees(estimator)


def _probabilities(pipeline: Pipeline, rows: pd.DataFrame, classes: int) -> NDArray[np.float64]:
    """What the estimator answers, float64 ``[n, classes]``; 0 for a class it was not shown."""
    known = np.asarray(pipeline.named_steps["estimate"].classes_, dtype=np.int64)
    probabilities = np.zeros((len(rows), classes))
    end = 0
    # One thread: a sum of many products comes out otherwise with another number of threads.
    with threadpool_limits(limits=1):
        for chunk in _chunks(rows):
            start, end = end, end + len(chunk)
            probabilities[start:end, known] = pipeline.predict_proba(chunk)
    return probabilities


def _chunks(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, max(len(rows), 1), CHUNK_ROWS):
        yield rows.iloc[start : start + CHUNK_ROWS]


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _fit_vector_scaling(
    logs: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Slope and intercepts, float32 ``[1 + classes]``, at the minimum of a convex function."""
    from scipy.optimize import minimize

    rows, classes = logs.shape
    chosen = np.eye(classes)[labels]
    prior = np.concatenate([[1.0], np.zeros(classes)])
    precision = np.repeat(PRIOR_DEVIATIONS, [1, classes]) ** -2.0

    def loss(learned: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = learned[0] * logs + learned[1:]
        highest = scores.max(axis=1, keepdims=True)
        totals = highest[:, 0] + np.log(np.exp(scores - highest).sum(axis=1))
        residuals = _softmax(scores) - chosen
        slope = np.concatenate([[(residuals * logs).sum()], residuals.sum(axis=0)])
        off = learned - prior
        value = (totals - (scores * chosen).sum(axis=1)).sum() + (precision * off**2).sum() / 2.0
        return float(value) / rows, (slope + precision * off) / rows

    with threadpool_limits(limits=1):
        found = minimize(
            loss, prior, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}
        )
    learned: NDArray[np.float32] = found.x.astype(np.float32)
    return learned
