"""Calibration: answers that mean what they say, on rows that the estimator has not seen."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from scipy.special import logit as reference_logit
from sklearn.metrics import log_loss

from mlops_assets.training import calibration
from mlops_assets.training.calibration import (
    PROBABILITY_CEILING,
    PROBABILITY_FLOOR,
    BinaryModel,
    MulticlassModel,
    RegressionModel,
    logit,
)


class Estimator:
    """A fitted pipeline, and its estimator, whose answers are the columns of the rows."""

    def __init__(self, *classes: int) -> None:
        self.classes_ = np.array(classes)
        self.named_steps = {"estimate": self}

    def predict_proba(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        return rows.to_numpy(np.float64)

    def predict(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        return rows.iloc[:, 0].to_numpy(np.float64)


def _binary() -> BinaryModel:
    return BinaryModel(Estimator(0, 1))  # type: ignore[arg-type]


def _multiclass(*known: int) -> MulticlassModel:
    return MulticlassModel(Estimator(*known), 3)  # type: ignore[arg-type]


def _rows(positive: Any) -> pd.DataFrame:
    p = np.asarray(positive, np.float64)
    return pd.DataFrame({"negative": 1.0 - p, "positive": p})


@pytest.fixture(scope="module")
def overconfident() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Answers whose log odds are twice as large as the truth's, and half a unit too high."""
    rng = np.random.default_rng(1)
    truth = rng.normal(-1.0, 1.0, 4000)
    labels = (rng.random(4000) < expit(truth)).astype(np.int64)
    return _rows(expit(2.0 * truth + 0.5)), labels


@pytest.fixture(scope="module")
def three_classes() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Answers whose scores are twice as large as the truth's, with too much of the first class."""
    rng = np.random.default_rng(2)
    truth = rng.normal(0.0, 1.0, (4000, 3))
    chances = softmax(truth, axis=1)
    labels = (rng.random((4000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    return pd.DataFrame(softmax(2.0 * truth + [1.0, 0.0, 0.0], axis=1)), labels


def test_what_was_wrong_with_the_probabilities_is_found(
    overconfident: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = overconfident

    model = _binary().fit(rows, labels)

    assert model.slope_ == pytest.approx(0.5, abs=0.05)
    assert model.intercept_ == pytest.approx(-0.25, abs=0.1)
    answers = model.answers(rows)
    assert answers.shape == (4000, 1)
    assert log_loss(labels, answers[:, 0]) < log_loss(labels, rows["positive"]) - 0.05


def test_the_fit_is_the_maximum_of_the_likelihood(
    overconfident: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = overconfident

    residuals = _binary().fit(rows, labels).answers(rows)[:, 0] - labels

    assert abs(residuals.mean()) < 1e-3
    assert abs((residuals * logit(rows["positive"].to_numpy())).mean()) < 1e-3


def test_slope_and_intercept_are_float32_numbers_and_the_answers_follow_from_them(
    overconfident: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = overconfident

    model = _binary().fit(rows, labels)

    assert model.slope_ == float(np.float32(model.slope_))
    assert model.intercept_ == float(np.float32(model.intercept_))
    answers = model.answers(_rows([0.2, 0.7]))
    expected = expit(model.slope_ * reference_logit([0.2, 0.7]) + model.intercept_)
    np.testing.assert_allclose(answers[:, 0], expected)
    assert model.describe() == {"slope": model.slope_, "intercept": model.intercept_}


def test_what_was_wrong_with_the_probabilities_of_three_classes_is_found(
    three_classes: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = three_classes

    model = _multiclass(0, 1, 2).fit(rows, labels)

    assert model.slope_ == pytest.approx(0.5, abs=0.05)
    first, second, third = model.intercepts_
    assert first - second == pytest.approx(-0.5, abs=0.1)
    assert second == pytest.approx(third, abs=0.1)
    answers = model.answers(rows)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0)
    assert log_loss(labels, answers) < log_loss(labels, rows.to_numpy()) - 0.05


def test_vector_scaling_is_where_another_method_finds_the_minimum(
    three_classes: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = three_classes[0][:500], three_classes[1][:500]
    logs = np.log(rows.to_numpy())

    def loss(learned: NDArray[np.float64]) -> float:
        scores = log_softmax(learned[0] * logs + learned[1:], axis=1)
        prior = (((learned - [1, 0, 0, 0]) / [1, 10, 10, 10]) ** 2).sum() / 2
        return float(prior - scores[np.arange(len(labels)), labels].sum())

    expected = minimize(loss, [1.0, 0.0, 0.0, 0.0], method="BFGS", options={"gtol": 1e-3}).x
    model = _multiclass(0, 1, 2).fit(rows, labels)

    np.testing.assert_allclose([model.slope_, *model.intercepts_], expected, atol=1e-4)
    assert all(number == float(np.float32(number)) for number in model.intercepts_)
    assert model.describe() == {"slope": model.slope_, "intercepts": list(model.intercepts_)}


def test_a_class_without_calibration_rows_is_made_rare_and_not_impossible(
    three_classes: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = three_classes
    without = labels != 2

    model = _multiclass(0, 1, 2).fit(rows[without], labels[without])
    answers = model.answers(rows)

    assert np.isfinite(model.intercepts_).all()
    assert 0.0 < answers[:, 2].mean() < 0.01 < rows[2].mean()


def test_a_class_that_the_estimator_was_not_shown_has_a_place(
    three_classes: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = three_classes
    known = rows[[0, 2]].to_numpy()
    shown = pd.DataFrame(known / known.sum(axis=1, keepdims=True))

    answers = _multiclass(0, 2).fit(shown, labels).answers(shown)

    assert answers.shape == (4000, 3)
    np.testing.assert_allclose(answers[:, 1].mean(), (labels == 1).mean(), atol=0.01)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_cannot_calibrate(label: int) -> None:
    rows = pd.DataFrame(np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match="calibration rows hold one class only: add batches"):
        _binary().fit(_rows([0.1, 0.9]), np.array([label, label]))
    with pytest.raises(ValueError, match="calibration rows hold one class only: add batches"):
        _multiclass(0, 1, 2).fit(rows, np.array([label, label]))


def test_an_estimator_that_was_shown_one_class_only_is_no_model() -> None:
    with pytest.raises(ValueError, match="fitted rows hold one class only"):
        _multiclass(1).fit(pd.DataFrame(np.ones((2, 1))), np.array([0, 1]))


def test_an_uncalibrated_model_answers_as_its_estimator() -> None:
    np.testing.assert_allclose(
        _binary().uncalibrated().answers(_rows([0.2, 0.7]))[:, 0], [0.2, 0.7]
    )
    three = np.array([[0.2, 0.3, 0.5]])
    answers = _multiclass(0, 1, 2).uncalibrated().answers(pd.DataFrame(three))
    np.testing.assert_allclose(answers, three)
    number = RegressionModel(Estimator(), 10.0, 2.0, 0.9).uncalibrated()  # type: ignore[arg-type]
    assert number.answers(pd.DataFrame({"z": [1.5]})).tolist() == [[13.0, 13.0, 13.0]]


def test_a_regression_answers_in_the_unit_of_its_target() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"z": rng.normal(size=3000)})
    outcomes = 100.0 + 20.0 * rows["z"].to_numpy() + rng.normal(0.0, 5.0, 3000)

    model = RegressionModel(Estimator(), 100.0, 20.0, 0.8)  # type: ignore[arg-type]
    answers = model.fit(rows[:2000], outcomes[:2000]).answers(rows)

    np.testing.assert_allclose(answers[:, 0], 100.0 + 20.0 * rows["z"], rtol=1e-6)
    held = (answers[:, 1] <= outcomes) & (outcomes <= answers[:, 2])
    assert held[2000:].mean() == pytest.approx(0.8, abs=0.04)
    assert np.all(answers == answers.astype(np.float32))
    assert (len(model.lower_), len(model.upper_)) == (5, 5) == (len(model.edges_) + 1,) * 2
    assert model.describe()["mean"] == 100.0


def test_a_regression_without_calibration_rows_is_an_error() -> None:
    model = RegressionModel(Estimator(), 0.0, 1.0, 0.9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no calibration row"):
        model.fit(pd.DataFrame({"z": np.empty(0)}), np.empty(0))


def test_chunks_are_answered_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, model = _rows(np.linspace(0.0, 1.0, 11)), _binary().uncalibrated()
    whole = model.answers(rows)
    monkeypatch.setattr(calibration, "CHUNK_ROWS", 4)

    np.testing.assert_array_equal(model.answers(rows), whole)
    assert model.answers(rows[:0]).shape == (0, 1)


@given(st.floats(PROBABILITY_FLOOR, PROBABILITY_CEILING))
def test_the_logit_is_the_log_odds(probability: float) -> None:
    assert logit(np.array([probability]))[0] == pytest.approx(reference_logit(probability))


@pytest.mark.parametrize(
    ("probability", "clipped"),
    [(0.0, PROBABILITY_FLOOR), (1e-9, PROBABILITY_FLOOR), (1.0, PROBABILITY_CEILING)],
)
def test_certainty_is_clipped_before_the_logit(probability: float, clipped: float) -> None:
    found = logit(np.array([probability], np.float32))

    assert found.dtype == np.float64
    assert found[0] == pytest.approx(reference_logit(clipped))
