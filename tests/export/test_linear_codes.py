"""A linear model that looks its categories up answers as the one that multiplies ones and zeros."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

from mlops_assets.answers import differences, from_outputs
from mlops_assets.column_declaration import Column
from mlops_assets.export.category_codes import category_codes
from mlops_assets.export.linear_codes import looks_up_directly, with_codes
from mlops_assets.export.linear_folding import fold_calibration
from mlops_assets.export.network_layers import GraphView, find_layers
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.quantization import Prefer, quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor, open_session
from mlops_assets.target_declaration import Target, Task

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
TARGET = Target(column="y")


@pytest.fixture
def many_levels(fit: Callable[..., Any]) -> tuple[bytes, dict[str, Any]]:
    """A logistic regression of 400 categories, and its calibration rows."""
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, 400, 6000)
    names = np.array([f"{number:03d}" for number in range(400)])
    rows = pd.DataFrame({"level": names[chosen]}).astype("str")
    columns = {"level": Column(type="string")}
    labels = (rng.random(6000) < (chosen % 7) / 7).astype(int)
    model = fit("linear", columns, rows, labels, 5000)
    return to_onnx(model, TARGET), to_tensors(rows[5000:], columns)


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_close_also_for_what_training_has_not_seen(
    fit_on_hostile_rows: Callable[..., Any],
    make_hostile_rows: Callable[..., pd.DataFrame],
    task: Task,
) -> None:
    fitted = fit_on_hostile_rows("linear", task)
    model = onnx.load_from_string(to_onnx(fitted.model, fitted.target))
    layers = find_layers(model, to_tensors(fitted.calibration, fitted.columns))
    coded = with_codes(model, layers[0])
    assert coded is not None
    assert "MatMulInteger" not in {node.op_type for node in coded.graph.node}
    rows = make_hostile_rows(500, 5, True)
    rows["rate"] = rows["rate"].clip(-10.0, 10.0)
    tensors = to_tensors(rows, fitted.columns)
    before, after = (
        from_outputs(Predictor(form.SerializeToString()).predict(tensors))
        for form in (model, coded)
    )
    variance = float(np.var(fitted.labels)) if task == "regression" else 1.0
    assert differences(task, before, after, variance).max() < 0.01


def test_a_category_adds_its_code_and_an_unknown_one_nothing(fit: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    names = np.array([f"level {number:03d}" for number in range(120)])
    chosen = rng.integers(0, 120, 3000)
    rows = pd.DataFrame({"level": names[chosen], "x": rng.normal(size=3000)}).astype(
        {"level": "str"}
    )
    labels = (rng.random(3000) < (chosen % 7) / 7).astype(int)
    columns = {"level": Column(type="string"), "x": Column(type="number")}
    fitted = fit("linear", columns, rows, labels, 2000)
    model = onnx.load_from_string(to_onnx(fitted, TARGET))
    tensors = to_tensors(rows[2000:], columns)
    layer = find_layers(model, tensors)[0]
    assert looks_up_directly(GraphView(model.graph), layer)
    at = layer.hot_columns
    codes = category_codes(layer.weights[at, 0], layer.shares[at], 128)
    coded = with_codes(model, layer, 128)
    assert coded is not None
    assert not any(t.data_type == onnx.TensorProto.INT8 for t in coded.graph.initializer)

    asked = {"level": np.array([["level 000"], ["never seen"]], object), "x": np.zeros((2, 1))}
    answers = from_outputs(Predictor(coded.SerializeToString()).predict(asked))[:, 0]
    log_odds = np.log(answers / (1 - answers))
    expected = (codes.codes[0] - codes.zero) * codes.step * fitted.slope_
    assert log_odds[0] - log_odds[1] == pytest.approx(expected, abs=1e-4)
    # Far from every fitted row a number is held within about the same distance.
    sessions = [open_session(form.SerializeToString()) for form in (model, coded)]
    for x in (np.nan, np.inf, -np.inf, 1e6, -1e6, -3e38, 1e300):
        far = {"level": np.array([["level 003"]], object), "x": np.array([[x]])}
        before, after = (opened.run(["probabilities"], far)[0] for opened in sessions)
        np.testing.assert_allclose(after, before, atol=0.01)


def test_the_sum_takes_over_the_calibration(fit_on_hostile_rows: Callable[..., Any]) -> None:
    fitted = fit_on_hostile_rows("linear", "binary")
    model = onnx.load_from_string(to_onnx(fitted.model, fitted.target))
    tensors = to_tensors(fitted.rows, fitted.columns)
    layer = find_layers(model, tensors)[0]
    folded = fold_calibration(model, layer.sum)
    assert len(folded.graph.node) < len(model.graph.node)
    before, after = (
        from_outputs(Predictor(form.SerializeToString()).predict(tensors))
        for form in (model, folded)
    )
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_rows_are_answered_alike_alone_and_among_others(many_levels: Any) -> None:
    model, tensors = many_levels
    quantized = quantize(model, "linear", "binary", tensors, "speed")
    assert quantized.model is not None
    whole = Predictor(quantized.model).predict(tensors)["probabilities"]
    for chunk_rows in (1, 3, 64):
        parts = Predictor(quantized.model, chunk_rows=chunk_rows).predict(tensors)
        np.testing.assert_array_equal(parts["probabilities"], whole)


@pytest.mark.parametrize("prefer", ["speed", "size"])
def test_a_model_of_many_categories_is_smaller_in_8_bits(many_levels: Any, prefer: Prefer) -> None:
    model, tensors = many_levels
    quantized = quantize(model, "linear", "binary", tensors, prefer)
    assert quantized.model is not None
    assert quantized.nodes_quantized == 1
    assert len(quantized.model) <= 0.6 * len(model)
    tried = quantized.tried[0]
    assert tried["bytes"] == len(quantized.model)
    assert tried["largest_difference"] < 0.01


def test_without_categories_there_is_no_table(fit: Callable[..., Any]) -> None:
    rows = pd.DataFrame({"x": np.arange(60.0)})
    columns = {"x": Column(type="number")}
    model = onnx.load_from_string(
        to_onnx(fit("linear", columns, rows, np.arange(60) % 2, 40), TARGET)
    )
    assert with_codes(model, find_layers(model, to_tensors(rows, columns))[0]) is None
