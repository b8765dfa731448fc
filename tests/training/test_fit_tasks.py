"""Training of every task: better than what is usual, recorded in full, the same every time."""

import io
import json
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from mlops_assets.answers import row_losses
from mlops_assets.content_hash import json_bytes
from mlops_assets.training.baseline import baseline_answers
from mlops_assets.training.fit import Training, final_places
from mlops_assets.training_declaration import FAMILIES
from mlops_assets.use_case import UseCase

Make = Callable[..., Any]
TASKS = ("binary", "multiclass", "regression")


@pytest.fixture(scope="module", params=TASKS)
def trained(
    request: Any, task_use_case: Make, task_window: Make, train_quietly: Make
) -> tuple[UseCase, pd.DataFrame, Training]:
    use_case = task_use_case(request.param)
    rows = task_window(request.param)
    return use_case, rows, train_quietly(rows, use_case, file_size=lambda _: 4_321)


def test_a_model_of_every_task_is_better_than_what_is_usual(trained: Any) -> None:
    use_case, rows, training = trained
    task = use_case.target.task
    train, test = (rows[rows["split"] == name] for name in ("train", "test"))

    answers = training.model.answers(test)

    variance = train["y"].var(ddof=0) if task == "regression" else 1.0
    assert training.model.task == task
    loss = row_losses(task, test["y"].to_numpy(), answers, variance).mean()
    usual = baseline_answers(task, train["y"].to_numpy(), len(test), 3 if task[0] == "m" else 2)
    assert loss < 0.8 * row_losses(task, test["y"].to_numpy(), usual, variance).mean()
    assert training.record["beats_baseline"] is True


def test_the_record_holds_what_decided_and_no_measured_time(trained: Any) -> None:
    use_case, rows, training = trained
    record = training.record
    json_bytes(record)

    assert record["task"] == use_case.target.task
    (chosen,) = [entry for entry in record["leaderboard"] if entry["chosen"]]
    assert (chosen["name"], chosen["family"]) == (record["chosen"], record["family"])
    assert record["complexity"]["bytes"] == chosen["complexity"]["bytes"] == 4_321
    losses = np.array(chosen["fold_losses"])
    assert chosen["loss"] == pytest.approx(losses.mean())
    assert 0.0 < chosen["standard_error"] < losses.std(ddof=1)
    train = rows["split"] == "train"
    assert record["rows"] == {
        "train": train.sum(),
        "fitted": train.sum(),
        "calibrated": (rows["split"] == "calibration").sum(),
    }
    assert record["calibration"] == training.model.describe()
    assert sum(r["fits"] for r in record["rounds"]) <= record["search"]["max_fits"]
    named = [e["name"] for e in [*record["leaderboard"], *record["not_tried"]]]
    assert len(set(named)) == len(named) == 11
    assert "second" not in json.dumps(record).replace("seconds", "")
    assert set(training.timings) == {entry["name"] for entry in record["leaderboard"]}
    for entry in training.timings.values():
        assert entry["fit_seconds"] > 0.0 and entry["microseconds_a_row"] > 0.0


def test_mean_and_variance_of_a_regression_are_those_of_all_train_labels(trained: Any) -> None:
    use_case, rows, training = trained
    labels = rows.loc[rows["split"] == "train", "y"]

    if use_case.target.task == "regression":
        expected = {"mean": labels.mean(), "variance": labels.var(ddof=0)}
        assert training.record["target"] == pytest.approx(expected)
    else:
        assert training.record["target"] is None


def test_the_same_rows_give_the_same_bytes(trained: Any, train_quietly: Make) -> None:
    use_case, rows, training = trained

    again = train_quietly(rows, use_case, file_size=lambda _: 4_321)

    assert json_bytes(again.record) == json_bytes(training.record)
    dumps = [io.BytesIO(), io.BytesIO()]
    for one, buffer in zip((training, again), dumps, strict=True):
        joblib.dump(one.model, buffer)
    assert dumps[0].getvalue() == dumps[1].getvalue()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_family_learns_every_task(
    task: str, family: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = task_use_case(task, families=(family,), max_fits=3)

    record = train_quietly(task_window(task), use_case).record

    assert record["family"] == family
    assert record["beats_baseline"] is True
    assert record["complexity"]["operations"] > 0


@pytest.mark.parametrize("task", TASKS)
def test_labels_without_a_pattern_do_not_beat_the_baseline(
    task: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window(task)
    rows["y"] = np.random.default_rng(1).permutation(rows["y"].to_numpy())

    record = train_quietly(rows, task_use_case(task)).record

    assert record["beats_baseline"] is False
    baseline = record["baseline"]
    assert baseline["difference_to_chosen"] <= baseline["standard_error_of_difference"]


def test_weights_of_three_classes_are_undone(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window("multiclass", rows=3000)
    rows = rows[(rows["y"] != 2) | (np.arange(len(rows)) % 6 == 0)].reset_index(drop=True)
    on = {"remedies": {"class_weights": True}}
    plain, weighed = (
        train_quietly(rows, task_use_case("multiclass", families=("linear",), **said))
        for said in ({}, on)
    )

    train = rows[rows["split"] == "train"]
    counts = train["y"].value_counts().sort_index()
    expected = {
        n: len(train) / (3 * k) for n, k in zip(("low", "middle", "high"), counts, strict=True)
    }
    assert weighed.record["remedies"]["weights"] == pytest.approx(expected)
    raw = [one.model.pipeline.predict_proba(train)[:, 2].mean() for one in (plain, weighed)]
    assert raw[1] > raw[0] + 0.1, "the rare class weighs more"
    calibration = rows[rows["split"] == "calibration"]
    shares = weighed.model.answers(calibration).mean(axis=0)
    assert shares == pytest.approx(np.bincount(calibration["y"]) / len(calibration), abs=0.01)
    losses = [one.record["leaderboard"][0]["loss"] for one in (plain, weighed)]
    assert losses[1] < losses[0] + 0.05, "compared without what the weights did"


@pytest.mark.parametrize("task", TASKS)
def test_the_baseline_is_the_dummy_of_scikit_learn(task: str, task_window: Make) -> None:
    labels = task_window(task)["y"].to_numpy()
    nothing = np.zeros((len(labels), 1))

    found = baseline_answers(task, labels, 2, len(np.unique(labels)))  # type: ignore[arg-type]

    if task == "regression":
        expected = np.repeat(DummyRegressor().fit(nothing, labels).predict(nothing[:2]), 3)
        assert found.ravel() == pytest.approx(expected)
    else:
        shares = DummyClassifier(strategy="prior").fit(nothing, labels).predict_proba(nothing[:2])
        expected = shares[:, 1:] if task == "binary" else shares
        assert found == pytest.approx(expected, abs=0.002)
        assert found.shape == (2, 1 if task == "binary" else 3)


def test_the_final_fit_is_thinned_evenly() -> None:
    every = final_places(5_000_000, None, 1_000_000)

    assert len(every) == 1_000_000
    assert (every[0], every[-1]) == (0, 4_999_999)
    gaps = np.diff(every)
    assert (gaps.min(), gaps.max()) == (4, 5) or (gaps.min(), gaps.max()) == (5, 6)
    assert final_places(7, None, 1_000_000).tolist() == list(range(7))


def test_no_more_rows_are_fitted_than_are_allowed(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = task_use_case("binary", families=("linear",), max_fits=3, max_final_rows=250)

    training = train_quietly(task_window("binary"), use_case)

    rows = training.record["rows"]
    assert rows["fitted"] == 250 < rows["train"]


def _rows_of_the_small_forest(model: Any) -> int:
    """A size that grows with the fitted rows, for one candidate only."""
    forest = model.pipeline.named_steps["estimate"]
    grown = int(forest.estimators_[0].tree_.n_node_samples[0])
    return grown if forest.max_leaf_nodes == 32 else 1


def test_a_winner_that_is_over_its_limits_with_all_rows_is_left_for_the_next(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    said = {"families": ("random_forest",), "max_fits": 9, "max_rows": 200}
    use_case, limited = (
        task_use_case("binary", **said, complexity=limits) for limits in ({}, {"max_bytes": 1_000})
    )
    rows = task_window("binary", rows=4_000)
    chosen = train_quietly(rows, use_case).record["chosen"]
    assert chosen == "random forest, 32 leaves"

    record = train_quietly(rows, limited, file_size=_rows_of_the_small_forest).record

    (over,) = [entry for entry in record["leaderboard"] if entry["name"] == chosen]
    assert over["why"].startswith("fitted on 2,354 rows: bytes 1,")
    assert not over["chosen"] and record["chosen"] != chosen
    assert record["complexity"]["bytes"] == 1
