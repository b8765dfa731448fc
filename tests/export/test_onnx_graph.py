"""The ONNX form gives scikit-learn's answers to every row, whatever the family and the task."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from mlops_assets.answers import from_outputs
from mlops_assets.column_declaration import Column
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.parity import compare
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor, open_session
from mlops_assets.target_declaration import Target, Task
from mlops_assets.training.calibration import BinaryModel, logit
from mlops_assets.training.encoding import RowEncoder

LIMITS = {"random_forest": 1e-6, "histogram_gradient_boosting": 1e-6, "linear": 5e-6, "mlp": 1e-5}
"""Ten times stricter than a use case's default and more: float32 sums in another order."""


def ask(model: Any, target: Target, rows: pd.DataFrame) -> NDArray[np.float64]:
    """The answers of the graph itself: the predictor refuses what no float32 holds."""
    session = open_session(to_onnx(model, target))
    names = [output.name for output in session.get_outputs()]
    tensors = to_tensors(rows, model.pipeline.named_steps["encode"].columns)
    return from_outputs(dict(zip(names, session.run(names, tensors), strict=True)))


def agree(fitted: Any, rows: pd.DataFrame) -> dict[str, Any]:
    variance = float(fitted.labels.var()) if fitted.target.task == "regression" else 1.0
    return compare(
        fitted.target.task,
        fitted.model.answers(rows),
        ask(fitted.model, fitted.target, rows),
        LIMITS[fitted.family],
        variance,
    )


def test_parity_on_bundled_data(fitted: Any) -> None:
    figures = agree(fitted, fitted.rows)
    assert figures["rows_compared"] == 20_000
    assert figures["agrees"], figures
    assert figures["decisions_flipped"] == 0


def test_parity_on_hostile_data(hostile: Any, make_hostile_rows: Any) -> None:
    for rows in (hostile.rows, make_hostile_rows(3000, 1, new_values=True)):
        figures = agree(hostile, rows)
        assert figures["rows_compared"] == 3000
        assert figures["agrees"], figures


@pytest.mark.parametrize("of_trees", ["random_forest", "histogram_gradient_boosting"])
def test_trees_predict_numbers_and_intervals_to_the_last_bit(
    of_trees: str, fit_on_hostile_rows: Callable[..., Any], make_hostile_rows: Any
) -> None:
    fitted = fit_on_hostile_rows(of_trees, "regression")
    rows = make_hostile_rows(3000, 2, new_values=True)
    assert len(fitted.model.edges_) >= 2, "one bin proves little"
    answers = ask(fitted.model, fitted.target, rows)
    np.testing.assert_array_equal(answers, fitted.model.answers(rows))


def test_a_row_is_answered_alike_in_any_company(hostile: Any) -> None:
    model = to_onnx(hostile.model, hostile.target)
    tensors = to_tensors(hostile.rows[:300], hostile.columns)
    whole = Predictor(model).predict(tensors)
    for chunk_rows, threads in ((1, 1), (3, 2), (17, 1), (128, 2)):
        parts = Predictor(model, threads, chunk_rows).predict(tensors)
        for name, answers in whole.items():
            np.testing.assert_array_equal(parts[name], answers)


def test_bytes_depend_on_the_model_alone(hostile: Any) -> None:
    first = to_onnx(hostile.model, hostile.target)
    assert to_onnx(hostile.model, hostile.target) == first
    model = onnx.load_from_string(first)
    assert model.producer_name == "mlops-assets"
    assert {o.domain: o.version for o in model.opset_import} == {"": 21, "ai.onnx.ml": 4}
    onnx.checker.check_model(model, full_check=True)


def test_inputs_are_as_promised(fit_on_hostile_rows: Callable[..., Any]) -> None:
    fitted = fit_on_hostile_rows("linear", "binary")
    assert Predictor(to_onnx(fitted.model, fitted.target)).signature == {
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


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("binary", "label"),
        ("binary", "probabilities"),
        ("multiclass", "encoded"),
        ("regression", "prediction"),
        ("regression", "interval"),
        ("regression", "constant_0"),
    ],
)
def test_a_column_named_as_a_tensor_of_the_model_is_an_error(
    task: Task, name: str, fit: Callable[..., Any], targets: dict[Task, Target]
) -> None:
    rows = pd.DataFrame({name: np.arange(60.0)})
    labels = np.arange(60) % (3 if task == "multiclass" else 2)
    model = fit("linear", {name: Column(type="number")}, rows, labels, 30, task)
    with pytest.raises(ValueError, match=f"'{name}'.*rename"):
        to_onnx(model, targets[task])


def small_model(estimator: Any) -> BinaryModel:
    rows = pd.DataFrame({"x": np.arange(40.0)})
    encoder = RowEncoder({"x": Column(type="number")}, "dense")
    labels: NDArray[np.int64] = np.arange(40) % 2
    pipeline = Pipeline([("encode", encoder), ("estimate", estimator)])
    return BinaryModel(pipeline.fit(rows, labels)).fit(rows, labels)


def test_an_unknown_estimator_is_an_error(targets: dict[Task, Target]) -> None:
    with pytest.raises(TypeError, match="GaussianNB"):
        to_onnx(small_model(GaussianNB()), targets["binary"])


def test_a_target_of_another_task_is_an_error(targets: dict[Task, Target]) -> None:
    with pytest.raises(ValueError, match=r"binary task.*regression task"):
        to_onnx(small_model(GaussianNB()), targets["regression"])


def test_a_missing_string_and_an_empty_one_are_the_same_to_both(fit: Callable[..., Any]) -> None:
    columns = {"city": Column(type="string", nullable=True)}
    values = np.array(["", "a", "b", None] * 100, dtype=object)
    rows = pd.DataFrame({"city": pd.Series(values, dtype="str")})
    labels = (values == "a").astype(np.int64)
    labels[::8] ^= 1
    answers = fit("random_forest", columns, rows, labels, 200).answers(rows)[:4]
    np.testing.assert_array_equal(answers[0], answers[3])


@pytest.mark.parametrize("slope", [0.01, 0.3, 1.0])
def test_the_last_bit_of_a_float32_probability_never_matters(slope: float) -> None:
    # From one half to one, float32 has a value every 2**-24.
    positions = np.unique(np.geomspace(1, 2**23, 5000).astype(np.int64))
    one, step = np.float32(1), np.float32(2**-24)
    probabilities = [one - p.astype(np.float32) * step for p in (positions, positions - 1)]
    low, high = (1 / (1 + np.exp(-slope * logit(p))) for p in probabilities)
    assert np.abs(high - low).max() < 3e-5


def test_an_overconfident_network_agrees_all_the_same(
    make_hostile_rows: Any, fit_on_hostile_rows: Callable[..., Any], targets: dict[Task, Target]
) -> None:
    known = fit_on_hostile_rows("linear", "binary")
    rows, labels = known.rows[:1500], known.labels[:1500]
    network = MLPClassifier((64, 32), alpha=0.0, max_iter=100, random_state=0)
    pipeline = Pipeline([("encode", RowEncoder(known.columns, "dense")), ("estimate", network)])
    with pytest.warns(ConvergenceWarning):
        pipeline.fit(rows[:1000], labels[:1000])
    model = BinaryModel(pipeline).fit(rows[1000:], labels[1000:])
    assert abs(model.slope_) < 0.7, "calibration must have much to correct"
    asked = make_hostile_rows(1500, 1, new_values=True)
    onnx_answers = ask(model, targets["binary"], asked)
    figures = compare("binary", model.answers(asked), onnx_answers, 5e-5)
    assert figures["agrees"], figures
