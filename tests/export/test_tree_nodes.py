"""Trees as one node: every row reaches the leaf it reaches in scikit-learn, and sums are exact."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.tree_nodes import read_ensemble, tree_node
from mlops_assets.serving.predictor import open_session
from mlops_assets.training.thresholds import BOOSTERS, snap_thresholds, snap_trees

FLOAT = onnx.TensorProto.FLOAT
Floats = NDArray[np.float32]


def made(name: str) -> Any:
    forest = {"n_estimators": 30, "min_samples_leaf": 3, "random_state": 0, "n_jobs": 1}
    boosting = {"max_iter": 30, "min_samples_leaf": 3, "random_state": 0}
    return {
        "forest": lambda: RandomForestClassifier(**forest),
        "forest of a number": lambda: RandomForestRegressor(**forest),
        "boosting": lambda: HistGradientBoostingClassifier(**boosting),
        "boosting of a number": lambda: HistGradientBoostingRegressor(**boosting),
    }[name]()


CASES = [
    ("forest", "binary"),
    ("forest", "multiclass"),
    ("forest of a number", "regression"),
    ("boosting", "binary"),
    ("boosting", "multiclass"),
    ("boosting of a number", "regression"),
]
SPECIAL = np.array(
    [0.0, -0.0, 1e-45, -1e-45, 1.2e-38, -1.2e-38, 1e30, -1e30, 2**24, 2**24 + 2], np.float32
)


def hostile_features(count: int) -> Floats:
    """Neighbouring floats, skewed and tied values, subnormals, and integers beyond 2**24."""
    rng = np.random.default_rng(7)
    neighbours = np.float32(1000) + rng.integers(0, 40, count) * np.spacing(np.float32(1000))
    skewed = np.exp(rng.normal(0, 3, count))
    tied = rng.integers(0, 5, count) / 7
    special = rng.choice(SPECIAL, count)
    return np.column_stack([neighbours, skewed, tied, special]).astype(np.float32)


def labels_of(features: Floats, task: str) -> NDArray[Any]:
    signal = (features[:, 0] > 1000.001) + np.log(features[:, 1]) / 3 + (features[:, 2] > 0.4)
    noisy = signal + (features[:, 3] > 0) + np.random.default_rng(1).normal(0, 0.5, len(features))
    if task == "regression":
        return np.asarray(noisy * 3.0, np.float64)
    return np.digitize(noisy, [1.0] if task == "binary" else [0.5, 1.5, 2.5])


@pytest.fixture(scope="module", params=CASES, ids=[f"{name}, {task}" for name, task in CASES])
def trees(request: pytest.FixtureRequest) -> Any:
    """A fitted ensemble whose thresholds and leaves are snapped."""
    name, task = request.param
    features = hostile_features(1500)
    estimator = made(name).fit(features, labels_of(features, task))
    snap_trees(estimator)
    return estimator


def outputs_of(estimator: Any) -> Callable[[Floats], NDArray[np.float64]]:
    """What scikit-learn adds up: raw scores, probabilities or predictions, ``[n, outputs]``."""

    def outputs(features: Floats) -> NDArray[np.float64]:
        # scikit-learn adds all features up, to see at once whether one is infinite.
        with np.errstate(over="ignore", invalid="ignore"):
            if isinstance(estimator, HistGradientBoostingClassifier):
                scores = estimator.decision_function(features)
            elif isinstance(estimator, RandomForestClassifier):
                scores = estimator.predict_proba(features)
                scores = scores[:, 1:] if scores.shape[1] == 2 else scores
            else:
                scores = estimator.predict(features)
        return np.asarray(scores, np.float64).reshape(len(features), -1)

    return outputs


def session_of(estimator: Any) -> Callable[[Floats], Floats]:
    graph = GraphBuilder()
    graph.add_made_node(tree_node(read_ensemble(estimator), "x", "y"))
    ends = [helper.make_tensor_value_info(name, FLOAT, ["n", None]) for name in ("x", "y")]
    session = open_session(graph.build(ends[:1], ends[1:], "").SerializeToString())
    return lambda features: session.run(["y"], {"x": features})[0]


def probes(estimator: Any, features: Floats) -> Floats:
    """The rows, and rows with one feature at, just below or just above each split threshold."""
    ensemble = read_ensemble(estimator)
    splits = [(t.feature[~t.is_leaf], t.threshold[~t.is_leaf]) for t in ensemble.trees]
    columns, values = (np.concatenate(parts) for parts in zip(*splits, strict=True))
    pairs = np.unique(np.column_stack([columns, values]), axis=0)
    columns, values = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.float32)
    rng = np.random.default_rng(0)
    found = [features]
    with np.errstate(over="ignore", under="ignore"):
        around = [values, np.nextafter(values, -np.inf), np.nextafter(values, np.inf)]
    for values in around:
        rows = features[rng.integers(0, len(features), len(values))].copy()
        rows[np.arange(len(values)), columns] = values
        found.append(rows)
    return np.concatenate(found).astype(np.float32)


def test_outputs_are_the_same_number_at_every_threshold(trees: Any) -> None:
    rows = probes(trees, hostile_features(1500))
    assert len(rows) > 1600
    onnx_outputs = session_of(trees)(rows)
    assert onnx_outputs.dtype == np.float32
    np.testing.assert_array_equal(onnx_outputs, outputs_of(trees)(rows).astype(np.float32))


def test_infinite_and_tiny_features_are_decided_alike(trees: Any) -> None:
    rows = hostile_features(600)
    rows[:, 1] = np.resize([5e-324, 1e-45, -1e-45, 1.1754942e-38, -0.0, 0.0], 600)
    if isinstance(trees, BOOSTERS):
        # A forest of scikit-learn refuses them.
        rows[:, 3] = np.resize([np.inf, -np.inf, 1.0], 600)
    onnx_outputs = session_of(trees)(rows)
    np.testing.assert_array_equal(onnx_outputs, outputs_of(trees)(rows).astype(np.float32))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=4))
def test_any_finite_features_are_decided_alike(trees_and_session: Any, values: list[float]) -> None:
    rows = np.resize(np.array(values, np.float32), (len(values), 4))
    for estimator, session in trees_and_session:
        expected = outputs_of(estimator)(rows).astype(np.float32)
        np.testing.assert_array_equal(session(rows), expected)


@pytest.fixture(scope="module")
def trees_and_session() -> list[tuple[Any, Callable[[Floats], Floats]]]:
    features = hostile_features(600)
    found = []
    for name, task in CASES:
        estimator = made(name).fit(features, labels_of(features, task))
        snap_trees(estimator)
        found.append((estimator, session_of(estimator)))
    return found


def test_the_converter_of_others_answers_alike_but_for_the_order_of_its_sums(trees: Any) -> None:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    classifies = hasattr(trees, "predict_proba")
    boosts = isinstance(trees, HistGradientBoostingClassifier)
    options = {"zipmap": False, **({"raw_scores": True} if boosts else {})} if classifies else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Field onnx.AttributeProto.ints", DeprecationWarning)
        converted = convert_sklearn(
            trees,
            initial_types=[("x", FloatTensorType([None, 4]))],
            options={id(trees): options},
            target_opset={"": 21, "ai.onnx.ml": 3},
        )
    rows = probes(trees, hostile_features(20_000))
    session = open_session(converted.SerializeToString())
    theirs = session.run(None, {"x": rows})[-1]
    ours = session_of(trees)(rows)
    theirs = theirs[:, 1:] if theirs.shape[1] == 2 else theirs
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=3e-6)


def test_a_threshold_that_was_not_snapped_is_rounded_down() -> None:
    features = hostile_features(1500)
    for name, task in CASES:
        estimator = made(name).fit(features, labels_of(features, task))
        before = tree_node(read_ensemble(estimator), "x", "y").SerializeToString()
        snap_thresholds(estimator)
        assert tree_node(read_ensemble(estimator), "x", "y").SerializeToString() == before


@pytest.mark.parametrize(("name", "task"), CASES, ids=[f"{name}, {task}" for name, task in CASES])
def test_trees_without_a_split_are_one_leaf(name: str, task: str) -> None:
    features = hostile_features(200)
    constant = np.ones_like(features)
    estimator = made(name).fit(constant, labels_of(features, task))
    snap_trees(estimator)
    expected = outputs_of(estimator)(features).astype(np.float32)
    np.testing.assert_array_equal(session_of(estimator)(features), expected)


def test_what_has_no_form_here_is_an_error() -> None:
    features = hostile_features(300)
    counts = labels_of(features, "binary")
    with pytest.raises(TypeError, match="poisson"):
        read_ensemble(HistGradientBoostingRegressor(loss="poisson").fit(features, counts))
    codes = np.tile(np.arange(10.0), 30)[:, None]
    sets = HistGradientBoostingClassifier(categorical_features=[0], min_samples_leaf=2)
    with pytest.raises(TypeError, match="sets of categories"):
        read_ensemble(sets.fit(codes, (codes[:, 0] % 3 == 0).astype(np.int64)))
