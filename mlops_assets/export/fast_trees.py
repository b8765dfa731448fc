"""Trees with 8-bit leaves as the ``TreeEnsemble`` of ai.onnx.ml 5, for batches.

Belongs here: the node's attributes, shared leaves and subtrees. Does not belong here: the order of
the rows (``similar_rows.py``), the codes of the leaves (``tree_leaves.py``), tables that are
smaller and slower (``small_trees.py``).

The operator's thresholds are the trees' own, so that every row lands where it did. Different leaves
are few, and the file holds each once. (Splits cannot be shared: ONNX Runtime refuses that.)
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from mlops_assets.export.similar_rows import grouping, sorting_nodes
from mlops_assets.export.tree_arrays import (
    Integers,
    TreeArrays,
    has_vector_leaves,
    leaves,
    levels,
)
from mlops_assets.export.tree_leaves import RoundedTrees

Nodes = tuple[list[onnx.NodeProto], list[onnx.TensorProto]]
Child = tuple[bool, int]
"""Whether it is a leaf, and its position among the leaves or the splits."""
Split = tuple[int, float, Child, Child]
"""Feature, threshold, and the sides at most and above it."""
SUM, NO_TRANSFORM, BRANCH_LEQ = 1, 0, 0
"""What the operator calls them."""


@dataclass
class _Held:
    """What the node holds: the splits, the trees' roots among them, and the different leaves, each
    a target and a whole number. A tree without a split is a leaf that every row gets."""

    splits: list[Split] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    leaves: dict[tuple[int, int], int] = field(default_factory=dict)
    constant: list[tuple[int, int]] = field(default_factory=list)


def fast_nodes(
    rounded: RoundedTrees, rows: NDArray[np.float32], values: str, output: str
) -> Nodes | None:
    """Nodes that read float32 ``values`` ``[n, features]`` and give ``output`` ``[n, outputs]``,
    and their constants; ``None`` where no split is left. ``rows`` are calibration rows as the trees
    see them."""
    trees = rounded.trees
    if trees.is_leaf[trees.roots].all():
        return None
    ordered, order, found, sums = (f"{output}/{n}" for n in ("sorted", "order", "found", "sums"))
    nodes, constants = sorting_nodes(
        grouping(trees, rows, leaves(trees, rows)), values, ordered, order
    )
    summing, more = (_table_sums if has_vector_leaves(trees) else _direct_sums)(
        rounded, ordered, found
    )
    constants += more
    for name, value in (("scale", np.full(trees.base.shape, rounded.scale)), ("base", trees.base)):
        array = value.astype(np.float32)[None]
        constants.append(numpy_helper.from_array(array, f"{output}/{name}"))
    nodes += [
        *summing,
        _node("ScatterND", [found, order, found], sums),
        _node("Mul", [sums, f"{output}/scale"], f"{output}/scaled"),
        _node("Add", [f"{output}/scaled", f"{output}/base"], output),
    ]
    return nodes, constants


def _direct_sums(rounded: RoundedTrees, values: str, output: str) -> Nodes:
    """Sums of levels ``[n, outputs]`` where each tree adds to one output: the leaves are levels."""
    trees = rounded.trees
    target = trees.adds_to.argmax(axis=1)
    whole = rounded.levels[rounded.codes[np.arange(len(trees.tree)), target[trees.tree]]]
    held = _held(trees, target, whole)
    constant = np.zeros((1, len(trees.base)), dtype=np.float32)
    for leaf_target, level in held.constant:
        constant[0, leaf_target] += level
    walked = f"{output}/walked"
    nodes = [
        _tree_node(held, len(trees.base), values, walked),
        _node("Add", [walked, f"{output}/constant"], output),
    ]
    return nodes, [numpy_helper.from_array(constant, f"{output}/constant")]


def _table_sums(rounded: RoundedTrees, values: str, output: str) -> Nodes:
    """Sums of levels ``[n, outputs]`` where each tree adds to all of them.

    A leaf of the operator adds to one target. So each tree has a target of its own, and its leaf is
    the number of a row in a table of the different leaves' codes.
    """
    trees = rounded.trees
    table, number = np.unique(rounded.codes[trees.is_leaf], axis=0, return_inverse=True)
    numbers = np.zeros(len(trees.tree), dtype=np.int64)
    numbers[trees.is_leaf] = number
    held = _held(trees, np.arange(len(trees.roots)), numbers)
    only = np.zeros((1, len(trees.roots)), dtype=np.float32)
    for target, leaf in held.constant:
        only[0, target] = leaf
    name = f"{output}/{{}}".format
    constants = [
        numpy_helper.from_array(np.asarray(array), name(key))
        for key, array in (
            ("constant", only),
            ("levels", rounded.levels.astype(np.float32)),
            ("axis", np.array([1], dtype=np.int64)),
        )
    ]
    nodes = [
        _tree_node(held, len(trees.roots), values, name("walked")),
        _node("Add", [name("walked"), name("constant")], name("numbers")),
        _node("Cast", [name("numbers")], name("rows"), to=TensorProto.INT32),
    ]
    for column in range(table.shape[1]):
        key = f"{output}/{column}/{{}}".format
        constants.append(numpy_helper.from_array(table[:, column].copy(), key("codes")))
        nodes += [
            _node("Cast", [key("codes")], key("positions"), to=TensorProto.INT32),
            _node("Gather", [name("levels"), key("positions")], key("column")),
            _node("Gather", [key("column"), name("rows")], key("leaves")),
            _node("ReduceSum", [key("leaves"), name("axis")], key("sum"), keepdims=1),
        ]
    sums = [f"{output}/{column}/sum" for column in range(table.shape[1])]
    return [*nodes, _node("Concat", sums, output, axis=1)], constants


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], name=output, **attributes)


def _held(trees: TreeArrays, target: Integers, whole: Integers) -> _Held:
    """The trees ``[trees]`` with a ``target`` each, and leaves that are ``whole`` numbers."""
    held = _Held()
    is_root_leaf = trees.is_leaf[trees.roots]
    held.constant = list(
        zip(target[is_root_leaf].tolist(), whole[trees.roots[is_root_leaf]].tolist(), strict=True)
    )
    order = list(levels(trees))
    at = np.concatenate(order)
    reached = at[trees.is_leaf[at]]
    pairs = np.stack([target[trees.tree[reached]], whole[reached]], axis=1)
    different, counts = np.unique(pairs, axis=0, return_counts=True)
    # The most frequent first: a small number takes a byte less.
    for position in np.argsort(-counts, kind="stable"):
        held.leaves[tuple(different[position].tolist())] = len(held.leaves)
    splits = at[~trees.is_leaf[at]]
    number = np.zeros(len(trees.tree), dtype=np.int64)
    number[splits] = np.arange(len(splits))
    for leaf, pair in zip(reached.tolist(), pairs.tolist(), strict=True):
        number[leaf] = held.leaves[tuple(pair)]
    sides = [
        list(zip(trees.is_leaf[side].tolist(), number[side].tolist(), strict=True))
        for side in (trees.left[splits], trees.right[splits])
    ]
    feature, threshold = trees.feature[splits].tolist(), trees.threshold[splits].tolist()
    held.splits = list(zip(feature, threshold, *sides, strict=True))
    held.roots = number[trees.roots[~is_root_leaf]].tolist()
    return held


def _tree_node(held: _Held, outputs: int, values: str, output: str) -> onnx.NodeProto:
    found, splits = list(held.leaves), list(held.splits)
    for root in held.roots:
        splits[root] = _unlike_a_leaf(splits[root], found)
    left, right = [split[2] for split in splits], [split[3] for split in splits]
    node = onnx.NodeProto(
        op_type="TreeEnsemble", domain="ai.onnx.ml", name=output, input=[values], output=[output]
    )
    weights = np.array([code for _, code in found], dtype=np.float32)
    thresholds = np.array([threshold for _, threshold, *_ in splits], dtype=np.float32)
    _add(node, "aggregate_function", i=SUM)
    _add(node, "leaf_targetids", ints=[target for target, _ in found])
    _add(node, "leaf_weights", t=numpy_helper.from_array(weights))
    _add(node, "n_targets", i=outputs)
    _add(node, "nodes_falseleafs", ints=[int(is_leaf) for is_leaf, _ in right])
    _add(node, "nodes_falsenodeids", ints=[position for _, position in right])
    _add(node, "nodes_featureids", ints=[feature for feature, *_ in splits])
    modes = np.full(len(splits), BRANCH_LEQ, dtype=np.uint8)
    _add(node, "nodes_modes", t=numpy_helper.from_array(modes))
    _add(node, "nodes_splits", t=numpy_helper.from_array(thresholds))
    _add(node, "nodes_trueleafs", ints=[int(is_leaf) for is_leaf, _ in left])
    _add(node, "nodes_truenodeids", ints=[position for _, position in left])
    _add(node, "post_transform", i=NO_TRANSFORM)
    _add(node, "tree_roots", ints=held.roots)
    return node


def _unlike_a_leaf(split: Split, found: list[tuple[int, int]]) -> Split:
    """ONNX Runtime takes a root whose sides have the same number for a leaf, even where one is a
    leaf and the other a split: such a leaf is held once more, under another number."""
    feature, threshold, left, right = split
    while left[1] == right[1] and left[0] != right[0]:
        found.append(found[left[1]])
        again = (True, len(found) - 1)
        left, right = (again, right) if left[0] else (left, again)
    return feature, threshold, left, right


_TYPES = {"i": AttributeProto.INT, "ints": AttributeProto.INTS, "t": AttributeProto.TENSOR}


def _add(node: onnx.NodeProto, name: str, **value: Any) -> None:
    (kind,) = value
    node.attribute.append(AttributeProto(name=name, type=_TYPES[kind], **value))
