"""What a fitted model costs: learned numbers, operations a row, bytes.

Belongs here: counting them on a fitted pipeline. Does not belong here: limits on them
(``training_declaration.py``), acting on those (``selection.py``), or writing the file whose bytes
are counted (``export/onnx_graph.py``).

Operations a row are what an answer costs without its encoding and its calibration, counted so that
families can be compared: a multiplication of a linear model or a network is one (additions come
with them and are not counted, nor are activations), a comparison of a feature with a threshold is
one. The comparisons of a tree depend on the row: counted is their mean over the rows the tree was
fitted on, summed over the trees.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from mlops_assets.training_declaration import Complexity as Limits

FileSize = Callable[[Any], int]
"""Bytes of the float ONNX file of a fitted, calibrated model."""


@dataclass(frozen=True)
class Complexity:
    """``parameters`` are weights and biases, or the leaves of all trees; ``operations`` are those
    of one row (see the module); ``bytes`` those of the float ONNX file, ``None`` where nothing was
    there to write one."""

    parameters: int
    operations: int
    bytes: int | None

    def excess(self, limits: Limits) -> str:
        """In words, which limits it is over, as is what is unknown; empty where it is over none."""
        passed = [
            f"{name} {'unknown' if found is None else f'{found:,}'}, at most {most:,}"
            for name, found, most in (
                ("parameters", self.parameters, limits.max_parameters),
                ("operations", self.operations, limits.max_operations),
                ("bytes", self.bytes, limits.max_bytes),
            )
            if most is not None and (found is None or found > most)
        ]
        return "; ".join(passed)


def parameter_count(pipeline: Pipeline) -> int:
    """Learned numbers of a fitted pipeline: weights and biases, or the leaves of all trees.

    Raises ``TypeError`` for an estimator of no known family.
    """
    estimator = pipeline.named_steps["estimate"]
    match estimator:
        case LogisticRegression() | Ridge():
            return int(np.size(estimator.coef_) + np.size(estimator.intercept_))
        case MLPClassifier() | MLPRegressor():
            return int(sum(w.size for w in [*estimator.coefs_, *estimator.intercepts_]))
        case RandomForestClassifier() | RandomForestRegressor():
            return int(sum(tree.get_n_leaves() for tree in estimator.estimators_))
        case HistGradientBoostingClassifier() | HistGradientBoostingRegressor():
            return int(sum(tree.get_n_leaf_nodes() for tree in _boosted_trees(estimator)))
    raise TypeError(f"no parameter count is known for {type(estimator).__name__}")


def operation_count(pipeline: Pipeline) -> int:
    """Operations of a fitted pipeline to answer one row, as the module counts them, rounded up.

    Raises ``TypeError`` for an estimator of no known family.
    """
    estimator = pipeline.named_steps["estimate"]
    match estimator:
        case LogisticRegression() | Ridge():
            return int(np.size(estimator.coef_))
        case MLPClassifier() | MLPRegressor():
            return int(sum(weights.size for weights in estimator.coefs_))
        case RandomForestClassifier() | RandomForestRegressor():
            trees = [fitted.tree_ for fitted in estimator.estimators_]
            means = [_mean_depth(t.n_node_samples, t.children_left >= 0) for t in trees]
            return int(np.ceil(sum(means)))
        case HistGradientBoostingClassifier() | HistGradientBoostingRegressor():
            nodes = [tree.nodes for tree in _boosted_trees(estimator)]
            return int(np.ceil(sum(_mean_depth(n["count"], n["is_leaf"] == 0) for n in nodes)))
    raise TypeError(f"no operation count is known for {type(estimator).__name__}")


def _boosted_trees(estimator: Any) -> list[Any]:
    # scikit-learn has no public way to a booster's trees.
    return [tree for iteration in estimator._predictors for tree in iteration]


def _mean_depth(rows: NDArray[Any], is_split: NDArray[np.bool_]) -> float:
    """Comparisons of one tree in the mean over its fitted rows: each split is met by the share of
    rows that reach it."""
    return float(rows[is_split].astype(np.float64).sum() / rows[0])
