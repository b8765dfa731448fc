"""Which forms agree, over all rows and slice by slice, and which form that releases."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scored_rows import TASKS, some_rows

from mlops_assets.answers import Answers, decisions
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.evaluation.agreement import (
    ALL_ROWS,
    Tolerance,
    compare_forms,
    released_form,
    tolerances,
)
from mlops_assets.policy_declaration import Limits
from mlops_assets.target_declaration import Task

ROWS = 1000
TOLERANCE = Tolerance(difference=0.02, flips=0.002, loss_rise=0.001)
LABELS = np.arange(ROWS) % 2
SURE = np.where(LABELS == 1, 0.8, 0.2)[:, None]
EACH_TASK = pytest.mark.parametrize("task", TASKS)
SIZES = {"onnx": 1000, "quantized": 400}


def part_of(found: dict[str, Any], name: str = ALL_ROWS) -> dict[str, Any]:
    (part,) = (part for part in found["parts"] if part["name"] == name)
    return dict(part)


def compared(
    after: Answers, groups: dict[str, NDArray[np.bool_]] | None = None, before: Answers = SURE
) -> dict[str, Any]:
    return compare_forms("binary", LABELS, before, after, groups or {}, TOLERANCE)


def moved(rows: list[int], by: float) -> Answers:
    after = SURE.copy()
    after[rows] += by
    return after


def first(rows: int) -> NDArray[np.bool_]:
    return np.arange(ROWS) < rows


@EACH_TASK
def test_identical_answers_agree_everywhere(task: Task) -> None:
    labels, answers = some_rows(task, 300)
    groups = {"few": np.arange(300) < 10, "half": np.arange(300) < 150}
    found = compare_forms(task, labels, answers, answers, groups, Tolerance(0.0, 0.0, 0.0))
    assert found["agrees"] is True
    assert [part["name"] for part in found["parts"]] == [ALL_ROWS, "few", "half"]
    for name in ("difference", "flips", "loss_rise"):
        assert part_of(found)[name] == {"value": 0.0, "limit": 0.0, "verdict": "within"}
    json_bytes(found)


def test_number_limit_and_verdict_are_apart() -> None:
    found = compared(moved([0], 0.01))
    assert found["limits"] == {"difference": 0.02, "flips": 0.002, "loss_rise": 0.001}
    difference = part_of(found)["difference"]
    assert difference == {"value": pytest.approx(0.01), "limit": 0.02, "verdict": "within"}


@pytest.mark.parametrize("group", ["few", "rest"])
def test_one_row_too_far_is_beyond_in_its_slice_however_small(group: str) -> None:
    groups = {"few": first(1), "rest": ~first(1)}
    found = compared(moved([0] if group == "few" else [5], 0.03), groups)
    verdicts = {part["name"]: part["difference"]["verdict"] for part in found["parts"]}
    other = {"few": "rest", "rest": "few"}[group]
    assert verdicts == {ALL_ROWS: "beyond", group: "beyond", other: "within"}
    assert found["agrees"] is False


def test_flips_over_all_rows_are_held_to_the_limit_exactly() -> None:
    near = np.full((ROWS, 1), 0.499)
    for flips, verdict in ((2, "within"), (3, "beyond")):
        after = near.copy()
        after[:flips] = 0.501
        flipped = part_of(compared(after, before=near))["flips"]
        assert flipped == {"value": flips / ROWS, "limit": 0.002, "verdict": verdict}


@pytest.mark.parametrize(
    ("rows", "flips", "verdict"),
    [
        (100, 0, "within"),
        (100, 1, "insufficient evidence"),
        (100, 2, "beyond"),
        (49, 2, "insufficient evidence"),
        (500, 1, "within"),
    ],
)
def test_flips_of_a_slice_are_beyond_where_chance_is_ruled_out(
    rows: int, flips: int, verdict: str
) -> None:
    near = np.full((ROWS, 1), 0.499)
    after = near.copy()
    after[:flips] = 0.501
    found = compared(after, {"slice": first(rows)}, before=near)
    assert part_of(found, "slice")["flips"]["verdict"] == verdict
    assert found["agrees"] is (verdict != "beyond")


@pytest.mark.parametrize(("rows", "verdict"), [(200, "beyond"), (49, "insufficient evidence")])
def test_a_loss_that_rises_in_one_slice_only_is_beyond_there(rows: int, verdict: str) -> None:
    rng = np.random.default_rng(0)
    worse = SURE.copy()
    worse[:rows, 0] += np.where(LABELS[:rows] == 1, -1, 1) * (0.005 + 0.001 * rng.random(rows))
    worse[rows:, 0] -= np.where(LABELS[rows:] == 1, -1, 1) * 0.002
    found = compared(worse, {"slice": first(rows), "rest": ~first(rows)})
    assert part_of(found, "slice")["loss_rise"]["verdict"] == verdict
    assert part_of(found, "rest")["loss_rise"]["verdict"] == "within"
    assert found["agrees"] is (verdict != "beyond")


def test_a_loss_that_may_rise_by_chance_is_insufficient_evidence() -> None:
    rng = np.random.default_rng(3)
    shaken = SURE + 0.015 * rng.choice([-1.0, 1.0], (ROWS, 1))
    mask = np.zeros(ROWS, bool)
    against = np.flatnonzero(((shaken - SURE)[:, 0] < 0) == (LABELS == 1))
    in_favour = np.flatnonzero(((shaken - SURE)[:, 0] < 0) != (LABELS == 1))
    mask[against[:33]] = mask[in_favour[:27]] = True
    figure = part_of(compared(shaken, {"slice": mask}), "slice")["loss_rise"]
    assert figure["value"] > figure["limit"]
    assert figure["verdict"] == "insufficient evidence"


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@EACH_TASK
def test_an_answer_that_is_no_number_is_beyond_where_it_is(task: Task, broken: float) -> None:
    labels, answers = some_rows(task, 300)
    after = answers.copy()
    after[7, -1] = broken
    groups = {"with": np.arange(300) < 100, "without": np.arange(300) >= 100}
    found = compare_forms(task, labels, answers, after, groups, TOLERANCE)
    assert found["agrees"] is False
    assert part_of(found, "with")["rows_not_finite"] == 1
    assert part_of(found, "with")["difference"]["value"] is None
    assert part_of(found, "without")["difference"]["verdict"] == "within"
    json_bytes(found)


def test_no_rows_agree_with_nothing() -> None:
    empty = np.zeros((0, 1))
    found = compare_forms("binary", np.zeros(0, np.int64), empty, empty, {}, TOLERANCE)
    assert found["agrees"] is False


def test_an_empty_slice_is_no_evidence_and_speaks_against_nothing() -> None:
    found = compared(SURE, {"nobody": first(0)})
    assert part_of(found, "nobody")["difference"]["verdict"] == "insufficient evidence"
    assert found["agrees"] is True


def test_a_regression_differs_in_standard_deviations_and_flips_by_its_interval() -> None:
    labels, answers = some_rows("regression", 300)
    shifted, wider = answers + 0.3, answers.copy()
    wider[0, 2] += 5.0
    shift, wide = (
        part_of(compare_forms("regression", labels, answers, a, {}, TOLERANCE, variance=100.0))
        for a in (shifted, wider)
    )
    assert shift["difference"]["value"] == pytest.approx(0.03)
    assert shift["flips"]["value"] == 0.0
    assert wide["difference"]["value"] == 0.0
    assert wide["flips"]["value"] == pytest.approx(1 / 300)


def test_many_classes_flip_where_another_is_the_most_probable() -> None:
    labels, answers = some_rows("multiclass", 300)
    after = np.roll(answers, 1, axis=0)
    found = part_of(compare_forms("multiclass", labels, answers, after, {}, TOLERANCE))
    before_class, after_class = (decisions("multiclass", a) for a in (answers, after))
    assert found["flips"]["value"] == pytest.approx(np.mean(before_class != after_class))
    assert found["difference"]["value"] == pytest.approx(np.abs(answers - after).max())


@EACH_TASK
def test_the_order_of_the_rows_changes_no_bit(task: Task) -> None:
    labels, answers = some_rows(task, 300)
    after = np.roll(answers, 1, axis=0)
    order = np.random.default_rng(0).permutation(300)
    shuffled = compare_forms(task, labels[order], answers[order], after[order], {}, TOLERANCE)
    assert shuffled == compare_forms(task, labels, answers, after, {}, TOLERANCE)


def test_answers_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="different shapes"):
        compared(SURE[1:])


def test_the_limits_are_those_of_the_use_case() -> None:
    limits = Limits(
        onnx_difference=1e-5, quantized_difference=0.01, quantized_flips=0.1, quantized_loss=0.2
    )
    assert tolerances(limits) == {
        "onnx": Tolerance(1e-5, 0.1, 0.2),
        "quantized": Tolerance(0.01, 0.1, 0.2),
    }


# The released form


def test_a_smaller_form_within_its_limits_everywhere_is_released() -> None:
    form, reasons = released_form({"quantized": compared(SURE, {"s": first(100)})}, SIZES)
    assert form == "quantized"
    assert "0.40 of the float form's" in reasons[0]


def test_a_form_beyond_its_limits_in_one_slice_is_not_released_and_the_slice_is_named() -> None:
    near = np.full((ROWS, 1), 0.499)
    after = near.copy()
    after[:2] = 0.501
    found = compared(after, {"coast": first(100)}, before=near)
    assert part_of(found)["flips"]["verdict"] == "within"
    assert released_form({"quantized": found}, SIZES) == (
        "onnx",
        ("coast: share answered otherwise 0.02, and the limit is 0.002",),
    )


def test_without_a_quantized_form_the_float_one_is_released() -> None:
    for agreement in ({"quantized": None}, {}):
        assert released_form(agreement, SIZES) == ("onnx", ("there is no quantized form",))


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ({"onnx": 1000, "quantized": 1000}, "has 1,000 bytes"),
        ({"onnx": 1000, "quantized": 2000}, "has 2,000 bytes"),
        ({"onnx": 1000}, "is unknown"),
        ({"onnx": None, "quantized": 10}, "is unknown"),
    ],
)
def test_a_form_not_known_to_be_smaller_is_not_released(sizes: dict[str, Any], why: str) -> None:
    form, reasons = released_form({"quantized": compared(SURE)}, sizes)
    assert form == "onnx"
    assert why in reasons[0]


def test_a_form_compared_on_no_row_is_not_released() -> None:
    empty = np.zeros((0, 1))
    found = compare_forms("binary", np.zeros(0, np.int64), empty, empty, {}, TOLERANCE)
    form, reasons = released_form({"quantized": found}, SIZES)
    assert form == "onnx"
    assert reasons


def test_a_form_that_answers_no_number_is_not_released() -> None:
    form, reasons = released_form({"quantized": compared(moved([3], np.nan))}, SIZES)
    assert form == "onnx"
    assert "all rows: largest difference not a number" in reasons[0]
