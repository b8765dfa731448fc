"""Exact Shapley values of a sum of trees, by raw column.

Belongs here: the values, given the trees and what they are shown. Does not belong here: reading the
trees of a released file (``released_trees.py``), or which encoded columns belong to which raw one
(``encoded_columns.py``).

The values are interventional (D. Janzing and others, "Feature relevance quantification in
explainable AI", 2020): what is not revealed of a row is taken from a background row, and the mean
is over all background rows. A leaf is reached by a mixture of the two exactly where each column
that its path asks about comes from one that satisfies the path's conditions on it. So only two sets
matter: the columns whose conditions the row violates, and those that the background row violates;
where they share a column, the leaf is never reached. A leaf's game is one of "all of A and none of
B" (S. Lundberg and others, "From local explanations to global understanding with explainable AI for
trees", 2020), whose values ``(a-1)! b! / (a+b)!`` are integrals of ``t^(a-1) (1-t)^b`` over [0, 1],
exact by Gauss's quadrature. The sum over the background is then a sum over subsets of the columns
of a path, of which there are few: its cost does not depend on rows times background.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import lgamma

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Integers = NDArray[np.int64]

LEAF = -1
MOST_PATH_COLUMNS = 30
"""Raw columns that a path may ask about: sets of them are bits of an int32."""
MOST_SUBSET_COLUMNS = 11
"""Up to here, all subsets of a path's columns are fewer than the pairs of sets that occur."""
MOST_OPERATIONS = 6_000_000_000
PAIRS_THAT_OCCUR = 0.25
"""Share of the pairs of a row and a background row whose sets differ from those of other pairs."""
CELLS_AT_ONCE = 4_000_000
"""Numbers held at a time in each of a handful of arrays: 32 MB each."""


@dataclass(frozen=True)
class SummedTrees:
    """Trees whose leaves are summed. A row goes ``left`` where its encoded ``feature`` is at most
    the ``threshold``, else ``right``: positions of nodes ``[nodes]``. A leaf has the feature
    ``LEAF`` and adds its ``value`` to the output ``target``. ``base`` ``[outputs]`` is added."""

    feature: Integers
    threshold: Float32s
    left: Integers
    right: Integers
    value: Floats
    target: Integers
    roots: Integers
    base: Floats


@dataclass(frozen=True)
class _Paths:
    """Some ways down the trees: where they are ``at``, the raw ``columns`` that each asked about
    ``[paths, width]`` in the order they were met, and how many (``size``)."""

    at: Integers
    columns: Integers
    size: Integers


def tree_values(
    trees: SummedTrees, rows: Float32s, background: Float32s, owner: Integers, columns: int
) -> Floats | None:
    """The Shapley values of ``rows`` ``[n, encoded]`` against ``background`` ``[b, encoded]``,
    float64 ``[n, columns, outputs]``, in units of the trees' sum.

    ``owner`` ``[encoded]`` is the raw column that an encoded one is made of. ``None`` where a path
    asks about more than ``MOST_PATH_COLUMNS``, or all of it would take more than
    ``MOST_OPERATIONS``.
    """
    n, outputs = len(rows), len(trees.base)
    roots = _Paths(
        trees.roots,
        np.full((len(trees.roots), columns), LEAF),
        np.zeros(len(trees.roots), dtype=np.int64),
    )
    if _operations(trees, roots, owner, n, len(background)) > MOST_OPERATIONS:
        return None
    seen = np.ascontiguousarray(np.concatenate([rows, background]).T)
    values = np.zeros((columns * outputs, n))
    for part in _parts(trees, roots, len(seen.T)):
        for leaves, violated in _reached_leaves(trees, part, owner, seen):
            _add_leaves(values, trees, leaves, violated, n)
    return values.reshape(columns, outputs, n).transpose(2, 0, 1)


def tree_sums(trees: SummedTrees, rows: Float32s) -> Floats:
    """What the trees come to for encoded ``rows`` ``[n, encoded]``, float64 ``[n, outputs]``."""
    at = np.tile(trees.roots, (len(rows), 1))
    while (inner := trees.feature[at] != LEAF).any():
        values = np.take_along_axis(rows, np.maximum(trees.feature[at], 0), axis=1)
        below = values <= trees.threshold[at]
        at = np.where(inner, np.where(below, trees.left[at], trees.right[at]), at)
    sums = np.tile(trees.base, (len(rows), 1))
    for output in range(len(trees.base)):
        sums[:, output] += np.where(trees.target[at] == output, trees.value[at], 0.0).sum(axis=1)
    return sums


def _operations(
    trees: SummedTrees, paths: _Paths, owner: Integers, rows: int, background: int
) -> float:
    """About how many numbers are computed; infinity where a path is too wide."""
    total = 0.0
    while len(paths.at):
        is_leaf = trees.feature[paths.at] == LEAF
        size = paths.size[is_leaf].astype(np.float64)
        if size.max(initial=0.0) > MOST_PATH_COLUMNS:
            return np.inf
        subsets = np.exp2(size)
        by_subset = np.minimum(subsets, rows) * size**2 + subsets * size**2
        by_pair = PAIRS_THAT_OCCUR * np.minimum(subsets, rows) * np.minimum(subsets, background)
        of_leaf = np.where(size > MOST_SUBSET_COLUMNS, by_pair * (size + 3.0), by_subset)
        total += float(((size + 3.0) * (rows + background) + of_leaf).sum())
        paths = _children(trees, paths, owner, np.flatnonzero(~is_leaf))[0]
    return total


def _parts(trees: SummedTrees, roots: _Paths, seen: int) -> Iterator[_Paths]:
    """The roots, some at a time."""
    average = len(trees.feature) / max(len(roots.at), 1)
    at_once = max(1, int(CELLS_AT_ONCE / (average * seen)))
    for start in range(0, len(roots.at), at_once):
        part = slice(start, start + at_once)
        yield _Paths(roots.at[part], roots.columns[part], roots.size[part])


def _children(
    trees: SummedTrees, paths: _Paths, owner: Integers, inner: Integers
) -> tuple[_Paths, Integers]:
    """The left and then the right children of the paths ``inner``, and the place of the column
    that each of those asks about among the path's own."""
    at, columns, size = paths.at[inner], paths.columns[inner], paths.size[inner]
    asked = owner[trees.feature[at]]
    is_asked = columns == asked[:, None]
    is_new = ~is_asked.any(axis=1)
    place = np.where(is_new, size, is_asked.argmax(axis=1))
    columns[np.arange(len(at)), place] = asked
    both = np.concatenate([trees.left[at], trees.right[at]])
    sizes = size + is_new
    return _Paths(both, np.tile(columns, (2, 1)), np.tile(sizes, 2)), place


def _reached_leaves(
    trees: SummedTrees, paths: _Paths, owner: Integers, seen: Float32s
) -> Iterator[tuple[_Paths, NDArray[np.int32]]]:
    """The leaves below ``paths``, level by level, with the set of the path's columns that each of
    ``seen`` ``[encoded, samples]`` violates, as bits ``[leaves, samples]``. Those that nothing can
    reach are left out."""
    violated = np.zeros((len(paths.at), seen.shape[1]), dtype=np.int32)
    while len(paths.at):
        is_leaf = trees.feature[paths.at] == LEAF
        done, inner = np.flatnonzero(is_leaf), np.flatnonzero(~is_leaf)
        if len(done):
            yield _Paths(paths.at[done], paths.columns[done], paths.size[done]), violated[done]
        at = paths.at[inner]
        paths, place = _children(trees, paths, owner, inner)
        above = seen[trees.feature[at]] > trees.threshold[at][:, None]
        bit = np.left_shift(1, place).astype(np.int32)[:, None]
        before = violated[inner]
        violated = np.concatenate([before | above * bit, before | ~above * bit])
        alive = np.concatenate([~above.all(axis=1), above.any(axis=1)])
        paths = _Paths(paths.at[alive], paths.columns[alive], paths.size[alive])
        violated = violated[alive]


def _add_leaves(
    values: Floats, trees: SummedTrees, leaves: _Paths, violated: NDArray[np.int32], rows: int
) -> None:
    """Add what ``leaves`` contribute to ``values`` ``[columns * outputs, rows]``."""
    outputs = len(trees.base)
    for size in np.unique(leaves.size[leaves.size > 0]).tolist():
        same = np.flatnonzero(leaves.size == size)
        if size > MOST_SUBSET_COLUMNS:
            _add_wide_leaves(values, trees, leaves, violated, same, rows)
            continue
        width = max(2**size * (size + 1) // 2, rows)
        for start in range(0, len(same), max(1, CELLS_AT_ONCE // width)):
            some = same[start : start + max(1, CELLS_AT_ONCE // width)]
            at, columns = leaves.at[some], leaves.columns[some, :size]
            game = _Game(violated[some, rows:], size)
            for place in range(size):
                found = game.values(violated[some, :rows], place) * trees.value[at][:, None]
                keys = columns[:, place] * outputs + trees.target[at]
                order = np.argsort(keys, kind="stable")
                distinct, starts = np.unique(keys[order], return_index=True)
                values[distinct] += np.add.reduceat(found[order], starts, axis=0)


def _add_wide_leaves(
    values: Floats,
    trees: SummedTrees,
    leaves: _Paths,
    violated: NDArray[np.int32],
    which: Integers,
    rows: int,
) -> None:
    """As ``_add_leaves``, for leaves whose columns have too many subsets: one by one, from the
    pairs of the sets that occur."""
    outputs = len(trees.base)
    for leaf in which.tolist():
        at, size = leaves.at[leaf], int(leaves.size[leaf])
        own, position = np.unique(violated[leaf, :rows], return_inverse=True)
        satisfied = (1 << size) - 1 - own.astype(np.int64)
        worth = _values_of_pairs(satisfied, violated[leaf, rows:], size)
        keys = leaves.columns[leaf, :size] * outputs + trees.target[at]
        values[keys] += trees.value[at] * worth[position].T


def _values_of_pairs(satisfied: Integers, violated: NDArray[np.int32], size: int) -> Floats:
    """The values of the ``size`` columns of a leaf that is worth 1, float64 ``[sets, size]``, for
    rows that satisfy the sets ``satisfied``, against background rows that violate ``violated``."""
    lacking, counts = np.unique(violated, return_counts=True)
    shares = counts / len(violated)
    a, b = np.bitwise_count(lacking).astype(int), size - np.bitwise_count(satisfied).astype(int)
    raising, lowering = _weights(size)
    reached = (lacking[None, :] & ~satisfied[:, None]) == 0
    raised = np.where(reached, shares * raising[a[None, :], b[:, None]], 0.0)
    lowered = np.where(reached, shares * lowering[a[None, :], b[:, None]], 0.0).sum(axis=1)
    places = np.arange(size)
    from_background = (lacking[:, None] >> places) & 1
    from_row = (satisfied[:, None] >> places) & 1
    # No product of matrices, whose order of summation depends on the number of threads.
    ups = np.stack([raised[:, from_background[:, j] == 1].sum(axis=1) for j in places], axis=1)
    return np.where(from_row == 1, ups, -lowered[:, None])


@cache
def _weights(size: int) -> tuple[Floats, Floats]:
    """``(a-1)! b! / (a+b)!`` and ``a! (b-1)! / (a+b)!`` for ``a`` and ``b`` up to ``size``, 0 where
    they have no meaning."""
    logs = np.array([lgamma(k + 1.0) for k in range(2 * size + 1)])
    a, b = np.meshgrid(np.arange(size + 1), np.arange(size + 1), indexing="ij")
    raising = np.exp(logs[np.maximum(a - 1, 0)] + logs[b] - logs[a + b])
    lowering = np.exp(logs[a] + logs[np.maximum(b - 1, 0)] - logs[a + b])
    return np.where(a > 0, raising, 0.0), np.where(b > 0, lowering, 0.0)


class _Game:
    """The games of leaves whose paths ask about ``size`` columns each, against background rows that
    violate the sets ``violated`` ``[leaves, background]``.

    ``sums`` ``[leaves, nodes, subsets]`` is, for each node ``t`` of the quadrature and set ``p`` of
    columns, the mean over the background of ``t`` to the number of violated columns where they are
    all in ``p``, else 0.
    """

    def __init__(self, violated: NDArray[np.int32], size: int) -> None:
        leaves, background = violated.shape
        self.size = size
        nodes, weights = np.polynomial.legendre.leggauss((size + 1) // 2)
        self.nodes, self.weights = (nodes + 1.0) / 2.0, weights / 2.0
        sets = np.arange(leaves)[:, None] * 2**size + violated
        counts = np.bincount(sets.ravel(), minlength=leaves * 2**size) / background
        self.members = np.bitwise_count(np.arange(2**size)).astype(np.int64)
        powers = self.nodes[:, None] ** self.members
        self.sums = counts.reshape(leaves, 1, 2**size) * powers
        for place in range(size):
            halves = self.sums.reshape(leaves, len(nodes), -1, 2, 2**place)
            halves[:, :, :, 1] += halves[:, :, :, 0]

    def values(self, violated: NDArray[np.int32], place: int) -> Floats:
        """The value of the column at ``place`` for rows that violate the sets ``violated``
        ``[leaves, rows]``, of a leaf that is worth 1; float64 ``[leaves, rows]``."""
        full = 2**self.size - 1
        if 2**self.size <= violated.shape[1]:
            every = np.broadcast_to(np.arange(2**self.size), (len(violated), 2**self.size))
            return np.take_along_axis(self._of(full - every, place), violated, axis=1)
        return self._of(full - violated, place)

    def _of(self, satisfied: Integers, place: int) -> Floats:
        bit = 1 << place
        has = (satisfied & bit) != 0
        missing = self.size - self.members[satisfied]
        found = np.zeros(satisfied.shape)
        without = satisfied & ~bit
        for g, (t, weight) in enumerate(zip(self.nodes, self.weights, strict=True)):
            all_sums = self.sums[:, g]
            here = np.take_along_axis(all_sums, satisfied, axis=1)
            raised = (here - np.take_along_axis(all_sums, without, axis=1)) / t
            powers = (1.0 - t) ** np.arange(self.size + 1)
            lowered = here * powers[np.maximum(missing - 1, 0)]
            found += weight * np.where(has, raised * powers[missing], -lowered)
        return found
