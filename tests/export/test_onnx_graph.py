"""The ONNX form gives scikit-learn's answers, on real data and on everything a column may hold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from mlops_assets.column_declaration import Column
from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.onnx_encoding import add_encoding
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.parity import compare
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor, open_session
from mlops_assets.training.calibration import CalibratedClassifier, logit
from mlops_assets.training.encoding import Form, RowEncoder

LIMIT = 2e-6
"""Fifty times stricter than a use case's default: float32 sums in another order, no more."""

COLUMNS = {
    "city": Column(type="string", nullable=True),
    "empty": Column(type="string", nullable=True),
    "amount": Column(type="number", nullable=True),
    "always missing": Column(type="number", nullable=True),
    "rate": Column(type="number"),
    "identifier": Column(type="integer"),
    "age": Column(type="integer", nullable=True),
    "code": Column(type="integer", categorical=True),
    "nullable_code": Column(type="integer", categorical=True, nullable=True),
    "member": Column(type="boolean"),
    "consent": Column(type="boolean", nullable=True),
    "seen": Column(type="timestamp"),
}


def hostile_rows(count: int, seed: int, new_values: bool) -> pd.DataFrame:
    """Rows of every column type: ties, neighbours, missing values, huge integers, times before
    1970, and with ``new_values`` categories and ranges that training has not seen."""
    rng = np.random.default_rng(seed)
    cities = ["Oslo", "", "München", "a b", *(["Ålesund", "oslo"] if new_values else [])]
    codes = [-7, 0, 3, 2**60, *([9, 2**60 + 1] if new_values else [])]
    times = rng.integers(-(10**16) if new_values else -(10**14), 10**15, count)
    times[:4] = [-1, 0, -86_400_000_000, -86_400_000_001]
    identifiers = 2**24 + rng.integers(0, 2**31, count) * 2**30
    # Rounded to double first, these are halfway between two floats; rounded at once, they are not.
    identifiers[:2] = [2**60 + 2**36 + 1, -(2**60) - 2**36 - 1]

    def missing(values: Any, dtype: str) -> pd.Series:
        column = pd.Series(values).astype(dtype)
        return column.mask(rng.random(count) < 0.2)

    return pd.DataFrame(
        {
            "city": missing(rng.choice(cities, count), "str"),
            "empty": pd.Series([None] * count, dtype="str"),
            "amount": missing(np.exp(rng.normal(0, 4, count)), "float64"),
            "always missing": np.full(count, np.nan),
            "rate": rng.integers(0, 12, count) / 7,
            "identifier": identifiers,
            "age": missing(rng.integers(0, 99, count), "Int64"),
            "code": rng.choice(codes, count),
            "nullable_code": missing(rng.choice([1, 2, 5, *([4] * new_values)], count), "Int64"),
            "member": rng.random(count) < 0.3,
            "consent": missing(rng.random(count) < 0.5, "boolean"),
            "seen": pd.Series(times).astype("datetime64[us]"),
        }
    )


def hostile_labels(rows: pd.DataFrame) -> NDArray[np.int64]:
    chance = 0.2 + 0.4 * rows["member"] + 0.3 * (rows["rate"] > 1) * rows["amount"].notna()
    return (np.random.default_rng(3).random(len(rows)) < chance).astype(np.int64)


def encoded_by_onnx(encoder: RowEncoder, rows: pd.DataFrame) -> NDArray[np.float32]:
    graph = GraphBuilder()
    add_encoding(graph, encoder, "encoded")
    kinds = {"object": "STRING", "float64": "DOUBLE", "int64": "INT64", "bool": "BOOL"}
    tensors = to_tensors(rows, encoder.columns)
    inputs = [
        helper.make_tensor_value_info(
            n, onnx.TensorProto.DataType.Value(kinds[str(t.dtype)]), ["n", 1]
        )
        for n, t in tensors.items()
    ]
    output = helper.make_tensor_value_info("encoded", onnx.TensorProto.FLOAT, ["n", None])
    session = open_session(graph.build(inputs, [output], "").SerializeToString())
    encoded: NDArray[np.float32] = session.run(["encoded"], tensors)[0]
    return encoded


def test_parity_on_bundled_data(fitted: Any) -> None:
    prediction = Predictor(to_onnx(fitted.model)).predict(to_tensors(fitted.rows, fitted.columns))
    figures = compare(fitted.model.predict_proba(fitted.rows), prediction.probabilities, LIMIT)
    assert figures["rows_compared"] == 20_000
    assert figures["agrees"], figures
    np.testing.assert_array_equal(prediction.label, fitted.model.predict(fitted.rows))


def test_a_row_is_answered_alike_in_any_company(fitted: Any) -> None:
    model = to_onnx(fitted.model)
    tensors = to_tensors(fitted.rows[:300], fitted.columns)
    whole = Predictor(model).predict(tensors).probabilities
    for chunk_rows, threads in ((1, 1), (3, 2), (17, 1), (128, 2)):
        parts = Predictor(model, threads, chunk_rows).predict(tensors).probabilities
        np.testing.assert_array_equal(parts, whole)


def test_parity_on_hostile_data(family: str, fit: Callable[..., CalibratedClassifier]) -> None:
    rows = hostile_rows(3000, 0, new_values=False)
    model = fit(family, COLUMNS, rows, hostile_labels(rows), 2000)
    unseen = hostile_rows(3000, 1, new_values=True)
    predictor = Predictor(to_onnx(model))
    for asked in (rows, unseen):
        prediction = predictor.predict(to_tensors(asked, COLUMNS))
        figures = compare(model.predict_proba(asked), prediction.probabilities, LIMIT)
        assert figures["agrees"], figures


@pytest.mark.parametrize("form", ["tree", "dense"])
def test_the_encoding_is_the_same_to_the_last_bit(form: Form) -> None:
    encoder = RowEncoder(COLUMNS, form).fit(hostile_rows(2000, 0, new_values=False))
    unseen = hostile_rows(2000, 1, new_values=True)
    expected = encoder.transform(unseen)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(encoded_by_onnx(encoder, unseen), expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-(2**56), 2**56), min_size=1, max_size=200))
def test_the_calendar_is_right_in_every_year(microseconds: list[int]) -> None:
    times = pd.Series(np.array(microseconds)).astype("datetime64[us]")
    encoder = RowEncoder({"time": Column(type="timestamp")}, "tree").fit(
        pd.DataFrame({"time": times})
    )
    encoded = encoded_by_onnx(encoder, pd.DataFrame({"time": times}))
    np.testing.assert_array_equal(encoded[:, 0], times.dt.hour * 60 + times.dt.minute)
    np.testing.assert_array_equal(encoded[:, 1], times.dt.day_of_week)


def test_a_missing_string_and_an_empty_one_are_the_same_to_both(
    fit: Callable[..., CalibratedClassifier],
) -> None:
    columns = {"city": Column(type="string", nullable=True)}
    values = np.array(["", "a", "b", None] * 100, dtype=object)
    rows = pd.DataFrame({"city": pd.Series(values, dtype="str")})
    labels = (values == "a").astype(np.int64)
    labels[::8] ^= 1
    model = fit("random_forest", columns, rows, labels, 200)
    probabilities = model.predict_proba(rows)[:4]
    np.testing.assert_array_equal(probabilities[0], probabilities[3])


@given(position=st.integers(1, 2**24 - 1), slope=st.floats(0.01, 1.0))
def test_the_last_bit_of_a_float32_probability_never_matters(position: int, slope: float) -> None:
    # From one half to one, float32 has a value every 2**-24.
    neighbours = np.float32(1) - np.array([position, position - 1], np.float32) / np.float32(2**24)
    low, high = 1 / (1 + np.exp(-slope * logit(neighbours)))
    assert abs(high - low) < 3e-5


def test_an_overconfident_network_agrees_all_the_same() -> None:
    rows = hostile_rows(1500, 0, new_values=False)
    labels = hostile_labels(rows)
    network = MLPClassifier((64, 32), alpha=0.0, max_iter=100, random_state=0)
    pipeline = Pipeline([("encode", RowEncoder(COLUMNS, "dense")), ("classify", network)])
    with pytest.warns(ConvergenceWarning):
        pipeline.fit(rows[:1000], labels[:1000])
    model = CalibratedClassifier(pipeline).fit(rows[1000:], labels[1000:])
    assert abs(model.slope_) < 0.4, "calibration must have much to correct"
    prediction = Predictor(to_onnx(model)).predict(to_tensors(rows, COLUMNS))
    figures = compare(model.predict_proba(rows), prediction.probabilities, 5e-5)
    assert figures["agrees"], figures


def test_trees_are_written_with_exactly_their_thresholds(
    fit: Callable[..., CalibratedClassifier],
) -> None:
    rows = hostile_rows(1500, 0, new_values=False)
    model = fit("histogram_gradient_boosting", COLUMNS, rows, hostile_labels(rows), 1000)
    booster: HistGradientBoostingClassifier = model.pipeline.named_steps["classify"]
    nodes = np.concatenate([p.nodes for stage in booster._predictors for p in stage])
    written = tree_attributes(to_onnx(model))
    splits = np.array(written["nodes_modes"]) == b"BRANCH_LEQ"
    assert set(written["nodes_modes"]) == {b"BRANCH_LEQ", b"LEAF"}
    np.testing.assert_array_equal(
        np.sort(np.array(written["nodes_values"])[splits]),
        np.sort(nodes["num_threshold"][nodes["is_leaf"] == 0]),
    )


def tree_attributes(model: bytes) -> dict[str, Any]:
    trees = [n for n in onnx.load_from_string(model).graph.node if n.op_type.startswith("Tree")]
    return {a.name: helper.get_attribute_value(a) for tree in trees for a in tree.attribute}


def test_bytes_depend_on_the_model_alone(fitted: Any) -> None:
    first = to_onnx(fitted.model)
    assert to_onnx(fitted.model) == first
    model = onnx.load_from_string(first)
    assert model.producer_name == "mlops-assets"
    assert {o.domain: o.version for o in model.opset_import} == {"": 21, "ai.onnx.ml": 4}
    onnx.checker.check_model(model, full_check=True)


def test_inputs_and_outputs_are_as_promised(fit: Callable[..., CalibratedClassifier]) -> None:
    rows = hostile_rows(600, 0, new_values=False)
    model = fit("logistic_regression", COLUMNS, rows, hostile_labels(rows), 400)
    serialized = to_onnx(model)
    assert Predictor(serialized).signature == {
        "city": "string",
        "empty": "string",
        "amount": "double",
        "always missing": "double",
        "rate": "double",
        "identifier": "int64",
        "age": "double",
        "code": "int64",
        "nullable_code": "double",
        "member": "bool",
        "consent": "double",
        "seen": "int64",
    }
    prediction = Predictor(serialized).predict(to_tensors(rows, COLUMNS))
    assert (prediction.label.dtype, prediction.label.shape) == (np.int64, (600,))
    assert (prediction.probabilities.dtype, prediction.probabilities.shape) == (
        np.float32,
        (600, 2),
    )
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(prediction.label, prediction.probabilities[:, 1] >= 0.5)


@pytest.mark.parametrize("name", ["label", "probabilities"])
def test_a_column_named_as_an_output_is_an_error(
    name: str, fit: Callable[..., CalibratedClassifier]
) -> None:
    rows = pd.DataFrame({name: np.arange(40.0)})
    labels = np.arange(40) % 2
    model = fit("logistic_regression", {name: Column(type="number")}, rows, labels, 20)
    with pytest.raises(ValueError, match=f"'{name}'.*rename"):
        to_onnx(model)


def test_an_unknown_estimator_is_an_error() -> None:
    rows = pd.DataFrame({"x": np.arange(40.0)})
    columns = {"x": Column(type="number")}
    pipeline = Pipeline([("encode", RowEncoder(columns, "dense")), ("classify", GaussianNB())])
    labels = np.arange(40) % 2
    model = CalibratedClassifier(pipeline.fit(rows, labels)).fit(rows, labels)
    with pytest.raises(TypeError, match="GaussianNB"):
        to_onnx(model)


def test_equal_constants_are_stored_once() -> None:
    graph = GraphBuilder()
    assert graph.constant([1.0], np.float32) == graph.constant([1.0], np.float32)
    assert graph.constant([1.0], np.float64) != graph.constant([1.0], np.float32)
    assert graph.constant([[1.0]], np.float32) != graph.constant([1.0], np.float32)
    value = graph.add("Identity", graph.constant([2.0], np.float32))
    output = helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, [1])
    built = graph.build([], [output], "a test")
    assert [numpy_helper.to_array(t).tolist() for t in built.graph.initializer][-1] == [2.0]
