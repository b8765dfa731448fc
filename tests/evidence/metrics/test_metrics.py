"""What all metrics have in common: bounds, order, refusals, groups."""

from typing import Any

import numpy as np
import pytest
from scored_rows import TASKS, scored, some_rows

from mlops_assets.answers import row_losses
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.metrics.bootstrap import Estimate
from mlops_assets.evidence.metrics.group_metrics import by_group
from mlops_assets.evidence.metrics.metrics import GROUP_METRICS, HEADLINES, METRICS, evaluate
from mlops_assets.target_declaration import Task

EACH_TASK = pytest.mark.parametrize("task", TASKS)


@EACH_TASK
def test_every_task_has_the_loss_that_training_and_the_gate_agree_on(task: Task) -> None:
    labels, answers = some_rows(task, 200)
    found = evaluate(task, labels, answers, seed=0, variance=7.0)
    assert tuple(found) == tuple(METRICS[task])
    assert found["loss"].value == pytest.approx(row_losses(task, labels, answers, 7.0).mean())
    assert {*HEADLINES[task], *GROUP_METRICS[task], "loss"} <= set(METRICS[task])


@EACH_TASK
def test_a_higher_confidence_gives_a_wider_interval(task: Task) -> None:
    rows = some_rows(task, 500)
    narrow = evaluate(task, *rows, seed=0, confidence=0.5)
    wide = evaluate(task, *rows, seed=0, confidence=0.99)
    for name in METRICS[task]:
        bounds = wide[name].low, narrow[name].low, narrow[name].high, wide[name].high
        numbers = np.array(bounds, dtype=np.float64)
        assert (np.diff(numbers) > 0).all()


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    hits = 0
    expected = evaluate("binary", *scored(200_000, seed=99), seed=0, resamples=1)["roc_auc"].value
    for seed in range(120):
        found = evaluate("binary", *scored(400, seed), seed=seed, resamples=100, confidence=0.9)
        low, high = found["roc_auc"].low, found["roc_auc"].high
        assert low is not None
        assert high is not None
        assert expected is not None
        hits += low <= expected <= high
    assert 0.8 <= hits / 120 <= 0.97


@EACH_TASK
def test_the_order_of_the_rows_changes_no_bit(task: Task) -> None:
    labels, answers = some_rows(task, 400)
    answers[::3] = answers[0]
    labels[::3] = labels[0]
    order = np.random.default_rng(5).permutation(400)
    assert evaluate(task, labels, answers, seed=3) == evaluate(
        task, labels[order], answers[order], seed=3
    )
    assert evaluate(task, labels, answers, seed=3) != evaluate(task, labels, answers, seed=4)


@EACH_TASK
def test_no_rows_leave_everything_unknown(task: Task) -> None:
    found = evaluate(task, np.zeros(0, np.int64), np.zeros((0, 1)), seed=0)
    assert found == {name: Estimate() for name in METRICS[task]}


REFUSED: list[tuple[Task, Any, Any, str]] = [
    ("binary", [0, 2], [[0.1], [0.2]], "labels other than 0 to 1"),
    ("binary", [0, 1], [[0.1], [1.2]], "outside 0 to 1"),
    ("binary", [0, 1], [[0.1], [np.nan]], "NaN"),
    ("binary", [0, 1, 1], [[0.1], [0.2]], "do not match"),
    ("binary", [0, 1], [0.1, 0.2], "do not match"),
    ("binary", [0, 1], [[0.1, 0.9], [0.2, 0.8]], "do not match"),
    ("multiclass", [0, 3], [[0.1, 0.2, 0.7]] * 2, "labels other than 0 to 2"),
    ("multiclass", [0, 1], [[0.1, 0.2, 0.6]] * 2, "do not add up to 1"),
    ("multiclass", [0, 1], [[0.1], [0.2]], "do not match"),
    ("regression", [0.0, 1.0], [[0.1], [0.2]], "do not match"),
    ("regression", [0.0, np.nan], [[1.0, 0.0, 2.0]] * 2, "NaN or infinite"),
    ("regression", [0.0, 1.0], [[1.0, 0.0, np.inf]] * 2, "NaN or infinite"),
]


@pytest.mark.parametrize(("task", "labels", "answers", "message"), REFUSED)
def test_what_is_no_label_or_answer_is_refused(
    task: Task, labels: Any, answers: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(task, np.array(labels), np.array(answers), seed=0)


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan])
def test_a_variance_that_nothing_can_be_divided_by_is_refused(variance: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        evaluate("regression", *some_rows("regression", 60), seed=0, variance=variance)


@EACH_TASK
def test_estimates_are_written_as_plain_json(task: Task) -> None:
    found = evaluate(task, *some_rows(task, 60), seed=0)
    assert b'"low"' in json_bytes({name: e.to_dict() for name, e in found.items()})


# Groups


@EACH_TASK
def test_a_group_is_measured_as_if_it_were_alone(task: Task) -> None:
    labels, answers = some_rows(task, 400)
    first = np.arange(400) < 150
    found = by_group(task, labels, answers, {"first": first, "rest": ~first}, variance=3.0)
    assert [(g.name, g.rows, g.verdict) for g in found] == [
        ("first", 150, "measured"),
        ("rest", 250, "measured"),
    ]
    assert found[0].positives == (labels[:150].sum() if task == "binary" else None)
    alone = evaluate(task, labels[:150], answers[:150], seed=2, resamples=4000, variance=3.0)
    assert tuple(found[0].metrics) == GROUP_METRICS[task]
    for name, measured in found[0].metrics.items():
        width = alone[name].high - alone[name].low
        assert measured.value == pytest.approx(alone[name].value)
        assert measured.low == pytest.approx(alone[name].low, abs=0.15 * width)
        assert measured.high == pytest.approx(alone[name].high, abs=0.15 * width)
    json_bytes([group.to_dict() for group in found])


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_group_too_small_or_of_one_class_is_insufficient_evidence(task: Task) -> None:
    labels, answers = some_rows(task, 400)
    rows = np.arange(400)
    groups = {"few": rows < 49, "ones": labels == 1, "zeros": labels == 0, "nobody": rows < 0}
    for group in by_group(task, labels, answers, groups):
        assert group.verdict == "insufficient evidence"
        assert set(group.metrics.values()) == {Estimate()}


@EACH_TASK
@pytest.mark.parametrize(("rows", "verdict"), [(50, "measured"), (49, "insufficient evidence")])
def test_fifty_rows_are_enough(task: Task, rows: int, verdict: str) -> None:
    labels, answers = some_rows(task, 400)
    (group,) = by_group(task, labels, answers, {"group": np.arange(400) < rows})
    assert group.verdict == verdict
