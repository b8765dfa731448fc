"""The trees of a released file, in whichever of its forms: float, or one of the two in 8 bits.

Belongs here: finding the trees in the graph, what they read, and what becomes of their sum. Does
not belong here: writing these forms (``export/tree_nodes.py``, ``export/fast_trees.py``,
``export/small_trees.py``), or what the trees' values are (``tree_attribution.py``).

Whatever is read is checked where it is used: contributions must add up to what the file answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mlops_assets.evidence.explainability.graph_part import graph_part
from mlops_assets.evidence.explainability.score_scale import Floats, to_scores
from mlops_assets.evidence.explainability.tree_attribution import (
    LEAF,
    Float32s,
    Integers,
    SummedTrees,
)
from mlops_assets.export.onnx_graph import ENCODED, PREDICTION, PROBABILITIES
from mlops_assets.export.onnx_scores import TREES
from mlops_assets.export.tree_arrays import find_tree_node, read_trees
from mlops_assets.serving.predictor import open_session
from mlops_assets.target_declaration import Task

FAST_OPERATOR = "TreeEnsemble"
NUMBER_STEP = 64.0
"""Sum at which a regression is asked: float32 tells the step from the mean the better, the
larger."""
ROWS_A_CALL = 20_000


@dataclass(frozen=True)
class ReleasedTrees:
    """The ``trees`` of a file, the part of its graph that encodes what they read, and how their
    sums ``[n, outputs]`` become scores: ``sums @ weights + bias``, ``weights`` being
    ``[outputs, scores]``."""

    trees: SummedTrees
    encoder: bytes
    weights: Floats
    bias: Floats

    def encode(self, tensors: Mapping[str, NDArray[Any]]) -> Float32s:
        """What the trees are shown for rows given as the model's input tensors, float32
        ``[n, encoded]``."""
        session = open_session(self.encoder)
        names = [given.name for given in session.get_inputs()]
        rows = len(tensors[names[0]])
        parts = [
            session.run([ENCODED], {name: tensors[name][i : i + ROWS_A_CALL] for name in names})[0]
            for i in range(0, rows, ROWS_A_CALL)
        ]
        return np.concatenate(parts)


def released_trees(content: bytes, task: Task) -> ReleasedTrees | None:
    """The trees of a file whose scores are sums of them; ``None`` where it has none, or each adds
    to several outputs (forests of several classes, whose scores are no sums either)."""
    model = onnx.load_from_string(content)
    tensors = {name for node in model.graph.node for name in node.output}
    if not {ENCODED, TREES} <= tensors:
        return None
    trees = _trees(model)
    if trees is None:
        return None
    weights, bias = _scaling(model, task, len(trees.base))
    return ReleasedTrees(trees, graph_part(model, ENCODED), weights, bias)


def _trees(model: onnx.ModelProto) -> SummedTrees | None:
    constants = {t.name.removeprefix(f"{TREES}/"): t for t in model.graph.initializer}
    fast = [node for node in model.graph.node if node.op_type == FAST_OPERATOR]
    if (node := find_tree_node(model)) is not None:
        return _of_floats(node)
    if len(fast) == 1 and "found/constant" in constants and "found/axis" not in constants:
        return _of_fast(fast[0], {n: numpy_helper.to_array(t) for n, t in constants.items()})
    if "codes0" in constants and "codes1" not in constants:
        return _of_small({n: numpy_helper.to_array(t) for n, t in constants.items()})
    return None


def _scaling(model: onnx.ModelProto, task: Task, outputs: int) -> tuple[Floats, Floats]:
    """How sums become scores: asked of the end of the graph, at none and at one of each output."""
    name, step = (PREDICTION, NUMBER_STEP) if task == "regression" else (PROBABILITIES, 1.0)
    session = open_session(graph_part(model, name, [TREES]))
    asked = step * np.concatenate([np.zeros((1, outputs)), np.eye(outputs)])
    answers = session.run([name], {TREES: asked.astype(np.float32)})[0].reshape(len(asked), -1)
    scores = to_scores(task, answers[:, 1:] if task == "binary" else answers)
    return (scores[1:] - scores[0]) / step, scores[0]


def _of_floats(node: onnx.NodeProto) -> SummedTrees | None:
    trees = read_trees(node)
    if trees.adds_to.sum(axis=1).max() > 1:
        return None
    target = trees.adds_to.argmax(axis=1)[trees.tree]
    return SummedTrees(
        feature=trees.feature,
        threshold=trees.threshold,
        left=trees.left,
        right=trees.right,
        value=trees.values[np.arange(len(target)), target] / trees.divisor,
        target=target,
        roots=trees.roots,
        base=trees.base,
    )


def _of_fast(node: onnx.NodeProto, constants: Mapping[str, NDArray[Any]]) -> SummedTrees:
    """Of ``export/fast_trees.py``: splits, and after them the different leaves."""
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    feature = np.array(given["nodes_featureids"], dtype=np.int64)
    target = np.array(given["leaf_targetids"], dtype=np.int64)
    splits, leaves = len(feature), len(target)
    at_leaves = splits + np.arange(leaves)
    scale = np.ravel(constants["scale"]).astype(np.float64)
    weights = numpy_helper.to_array(given["leaf_weights"]).astype(np.float64)
    sides = [
        np.array(given[f"nodes_{side}nodeids"], dtype=np.int64)
        + splits * np.array(given[f"nodes_{side}leafs"], dtype=np.int64)
        for side in ("true", "false")
    ]
    thresholds = numpy_helper.to_array(given["nodes_splits"]).astype(np.float32)
    only = np.ravel(constants["found/constant"]).astype(np.float64)
    return SummedTrees(
        feature=np.concatenate([feature, np.full(leaves, LEAF)]),
        threshold=np.concatenate([thresholds, np.zeros(leaves, dtype=np.float32)]),
        left=np.concatenate([sides[0], at_leaves]),
        right=np.concatenate([sides[1], at_leaves]),
        value=np.concatenate([np.zeros(splits), weights * scale[target]]),
        target=np.concatenate([np.zeros(splits, dtype=np.int64), target]),
        roots=np.array(given["tree_roots"], dtype=np.int64),
        base=np.ravel(constants["base"]).astype(np.float64) + only * scale,
    )


def _of_small(constants: Mapping[str, NDArray[Any]]) -> SummedTrees:
    """Of ``export/small_trees.py``: bits that say which node is a split, level by level."""
    nodes, trees = int(constants["nodes"]), int(constants["trees"])
    bits = np.unpackbits(np.ravel(constants["bits"]), bitorder="little")
    is_split = bits[:nodes].astype(np.bool_)
    at = np.arange(nodes)
    before: Integers = np.cumsum(is_split) - is_split
    pair = constants["split"].astype(np.int64)
    feature, threshold = np.full(nodes, LEAF), np.zeros(nodes, dtype=np.float32)
    feature[is_split] = constants["split_feature"].astype(np.int64)[pair]
    threshold[is_split] = constants["split_threshold"][pair]
    left = np.where(is_split, trees + 2 * before, at)
    adds_to = constants["adds_to"].reshape(trees, -1)
    tree = _tree_of(left, is_split, trees)
    target = adds_to.argmax(axis=1)[tree]
    scale = np.ravel(constants["scale"]).astype(np.float64)
    levels = constants["levels"].astype(np.float64)
    value = np.zeros(nodes)
    value[~is_split] = levels[constants["codes0"].astype(np.int64)]
    counted = adds_to.max(axis=1)[tree] > 0
    return SummedTrees(
        feature=feature,
        threshold=threshold,
        left=left,
        right=np.where(is_split, left + 1, at),
        value=np.where(counted, value * scale[target], 0.0),
        target=target,
        roots=np.arange(trees),
        base=np.ravel(constants["base"]).astype(np.float64),
    )


def _tree_of(left: Integers, is_split: NDArray[np.bool_], trees: int) -> Integers:
    """The tree of each node, whose parent comes before it."""
    tree = np.arange(len(left))
    level = np.arange(trees)
    while len(split := level[is_split[level]]):
        for side in (0, 1):
            tree[left[split] + side] = tree[split]
        level = np.concatenate([left[split], left[split] + 1])
    return tree
