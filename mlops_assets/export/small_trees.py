"""Trees with 8-bit leaves as tables that standard operators walk, for the smallest file.

Belongs here: what the tables hold, and the operators that unfold and walk them. Does not belong
here: the codes of the leaves (``tree_leaves.py``), the tree operator (``fast_trees.py``).

All trees are stored level by level, the roots first. Then the sides of the i-th split stand at
``trees + 2 i`` and the place after, so that no position is stored (G. Jacobson, "Space-efficient
static trees and graphs", FOCS 1989): a bit a node says whether it is a split, each split is one of
the different (feature, threshold) pairs, and a leaf is its code. Thresholds are stored as they are,
so that every row lands where it did.

Trees are walked some at a time, so that memory does not grow with their number.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlops_assets.export.tree_arrays import (
    Integers,
    has_vector_leaves,
    levels,
    tree_depths,
)
from mlops_assets.export.tree_leaves import RoundedTrees

TREES_AT_A_TIME = 32
FLOAT, INT32, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)
Nodes = tuple[list[onnx.NodeProto], list[onnx.TensorProto]]


@dataclass(frozen=True)
class TreeTables:
    """Trees in the order of their depth, filled up with empty ones to whole blocks.

    ``is_split`` ``[nodes]``; ``split`` ``[splits]`` positions in ``feature`` and ``threshold``
    ``[different splits]``; ``codes`` ``[leaves, outputs or 1]``; ``adds_to`` ``[trees, outputs]``;
    ``steps`` ``[blocks]``, the splits on the longest way through a block's trees.
    """

    is_split: NDArray[np.bool_]
    split: Integers
    feature: Integers
    threshold: NDArray[np.float32]
    codes: NDArray[np.uint8]
    adds_to: NDArray[np.uint8]
    steps: Integers


def tree_tables(rounded: RoundedTrees) -> TreeTables:
    trees = rounded.trees
    depth = tree_depths(trees)
    by_depth = np.argsort(-depth, kind="stable")
    at = np.concatenate(list(levels(trees, by_depth)))
    block = min(TREES_AT_A_TIME, len(by_depth))
    empty = -len(by_depth) % block
    # An empty tree is a leaf beside the roots that adds to nothing.
    roots, below = at[: len(by_depth)], at[len(by_depth) :]
    filler = np.full(empty, roots[-1])
    is_filler = np.concatenate([roots < 0, filler >= 0, below < 0])
    at = np.concatenate([roots, filler, below])
    is_split = ~trees.is_leaf[at] & ~is_filler
    pairs = np.stack([trees.feature[at[is_split]], trees.threshold[at[is_split]].view(np.int32)])
    different, split = np.unique(pairs, axis=1, return_inverse=True)
    target = trees.adds_to.argmax(axis=1)[trees.tree]
    codes = rounded.codes
    if not has_vector_leaves(trees):
        codes = codes[np.arange(len(target)), target][:, None]
    steps = np.concatenate([depth[by_depth], np.zeros(empty, dtype=np.int64)])
    adds_to = np.zeros((len(steps), len(trees.base)), dtype=np.uint8)
    adds_to[: len(by_depth)] = trees.adds_to[by_depth]
    return TreeTables(
        is_split=is_split,
        split=split.ravel(),
        feature=different[0],
        threshold=different[1].astype(np.int32).view(np.float32),
        codes=codes[at[~is_split]],
        adds_to=adds_to,
        steps=steps.reshape(-1, block).max(axis=1),
    )


def small_nodes(rounded: RoundedTrees, values: str, output: str) -> Nodes | None:
    """Nodes that read float32 ``values`` ``[n, features]`` and give ``output`` ``[n, outputs]``,
    and their constants; ``None`` where no split is left."""
    if rounded.trees.is_leaf[rounded.trees.roots].all():
        return None
    part = _Part(f"{output}/", values)
    tables = tree_tables(rounded)
    _unfold(part, tables, rounded)
    _walk(part, tables)
    part.constant("scale", np.full((1, len(rounded.trees.base)), rounded.scale, dtype=np.float32))
    part.constant("base", rounded.trees.base.astype(np.float32)[None])
    part.add("Mul", "sums scale", "scaled")
    part.nodes.append(
        helper.make_node("Add", [f"{output}/scaled", f"{output}/base"], [output], name=output)
    )
    return part.nodes, part.constants


class _Part:
    """Nodes and constants whose names begin with a ``prefix``, but for ``values``."""

    def __init__(self, prefix: str, values: str) -> None:
        self._prefix = prefix
        self._values = values
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def name(self, short: str) -> str:
        return self._values if short == "values" else f"{self._prefix}{short}"

    def constant(self, name: str, value: Any) -> None:
        self.constants.append(numpy_helper.from_array(np.asarray(value), self.name(name)))

    def add(self, operator: str, inputs: str, outputs: str, **attributes: Any) -> None:
        read, made = ([self.name(n) for n in names.split()] for names in (inputs, outputs))
        self.nodes.append(helper.make_node(operator, read, made, **attributes))

    def within(self) -> "_Part":
        """A part for the body of a loop, which sees the same names."""
        return _Part(self._prefix, self._values)

    def graph(self, inputs: dict[str, int], outputs: dict[str, int]) -> onnx.GraphProto:
        read, made = (
            [
                # Numbers and flags of a loop are scalars, what it carries has two dimensions.
                helper.make_tensor_value_info(
                    self.name(n), kind, [] if kind in (INT64, BOOL) else [None, None]
                )
                for n, kind in names.items()
            ]
            for names in (inputs, outputs)
        )
        return helper.make_graph(self.nodes, self.name("body"), read, made)


def _unfold(part: _Part, tables: TreeTables, rounded: RoundedTrees) -> None:
    """Tables of all nodes from what is stored: ``left``, ``feature`` and ``threshold`` of each, and
    the level of each that is a leaf. They are the same for every batch: ONNX Runtime computes them
    when it loads the model."""
    nodes, trees = len(tables.is_split), len(tables.adds_to)
    part.constant("bits", np.packbits(tables.is_split, bitorder="little")[:, None])
    part.constant("shifts", np.arange(8, dtype=np.uint8)[None])
    part.constant("two", np.uint8(2))
    part.constant("flat", np.array([-1], dtype=np.int64))
    for name, number in (("zero", 0), ("one", 1), ("trees", trees), ("nodes", nodes)):
        part.constant(name, np.int32(number))
    part.constant("split", _smallest(tables.split))
    part.constant("split_feature", _smallest(tables.feature))
    part.constant("split_threshold", tables.threshold)
    part.constant("never", np.float32(np.inf))
    part.constant("levels", rounded.levels.astype(np.float32))
    part.add("BitShift", "bits shifts", "shifted", direction="RIGHT")
    part.add("Mod", "shifted two", "bit")
    part.add("Cast", "bit", "bit_number", to=INT32)
    part.add("Reshape", "bit_number flat", "all_bits")
    part.add("Range", "zero nodes one", "node")
    part.add("Gather", "all_bits node", "splits")
    part.add("Cast", "splits", "is_split", to=BOOL)
    part.constant("axis", np.int32(0))
    part.add("CumSum", "splits axis", "splits_before", exclusive=1)
    part.add("Add", "splits_before splits_before", "children_before")
    part.add("Add", "children_before trees", "first_child")
    # At a leaf nothing is above the threshold, and what is not above it stays.
    part.add("Where", "is_split first_child node", "left")
    part.constant("last_split", np.int32(len(tables.split) - 1))
    part.add("Min", "splits_before last_split", "split_number")
    part.add("Gather", "split split_number", "pair")
    part.add("Cast", "pair", "pair_number", to=INT32)
    part.add("Gather", "split_feature pair_number", "short_feature")
    part.add("Cast", "short_feature", "feature", to=INT32)
    part.add("Gather", "split_threshold pair_number", "any_threshold")
    part.add("Where", "is_split any_threshold never", "threshold")
    part.add("Sub", "node splits_before", "leaves_before")
    part.constant("last_leaf", np.int32(len(tables.codes) - 1))
    part.add("Min", "leaves_before last_leaf", "leaf_number")
    for column in range(tables.codes.shape[1]):
        part.constant(f"codes{column}", tables.codes[:, column].copy())
        part.add("Cast", f"codes{column}", f"code{column}", to=INT32)
        part.add("Gather", f"levels code{column}", f"stored{column}")
        part.add("Gather", f"stored{column} leaf_number", f"leaves{column}")


def _walk(part: _Part, tables: TreeTables) -> None:
    """Add ``sums`` ``[n, outputs]``, of levels."""
    block = len(tables.adds_to) // len(tables.steps)
    part.constant("blocks", np.int64(len(tables.steps)))
    part.constant("block", np.int32(block))
    part.constant("steps", tables.steps)
    part.constant("true", np.bool_(True))
    part.constant("width", np.array([block], dtype=np.int64))
    part.constant("outputs", np.array([tables.adds_to.shape[1]], dtype=np.int64))
    part.add("Range", "zero block one", "first_roots")
    part.add("Shape", "values", "count", start=0, end=1)
    part.add("Concat", "count width", "walk_shape", axis=0)
    part.add("Concat", "count outputs", "sums_shape", axis=0)
    part.add("ConstantOfShape", "sums_shape", "no_sums")
    # Leaves that add to every output are summed output by output, by the same weights.
    columns = tables.adds_to if tables.codes.shape[1] == 1 else tables.adds_to[:, :1]
    part.constant("adds_to", columns.reshape(len(tables.steps), block, -1))
    part.add("Loop", "blocks true no_sums", "sums", body=_block_body(part.within(), tables))


def _block_body(part: _Part, tables: TreeTables) -> onnx.GraphProto:
    """Adds what the trees of one block give to the sums so far."""
    part.add("Cast", "block_number", "block_number32", to=INT32)
    part.add("Mul", "block_number32 block", "offset")
    part.add("Add", "first_roots offset", "roots")
    part.add("Expand", "roots walk_shape", "start")
    part.add("Gather", "steps block_number", "block_steps")
    part.add("Loop", "block_steps true start", "landed", body=_step_body(part.within()))
    part.add("Gather", "adds_to block_number", "block_adds_to")
    part.add("Cast", "block_adds_to", "weights", to=FLOAT)
    columns = tables.codes.shape[1]
    for column in range(columns):
        part.add("Gather", f"leaves{column} landed", f"found{column}")
        part.add("MatMul", f"found{column} weights", f"sum{column}")
    part.add("Concat", " ".join(f"sum{c}" for c in range(columns)), "block_sums", axis=1)
    part.add("Add", "sums_before block_sums", "sums_after")
    part.add("Identity", "go_on", "go_on_after")
    return part.graph(
        {"block_number": INT64, "go_on": BOOL, "sums_before": FLOAT},
        {"go_on_after": BOOL, "sums_after": FLOAT},
    )


def _step_body(part: _Part) -> onnx.GraphProto:
    """Takes every row one split further in every tree of the block."""
    part.add("Gather", "feature here", "feature_here")
    part.add("GatherElements", "values feature_here", "value_here", axis=1)
    part.add("Gather", "threshold here", "threshold_here")
    part.add("Greater", "value_here threshold_here", "is_above")
    part.add("Cast", "is_above", "aside", to=INT32)
    part.add("Gather", "left here", "left_here")
    part.add("Add", "left_here aside", "next")
    part.add("Identity", "step_on", "step_on_after")
    return part.graph(
        {"step": INT64, "step_on": BOOL, "here": INT32},
        {"step_on_after": BOOL, "next": INT32},
    )


def _smallest(numbers: Integers) -> NDArray[Any]:
    return numbers.astype(np.min_scalar_type(int(numbers.max())))
