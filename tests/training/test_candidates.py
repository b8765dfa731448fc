"""What is tried for each task, and that nothing of it depends on machine or moment."""

from typing import Any, get_args

import pytest

from mlops_assets.column_declaration import Column
from mlops_assets.target_declaration import Task
from mlops_assets.training.candidates import Candidate, build, candidates_for
from mlops_assets.training_declaration import FAMILIES

COLUMNS = {"size": Column(type="number"), "city": Column(type="string")}
TASKS: tuple[Task, ...] = get_args(Task)
EVERY = [(task, c) for task in TASKS for c in candidates_for(task, FAMILIES)]


@pytest.mark.parametrize("task", TASKS)
def test_every_family_is_tried_before_a_second_of_one(task: Task) -> None:
    tried = [candidate.family for candidate in candidates_for(task, FAMILIES)]

    assert tuple(tried[:4]) == FAMILIES


@pytest.mark.parametrize("task", TASKS)
def test_each_family_is_tried_in_several_settings_but_for_a_penalty_that_many_rows_outweigh(
    task: Task,
) -> None:
    tried = [candidate.family for candidate in candidates_for(task, FAMILIES)]

    assert tried.count("linear") == 1
    assert min(tried.count(family) for family in FAMILIES if family != "linear") >= 3


@pytest.mark.parametrize("task", TASKS)
def test_only_the_declared_families_are_tried(task: Task) -> None:
    assert {c.family for c in candidates_for(task, ("mlp", "linear"))} == {"mlp", "linear"}


@pytest.mark.parametrize("task", TASKS)
def test_candidates_have_names_and_settings_of_their_own(task: Task) -> None:
    found = candidates_for(task, FAMILIES)

    assert len({c.name for c in found}) == len(found)
    assert len({(c.family, str(c.parameters)) for c in found}) == len(found)


@pytest.mark.parametrize(("task", "candidate"), EVERY, ids=lambda one: getattr(one, "name", one))
def test_nothing_of_a_candidate_depends_on_machine_or_moment(
    task: Task, candidate: Candidate
) -> None:
    estimate: Any = build(candidate, COLUMNS, {}, 5, task).named_steps["estimate"]

    assert estimate.random_state == 5
    assert getattr(estimate, "n_jobs", None) in (None, 1)
    assert not getattr(estimate, "early_stopping", False)
    assert candidate.form == ("dense" if candidate.family in ("linear", "mlp") else "tree")
    assert estimate.__sklearn_tags__().estimator_type == (
        "regressor" if task == "regression" else "classifier"
    )


@pytest.mark.parametrize("candidate", [c for _, c in EVERY], ids=lambda one: one.name)
def test_steps_end_with_what_is_fitted_and_stopping_early_changes_nothing_else(
    candidate: Candidate,
) -> None:
    assert bool(candidate.steps) == (candidate.family in ("histogram_gradient_boosting", "mlp"))
    assert candidate.with_steps(None) is candidate
    if candidate.steps:
        assert list(candidate.steps) == sorted(set(candidate.steps))
        assert candidate.steps[-1] == candidate.parameters["max_iter"]
        stopped = candidate.with_steps(candidate.steps[0])
        assert stopped.parameters == {**candidate.parameters, "max_iter": candidate.steps[0]}
