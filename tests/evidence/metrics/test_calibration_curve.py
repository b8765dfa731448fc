"""The calibration curve: ten bins of equal count, for each task what was predicted and observed."""

import numpy as np
import pytest
from scored_rows import TASKS, some_rows

from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.metrics.calibration_curve import calibration_curve
from mlops_assets.target_declaration import Task


@pytest.mark.parametrize("task", TASKS)
def test_the_bins_are_of_equal_count_and_hold_every_row(task: Task) -> None:
    labels, answers = some_rows(task, 605)
    curve = calibration_curve(task, labels, answers)
    rows = [point["rows"] for point in curve]
    assert sum(rows) == 605
    assert max(rows) - min(rows) <= 1
    predicted = [point["predicted"] for point in curve]
    assert predicted == sorted(predicted)


@pytest.mark.parametrize("task", TASKS)
def test_the_order_of_the_rows_changes_no_bit_though_many_answers_are_tied(task: Task) -> None:
    labels, answers = some_rows(task, 600)
    answers[:400] = answers[0]
    order = np.random.default_rng(0).permutation(600)
    shuffled = calibration_curve(task, labels[order], answers[order])
    assert json_bytes(shuffled) == json_bytes(calibration_curve(task, labels, answers))


def test_of_two_classes_the_share_of_positives_is_observed() -> None:
    labels, answers = some_rows("binary", 600)
    curve = calibration_curve("binary", labels, answers)
    lowest = np.argsort(answers[:, 0])[:60]
    assert curve[0]["observed"] == pytest.approx(labels[lowest].mean())
    assert np.mean([p["observed"] for p in curve]) == pytest.approx(labels.mean())
    assert np.mean([p["predicted"] for p in curve]) == pytest.approx(answers.mean())


def test_of_many_classes_the_share_of_right_answers_is_observed() -> None:
    labels, answers = some_rows("multiclass", 600)
    curve = calibration_curve("multiclass", labels, answers)
    accuracy = (answers.argmax(axis=1) == labels).mean()
    assert np.mean([p["observed"] for p in curve]) == pytest.approx(accuracy)
    assert np.mean([p["predicted"] for p in curve]) == pytest.approx(answers.max(axis=1).mean())


def test_of_numbers_the_share_inside_the_interval_is_counted_bin_by_bin() -> None:
    labels, answers = some_rows("regression", 600)
    answers[np.argsort(answers[:, 0])[:60], 1:] = -1e6
    curve = calibration_curve("regression", labels, answers)
    assert curve[0]["covered"] == 0.0
    assert min(point["covered"] for point in curve[1:]) > 0.5
    assert curve[-1]["observed"] == pytest.approx(labels[np.argsort(answers[:, 0])[-60:]].mean())


def test_fewer_rows_than_bins_make_fewer_bins() -> None:
    assert len(calibration_curve("binary", np.array([0, 1]), np.array([[0.2], [0.6]]))) == 2
    assert calibration_curve("binary", np.zeros(0, np.int64), np.zeros((0, 1))) == []
