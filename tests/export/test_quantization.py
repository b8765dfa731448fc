"""The 8-bit form is really 8-bit, close to the float form, and absent where it would pretend."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.metrics import log_loss, roc_auc_score

from mlops_assets.column_declaration import Column
from mlops_assets.export.integer_layers import Layer, rewrite, smoothing
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.quantization import (
    Quantized,
    count_quantized_nodes,
    quantization_effect,
    quantize,
)
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor, open_session
from mlops_assets.training.calibration import CalibratedClassifier
from mlops_assets.use_case import Limits


def quantized_network(fitted: Any) -> tuple[bytes, Quantized]:
    model = to_onnx(fitted.model)
    return model, quantize(model, "mlp", to_tensors(fitted.calibration, fitted.columns))


def test_a_network_stays_within_the_default_limits(fitted_network: Any) -> None:
    model, quantized = quantized_network(fitted_network)
    assert quantized.model is not None
    assert quantized.reason is None
    assert quantized.nodes_quantized == 3
    tensors = to_tensors(fitted_network.rows, fitted_network.columns)
    before, after = (Predictor(m).predict(tensors) for m in (model, quantized.model))
    effect = quantization_effect(
        before.probabilities[:, 1],
        after.probabilities[:, 1],
        fitted_network.labels,
        len(model),
        len(quantized.model),
    )
    limits = Limits()
    assert effect["size_ratio"] < 0.6
    assert effect["largest_probability_change"] <= limits.quantized_probability
    assert effect["decisions_flipped"] <= limits.quantized_flips
    assert effect["log_loss_change"] <= limits.quantized_log_loss


def test_the_mean_score_of_the_calibration_rows_is_kept(fitted_network: Any) -> None:
    model, quantized = quantized_network(fitted_network)
    assert quantized.model is not None
    tensors = to_tensors(fitted_network.calibration, fitted_network.columns)
    before, after = (mean_log_odds(Predictor(m), tensors) for m in (model, quantized.model))
    assert after == pytest.approx(before, abs=1e-6)


def mean_log_odds(predictor: Predictor, tensors: dict[str, NDArray[Any]]) -> float:
    probabilities = predictor.predict(tensors).probabilities.astype(np.float64)
    return float(np.log(probabilities[:, 1] / probabilities[:, 0]).mean())


def test_a_quantized_answer_does_not_depend_on_the_rows_beside_it(fitted_network: Any) -> None:
    _, quantized = quantized_network(fitted_network)
    assert quantized.model is not None
    tensors = to_tensors(fitted_network.rows[:200], fitted_network.columns)
    whole = Predictor(quantized.model).predict(tensors).probabilities
    for chunk_rows in (1, 3, 64):
        parts = Predictor(quantized.model, chunk_rows=chunk_rows).predict(tensors).probabilities
        np.testing.assert_array_equal(parts, whole)


def test_bytes_depend_on_model_and_rows_alone(fitted_network: Any) -> None:
    assert quantized_network(fitted_network) == quantized_network(fitted_network)


@pytest.mark.parametrize("family", ["random_forest", "histogram_gradient_boosting"])
def test_trees_say_that_they_have_no_8_bit_form(family: str) -> None:
    quantized = quantize(b"", family, {})
    assert quantized.model is None
    assert quantized.nodes_quantized == 0
    assert quantized.reason is not None
    assert "microsoft/onnxruntime#11436" in quantized.reason


def test_a_form_that_is_not_smaller_is_not_made(fit: Callable[..., CalibratedClassifier]) -> None:
    rows = pd.DataFrame({"x": np.arange(60.0)})
    columns = {"x": Column(type="number")}
    model = to_onnx(fit("logistic_regression", columns, rows, np.arange(60) % 2, 40))
    quantized = quantize(model, "logistic_regression", to_tensors(rows, columns))
    assert quantized.model is None
    assert quantized.reason is not None
    assert f"where the float form has {len(model):,}" in quantized.reason


def test_no_calibration_rows_is_a_reason(fitted_network: Any) -> None:
    model = to_onnx(fitted_network.model)
    none = to_tensors(fitted_network.rows[:0], fitted_network.columns)
    quantized = quantize(model, "mlp", none)
    assert quantized.model is None
    assert quantized.reason == "there are no calibration rows"


# One layer


def float_layer(weights: NDArray[np.float32], bias: NDArray[np.float32]) -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["y"]),
        ],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", weights.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", weights.shape[1]])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])


def layer_of(values: NDArray[np.float32], weights: NDArray[np.float32], unsigned: bool) -> Layer:
    bias = np.zeros(weights.shape[1], np.float32)
    peaks = np.abs(values).max(axis=0).astype(np.float64)
    return Layer("product", "x", "y", weights, bias, unsigned, peaks, bias.astype(np.float64))


def run_layer(model: onnx.ModelProto, values: NDArray[np.float32]) -> NDArray[np.float32]:
    answer: NDArray[np.float32] = open_session(model.SerializeToString()).run(["y"], {"x": values})[
        0
    ]
    return answer


@pytest.mark.parametrize("unsigned", [False, True])
def test_a_layer_computes_what_its_integers_say(unsigned: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, np.exp(rng.normal(0, 2, 40)), (300, 40)).astype(np.float32)
    values = np.abs(values) if unsigned else values
    values[3] = 0.0
    weights = rng.normal(size=(40, 12)).astype(np.float32)
    weights[:, 5] = 0.0
    weights[7] = 0.0
    layer = layer_of(values, weights, unsigned)
    answer = run_layer(rewrite(float_layer(weights, layer.bias), [layer], 0.5), values)

    divisors = smoothing(layer, 0.5)
    smoothed, scaled = values / divisors, weights * divisors[:, None]
    row_steps = np.abs(smoothed).max(axis=1, keepdims=True) / (255 if unsigned else 127)
    row_steps[row_steps == 0] = 1.0
    steps = np.abs(scaled).max(axis=0) / 127
    steps[steps == 0] = 1.0
    integers = np.rint(smoothed / row_steps) @ np.rint(scaled / steps).astype(np.float64)
    np.testing.assert_allclose(answer, integers * row_steps * steps, rtol=1e-5, atol=1e-6)
    error = np.abs(answer - values @ weights).max() / np.abs(values @ weights).max()
    assert error < 0.02


def test_smoothing_is_an_exact_power_of_two_and_harmless_where_nothing_is_used() -> None:
    values = np.array([[1000.0, 0.0, 0.5]], np.float32)
    layer = layer_of(values, np.array([[0.001], [3.0], [0.0]], np.float32), unsigned=False)
    divisors = smoothing(layer, 0.5)
    assert divisors.tolist() == [1024.0, 1.0, 1.0]
    assert (np.frexp(divisors)[0] == 0.5).all()


def test_counted_is_what_has_8_bit_weights() -> None:
    weights = np.eye(3, dtype=np.float32)
    model = float_layer(weights, np.zeros(3, np.float32))
    assert count_quantized_nodes(model.SerializeToString()) == 0
    layer = layer_of(np.ones((1, 3), np.float32), weights, unsigned=False)
    assert count_quantized_nodes(rewrite(model, [layer], 0.5).SerializeToString()) == 1

    model.graph.initializer.remove(model.graph.initializer[0])
    model.graph.initializer.append(numpy_helper.from_array(np.eye(3, dtype=np.int8), "q"))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.1), "step"))
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["q", "step"], ["w"]))
    assert count_quantized_nodes(model.SerializeToString()) == 1


# The effect


def test_effect_of_known_changes() -> None:
    before, after = np.array([0.2, 0.6, 0.7, 0.4]), np.array([0.2, 0.4, 0.8, 0.4])
    labels = np.array([0, 1, 1, 0])
    assert quantization_effect(before, after, labels, 200, 50) == {
        "rows_compared": 4,
        "size_float": 200,
        "size_quantized": 50,
        "size_ratio": 0.25,
        "largest_probability_change": pytest.approx(0.2),
        "decisions_flipped": 0.25,
        "log_loss_change": pytest.approx(log_loss(labels, after) - log_loss(labels, before)),
        "roc_auc_change": pytest.approx(roc_auc_score(labels, after) - 1.0),
    }


def test_what_cannot_be_computed_is_none() -> None:
    one_class = quantization_effect(np.array([0.2]), np.array([0.3]), np.array([0]), 2, 1)
    assert one_class["largest_probability_change"] == pytest.approx(0.1)
    assert one_class["log_loss_change"] is None
    assert one_class["roc_auc_change"] is None
    for before in (np.array([]), np.array([np.nan])):
        nothing = quantization_effect(before, before, np.zeros(len(before)), 2, 1)
        assert nothing["largest_probability_change"] is None
        assert nothing["decisions_flipped"] is None


def test_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="not all the same"):
        quantization_effect(np.zeros(2), np.zeros(3), np.zeros(2), 1, 1)


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1))
def test_a_form_that_changes_nothing_has_no_effect(rows: list[tuple[float, bool]]) -> None:
    probabilities, labels = (np.array(side) for side in zip(*rows, strict=True))
    effect = quantization_effect(probabilities, probabilities, labels.astype(int), 10, 10)
    assert effect["largest_probability_change"] == effect["decisions_flipped"] == 0
    assert effect["log_loss_change"] in (0, None)
    assert effect["roc_auc_change"] in (0, None)
