"""The 8-bit form is really 8-bit, close to the float form, and absent where it would pretend."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.answers import from_outputs
from mlops_assets.column_declaration import Column
from mlops_assets.export.effect import quantization_effect, within_limits
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.quantization import (
    Prefer,
    Quantized,
    quantize,
)
from mlops_assets.export.quantized_nodes import count_quantized_nodes
from mlops_assets.export.tensors import to_tensors
from mlops_assets.policy_declaration import Limits
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Task


def float_and_quantized(
    fitted: Any, prefer: Prefer = "speed", variance: float = 1.0
) -> tuple[bytes, Quantized]:
    model = to_onnx(fitted.model, fitted.target)
    rows = to_tensors(fitted.calibration, fitted.columns)
    return model, quantize(model, fitted.family, fitted.target.task, rows, prefer, variance)


def effect_of(fitted: Any, model: bytes, quantized: bytes, variance: float = 1.0) -> dict[str, Any]:
    tensors = to_tensors(fitted.rows, fitted.columns)
    before, after = (from_outputs(Predictor(m).predict(tensors)) for m in (model, quantized))
    sizes = len(model), len(quantized)
    return quantization_effect(
        fitted.target.task, before, after, fitted.labels, *sizes, variance=variance
    )


def test_a_network_stays_within_the_default_limits(fitted_network: Any) -> None:
    model, quantized = float_and_quantized(fitted_network)
    assert quantized.model is not None
    assert quantized.reason is None
    assert quantized.nodes_quantized >= 2
    effect = effect_of(fitted_network, model, quantized.model)
    assert effect["size_ratio"] < 0.6
    assert all(v["holds"] for v in within_limits(effect, Limits(), "binary"))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_networks_of_every_task_have_an_8_bit_form(
    fit_on_hostile_rows: Callable[..., Any], task: Task
) -> None:
    fitted = fit_on_hostile_rows("mlp", task)
    variance = float(np.var(fitted.labels)) if task == "regression" else 1.0
    model, quantized = float_and_quantized(fitted, variance=variance)
    assert quantized.model is not None
    assert quantized.nodes_quantized >= 2
    effect = effect_of(fitted, model, quantized.model, variance)
    assert effect["size_ratio"] < 0.8
    assert effect["largest_difference"] < 0.05
    assert abs(effect["loss_change"]) < 0.003


def test_the_smallest_form_within_the_limits_is_taken_for_its_size(
    fitted_network: Any,
) -> None:
    _, fast = float_and_quantized(fitted_network)
    _, small = float_and_quantized(fitted_network, "size")
    assert fast.tried == small.tried
    by_method = {tried["method"]: tried for tried in small.tried}
    fitting = [tried["bytes"] for tried in small.tried if tried["limits_used"] <= 1.0]
    assert by_method[small.method]["bytes"] == min(fitting)
    assert by_method[fast.method]["limits_used"] <= 1.0
    assert fast.method.startswith(fast.tried[0]["method"].split(", strength")[0])


def test_where_limits_are_too_narrow_for_all_forms_the_one_nearest_to_them_is_taken(
    fitted_network: Any,
) -> None:
    model = to_onnx(fitted_network.model, fitted_network.target)
    rows = to_tensors(fitted_network.calibration, fitted_network.columns)
    for limits in (Limits(quantized_difference=1e-5), Limits(quantized_difference=0.0)):
        quantized = quantize(model, "mlp", "binary", rows, "speed", limits=limits)
        used = {tried["method"]: tried["limits_used"] for tried in quantized.tried}
        assert min(used.values()) > 1.0
        assert used[quantized.method] == min(used.values())


def test_the_mean_score_of_the_calibration_rows_is_kept(fitted_network: Any) -> None:
    model, quantized = float_and_quantized(fitted_network)
    assert quantized.model is not None
    tensors = to_tensors(fitted_network.calibration, fitted_network.columns)
    before, after = (
        np.log(p / (1 - p)).mean()
        for p in (from_outputs(Predictor(m).predict(tensors)) for m in (model, quantized.model))
    )
    assert after == pytest.approx(before, abs=2e-6)


def test_a_quantized_answer_does_not_depend_on_the_rows_beside_it(fitted_network: Any) -> None:
    _, quantized = float_and_quantized(fitted_network)
    assert quantized.model is not None
    tensors = to_tensors(fitted_network.rows[:200], fitted_network.columns)
    whole = Predictor(quantized.model).predict(tensors)["probabilities"]
    for chunk_rows in (1, 3, 64):
        parts = Predictor(quantized.model, chunk_rows=chunk_rows).predict(tensors)
        np.testing.assert_array_equal(parts["probabilities"], whole)


def test_bytes_depend_on_model_and_rows_alone(fitted_network: Any) -> None:
    assert float_and_quantized(fitted_network) == float_and_quantized(fitted_network)


@pytest.mark.parametrize("family", ["random_forest", "histogram_gradient_boosting"])
@pytest.mark.parametrize("prefer", ["speed", "size"])
def test_trees_are_counted_where_they_are_really_in_8_bits(
    fit_on_hostile_rows: Callable[..., Any], family: str, prefer: Prefer
) -> None:
    fitted = fit_on_hostile_rows(family, "binary")
    model, quantized = float_and_quantized(fitted, prefer)
    assert count_quantized_nodes(model) == 0
    assert quantized.model is not None
    assert quantized.nodes_quantized >= 1
    assert quantized.tried[0]["largest_difference"] < 0.02


def test_inputs_and_outputs_keep_their_names_and_types(fitted_network: Any) -> None:
    model, quantized = float_and_quantized(fitted_network)
    assert quantized.model is not None
    before, after = Predictor(model), Predictor(quantized.model)
    assert list(after.signature.items()) == list(before.signature.items())
    assert after.outputs == before.outputs


def test_a_form_that_is_not_smaller_is_not_made(fit: Callable[..., Any], targets: Any) -> None:
    rows = pd.DataFrame({"x": np.arange(60.0)})
    columns = {"x": Column(type="number")}
    model = to_onnx(fit("linear", columns, rows, np.arange(60) % 2, 40), targets["binary"])
    quantized = quantize(model, "linear", "binary", to_tensors(rows, columns), "speed")
    assert quantized.model is None
    assert quantized.reason is not None
    assert "no node was quantized" in quantized.reason


def test_no_calibration_rows_is_a_reason(fitted_network: Any) -> None:
    model = to_onnx(fitted_network.model, fitted_network.target)
    none = to_tensors(fitted_network.rows[:0], fitted_network.columns)
    quantized = quantize(model, "mlp", "binary", none, "speed")
    assert quantized.model is None
    assert quantized.reason == "there are no calibration rows"
