"""Scores become the answers of each task: labels as declared, absent classes, intervals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import helper, numpy_helper
from sklearn.pipeline import Pipeline

from mlops_assets.answers import from_outputs
from mlops_assets.column_declaration import Column
from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import open_session
from mlops_assets.target_declaration import Bands, Target, Task
from mlops_assets.training.calibration import MulticlassModel
from mlops_assets.training.encoding import RowEncoder

LABELS = ("low", "middle", "high")
CODES = (7, 2**60, -1)


def outputs_of(model: Any, target: Target, rows: pd.DataFrame) -> dict[str, Any]:
    session = open_session(to_onnx(model, target))
    names = [output.name for output in session.get_outputs()]
    tensors = to_tensors(rows, model.pipeline.named_steps["encode"].columns)
    return dict(zip(names, session.run(names, tensors), strict=True))


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        (Target(column="y", task="multiclass", type="string", classes=LABELS), LABELS),
        (Target(column="y", task="multiclass", type="integer", classes=CODES), CODES),
        (
            Target(
                column="y",
                task="multiclass",
                type="string",
                bands=Bands(edges=(0.0, 1.0), names=("1", "2", "3")),
            ),
            ("1", "2", "3"),
        ),
    ],
    ids=["strings", "integers", "bands"],
)
def test_a_label_is_the_class_as_it_is_declared(
    target: Target, classes: tuple[Any, ...], fit_on_hostile_rows: Callable[..., Any]
) -> None:
    fitted = fit_on_hostile_rows("random_forest", "multiclass")
    found = outputs_of(fitted.model, target, fitted.rows)
    assert found["label"].shape == (3000,)
    assert found["label"].dtype == (object if isinstance(classes[0], str) else np.int64)
    assert found["probabilities"].dtype == np.float32
    expected = [classes[position] for position in found["probabilities"].argmax(axis=1)]
    assert found["label"].tolist() == expected
    assert set(expected) == set(classes)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1.0, atol=1e-6)


def test_a_binary_label_is_positive_from_one_half(fit_on_hostile_rows: Any) -> None:
    fitted = fit_on_hostile_rows("linear", "binary")
    found = outputs_of(fitted.model, fitted.target, fitted.rows)
    assert found["label"].dtype == np.int64
    assert found["probabilities"].shape == (3000, 2)
    np.testing.assert_array_equal(found["label"], found["probabilities"][:, 1] >= 0.5)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1.0, atol=1e-6)


def test_a_number_has_an_interval_around_it(hostile: Any) -> None:
    if hostile.target.task != "regression":
        return
    found = outputs_of(hostile.model, hostile.target, hostile.rows)
    assert found["prediction"].shape == (3000,)
    assert found["interval"].shape == (3000, 2)
    assert {v.dtype for v in found.values()} == {np.dtype(np.float32)}
    # The sum in another order may move a prediction, and nothing else, by its last bits.
    answers = hostile.model.answers(hostile.rows)
    widths = answers[:, 1:] - answers[:, :1]
    np.testing.assert_allclose(
        found["interval"] - found["prediction"][:, None], widths, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_baseline_has_an_onnx_form(task: Task, fit_on_hostile_rows: Callable[..., Any]) -> None:
    fitted = fit_on_hostile_rows("dummy", task)
    answers = from_outputs(outputs_of(fitted.model, fitted.target, fitted.rows))
    expected = fitted.model.answers(fitted.rows)
    assert len(np.unique(answers, axis=0)) == 1
    np.testing.assert_allclose(answers, expected, rtol=1e-6)


@pytest.mark.parametrize("known", [(0, 2), (1, 2, 4)])
def test_classes_that_the_fitted_rows_lack_have_their_place(
    known: tuple[int, ...], family: str, fit_on_hostile_rows: Callable[..., Any]
) -> None:
    made = fit_on_hostile_rows(family, "multiclass").model.pipeline.named_steps["estimate"]
    estimator = type(made)(**made.get_params())
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=900)})
    ranks = np.digitize(rows["x"] + rng.normal(0, 0.4, 900), np.linspace(-0.5, 0.5, len(known) - 1))
    labels = np.array(known)[ranks]
    encoder = RowEncoder({"x": Column(type="number")}, "dense")
    pipeline = Pipeline([("encode", encoder), ("estimate", estimator)]).fit(rows, labels)
    labels[::50] = 3
    model = MulticlassModel(pipeline, 5).fit(rows, labels)
    names = ("a", "b", "c", "d", "e")
    target = Target(column="y", task="multiclass", type="string", classes=names)
    answers = from_outputs(outputs_of(model, target, rows))
    assert answers.shape == (900, 5)
    np.testing.assert_allclose(answers, model.answers(rows), rtol=0, atol=1e-6)
    assert answers[:, 3].mean() == pytest.approx(1 / 50, abs=0.01)


def test_equal_constants_are_stored_once() -> None:
    graph = GraphBuilder()
    assert graph.constant([1.0], np.float32) == graph.constant([1.0], np.float32)
    assert graph.constant([1.0], np.float64) != graph.constant([1.0], np.float32)
    assert graph.constant([[1.0]], np.float32) != graph.constant([1.0], np.float32)
    assert graph.constant(["a", "b"], object) == graph.constant(["a", "b"], object)
    assert graph.constant(["ab", ""], object) != graph.constant(["a", "b"], object)
    value = graph.add("Identity", graph.constant([2.0], np.float32))
    output = helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, [1])
    built = graph.build([], [output], "a test")
    assert numpy_helper.to_array(built.graph.initializer[-1]).tolist() == [2.0]
