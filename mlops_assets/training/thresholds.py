"""Numbers of fitted trees that float32 can hold, so that they answer alike wherever they are
evaluated.

Belongs here: rounding the thresholds and leaves of a fitted ensemble, before anything reads them.
Does not belong here: the trees as ONNX operators (``export/tree_nodes.py``).

scikit-learn keeps thresholds in float64, ONNX's tree operators in float32. A threshold that is
rounded to the nearest float32 may come out above the next feature value, whose rows then take
another branch. Over float32 features, ``x <= threshold`` and ``x <= largest float32 not above the
threshold`` are the same decision, so that rounding down changes no prediction.

scikit-learn adds leaves up in float64, ONNX Runtime in float32, and either in an order of its own.
Where all leaves are multiples of one power of two, none too small for the largest sum to have 24
binary digits, every sum is exact in float32 already: the same in any order, format and runtime.
"""

from collections.abc import Iterator
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

FORESTS = (RandomForestClassifier, RandomForestRegressor)
BOOSTERS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
FLOAT32_DIGITS = 24


def snap_trees(estimator: Any) -> None:
    """Snap thresholds and leaves of a fitted forest or booster, in place; see there. Other
    estimators are left as they are. A second time changes nothing."""
    snap_thresholds(estimator)
    snap_leaves(estimator)


def snap_thresholds(estimator: Any) -> None:
    """Replace, in place, every split threshold of a fitted random forest or histogram gradient
    boosting by the largest float32 that is not above it. Other estimators are left as they are.

    No prediction over finite float32 features changes.
    """
    for thresholds, is_split in _thresholds(estimator):
        thresholds[is_split] = float32_below(thresholds[is_split])


def snap_leaves(estimator: Any) -> None:
    """Round, in place, every leaf of a fitted random forest or histogram gradient boosting to a
    multiple of one power of two, so that float32 sums over all trees are exact.

    A leaf moves by at most 2**-24 of what the largest leaves of all trees add up to: with 100 trees
    a forest's probability by less than 4e-6, on average by a tenth of that.
    """
    terms = [*_terms(estimator)]
    if not terms:
        return
    step = _step(np.array([max(np.abs(v[leaf]).max() for v, leaf in term) for term in terms]))
    for values, is_leaf in (leaves for term in terms for leaves in term):
        values[is_leaf] = np.round(values[is_leaf] / step) * step


def float32_below(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each value, ``[n]``; of infinity the largest finite
    one, which decides alike over finite features."""
    largest = np.finfo(np.float32).max
    rounded = np.clip(values, -largest, largest).astype(np.float32)
    with np.errstate(over="ignore"):
        down = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded.astype(np.float64) > values, down, rounded)


def _step(largest: NDArray[np.float64]) -> float:
    """The smallest power of two of whose multiples the sum of ``largest`` is exact."""
    total = float(largest.sum())
    if total == 0.0:
        return 1.0
    step: float = 2.0 ** (ceil(log2(total)) - FLOAT32_DIGITS - 1)
    while np.round(largest / step).sum() > 2.0**FLOAT32_DIGITS:
        step *= 2.0
    return step


def _thresholds(estimator: Any) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """The writable thresholds of each tree, and which of them belong to a numeric split."""
    if isinstance(estimator, FORESTS):
        for tree in (fitted.tree_ for fitted in estimator.estimators_):
            yield tree.threshold, tree.children_left >= 0
    elif isinstance(estimator, BOOSTERS):
        for predictor in (p for iteration in estimator._predictors for p in iteration):
            nodes = predictor.nodes
            yield nodes["num_threshold"], (nodes["is_leaf"] | nodes["is_categorical"]) == 0


def _terms(
    estimator: Any,
) -> Iterator[list[tuple[NDArray[np.float64], NDArray[np.bool_]]]]:
    """What is summed for each output: of every term the writable values of its trees, and which of
    them are leaves. A booster's baseline is a term as well, and its trees are one an output."""
    if isinstance(estimator, FORESTS):
        for tree in (fitted.tree_ for fitted in estimator.estimators_):
            yield [(tree.value, tree.children_left < 0)]
    elif isinstance(estimator, BOOSTERS):
        baseline = estimator._baseline_prediction
        yield [(baseline, np.ones(baseline.shape, np.bool_))]
        for iteration in estimator._predictors:
            yield [(tree.nodes["value"], tree.nodes["is_leaf"] == 1) for tree in iteration]
