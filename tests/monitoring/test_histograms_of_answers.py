"""What a champion answers and what came of it, as series of any task, in counts that add up."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.content_hash import json_bytes
from mlops_assets.monitoring.histograms import (
    MISSING,
    OTHER,
    count,
    count_outcomes,
    count_scores,
    merge,
    summarise_outcomes,
    summarise_scores,
    with_scores,
)
from mlops_assets.target_declaration import Target

Floats = NDArray[np.float64]
EMPTY: dict[str, Any] = {"rows": 0, "series": {}}
BINARY = Target(column="late")
DELAY = Target(column="delay", task="regression", type="number", unit="minutes")


def classes(number: int) -> Target:
    names = tuple(f"c{k}" for k in range(number))
    return Target(column="band", task="multiclass", type="string", classes=names)


def answers_of(target: Target, rows: int, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    match target.task:
        case "binary":
            return rng.random((rows, 1))
        case "multiclass":
            return rng.dirichlet(1.0 + np.arange(len(target.class_names)), rows)
        case "regression":
            middle = rng.normal(size=(rows, 1)) * 30.0
            return np.hstack([middle, middle - 10.0, middle + 10.0])


def watched(target: Target, rows: int = 1000) -> dict[str, Any]:
    return with_scores(EMPTY, summarise_scores(target, answers_of(target, rows)))


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (BINARY, ["champion score"]),
        (DELAY, ["champion prediction"]),
        (classes(3), ["champion score: c0", "champion score: c1", "champion score: c2"]),
    ],
)
def test_each_task_has_its_series(target: Target, names: list[str]) -> None:
    summary = watched(target)
    assert list(summary["series"]) == names
    for series in summary["series"].values():
        assert series["column"] is None
        assert len(series["bins"]) == 21
        # A fifth of the rows chose the bins.
        assert sum(series["counts"]) == 800
        assert max(series["counts"][:-1]) <= 100
    assert json.loads(json_bytes(summary)) == summary
    assert count(pd.DataFrame({"x": [1]}), summary) == {}


def test_a_prediction_is_watched_and_not_its_interval() -> None:
    summary, answers = watched(DELAY), answers_of(DELAY, 300, 1)
    wider = np.hstack([answers[:, :1], answers[:, 1:] * 9.0])
    (series,) = summary["series"].values()
    first, second = count_scores(answers, summary), count_scores(wider, summary)
    assert first["champion prediction"].tolist() == second["champion prediction"].tolist()
    at = np.searchsorted(series["edges"], answers[:, 0], side="right")
    assert first["champion prediction"][:-1].tolist() == np.bincount(at, minlength=20).tolist()


def test_of_many_classes_the_likeliest_have_a_series_and_the_others_one_together() -> None:
    target = classes(14)
    summary = watched(target)
    names = list(summary["series"])
    assert names == [*(f"champion score: c{k}" for k in range(5, 14)), "champion score: (other)"]
    answers = answers_of(target, 200, 1)
    together = summary["series"]["champion score: (other)"]
    at = np.searchsorted(together["edges"], answers[:, :5].sum(axis=1), side="right")
    counts = count_scores(answers, summary)["champion score: (other)"]
    assert counts[:-1].tolist() == np.bincount(at, minlength=len(counts) - 1).tolist()


@given(st.sampled_from([BINARY, DELAY, classes(3), classes(14)]), st.integers(0, 300))
@settings(max_examples=30)
def test_counts_of_two_batches_add_up_to_those_of_both(target: Target, cut: int) -> None:
    summary, answers = watched(target), answers_of(target, 300, 1)
    merged = merge(count_scores(answers[:cut], summary), count_scores(answers[cut:], summary))
    whole = count_scores(answers, summary)
    assert {n: c.tolist() for n, c in merged.items()} == {n: c.tolist() for n, c in whole.items()}
    assert {int(c.sum()) for c in whole.values()} == {300}


def test_a_reference_from_before_there_were_tasks_is_still_watched() -> None:
    summary, answers = watched(BINARY), answers_of(BINARY, 50, 1)
    expected = count_scores(answers, summary)["champion score"]
    del summary["series"]["champion score"]["answers"]
    assert count_scores(answers, summary)["champion score"].tolist() == expected.tolist()


def test_outcomes_by_class() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    outcomes = summarise_outcomes(classes(3), np.random.default_rng(0).permutation(labels))
    assert outcomes["bins"] == ["c0", "c1", "c2", OTHER, MISSING]
    assert sum(outcomes["counts"]) == 80
    assert count_outcomes(np.array([2, 2, 0]), outcomes).tolist() == [1, 0, 2, 0, 0]
    binary = summarise_outcomes(BINARY, labels % 2)
    assert binary["bins"] == ["0", "1", OTHER, MISSING]
    assert count_outcomes(np.array([1, 1, 0]), json.loads(json_bytes(binary))).tolist() == [
        1,
        2,
        0,
        0,
    ]


def test_outcomes_of_a_number_have_the_bins_of_a_column() -> None:
    labels = np.random.default_rng(0).normal(size=1000)
    outcomes = summarise_outcomes(DELAY, labels)
    assert (outcomes["column"], len(outcomes["bins"])) == ("delay", 21)
    assert sum(outcomes["counts"]) == 800
    whole = Target(column="n", task="regression", type="integer")
    counted = summarise_outcomes(whole, np.repeat([0.0, 1.0, 2.0], 100))
    assert counted["bins"][:-1] == ["under 0", "0", "1", "2", "over 2"]
