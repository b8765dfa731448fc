"""The trees of an exported model as arrays, however its graph encodes the rest.

Belongs here: reading a ``TreeEnsembleRegressor`` node, and which leaf of each tree a row lands in.
Does not belong here: writing that node from a fitted estimator (``tree_nodes.py``), rounding the
leaves (``tree_leaves.py``), the encodings in 8 bits (``fast_trees.py``, ``small_trees.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from mlops_assets.export.tree_nodes import TREE_OPERATOR

Integers = NDArray[np.int64]
LEAF = -1


@dataclass(frozen=True)
class TreeArrays:
    """All nodes of all trees, one after the other.

    A row goes ``left`` where its ``feature`` is at most the ``threshold``, else ``right``; both are
    positions of nodes, and a leaf's are its own. A leaf has the feature ``LEAF`` and adds
    ``values`` ``[nodes, outputs]`` to those outputs that its tree ``adds_to`` ``[trees, outputs]``:
    each tree to one of them, or every tree to all.
    The sum of the trees, divided by ``divisor``, plus ``base`` ``[outputs]`` is the answer.
    """

    feature: Integers
    threshold: NDArray[np.float32]
    left: Integers
    right: Integers
    tree: Integers
    values: NDArray[np.float64]
    roots: Integers
    adds_to: NDArray[np.bool_]
    divisor: int
    base: NDArray[np.float64]

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        flags: NDArray[np.bool_] = self.feature == LEAF
        return flags


def find_tree_node(model: onnx.ModelProto) -> onnx.NodeProto | None:
    """The one tree node of an exported model; ``None`` where there is none or more than one."""
    found = [node for node in model.graph.node if node.op_type == TREE_OPERATOR]
    return found[0] if len(found) == 1 else None


def read_trees(node: onnx.NodeProto) -> TreeArrays:
    """The trees of a ``TreeEnsembleRegressor`` whose splits are all ``BRANCH_LEQ``.

    Where a missing value goes is not read: what the trees are given has none. Raises ``ValueError``
    for another comparison, aggregate or transform.
    """
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    modes = np.array(given["nodes_modes"], dtype=bytes)
    aggregate = given.get("aggregate_function", b"SUM")
    transform = given.get("post_transform", b"NONE")
    if not set(np.unique(modes).tolist()) <= {b"LEAF", b"BRANCH_LEQ"}:
        raise ValueError("the trees have splits other than BRANCH_LEQ")
    if aggregate not in (b"SUM", b"AVERAGE") or transform != b"NONE":
        raise ValueError("the trees are not summed or averaged, or their sum is transformed")
    is_leaf = modes == b"LEAF"
    tree, ids = (_integers(given[f"nodes_{name}"]) for name in ("treeids", "nodeids"))
    position = _Positions(tree, ids)
    here = np.arange(len(tree))
    trees, roots = np.unique(tree, return_index=True)
    outputs = int(given["n_targets"])
    target = _integers(given["target_ids"])
    leaf = position.of(_integers(given["target_treeids"]), _integers(given["target_nodeids"]))
    values = np.zeros((len(tree), outputs))
    np.add.at(values, (leaf, target), np.array(given["target_weights"], dtype=np.float64))
    adds_to = np.zeros((len(trees), outputs), dtype=np.bool_)
    adds_to[np.searchsorted(trees, tree[leaf]), target] = True
    if adds_to.sum(axis=1).max() > 1:
        adds_to[:] = True
    children = [_integers(given[f"nodes_{name}ids"]) for name in ("truenode", "falsenode")]
    left, right = (np.where(is_leaf, here, position.of(tree, c, ~is_leaf)) for c in children)
    return TreeArrays(
        feature=np.where(is_leaf, LEAF, _integers(given["nodes_featureids"])),
        threshold=np.array(given["nodes_values"], dtype=np.float32),
        left=left,
        right=right,
        tree=np.searchsorted(trees, tree),
        values=values,
        roots=roots,
        adds_to=adds_to,
        divisor=len(trees) if aggregate == b"AVERAGE" else 1,
        base=np.array(given.get("base_values") or [0.0] * outputs, dtype=np.float64),
    )


def has_vector_leaves(trees: TreeArrays) -> bool:
    """Whether every tree adds to several outputs."""
    return bool(trees.adds_to.sum(axis=1).max() > 1)


def levels(trees: TreeArrays, order: Integers | None = None) -> Iterator[Integers]:
    """The positions of the nodes, level by level from the roots: a child comes after its parent,
    the right one after the left one. The trees are in their own order, or in ``order``."""
    level = trees.roots if order is None else trees.roots[order]
    while len(level):
        yield level
        inner = level[trees.feature[level] != LEAF]
        level = np.stack([trees.left[inner], trees.right[inner]], axis=1).ravel()


def tree_depths(trees: TreeArrays) -> Integers:
    """The splits on the longest way through each tree, ``[trees]``."""
    depths = np.zeros(len(trees.roots), dtype=np.int64)
    for depth, level in enumerate(levels(trees)):
        depths[trees.tree[level]] = depth
    return depths


def leaves(trees: TreeArrays, rows: NDArray[np.float32]) -> Integers:
    """The position of the leaf each row lands in, ``[n, trees]``; ``rows`` are ``[n, features]``
    without NaN."""
    at = np.tile(trees.roots, (len(rows), 1))
    feature = np.maximum(trees.feature, 0)
    for _ in range(tree_depths(trees).max()):
        values = np.take_along_axis(rows, feature[at], axis=1)
        at = np.where(values <= trees.threshold[at], trees.left[at], trees.right[at])
    return at


class _Positions:
    """Where the node of a tree with a given id stands."""

    def __init__(self, tree: Integers, ids: Integers) -> None:
        self._factor = int(ids.max()) + 1
        keys = tree * self._factor + ids
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def of(self, tree: Integers, ids: Integers, needed: Any = True) -> Integers:
        keys = np.where(needed, tree * self._factor + ids, self._keys[0])
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        if not np.array_equal(self._keys[found], keys):
            raise ValueError("the trees name a node that they do not have")
        return self._order[found]


def _integers(values: Any) -> Integers:
    return np.asarray(values, dtype=np.int64)
