"""The leaves of trees in 8 bits.

Belongs here: the at most 256 levels of all leaves, and rounding leaves to them so that the errors
cancel in sums. Does not belong here: how codes are stored (``fast_trees.py``, ``small_trees.py``).

Every level is a whole number of steps, and so small that float32 holds any sum over the trees
exactly: it does not depend on the order of summation, the number of threads or the runtime.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlops_assets.export.tree_arrays import LEAF, Integers, TreeArrays, leaves, levels

LEVELS = 256
LARGEST_EXACT = 2**24
"""Up to here float32 holds every whole number."""
BINS = 1024
LLOYD_ROUNDS = 30
EVEN_SHARE = 0.25
"""Share of the levels that are spread evenly, for the rare leaves; the others follow the leaves."""
SWEEPS = 3
SHRINKAGE = 20
"""Rows that a leaf's mean error counts less: a leaf of few rows is rounded to the nearest level."""


@dataclass(frozen=True)
class RoundedTrees:
    """``trees`` without the splits between equal leaves; the value of a leaf is now ``step *
    levels[code]``, ``codes`` being uint8 ``[nodes, outputs]``. ``levels`` are whole numbers,
    rising. A leaf's value moved by less than the distance of the two levels around it."""

    trees: TreeArrays
    codes: NDArray[np.uint8]
    levels: Integers
    step: float

    @property
    def scale(self) -> float:
        """What a sum of levels is multiplied by."""
        return self.step / self.trees.divisor


def round_leaves(trees: TreeArrays, rows: NDArray[np.float32]) -> RoundedTrees:
    """Leaves rounded up or down so that the sums over the trees change least on ``rows``.

    Tree after tree, each leaf takes that of the two levels around it which makes up for what the
    other trees' rounding does, on average, to the rows that land in it.
    """
    adding = trees.adds_to[trees.tree] & trees.is_leaf[:, None]
    step = _step(trees, adding)
    exact = np.where(adding, trees.values / step, 0.0)
    found = choose_levels(exact[adding])
    codes = _nearest(found, exact)
    landed = leaves(trees, rows)
    nodes = [np.flatnonzero(trees.tree == tree) for tree in range(len(trees.roots))]
    for output in range(exact.shape[1]):
        own = np.flatnonzero(trees.adds_to[:, output])
        at = [nodes[tree] for tree in own]
        codes[:, output] = _cancelling(found, exact[:, output], landed[:, own], at)
    codes[~adding] = 0
    return RoundedTrees(*_merged(trees, codes.astype(np.uint8)), found, step)


def _step(trees: TreeArrays, adding: NDArray[np.bool_]) -> float:
    """A power of two, so that whole numbers of steps are exact."""
    largest = np.abs(trees.values[adding]).max() * (len(trees.roots) + 1) or 1.0
    return float(np.exp2(np.ceil(np.log2(largest / LARGEST_EXACT))))


def choose_levels(values: NDArray[np.float64]) -> Integers:
    """At most 256 whole numbers near ``values``, which are in steps.

    Quantiles of the cube root of the density, the best levels for many of them (P. F. Panter and
    W. Dite, "Quantization distortion in pulse-count modulation with nonuniform spacing of levels",
    Proceedings of the IRE, 1951), then moved to the means of what is nearest (S. Lloyd, "Least
    squares quantization in PCM", IEEE Transactions on Information Theory, 1982); and some evenly
    spread, the lowest and highest value among them.
    """
    whole = np.unique(np.rint(values))
    if len(whole) <= LEVELS:
        return whole.astype(np.int64)
    spread = int(LEVELS * EVEN_SHARE)
    even = np.linspace(whole[0], whole[-1], spread)
    counts, edges = np.histogram(values, BINS)
    reached = np.concatenate([[0.0], np.cumsum(np.cbrt(counts))])
    count = LEVELS - spread
    shares = (np.arange(count) + 0.5) / count * reached[-1]
    dense = np.interp(shares, reached, edges)
    for _ in range(LLOYD_ROUNDS):
        code = np.searchsorted((dense[1:] + dense[:-1]) / 2.0, values)
        held = np.bincount(code, minlength=count)
        means = np.bincount(code, weights=values, minlength=count) / np.maximum(held, 1)
        dense = np.sort(np.where(held > 0, means, dense))
    return np.unique(np.rint(np.concatenate([even, dense]))).astype(np.int64)


def _nearest(found: Integers, exact: NDArray[np.float64]) -> Integers:
    return np.searchsorted((found[1:] + found[:-1]) / 2.0, exact)


def _cancelling(
    found: Integers, exact: NDArray[np.float64], landed: Integers, nodes: list[Integers]
) -> Integers:
    """The codes ``[nodes]`` of one output's leaves, whose values are ``exact`` steps."""
    codes = _nearest(found, exact)
    lowest = np.clip(np.searchsorted(found, exact, side="right") - 1, 0, len(found) - 1)
    highest = np.clip(np.searchsorted(found, exact, side="left"), 0, len(found) - 1)
    change = found[codes] - exact
    error = change[landed].sum(axis=1)
    for _ in range(SWEEPS):
        for tree, at in enumerate(nodes):
            leaf = landed[:, tree] - at[0]
            error -= change[landed[:, tree]]
            count = np.bincount(leaf, minlength=len(at))
            sums = np.bincount(leaf, weights=error, minlength=len(at))
            wanted = exact[at] - sums / (count + SHRINKAGE)
            codes[at] = np.clip(_nearest(found, wanted), lowest[at], highest[at])
            change[at] = found[codes[at]] - exact[at]
            error += change[landed[:, tree]]
    return codes


def _merged(trees: TreeArrays, codes: NDArray[np.uint8]) -> tuple[TreeArrays, NDArray[np.uint8]]:
    """The trees whose splits between two leaves of the same codes are leaves themselves."""
    feature, codes = trees.feature.copy(), codes.copy()
    for level in reversed(list(levels(trees))):
        left, right = trees.left[level], trees.right[level]
        is_equal = (feature[left] == LEAF) & (feature[right] == LEAF) & (feature[level] != LEAF)
        is_equal &= (codes[left] == codes[right]).all(axis=1)
        codes[level[is_equal]] = codes[left[is_equal]]
        feature[level[is_equal]] = LEAF
    at = np.arange(len(feature))
    left, right = (np.where(feature == LEAF, at, side) for side in (trees.left, trees.right))
    return replace(trees, feature=feature, left=left, right=right), codes
