"""The one form of answers, and what they cost."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, r2_score

from mlops_assets.answers import (
    Cut,
    DecisionRule,
    answer_names,
    decisions,
    differences,
    expected_costs,
    from_outputs,
    row_losses,
)
from mlops_assets.content_hash import json_bytes
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


def test_costs_decide_the_class_whose_expected_cost_is_least() -> None:
    answers = np.array([[0.2, 0.5, 0.3], [0.4, 0.35, 0.25]])
    costs = np.array([[0.0, 1.0, 4.0], [1.0, 0.0, 1.0], [8.0, 1.0, 0.0]])

    expected = expected_costs(answers, costs)

    np.testing.assert_allclose(expected, answers @ costs, rtol=1e-15)
    assert decisions("multiclass", answers).tolist() == [1, 0]
    assert decisions("multiclass", answers, Cut(costs=costs)).tolist() == [1, 1]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 2, 3]),
        pd.Series([1.0, 2.0, 3.0]),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series(["1", "2", "3"]),
        pd.Series(["1", "2", "3"], dtype="category"),
        pd.Series(["1", "2", "3"], dtype=object),
    ],
    ids=lambda values: str(values.dtype),
)
def test_a_group_has_its_threshold_in_whatever_dtype_its_value_comes(values: pd.Series) -> None:
    rule = DecisionRule(0.5, None, "group", (("1", 0.25), ("3", 0.75)))
    rows = pd.DataFrame({"group": values})

    cut = rule.cut(rows)

    assert isinstance(cut.threshold, np.ndarray)
    assert cut.threshold.tolist() == [0.25, 0.5, 0.75]
    assert cut.at(np.array([False, True, True])).threshold.tolist() == [0.5, 0.75]
    assert cut.at(np.array([2])).threshold.tolist() == [0.75]
    answers = np.full((3, 1), 0.6)
    assert decisions("binary", answers, cut).tolist() == [1, 1, 0]


def test_a_row_that_does_not_say_its_group_is_decided_by_the_common_threshold() -> None:
    rule = DecisionRule(0.5, None, "group", (("a", 0.25), ("", 0.9), ("nan", 0.9)))

    cut = rule.cut(pd.DataFrame({"group": ["a", None, "", "b", np.nan]}))

    assert cut.threshold.tolist() == [0.25, 0.5, 0.5, 0.5, 0.5]


def test_a_rule_by_group_needs_the_rows() -> None:
    with pytest.raises(ValueError, match="go by 'group': the rows are needed"):
        DecisionRule(0.5, None, "group", (("a", 0.25),)).cut()


@pytest.mark.parametrize(
    "rule",
    [
        DecisionRule(),
        DecisionRule(float(np.float32(0.1)), None, "group", (("a", 0.25), ("b", 0.75))),
        DecisionRule(costs=((0.0, 0.1, 3.0), (1.0, 0.0, 1.0), (2.0, 2.0, 0.0))),
    ],
)
def test_a_rule_is_read_as_it_was_written(rule: DecisionRule) -> None:
    assert DecisionRule.parse(json.loads(json_bytes(rule.to_dict()))) == rule
