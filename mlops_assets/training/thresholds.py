"""Split thresholds that float32 can hold, so that a tree decides alike wherever it is evaluated.

Belongs here: rounding the thresholds of a fitted ensemble, before anything reads them. Does not
belong here: the trees as ONNX operators (``export/onnx_graph.py``).

scikit-learn keeps thresholds in float64, ONNX's tree operators in float32. A threshold that is
rounded to the nearest float32 may come out above the next feature value, whose rows then take
another branch. Over float32 features, ``x <= threshold`` and ``x <= largest float32 not above the
threshold`` are the same decision, so that rounding down changes no prediction.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier


def snap_thresholds(estimator: Any) -> None:
    """Replace, in place, every split threshold of a fitted random forest or histogram gradient
    boosting by the largest float32 that is not above it. Other estimators are left as they are.

    No prediction over finite float32 features changes.
    """
    for thresholds, is_split in _thresholds(estimator):
        thresholds[is_split] = float32_below(thresholds[is_split])


def float32_below(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each value, ``[n]``; of infinity the largest finite
    one, which decides alike over finite features."""
    largest = np.finfo(np.float32).max
    rounded = np.clip(values, -largest, largest).astype(np.float32)
    with np.errstate(over="ignore"):
        down = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded.astype(np.float64) > values, down, rounded)


def _thresholds(estimator: Any) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """The writable thresholds of each tree, and which of them belong to a numeric split."""
    if isinstance(estimator, RandomForestClassifier):
        for tree in (fitted.tree_ for fitted in estimator.estimators_):
            yield tree.threshold, tree.children_left >= 0
    elif isinstance(estimator, HistGradientBoostingClassifier):
        for predictor in (p for iteration in estimator._predictors for p in iteration):
            nodes = predictor.nodes
            yield nodes["num_threshold"], (nodes["is_leaf"] | nodes["is_categorical"]) == 0
