"""One candidate fitted on given rows, and what it answers on others.

Belongs here: a fit on one thread, with the weights that ``training.remedies`` and
``fairness.mitigation`` ask for, and the answers after each number of steps (early stopping). Does
not belong here: which rows (``folds.py``), comparing what came out (``search.py``), or calibration
(``calibration.py``).

A fit of many boosting iterations or epochs passes through each smaller number of them, so that
judging these costs predictions and no fit. They are judged on the fold's newer rows, as all other
settings of a candidate are; no random part of the fitted rows is held out. Which number is best is
decided over all folds (``search.py``).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from mlops_assets.answers import Answers, Labels
from mlops_assets.data.representation.groups import Codes
from mlops_assets.training.candidates import Candidate, build
from mlops_assets.training.remedies import ClassWeights
from mlops_assets.training.reweighing import independence_weights
from mlops_assets.use_case import UseCase

CHANCE_FLOOR = 1e-6
"""No class is given less of a chance while candidates are compared, as in ``calibration.py``: one
that the fitted rows did not hold has no chance at all of its own."""

Outputs = NDArray[np.floating[Any]]
"""Of a classifier the probabilities of the classes it saw, ``[n, seen]``; of a regressor the
standardised predictions, ``[n]``."""
StagedOutputs = Iterator[tuple[int | None, Outputs]]


def standardisation(labels: Labels) -> tuple[float, float]:
    """Mean and standard deviation of a regression's labels, rounded to float32 so that they mean
    the same everywhere; a deviation of 0 is given as 1."""
    scale = float(np.float32(labels.std()))
    return float(np.float32(labels.mean())), scale if scale > 0.0 else 1.0


def fit_pipeline(
    candidate: Candidate,
    rows: pd.DataFrame,
    labels: Labels,
    use_case: UseCase,
    groups: Codes | None = None,
) -> Pipeline:
    """The candidate's pipeline fitted on all steps; a regressor on standardised labels. ``groups``
    ``[n]`` are made independent of the labels by weights (``reweighing.py``)."""
    pipeline = _unfitted(candidate, use_case)
    weights = _sample_weights(labels, groups, use_case)
    named = {} if weights is None else {"estimate__sample_weight": weights}
    with repeatable():
        pipeline.fit(rows, _targets(labels, use_case), **named)
    return pipeline


def fit_staged(
    candidate: Candidate,
    rows: pd.DataFrame,
    labels: Labels,
    judged: pd.DataFrame,
    use_case: UseCase,
    groups: Codes | None = None,
) -> tuple[Pipeline, dict[int | None, Answers]]:
    """The candidate's pipeline fitted as by ``fit_pipeline``, and its answers to the ``judged``
    rows after each number of ``candidate.steps`` (``None`` where it has none), as ``answers.py``
    has them."""
    pipeline = _unfitted(candidate, use_case)
    encode, estimate = pipeline.named_steps["encode"], pipeline.named_steps["estimate"]
    targets, weights = _targets(labels, use_case), _sample_weights(labels, groups, use_case)
    with repeatable():
        encoded = encode.fit(rows).transform(rows)
        asked = encode.transform(judged)
        if candidate.steps and candidate.family == "mlp":
            staged = _after_epochs(estimate, candidate.steps, encoded, targets, weights, asked)
        else:
            estimate.fit(encoded, targets, sample_weight=weights)
            staged = _after_iterations(estimate, candidate.steps, asked)
        found = {steps: _answers(out, estimate, labels, use_case) for steps, out in staged}
    return pipeline, found


def stop_after(pipeline: Pipeline, steps: int | None) -> Pipeline:
    """The pipeline of ``fit_staged`` with the trees of the first ``steps`` boosting iterations
    only, in place; the size of any other family does not depend on its steps."""
    estimate = pipeline.named_steps["estimate"]
    if steps is not None and hasattr(estimate, "_predictors"):
        del estimate._predictors[steps:]
    return pipeline


@contextmanager
def repeatable() -> Iterator[None]:
    """One thread, for boosting sums its histograms in another order with another thread count; and
    no warnings about what is meant to be."""
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # A bounded number of epochs is the budget, not a failure to converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Of few rows, a batch of the network's training is all of them.
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than sample size")
        yield


def _unfitted(candidate: Candidate, use_case: UseCase) -> Pipeline:
    seed, task = use_case.training.seed, use_case.target.task
    return build(candidate, use_case.inputs, use_case.features, seed, task)


def _targets(labels: Labels, use_case: UseCase) -> Labels:
    if use_case.target.task != "regression":
        return labels
    mean, scale = standardisation(labels)
    standardised: Labels = ((labels - mean) / scale).astype(np.float64)
    return standardised


def _class_weights(labels: Labels, use_case: UseCase) -> ClassWeights | None:
    if not use_case.training.remedies.class_weights:
        return None
    return ClassWeights.balanced(labels, len(use_case.target.class_names))


def _sample_weights(
    labels: Labels, groups: Codes | None, use_case: UseCase
) -> NDArray[np.float64] | None:
    classes = _class_weights(labels, use_case)
    by_class = None if classes is None else classes.of_rows(labels)
    if groups is None:
        return by_class
    by_group = independence_weights(groups, labels)
    return by_group if by_class is None else by_class * by_group


def _after_epochs(
    estimate: Any,
    steps: tuple[int, ...],
    encoded: NDArray[np.float32],
    targets: Labels,
    weights: NDArray[np.float64] | None,
    asked: NDArray[np.float32],
) -> StagedOutputs:
    # A generator goes on where the last epoch left it; a number would shuffle all epochs alike.
    estimate.set_params(random_state=np.random.RandomState(estimate.random_state))
    named: dict[str, Any] = {"sample_weight": weights}
    if hasattr(estimate, "predict_proba"):
        named["classes"] = np.unique(targets)
    for epoch in range(1, steps[-1] + 1):
        estimate.partial_fit(encoded, targets, **named)
        if epoch in steps:
            yield epoch, _outputs(estimate, asked)


def _after_iterations(
    estimate: Any, steps: tuple[int, ...], asked: NDArray[np.float32]
) -> StagedOutputs:
    if not steps:
        yield None, _outputs(estimate, asked)
        return
    classifies = hasattr(estimate, "predict_proba")
    every = estimate.staged_predict_proba(asked) if classifies else estimate.staged_predict(asked)
    for iteration, outputs in enumerate(every, start=1):
        if iteration in steps:
            yield iteration, outputs


def _outputs(estimate: Any, asked: NDArray[np.float32]) -> Outputs:
    if hasattr(estimate, "predict_proba"):
        probabilities: Outputs = estimate.predict_proba(asked)
        return probabilities
    predictions: Outputs = estimate.predict(asked)
    return predictions


def _answers(outputs: Outputs, estimate: Any, labels: Labels, use_case: UseCase) -> Answers:
    if use_case.target.task == "regression":
        mean, scale = standardisation(labels)
        predictions = outputs.astype(np.float64) * scale + mean
        return np.repeat(predictions[:, None], 3, axis=1)
    chances = np.zeros((len(outputs), len(use_case.target.class_names)))
    chances[:, estimate.classes_.astype(np.int64)] = outputs
    weights = _class_weights(labels, use_case)
    if weights is not None:
        chances = weights.undone(chances)
    chances = np.clip(chances, CHANCE_FLOOR, 1.0 - CHANCE_FLOOR)
    return chances[:, 1:] if use_case.target.task == "binary" else chances
