"""Values of a released file equal Shapley's formula, in every form, and say where they are not
exact."""

from typing import Any

import numpy as np
import pytest
from explained_models import (
    COLUMNS,
    TARGETS,
    by_definition,
    explained_model,
    file_of,
    some_rows,
)

from mlops_assets.evidence.explainability import attribution, tree_attribution
from mlops_assets.evidence.explainability.attribution import (
    JOINT,
    NO_FILE,
    NO_SUMS,
    NOT_ADDITIVE,
    TOO_MANY,
    Attribution,
    Budget,
    ExplainedModel,
    attribute,
)
from mlops_assets.evidence.explainability.score_scale import to_answers
from mlops_assets.target_declaration import Task

ROWS, BACKGROUND = some_rows(6, 21), some_rows(14, 22)
EXACT = [
    ("linear", "binary"),
    ("linear", "multiclass"),
    ("linear", "regression"),
    ("histogram_gradient_boosting", "binary"),
    ("histogram_gradient_boosting", "multiclass"),
    ("histogram_gradient_boosting", "regression"),
    ("random_forest", "regression"),
]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


def explained(model: ExplainedModel, task: Task, **settings: Any) -> Attribution:
    return attribute(model, ROWS, BACKGROUND, COLUMNS, TARGETS[task], seed=5, **settings)


@pytest.mark.parametrize("form", ["float", "speed", "size"])
@pytest.mark.parametrize(("family", "task"), EXACT)
def test_exact_values_are_those_of_the_definition(family: str, task: Task, form: str) -> None:
    content = file_of(family, task, form)
    if content is None:  # an 8-bit form that would be no smaller is not made
        content = file_of(family, task)
    assert content is not None
    model = explained_model(content, family)
    found = explained(model, task)
    assert found.method == ("additive" if family == "linear" else "trees")
    assert found.reason == ""
    assert not found.standard_errors.any() and not found.share_errors.any()
    expected = by_definition(model, task, ROWS, BACKGROUND)
    # A linear model of several classes reaches the floor of its probabilities in some mixtures.
    share = 1e-3 if (family, task) == ("linear", "multiclass") else 2e-5
    np.testing.assert_allclose(found.values, expected, atol=share * max(1.0, np.ptp(expected)))
    np.testing.assert_allclose(
        to_answers(task, found.base + found.values.sum(axis=1))[:, 0],
        model.predict(ROWS)[:, 0],
        rtol=1e-4,
    )
    assert 0.0 <= found.gaps.max() < 1e-5


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", ["mlp", "random_forest"])
def test_sampled_values_are_those_of_the_definition_within_their_errors(
    family: str, task: Task
) -> None:
    content = file_of(family, task)
    assert content is not None
    # By no family's name, so that forests of numbers are sampled too.
    model = explained_model(content, "another")
    budget = Budget(background=14, precision=0.0)
    found = explained(model, task, budget=budget)
    assert (found.method, found.reason) == ("sampling", NO_SUMS)
    assert found.background == 10
    expected = by_definition(model, task, ROWS, BACKGROUND)
    errors = np.maximum(found.standard_errors, 1e-6)
    assert np.quantile(np.abs(found.values - expected) / errors, 0.9) < 3.0
    assert found.gaps.max() < 1e-6
    assert found.share_errors.max() > 0.0


@pytest.mark.parametrize(
    ("family", "reason"), [("linear", NOT_ADDITIVE), ("histogram_gradient_boosting", JOINT)]
)
def test_a_crossing_of_columns_is_not_said_to_be_exact(family: str, reason: str) -> None:
    content = file_of(family, "binary", crossed=True)
    assert content is not None
    found = explained(explained_model(content, family), "binary")
    assert (found.method, found.reason) == ("sampling", reason)


def test_too_costly_trees_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    content = file_of("histogram_gradient_boosting", "binary")
    assert content is not None
    monkeypatch.setattr(tree_attribution, "MOST_OPERATIONS", 10)
    found = explained(explained_model(content, "histogram_gradient_boosting"), "binary")
    assert (found.method, found.reason) == ("sampling", TOO_MANY)


def test_without_a_file_trees_are_sampled_and_linear_models_are_not() -> None:
    for family, expected in (("histogram_gradient_boosting", NO_FILE), ("linear", "")):
        content = file_of(family, "binary")
        assert content is not None
        predict = explained_model(content, family).predict
        found = explained(ExplainedModel(predict, None, family), "binary")
        assert found.reason == expected
        with_file = explained(explained_model(content, family), "binary")
        within = 4.0 * np.maximum(found.standard_errors, 0.05 * np.abs(with_file.values).max())
        assert (np.abs(found.values - with_file.values) <= within).all()


def test_an_explainer_that_does_not_add_up_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    content = file_of("histogram_gradient_boosting", "binary")
    assert content is not None

    def off_by_a_little(*given: Any) -> Any:
        found = tree_attribution.tree_values(*given)
        assert found is not None
        return found * 1.2

    monkeypatch.setattr(attribution, "tree_values", off_by_a_little)
    found = explained(explained_model(content, "histogram_gradient_boosting"), "binary")
    assert found.method == "sampling"


def test_a_small_budget_explains_fewer_rows_and_says_which() -> None:
    content = file_of("mlp", "binary")
    assert content is not None
    model = explained_model(content, "mlp")
    found = explained(model, "binary", budget=Budget(evaluations=80))
    assert len(found.values) == len(found.positions) == 2
    np.testing.assert_array_equal(found.answers, model.predict(ROWS.iloc[found.positions]))


@pytest.mark.parametrize("family", ["linear", "histogram_gradient_boosting", "mlp"])
def test_the_same_input_gives_the_same_values(family: str) -> None:
    content = file_of(family, "binary")
    assert content is not None
    first, again = (explained(explained_model(content, family), "binary") for _ in range(2))
    assert first.values.tobytes() == again.values.tobytes()
    assert first.share_errors.tobytes() == again.share_errors.tobytes()


def test_wrong_input_is_refused() -> None:
    def broken(rows: Any) -> Any:
        return np.full((len(rows), 1), np.nan)

    with pytest.raises(ValueError, match=r"finite numbers .* 20 not finite"):
        explained(ExplainedModel(broken), "binary")
    with pytest.raises(ValueError, match="without background"):
        attribute(
            ExplainedModel(broken),
            ROWS,
            BACKGROUND.iloc[:0],
            COLUMNS,
            TARGETS["binary"],
            seed=1,
        )
    with pytest.raises(ValueError, match="rows: columns are missing: city"):
        attribute(
            ExplainedModel(broken),
            ROWS.drop(columns="city"),
            BACKGROUND,
            COLUMNS,
            TARGETS["binary"],
            seed=1,
        )
