"""Fitted trees of scikit-learn as one ONNX node.

Belongs here: forests and boosters as the ``TreeEnsembleRegressor`` of ai.onnx.ml 3, which ONNX
Runtime, its builds for other languages and the quantizer read. Does not belong here: what becomes
of the trees' sums (``onnx_graph.py``), rounding thresholds and leaves so that they are the same in
float32 (``training/thresholds.py``), or smaller encodings of the node (``quantization.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mlops_assets.training.thresholds import float32_below

Integers = NDArray[np.int64]
TREE_OPERATOR = "TreeEnsembleRegressor"


@dataclass(frozen=True)
class Tree:
    """One fitted tree, its nodes numbered from 0, the root: ``[nodes]`` each.

    A row goes left where its ``feature`` is at most the ``threshold``. ``outputs`` are those that a
    leaf adds to, the columns of ``values`` ``[nodes, outputs]``.
    """

    feature: Integers
    threshold: NDArray[np.float32]
    left: Integers
    right: Integers
    is_leaf: NDArray[np.bool_]
    values: NDArray[np.float32]
    outputs: Integers


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are summed, or averaged, and the ``base`` that is added, one an output."""

    trees: tuple[Tree, ...]
    averaged: bool
    base: tuple[float, ...]


def read_ensemble(estimator: Any) -> Ensemble:
    """The trees of a fitted estimator.

    A forest of two classes has one output, the probability of the second; one of more classes has
    one a class. A booster's outputs are raw scores: one of two classes or of a regression, else one
    a class. Raises ``TypeError`` where the estimator splits on sets of categories, or transforms
    its sum by a link that its task does not imply.
    """
    match estimator:
        case RandomForestClassifier():
            trees = [tree.tree_ for tree in estimator.estimators_]
            classes = len(estimator.classes_)
            outputs = np.arange(classes) if classes != 2 else np.array([1])
            return Ensemble(tuple(_of_forest(t, outputs) for t in trees), True, ())
        case RandomForestRegressor():
            trees = [tree.tree_ for tree in estimator.estimators_]
            return Ensemble(tuple(_of_forest(t, np.array([0])) for t in trees), True, ())
        case HistGradientBoostingClassifier() | HistGradientBoostingRegressor():
            if isinstance(estimator, HistGradientBoostingRegressor):
                _require_identity_link(estimator)
            stages = [_of_stage(stage) for stage in estimator._predictors]
            base = tuple(float(b) for b in estimator._baseline_prediction[0])
            return Ensemble(tuple(t for trees in stages for t in trees), False, base)
    raise TypeError(f"{type(estimator).__name__} has no trees that are known here")


def tree_node(ensemble: Ensemble, values: str, output: str) -> onnx.NodeProto:
    """A node that reads float32 ``values`` ``[n, features]`` and gives ``output`` ``[n, outputs]``.

    Thresholds that float32 does not hold are rounded down, which decides alike.
    """
    trees = ensemble.trees
    numbers = np.repeat(np.arange(len(trees)), [len(t.feature) for t in trees])
    within = np.concatenate([np.arange(len(t.feature)) for t in trees])
    is_leaf = _joined(trees, "is_leaf")
    node = onnx.NodeProto(
        op_type=TREE_OPERATOR, domain="ai.onnx.ml", name=output, input=[values], output=[output]
    )
    aggregate = b"AVERAGE" if ensemble.averaged else b"SUM"
    _add(node, "aggregate_function", s=aggregate)
    if ensemble.base:
        _add(node, "base_values", floats=ensemble.base)
    _add(node, "n_targets", i=1 + max(int(tree.outputs.max()) for tree in trees))
    modes = np.where(is_leaf, b"LEAF", b"BRANCH_LEQ").tolist()
    _add(node, "nodes_falsenodeids", ints=_joined(trees, "right").tolist())
    _add(node, "nodes_featureids", ints=_joined(trees, "feature").tolist())
    _add(node, "nodes_modes", strings=modes)
    _add(node, "nodes_nodeids", ints=within.tolist())
    _add(node, "nodes_treeids", ints=numbers.tolist())
    _add(node, "nodes_truenodeids", ints=_joined(trees, "left").tolist())
    _add(node, "nodes_values", floats=_joined(trees, "threshold").tolist())
    _add(node, "post_transform", s=b"NONE")
    _add_targets(node, trees, numbers, within, is_leaf)
    return node


def _add_targets(
    node: onnx.NodeProto,
    trees: Sequence[Tree],
    numbers: Integers,
    within: Integers,
    is_leaf: NDArray[np.bool_],
) -> None:
    """Add what each leaf adds to each of its tree's outputs."""
    counts = [int(tree.is_leaf.sum()) for tree in trees]
    a_leaf = np.repeat([len(tree.outputs) for tree in trees], counts)
    outputs = [np.tile(t.outputs, count) for t, count in zip(trees, counts, strict=True)]
    weights = [tree.values[tree.is_leaf].ravel() for tree in trees]
    _add(node, "target_ids", ints=np.concatenate(outputs).tolist())
    _add(node, "target_nodeids", ints=np.repeat(within[is_leaf], a_leaf).tolist())
    _add(node, "target_treeids", ints=np.repeat(numbers[is_leaf], a_leaf).tolist())
    _add(node, "target_weights", floats=np.concatenate(weights).tolist())


def _of_forest(tree: Any, columns: Integers) -> Tree:
    is_leaf = tree.children_left < 0
    return Tree(
        feature=np.where(is_leaf, 0, tree.feature).astype(np.int64),
        threshold=float32_below(np.where(is_leaf, 0.0, tree.threshold)),
        left=np.where(is_leaf, 0, tree.children_left).astype(np.int64),
        right=np.where(is_leaf, 0, tree.children_right).astype(np.int64),
        is_leaf=is_leaf,
        values=tree.value[:, 0, columns].astype(np.float32),
        outputs=np.arange(len(columns)),
    )


def _of_stage(stage: Sequence[Any]) -> list[Tree]:
    """The trees of one iteration of boosting, one an output."""
    return [_of_booster(predictor.nodes, output) for output, predictor in enumerate(stage)]


def _of_booster(nodes: Any, output: int) -> Tree:
    if nodes["is_categorical"].any():
        raise TypeError("a booster that splits on sets of categories has no ONNX form here")
    is_leaf = nodes["is_leaf"] == 1
    return Tree(
        feature=np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int64),
        threshold=float32_below(np.where(is_leaf, 0.0, nodes["num_threshold"])),
        left=np.where(is_leaf, 0, nodes["left"]).astype(np.int64),
        right=np.where(is_leaf, 0, nodes["right"]).astype(np.int64),
        is_leaf=is_leaf,
        values=nodes["value"].astype(np.float32)[:, None],
        outputs=np.array([output]),
    )


def _require_identity_link(estimator: HistGradientBoostingRegressor) -> None:
    if estimator.loss not in ("squared_error", "absolute_error", "quantile"):
        raise TypeError(f"boosting with loss {estimator.loss} has no ONNX form here")


def _joined(trees: Sequence[Tree], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(tree, name) for tree in trees])


_TYPES = {
    "i": AttributeProto.INT,
    "s": AttributeProto.STRING,
    "ints": AttributeProto.INTS,
    "floats": AttributeProto.FLOATS,
    "strings": AttributeProto.STRINGS,
}


def _add(node: onnx.NodeProto, name: str, **value: Any) -> None:
    # onnx's own helper looks at every element to guess the type: most of the time of a conversion.
    (kind,) = value
    node.attribute.append(AttributeProto(name=name, type=_TYPES[kind], **value))
