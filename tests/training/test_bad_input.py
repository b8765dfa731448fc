"""Rows that no model should be broken by: handled, or refused in words that say what to do."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.batch_error import BatchError
from mlops_assets.training.train_rows import read_train_rows
from mlops_assets.training_declaration import FAMILIES

Make = Callable[..., Any]


def _in_time(rows: pd.DataFrame) -> pd.DataFrame:
    start = np.datetime64("2024-01-01T00:00:00", "us")
    rows["at"] = start + np.arange(len(rows)) * np.timedelta64(3_600_000_000, "us")
    return rows


TIMED = {"columns": {"at": {"type": "timestamp"}}, "time_column": "at"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_that_comes_up_late_is_missing_in_folds_and_learned_in_the_end(
    family: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = _in_time(task_window("multiclass"))
    early = np.arange(len(rows)) < 600
    rows = rows[~(early & (rows["y"] == 2))].reset_index(drop=True)
    use_case = task_use_case("multiclass", families=(family,), max_fits=4, folds=4, **TIMED)

    training = train_quietly(rows, use_case)

    test = rows[(rows["split"] == "test") & (rows["at"] > rows["at"].median())]
    answers = training.model.answers(test)
    assert answers.shape == (len(test), 3)
    assert answers.sum(axis=1) == pytest.approx(1.0)
    assert (answers.argmax(axis=1) == test["y"]).mean() > 0.6
    (entry,) = training.record["leaderboard"]
    first, *_, last = entry["fold_losses"]
    assert np.isfinite(entry["fold_losses"]).all() and last < first


def test_folds_of_one_class_are_left_out_and_counted(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = _in_time(task_window("binary"))
    rows.loc[np.arange(len(rows)) < 450, "y"] = 0
    use_case = task_use_case("binary", families=("linear",), max_fits=4, folds=4, **TIMED)

    record = train_quietly(rows, use_case).record

    assert (record["folds"]["asked"], record["folds"]["used"]) == (4, 3)
    assert record["folds"]["why_fewer"]


def test_a_class_without_a_train_row_is_refused_by_name(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window("multiclass")
    rows.loc[rows["split"] == "train", "y"] %= 2

    with pytest.raises(BatchError, match=r"no row of class high of 'y': widen training.window"):
        train_quietly(rows, task_use_case("multiclass"))


def test_numbers_that_are_all_the_same_are_refused(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window("regression")
    rows["y"] = 7.0

    with pytest.raises(BatchError, match="all train rows have the same 'y'"):
        train_quietly(rows, task_use_case("regression"))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_calibration_rows_of_one_class_are_refused_before_anything_is_fitted(
    task: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window(task)
    rows.loc[rows["split"] == "calibration", "y"] = 1

    with pytest.raises(BatchError, match="calibration rows hold one class only: widen"):
        train_quietly(rows, task_use_case(task))


def test_no_calibration_row_is_refused(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window("regression")
    rows = rows[rows["split"] != "calibration"]

    with pytest.raises(BatchError, match=r"calibration rows are none: widen training.window"):
        train_quietly(rows, task_use_case("regression"))


@pytest.mark.parametrize("family", FAMILIES)
def test_features_all_missing_or_constant_are_learned_around(
    family: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window("binary")
    rows["empty"] = np.nan
    rows["nowhere"] = pd.array([None] * len(rows), "string")
    # Constant while it is learned from, not where the model is asked.
    rows["fixed"] = np.where(rows["split"] == "train", 5.0, np.arange(len(rows)) * 1e3)
    columns = {
        "empty": {"type": "number", "nullable": True},
        "nowhere": {"type": "string", "nullable": True},
        "fixed": {"type": "number"},
    }
    use_case = task_use_case("binary", families=(family,), max_fits=3, columns=columns)

    training = train_quietly(rows, use_case)

    assert training.record["beats_baseline"] is True
    test = rows[rows["split"] == "test"]
    settled = test.assign(fixed=5.0)
    assert training.model.answers(test) == pytest.approx(training.model.answers(settled), abs=1e-6)


def test_inputs_without_a_single_value_are_refused(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window("binary")
    rows[["x", "z"]] = np.nan

    with pytest.raises(BatchError, match="no input has a value in any train row"):
        train_quietly(rows, task_use_case("binary"))


@pytest.mark.parametrize("family", FAMILIES)
def test_ten_thousand_categories_stay_within_memory(
    family: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    rows = task_window("binary", rows=20_000)
    rows["code"] = np.random.default_rng(0).permutation(20_000) % 10_000
    rows["code"] = "c" + rows["code"].astype(str)
    columns = {"code": {"type": "string"}}
    use_case = task_use_case("binary", families=(family,), max_fits=3, columns=columns)

    training = train_quietly(rows, use_case)

    assert training.record["beats_baseline"] is True
    test = rows[rows["split"] == "test"]
    encoder = training.model.pipeline.named_steps["encode"]
    assert encoder.transform(test).shape[1] < 1_000


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_two_hundred_rows_are_learned_from_in_fewer_folds(
    task: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = task_use_case(task, folds=6, max_fits=6)

    record = train_quietly(task_window(task, rows=200), use_case).record

    assert (record["folds"]["asked"], record["folds"]["used"]) == (6, 3)
    assert record["folds"]["why_fewer"].startswith("too few train rows")
    assert record["beats_baseline"] is True


def test_many_rows_are_read_without_a_copy_of_the_window(
    task_use_case: Make, task_window: Make
) -> None:
    rows = task_window("binary", rows=200_000)
    for place in range(20):
        rows[f"spare {place}"] = rows["x"]
    rows = rows.copy()

    tracemalloc.start()
    train = read_train_rows(rows, task_use_case("binary"))
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    window = rows.memory_usage().sum()
    assert train.features is rows
    assert held < 0.1 * window and peak < 0.5 * window
    assert sorted(train.order) == np.flatnonzero(rows["split"] == "train").tolist()
    assert train.at(np.array([3, 9])).columns.tolist() == ["x", "z"]


def test_train_rows_are_oldest_first_whatever_order_they_come_in(
    task_use_case: Make, task_window: Make
) -> None:
    rows = _in_time(task_window("binary"))
    rows["batch"] = np.where(np.arange(len(rows)) < 700, "2024-01", "2024-02")
    shuffled = rows.sample(frac=1.0, random_state=0)

    train = read_train_rows(shuffled, task_use_case("binary", **TIMED))

    expected = rows[rows["split"] == "train"]
    assert train.at(np.arange(len(expected)))["at"].tolist() == expected["at"].tolist()
    assert train.labels.tolist() == expected["y"].tolist()
