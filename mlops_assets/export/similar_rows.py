"""Rows scored in an order in which neighbours take the same branches.

Belongs here: which splits tell rows apart for the trees, and the operators that sort rows by them
and put the answers back. Does not belong here: the trees (``fast_trees.py``).

A tree operator costs mostly mispredicted branches: the processor guesses a row's way through a tree
by that of the rows before it. Sorted by what most splits ask, rows are guessed right more often;
measured, that outweighs the sorting from some hundred rows on. What a row is answered does not
change: it is computed by the same operations on the same numbers wherever it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlops_assets.export.tree_arrays import LEAF, Integers, TreeArrays, levels

MAX_GROUPS = 2**12
"""A key of this many groups is a whole number that float32 holds, and more gain little."""
MAX_CUTS_TRIED = 40


@dataclass(frozen=True)
class _Feature:
    """The splits of one feature: at which share of the rows, and how many rows pass each."""

    share: NDArray[np.float64]
    threshold: NDArray[np.float32]
    passing: NDArray[np.float64]

    def uncertainty(self, below: float, above: float) -> float:
        """Bits that the splits between two shares cost the rows between them."""
        inside = (self.share > below) & (self.share < above)
        chance = (self.share[inside] - below) / (above - below)
        bits = -chance * np.log2(chance) - (1.0 - chance) * np.log2(1.0 - chance)
        return float((above - below) * (self.passing[inside] * bits).sum())

    def cost(self, cuts: list[float]) -> float:
        edges = [0.0, *cuts, 1.0]
        return sum(self.uncertainty(*pair) for pair in pairwise(edges))

    def next_cut(self, cuts: list[float]) -> tuple[float, float]:
        """The cut that saves most beside ``cuts``, after how much it saves."""
        now = self.cost(cuts)
        shares = np.unique(self.share)
        tried = [float(s) for s in shares[:: -(-len(shares) // MAX_CUTS_TRIED)] if 0 < s < 1]
        gains = [(now - self.cost(sorted([*cuts, s])), s) for s in tried if s not in cuts]
        return max(gains, default=(0.0, 0.0))


def grouping(
    trees: TreeArrays, rows: NDArray[np.float32], landed: Integers
) -> list[tuple[int, NDArray[np.float32]]]:
    """Features, the one that tells most first, each with the thresholds that group its values; at
    most ``MAX_GROUPS`` groups in all.

    Greedy: the next threshold is the one that saves most uncertainty of the trees' splits for each
    doubling of the groups. ``landed`` are the leaves of ``rows`` ``[n, trees]``.
    """
    features = _features(trees, rows, landed)
    cuts: dict[int, list[float]] = {name: [] for name in features}
    following = {name: feature.next_cut([]) for name, feature in features.items()}
    groups = 1.0

    def gain(name: int) -> float:
        more = np.log2((len(cuts[name]) + 2) / (len(cuts[name]) + 1))
        return float(following[name][0] / more)

    while features:
        best = max(features, key=gain)
        groups *= (len(cuts[best]) + 2) / (len(cuts[best]) + 1)
        if following[best][0] <= 0 or groups > MAX_GROUPS:
            break
        cuts[best] = sorted([*cuts[best], following[best][1]])
        following[best] = features[best].next_cut(cuts[best])
    saved = {name: features[name].cost([]) - features[name].cost(c) for name, c in cuts.items()}
    used = sorted((name for name in cuts if cuts[name]), key=lambda name: -saved[name])
    return [(name, _thresholds(features[name], cuts[name])) for name in used]


def _thresholds(feature: _Feature, cuts: list[float]) -> NDArray[np.float32]:
    return np.unique([feature.threshold[np.argmax(feature.share == cut)] for cut in cuts])


def _features(
    trees: TreeArrays, rows: NDArray[np.float32], landed: Integers
) -> dict[int, _Feature]:
    passing = _passing(trees, landed)
    found = {}
    for name in np.unique(trees.feature[trees.feature != LEAF]).tolist():
        nodes = np.flatnonzero(trees.feature == name)
        values = np.sort(rows[:, name])
        share = np.searchsorted(values, trees.threshold[nodes], side="right") / len(values)
        found[name] = _Feature(share, trees.threshold[nodes], passing[nodes])
    return found


def _passing(trees: TreeArrays, landed: Integers) -> NDArray[np.float64]:
    """The share of the rows that pass each node."""
    passing = np.bincount(landed.ravel(), minlength=len(trees.feature)).astype(np.float64)
    for level in reversed(list(levels(trees))):
        inner = level[trees.feature[level] != LEAF]
        passing[inner] = passing[trees.left[inner]] + passing[trees.right[inner]]
    return passing / len(landed)


def sorting_nodes(
    groups: list[tuple[int, NDArray[np.float32]]], rows: str, ordered: str, order: str
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes that sort the float32 tensor ``rows`` into ``ordered``, and the int64 ``order`` that
    they took, ``[n, 1]``; and the constants they read."""
    constants = [numpy_helper.from_array(v, f"{ordered}/{n}") for n, v in _constants(groups)]

    def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
        read, made = (
            [n if n in (rows, ordered, order) else f"{ordered}/{n}" for n in names.split()]
            for names in (inputs, outputs)
        )
        return helper.make_node(operator, read, made, name=made[-1], **attributes)

    nodes = [
        node("Gather", f"{rows} features", "asked", axis=1),
        node("Greater", "asked thresholds", "is_right"),
        node("Cast", "is_right", "steps", to=TensorProto.FLOAT),
        node("MatMul", "steps weights", "key"),
        node("Shape", "key", "count", start=0, end=1),
        node("TopK", "key count", f"sorted_key {order}", axis=0),
        node("Squeeze", f"{order} axis", "positions"),
        node("Gather", f"{rows} positions", ordered, axis=0),
    ]
    return nodes, constants


def _constants(
    groups: list[tuple[int, NDArray[np.float32]]],
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    counts = [len(thresholds) for _, thresholds in groups]
    # Mixed radix: one step of a feature weighs as much as all groups of those that tell less.
    radix = np.cumprod([1, *(count + 1 for count in reversed(counts))])[-2::-1]
    yield "features", np.repeat([name for name, _ in groups], counts).astype(np.int64)
    yield "thresholds", np.concatenate([t for _, t in groups]).astype(np.float32)
    yield "weights", np.repeat(radix, counts).astype(np.float32)[:, None]
    yield "axis", np.array([1], dtype=np.int64)
