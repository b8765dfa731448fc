"""Both 8-bit forms of trees: every row lands where it did, and leaves move by less than stated."""

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.datasets import make_regression
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mlops_assets.export.eight_bit_trees import quantize_trees
from mlops_assets.export.packed_bytes import packed_bytes
from mlops_assets.export.tree_arrays import leaves, read_trees
from mlops_assets.export.tree_leaves import RoundedTrees, round_leaves
from mlops_assets.export.tree_nodes import read_ensemble, tree_node
from mlops_assets.serving.predictor import open_session

WIDTH = 5
ROWS, NUMBERS = make_regression(900, WIDTH, n_informative=4, noise=5.0, random_state=3)
ROWS = ROWS.astype(np.float32)
CLASSES = np.digitize(NUMBERS, np.quantile(NUMBERS, [0.3, 0.7]))
BOOSTING = {"max_iter": 12, "max_leaf_nodes": 9, "early_stopping": False, "random_state": 0}
FOREST = {"n_estimators": 35, "max_leaf_nodes": 20, "random_state": 0, "n_jobs": 1}
MODELS = {
    "binary boosting": (HistGradientBoostingClassifier(**BOOSTING), CLASSES > 0),
    "multiclass boosting": (HistGradientBoostingClassifier(**BOOSTING), CLASSES),
    "boosted regression": (HistGradientBoostingRegressor(**BOOSTING), NUMBERS),
    "binary forest": (RandomForestClassifier(**FOREST), CLASSES > 0),
    "multiclass forest": (RandomForestClassifier(**FOREST), CLASSES),
    "forest regression": (RandomForestRegressor(**FOREST), NUMBERS),
}


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> onnx.ModelProto:
    estimator, labels = MODELS[request.param]
    return in_a_graph(tree_node(read_ensemble(estimator.fit(ROWS, labels)), "encoded", "raw"))


def in_a_graph(node: onnx.NodeProto) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("encoded", TensorProto.FLOAT, ["n", None])],
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["n", None])],
    )
    versions = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, ir_version=10, opset_imports=versions)


def answers(model: onnx.ModelProto, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = open_session(packed_bytes(model)).run(None, {"encoded": rows})[0]
    return found


def quantized(model: onnx.ModelProto, prefer: Any) -> onnx.ModelProto:
    found = quantize_trees(model, prefer, {"encoded": ROWS})
    assert found is not None
    return found


def at_every_threshold(model: onnx.ModelProto) -> NDArray[np.float32]:
    """Rows at, just below and just above each threshold of each feature, the rest as in real rows,
    and far out."""
    trees = read_trees(model.graph.node[0])
    splits = np.flatnonzero(~trees.is_leaf)
    rows = np.tile(ROWS, (-(-len(splits) // len(ROWS)), 1))[: len(splits)]
    made = []
    for direction in (None, -np.inf, np.inf):
        changed = rows.copy()
        threshold = trees.threshold[splits]
        if direction is not None:
            threshold = np.nextafter(threshold, np.float32(direction))
        changed[np.arange(len(splits)), trees.feature[splits]] = threshold
        made.append(changed)
    far = np.full((1, WIDTH), np.finfo(np.float32).max, dtype=np.float32)
    return np.concatenate([*made, far, -far, far * np.float32(np.inf)])


def expected(rounded: RoundedTrees, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """What rounded leaves add up to, tree by tree in double precision."""
    trees = rounded.trees
    landed = leaves(trees, rows)
    values = rounded.levels[rounded.codes] * rounded.step
    added = (values[landed] * trees.adds_to).sum(axis=1)
    total: NDArray[np.float64] = added / trees.divisor + trees.base
    return total


@pytest.mark.parametrize("prefer", ["speed", "size"])
def test_every_row_lands_in_the_leaf_it_did_at_below_and_above_every_threshold(
    model: onnx.ModelProto, prefer: str
) -> None:
    trees = read_trees(model.graph.node[0])
    rows = at_every_threshold(model)
    wanted = expected(round_leaves(trees, ROWS), rows)
    # One level beside the right one would be 1/255 of the leaves' range, not 1e-6 of it.
    near = 1e-6 * (np.ptp(trees.values) + np.abs(wanted).max())
    np.testing.assert_allclose(answers(quantized(model, prefer), rows), wanted, rtol=0, atol=near)


def test_both_forms_and_any_number_of_rows_beside_give_the_same_bits(
    model: onnx.ModelProto,
) -> None:
    fast, small = (quantized(model, prefer) for prefer in ("speed", "size"))
    together = answers(fast, ROWS)
    np.testing.assert_array_equal(together, answers(small, ROWS))
    for form in (fast, small):
        alone = np.concatenate([answers(form, ROWS[i : i + 1]) for i in range(5)])
        np.testing.assert_array_equal(alone, together[:5])
        np.testing.assert_array_equal(answers(form, ROWS[::-1].copy()), together[::-1])
        assert answers(form, ROWS[:0]).shape == (0, together.shape[1])


def test_a_leaf_moves_by_less_than_the_distance_of_the_levels_around_it(
    model: onnx.ModelProto,
) -> None:
    trees = read_trees(model.graph.node[0])
    rounded = round_leaves(trees, ROWS)
    adding = (trees.adds_to[trees.tree] & trees.is_leaf[:, None])[:, 0]
    value = trees.values[adding, 0] / rounded.step
    moved = np.abs(rounded.levels[rounded.codes[adding, 0]] - value)
    above = np.clip(np.searchsorted(rounded.levels, value), 1, len(rounded.levels) - 1)
    assert (moved <= np.maximum(rounded.levels[above] - rounded.levels[above - 1], 0.5)).all()
    assert len(rounded.levels) <= 256
    assert np.abs(rounded.levels).max() * len(trees.roots) <= 2**24


def test_rounding_cancels_in_sums_better_than_to_the_nearest_level() -> None:
    booster = HistGradientBoostingRegressor(**{**BOOSTING, "max_iter": 60})
    trees = read_trees(tree_node(read_ensemble(booster.fit(ROWS, NUMBERS)), "encoded", "raw"))
    exact = trees.values[leaves(trees, ROWS)].sum(axis=1) + trees.base
    rounded = round_leaves(trees, ROWS)
    value = trees.values[:, 0] / rounded.step
    nearest = rounded.levels[np.abs(rounded.levels - value[:, None]).argmin(axis=1)] * rounded.step
    plain = nearest[leaves(trees, ROWS)].sum(axis=1)[:, None] + trees.base
    assert np.square(expected(rounded, ROWS) - exact).mean() < np.square(plain - exact).mean()


def test_the_forms_are_smaller_and_the_same_bytes_again(model: onnx.ModelProto) -> None:
    size = len(model.SerializeToString())
    for prefer in ("speed", "size"):
        made = packed_bytes(quantized(model, prefer))
        assert made == packed_bytes(quantized(model, prefer))
        assert len(made) < size


def test_packed_bytes_are_read_as_the_same_model(model: onnx.ModelProto) -> None:
    for form in (model, quantized(model, "speed")):
        packed = packed_bytes(form)
        assert onnx.load_from_string(packed) == form
        assert len(packed) < len(form.SerializeToString())


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_any_list_of_whole_numbers_survives_packing(numbers: list[int]) -> None:
    node = onnx.NodeProto(op_type="any")
    node.attribute.append(
        onnx.AttributeProto(name="list", type=onnx.AttributeProto.INTS, ints=numbers)
    )
    model = onnx.ModelProto(ir_version=10, graph=onnx.GraphProto(name="one", node=[node]))
    assert onnx.load_from_string(packed_bytes(model)) == model


def test_trees_without_a_split_or_rows_to_calibrate_on_have_no_form() -> None:
    constant = RandomForestRegressor(3, n_jobs=1).fit(ROWS, np.ones(len(ROWS)))
    model = in_a_graph(tree_node(read_ensemble(constant), "encoded", "raw"))
    for prefer in ("speed", "size"):
        assert quantize_trees(model, prefer, {"encoded": ROWS}) is None
        assert quantize_trees(model, prefer, {"encoded": ROWS[:0]}) is None


def test_some_trees_without_a_split_are_added_all_the_same() -> None:
    # Most first features explain less than this share of the variance: no split is made.
    least = 0.2 * NUMBERS.var()
    forest = RandomForestRegressor(
        40, max_features=1, min_impurity_decrease=least, random_state=0, n_jobs=1
    ).fit(ROWS, NUMBERS)
    model = in_a_graph(tree_node(read_ensemble(forest), "encoded", "raw"))
    trees = read_trees(model.graph.node[0])
    assert 0 < trees.is_leaf[trees.roots].sum() < 40
    wanted = expected(round_leaves(trees, ROWS), ROWS)
    for prefer in ("speed", "size"):
        np.testing.assert_allclose(answers(quantized(model, prefer), ROWS), wanted, atol=1e-4)
