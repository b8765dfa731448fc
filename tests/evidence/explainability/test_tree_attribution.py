"""Exact values of trees equal Shapley's formula and shap's, however wide the paths are."""

import warnings
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from mlops_assets.evidence.explainability import tree_attribution
from mlops_assets.evidence.explainability.tree_attribution import (
    LEAF,
    SummedTrees,
    tree_sums,
    tree_values,
)

Floats = NDArray[np.float64]


def random_trees(seed: int, trees: int, splits: int, encoded: int, outputs: int) -> SummedTrees:
    """Trees that split a random leaf at a random feature, again and again."""
    rng = np.random.default_rng(seed)
    nodes: list[list[float]] = []
    roots = []
    for _ in range(trees):
        roots.append(len(nodes))
        nodes.append([LEAF, 0.0, 0, 0])
        leaves = [roots[-1]]
        for _ in range(splits):
            at = leaves.pop(rng.integers(len(leaves)))
            here = len(nodes)
            nodes[at] = [rng.integers(encoded), rng.normal(), here, here + 1]
            nodes += [[LEAF, 0.0, 0, 0], [LEAF, 0.0, 0, 0]]
            leaves += [here, here + 1]
    table = np.array(nodes)
    count = len(table)
    return SummedTrees(
        feature=table[:, 0].astype(np.int64),
        threshold=table[:, 1].astype(np.float32),
        left=table[:, 2].astype(np.int64),
        right=table[:, 3].astype(np.int64),
        value=rng.normal(size=count),
        target=rng.integers(outputs, size=count),
        roots=np.array(roots),
        base=rng.normal(size=outputs),
    )


def by_definition(
    trees: SummedTrees, row: NDArray[np.float32], background: NDArray[np.float32], owner: Floats
) -> Floats:
    columns = int(owner.max()) + 1

    def worth(known: tuple[int, ...]) -> Floats:
        mixed = np.where(np.isin(owner, known), row, background)
        return np.asarray(tree_sums(trees, mixed).mean(axis=0))

    values = np.zeros((columns, len(trees.base)))
    for j in range(columns):
        others = [other for other in range(columns) if other != j]
        for size in range(columns):
            weight = factorial(size) * factorial(columns - size - 1) / factorial(columns)
            for known in combinations(others, size):
                values[j] += weight * (worth((*known, j)) - worth(known))
    return values


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(1, 3), st.booleans())
def test_values_are_those_of_the_definition(
    seed: int, splits: int, outputs: int, wide: bool
) -> None:
    rng = np.random.default_rng(seed)
    trees = random_trees(seed, 3, splits, 6, outputs)
    rows, background = (rng.normal(size=(n, 6)).astype(np.float32) for n in (3, 7))
    owner = np.array([0, 1, 1, 2, 3, 3])
    with pytest.MonkeyPatch.context() as patch:
        if wide:
            patch.setattr(tree_attribution, "MOST_SUBSET_COLUMNS", 0)
        found = tree_values(trees, rows, background, owner, 4)
    assert found is not None
    expected = [by_definition(trees, row, background, owner) for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_many_rows_share_the_sets_and_few_have_their_own() -> None:
    """Values of a row do not depend on the rows beside it, by either way of computing them."""
    rng = np.random.default_rng(1)
    trees = random_trees(4, 5, 60, 9, 1)
    rows, background = (rng.normal(size=(n, 9)).astype(np.float32) for n in (600, 50))
    owner = np.arange(9)
    together = tree_values(trees, rows, background, owner, 9)
    alone = tree_values(trees, rows[:2], background, owner, 9)
    assert together is not None and alone is not None
    np.testing.assert_allclose(together[:2], alone, atol=1e-12)
    sums = tree_sums(trees, rows)
    added = tree_sums(trees, background).mean(axis=0) + together.sum(axis=1)
    np.testing.assert_allclose(added, sums, atol=1e-10)


def test_values_are_those_of_shap() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of matplotlib, which shap imports and deprecates
        import shap
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 8)).astype(np.float32)
    numbers = rows[:, 0] * rows[:, 1] + np.sin(rows[:, 2]) * (rows[:, 3] > 0) + rows[:, 4]
    forest = RandomForestRegressor(8, max_leaf_nodes=40, random_state=0).fit(rows, numbers)
    reference = shap.TreeExplainer(forest, rows[:60], feature_perturbation="interventional")
    expected = reference.shap_values(rows[100:120])
    found = tree_values(of_forest(forest), rows[100:120], rows[:60], np.arange(8), 8)
    assert found is not None
    np.testing.assert_allclose(found[:, :, 0], expected, atol=1e-6)


def of_forest(forest: RandomForestRegressor) -> SummedTrees:
    parts = [tree.tree_ for tree in forest.estimators_]
    starts = np.concatenate([[0], np.cumsum([part.node_count for part in parts])])[:-1]
    feature, threshold, left, right, value = [], [], [], [], []
    for start, part in zip(starts, parts, strict=True):
        is_leaf = part.children_left < 0
        feature.append(np.where(is_leaf, LEAF, part.feature))
        threshold.append(part.threshold.astype(np.float32))
        left.append(np.where(is_leaf, 0, part.children_left + start))
        right.append(np.where(is_leaf, 0, part.children_right + start))
        value.append(part.value[:, 0, 0] / len(parts))
    values = np.concatenate(value)
    return SummedTrees(
        np.concatenate(feature).astype(np.int64),
        np.concatenate(threshold),
        np.concatenate(left).astype(np.int64),
        np.concatenate(right).astype(np.int64),
        values,
        np.zeros(len(values), dtype=np.int64),
        starts,
        np.zeros(1),
    )
