"""The one form of answers, and what they cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, r2_score

from mlops_assets.answers import answer_names, decisions, differences, from_outputs, row_losses
from mlops_assets.target_declaration import Target

CLASSES = ("early", "late", "on time")


def test_the_mean_loss_of_classes_is_scikit_learns_log_loss() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    answers = rng.dirichlet(np.ones(3), 200)
    assert row_losses("multiclass", labels, answers).mean() == pytest.approx(
        log_loss(labels, answers), rel=1e-12
    )
    positive = answers[:, :1]
    assert row_losses("binary", labels % 2, positive).mean() == pytest.approx(
        log_loss(labels % 2, positive[:, 0]), rel=1e-12
    )


def test_the_loss_of_a_number_is_one_less_its_r2_whatever_the_unit() -> None:
    rng = np.random.default_rng(1)
    minutes = rng.normal(20.0, 30.0, 300)
    answers = np.column_stack([minutes + rng.normal(0.0, 9.0, 300)] * 3)
    in_minutes = row_losses("regression", minutes, answers, minutes.var())
    in_seconds = row_losses("regression", 60 * minutes, 60 * answers, (60 * minutes).var())
    assert in_minutes.mean() == pytest.approx(1.0 - r2_score(minutes, answers[:, 0]))
    np.testing.assert_allclose(in_minutes, in_seconds)


def test_a_certain_wrong_answer_has_a_finite_cost() -> None:
    assert np.isfinite(row_losses("binary", np.array([1]), np.array([[0.0]]))).all()
    assert np.isfinite(row_losses("multiclass", np.array([2]), np.array([[1.0, 0.0, 0.0]]))).all()


def test_decisions() -> None:
    assert decisions("binary", np.array([[0.4999], [0.5]])).tolist() == [0, 1]
    assert decisions("multiclass", np.array([[0.2, 0.5, 0.3]])).tolist() == [1]
    assert decisions("regression", np.zeros((2, 3))) is None


def test_differences_of_predictions_are_in_standard_deviations() -> None:
    first, second = np.array([[10.0, 0.0, 20.0]]), np.array([[16.0, 0.0, 99.0]])
    assert differences("regression", first, second, variance=9.0).tolist() == [2.0]
    assert differences("multiclass", first, second).tolist() == [79.0]
    with pytest.raises(ValueError, match="different shapes"):
        differences("binary", np.zeros((2, 1)), np.zeros((3, 1)))


@given(st.integers(2, 6), st.integers(1, 5))
def test_answers_come_out_of_a_models_outputs(classes: int, rows: int) -> None:
    probabilities = np.random.default_rng(rows).dirichlet(np.ones(classes), rows)
    answers = from_outputs({"label": np.zeros(rows), "probabilities": probabilities})
    wanted = probabilities[:, 1:] if classes == 2 else probabilities
    np.testing.assert_array_equal(answers, wanted)


def test_a_prediction_comes_with_its_interval() -> None:
    outputs = {
        "prediction": np.array([1.5], np.float32),
        "interval": np.array([[1.0, 3.0]], np.float32),
    }
    assert from_outputs(outputs).tolist() == [[1.5, 1.0, 3.0]]


def test_every_answer_has_a_name() -> None:
    assert answer_names(Target(column="late")) == ("probability",)
    multiclass = Target(column="late", task="multiclass", type="string", classes=CLASSES)
    assert answer_names(multiclass) == CLASSES
    regression = Target(column="late", task="regression", type="number")
    assert answer_names(regression) == ("prediction", "lower", "upper")
