"""Rounds within the budget, who advances, and a comparison that no machine can change."""

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.batch_error import BatchError
from mlops_assets.training.candidates import Candidate, candidates_for
from mlops_assets.training.fitted_pipeline import fit_staged
from mlops_assets.training.folds import Fold, make_folds
from mlops_assets.training.rounds import plan
from mlops_assets.training.search import Comparison, block_losses, search
from mlops_assets.training.train_rows import TrainRows, read_train_rows
from mlops_assets.training_declaration import FAMILIES, Search
from mlops_assets.use_case import UseCase

Make = Callable[..., Any]


@given(st.integers(1, 20), st.integers(2, 20), st.integers(3, 400))
def test_rounds_stay_within_the_budget_and_end_on_all_folds(
    candidates: int, folds: int, fits: int
) -> None:
    declared = Search(max_fits=max(fits, folds, 3), folds=max(folds, 3))

    rounds = plan(candidates, folds, declared)

    assert sum(planned.fits for planned in rounds) <= declared.max_fits
    entered = [planned.candidates for planned in rounds]
    assert entered[-1] >= 1 and entered[0] <= candidates
    assert entered == sorted(set(entered), reverse=True)
    assert len(rounds) == 1 or entered[-1] >= 2, "one finalist was chosen by the first folds alone"
    met: list[int] = []
    for planned in rounds:
        assert planned.new_folds and not set(planned.new_folds) & set(met)
        met = sorted({*met, *planned.new_folds})
        assert planned.folds == tuple(met)
        assert planned.folds[-1] == folds - 1, "the newest fold is always among them"
    assert met == list(range(folds)), "finalists meet on all folds"


@pytest.mark.parametrize(
    ("candidates", "max_fits", "planned"),
    [
        (11, 66, [(11, 6)]),
        (11, 60, [(11, 4), (8, 6)]),
        (12, 42, [(12, 1), (6, 6)]),
        (12, 36, [(12, 1), (6, 4), (3, 6)]),
        (12, 30, [(12, 1), (6, 2), (3, 6)]),
        (12, 20, [(10, 1), (2, 6)]),
        (12, 12, [(2, 6)]),
        (12, 6, [(1, 6)]),
    ],
)
def test_the_budget_is_spent_on_breadth_first_and_then_on_the_better_half(
    candidates: int, max_fits: int, planned: list[tuple[int, int]]
) -> None:
    rounds = plan(candidates, 6, Search(max_fits=max_fits))

    assert [(r.candidates, len(r.folds)) for r in rounds] == planned


def test_the_first_folds_are_spread_over_time() -> None:
    (first, last) = plan(12, 6, Search(max_fits=48))

    assert (first.folds, first.new_folds) == ((3, 5), (3, 5))
    assert (last.folds, last.new_folds) == ((0, 1, 2, 3, 4, 5), (0, 1, 2, 4))


def _compare(use_case: UseCase, rows: pd.DataFrame, file_size: Any = None) -> Comparison:
    declared = use_case.training.search
    train = read_train_rows(rows, use_case)
    folds = make_folds(train.task, train.labels, declared, None)
    tried = candidates_for(train.task, declared.families)
    return search(tried, train, folds, use_case, lambda _: None, file_size)


def _without_times(comparison: Comparison) -> list[Any]:
    return [
        (t.candidate, t.steps, t.round, t.rows, t.folds, t.block_losses, t.complexity, t.excess)
        for t in comparison.trials
    ]


@pytest.fixture(scope="module")
def halved(task_use_case: Make, task_window: Make) -> Comparison:
    use_case = task_use_case("binary", max_fits=28, folds=4, max_rows=400)
    return _compare(use_case, task_window("binary"))


def test_the_best_of_each_family_advances_before_the_second_of_any(halved: Comparison) -> None:
    assert [planned.candidates for planned in halved.rounds] == [11, 6, 5]
    assert {t.candidate.family for t in halved.finalists} == set(FAMILIES)
    for trial in halved.finalists:
        assert trial.folds == (0, 1, 2, 3)
    left = [(t.round, t.folds) for t in halved.trials if t.round < 3]
    assert sorted(left) == [(1, (3,))] * 5 + [(2, (1, 2, 3))]
    for trial in halved.trials:
        assert trial.rows == 400, "no fit has fewer rows than in the end"
        assert [len(blocks) for blocks in trial.block_losses] == [5] * len(trial.folds)


def test_the_number_of_workers_changes_nothing(
    halved: Comparison, task_use_case: Make, task_window: Make, monkeypatch: Any
) -> None:
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    use_case = task_use_case("binary", max_fits=28, folds=4, max_rows=400)

    alone = _compare(use_case, task_window("binary"))

    assert _without_times(alone) == _without_times(halved)


def test_a_candidate_has_steps_where_its_family_has(halved: Comparison) -> None:
    for trial in halved.trials:
        assert (trial.steps in trial.candidate.steps) == bool(trial.candidate.steps)
        assert trial.steps is not None or not trial.candidate.steps


def test_a_fold_is_judged_after_the_steps_that_the_other_folds_find_best(
    task_use_case: Make, task_window: Make
) -> None:
    family = ("histogram_gradient_boosting",)
    use_case = task_use_case("binary", families=family, max_fits=90, folds=3)
    rows = task_window("binary")
    train = read_train_rows(rows, use_case)
    folds = make_folds("binary", train.labels, use_case.training.search, None)

    (trial, *_) = _compare(use_case, rows).trials

    found = [_losses_by_steps(trial.candidate, train, fold, use_case) for fold in folds]
    every = trial.candidate.steps
    assert trial.steps == min(every, key=lambda s: sum(np.mean(one[s]) for one in found))
    for place, losses in enumerate(found):
        others = [one for other, one in enumerate(found) if other != place]
        best = min(every, key=lambda s: sum(np.mean(one[s]) for one in others))
        assert trial.block_losses[place] == losses[best]
    assert trial.fold_losses == pytest.approx([np.mean(b) for b in trial.block_losses])


def _losses_by_steps(candidate: Candidate, train: TrainRows, fold: Fold, use_case: UseCase) -> Any:
    rows, judged = train.at(fold.fitted), train.at(fold.judged)
    _, answers = fit_staged(candidate, rows, train.labels[fold.fitted], judged, use_case)
    labels = train.labels[fold.judged]
    return {s: block_losses("binary", labels, found, 1.0) for s, found in answers.items()}


def test_blocks_are_cut_in_order_of_time() -> None:
    labels = np.array([1, 1, 1, 1, 1, 1, 0])
    answers = np.array([0.5, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.5])[:, None]

    found = block_losses("binary", labels, answers, 1.0)

    assert found == pytest.approx(np.log([2, 4, 8, 16, 2]))


def test_early_stopping_stops_where_more_trees_only_learn_noise(
    task_use_case: Make, task_window: Make
) -> None:
    family = ("histogram_gradient_boosting",)
    use_case = task_use_case("binary", families=family, max_fits=15, max_rows=400)
    rows, noise = task_window("binary"), task_window("binary")
    noise["y"] = np.random.default_rng(0).integers(0, 2, len(noise))

    told, untold = _compare(use_case, rows), _compare(use_case, noise)

    steps = {trial.candidate.name: trial.steps for trial in told.trials}
    assert steps["boosting, 8 leaves"] >= 50
    assert {t.steps for t in untold.trials} == {25}
    for trial in untold.trials:
        assert trial.complexity.parameters <= 25 * trial.candidate.parameters["max_leaf_nodes"]


def test_rows_of_the_fold_are_all_a_fit_sees(task_use_case: Make, task_window: Make) -> None:
    use_case = task_use_case("binary", families=("linear",), max_fits=90, time_column=None)
    rows = task_window("binary")
    first = _compare(use_case, rows)
    beyond = rows.copy()
    train = read_train_rows(rows, use_case)
    newest = train.order[len(train.order) * 3 // 4 :]
    beyond.loc[newest, "y"] = 1 - beyond.loc[newest, "y"]

    second = _compare(use_case, beyond)

    for one, other in zip(first.trials, second.trials, strict=True):
        assert one.fold_losses[:2] == other.fold_losses[:2]
        assert one.fold_losses[2] < other.fold_losses[2]


def test_a_candidate_over_a_limit_takes_no_place_among_the_finalists(
    task_use_case: Make, task_window: Make
) -> None:
    limits = {"max_bytes": 1_000}
    use_case = task_use_case("binary", max_fits=28, folds=4, max_rows=400, complexity=limits)

    found = _compare(use_case, task_window("binary"), file_size=lambda m: _bytes_by_family(m))

    assert {t.candidate.family for t in found.finalists} == {"linear", "mlp"}
    trees = [t for t in found.trials if t.candidate.form == "tree"]
    assert {t.excess for t in trees} == {"bytes 5,000, at most 1,000"}
    assert {t.round for t in trees} == {1}


def _bytes_by_family(model: Any) -> int:
    return 900 if model.pipeline.named_steps["encode"].form == "dense" else 5_000


def test_limits_that_exclude_all_are_refused_with_the_smallest(
    task_use_case: Make, task_window: Make
) -> None:
    use_case = task_use_case("binary", complexity={"max_operations": 1}, families=("linear",))

    with pytest.raises(
        BatchError, match=r"fewest operations, logistic regression, has operations 2, at most 1: "
    ):
        _compare(use_case, task_window("binary"))


def test_progress_is_told_round_by_round(task_use_case: Make, task_window: Make) -> None:
    use_case = task_use_case("regression", families=("linear",), max_fits=9)
    train = read_train_rows(task_window("regression"), use_case)
    folds = make_folds("regression", train.labels, use_case.training.search, None)
    told: list[str] = []

    search(candidates_for("regression", ("linear",)), train, folds, use_case, told.append, None)

    assert told[0] == "round 1 of 1: 1 candidates, folds 1, 2, 3"
    assert told[1].startswith("ridge regression: standardised squared error 0.")
    assert len(told) == 2
