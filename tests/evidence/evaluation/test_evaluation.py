"""The evaluation report: what is measured, on which rows, and what follows for the release."""

from typing import Any

import numpy as np
import pytest
from evaluated import BY_HALF, ROWS, SUBJECT, TRAINING, Case, MakeUseCase, make_case
from scored_rows import TASKS

from mlops_assets.answers import row_losses
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.evaluation.agreement import ALL_ROWS
from mlops_assets.evidence.evaluation.evaluation import evaluation_report
from mlops_assets.evidence.metrics.calibration_curve import calibration_curve
from mlops_assets.evidence.metrics.group_metrics import by_group
from mlops_assets.evidence.metrics.groups import row_groups
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate


@pytest.fixture(scope="module", params=TASKS)
def case(request: pytest.FixtureRequest, make_use_case: MakeUseCase) -> Case:
    return make_case(request.param, make_use_case)


@pytest.fixture(scope="module")
def report(case: Case) -> dict[str, Any]:
    return case.report(quantized=case.poor)


def _loss(case: Case, answers: Any) -> float:
    task = case.use_case.target.task
    return float(row_losses(task, case.labels, answers, case.variance).mean())


def test_the_report_says_what_it_is_about(report: dict[str, Any], case: Case) -> None:
    assert report["subject"] == SUBJECT
    assert report["task"] == case.use_case.target.task
    assert report["rows"] == ROWS
    assert report["last_batch"] == "2020-03"
    binary = report["task"] == "binary"
    assert report["positives"] == (int(case.labels.sum()) if binary else None)


@pytest.mark.parametrize("form", ["model", "onnx", "quantized"])
def test_every_metric_of_every_form_is_measured_with_its_interval(
    form: str, report: dict[str, Any], case: Case
) -> None:
    found, task = report["forms"][form], case.use_case.target.task
    answers = case.poor if form == "quantized" else case.good
    seed = case.use_case.training.seed
    expected = evaluate(task, case.labels, answers, seed=seed, variance=case.variance)
    assert found == {name: e.to_dict() for name, e in expected.items()}
    assert tuple(found) == tuple(METRICS[task])
    assert found["loss"]["low"] < found["loss"]["value"] < found["loss"]["high"]


@pytest.mark.parametrize("other", ["baseline", "champion"])
def test_baseline_and_champion_answered_the_identical_rows(
    other: str, report: dict[str, Any], case: Case
) -> None:
    answers = {"baseline": case.same, "champion": case.poor}[other]
    assert report[other]["metrics"]["loss"]["value"] == pytest.approx(_loss(case, answers))
    difference = report[other]["difference"]
    assert difference["loss"] == pytest.approx(_loss(case, answers) - _loss(case, case.good))
    assert 0 < difference["loss_low"] < difference["loss"]
    assert (difference["rows"], difference["confidence"]) == (ROWS, 0.95)


def test_the_champion_is_named(report: dict[str, Any]) -> None:
    champion = report["champion"]
    assert (champion["release"], champion["last_batch"]) == ("c" * 32, "2020-02")


def test_it_is_the_released_form_that_is_compared_and_looked_at_by_group(
    report: dict[str, Any], case: Case
) -> None:
    again = case.report(model=case.poor, quantized=None)
    for part in (
        "groups",
        "calibration",
        "decision",
        "champion",
        "baseline",
        "weak_slices",
        "limits",
    ):
        assert again[part] == report[part]
    task = case.use_case.target.task
    groups = row_groups(case.test, case.use_case)
    expected = by_group(task, case.labels, case.good, groups, variance=case.variance)
    names = ("name", "rows", "positives", "verdict", "metrics")
    assert [{n: g[n] for n in names} for g in report["groups"]] == [g.to_dict() for g in expected]
    assert report["calibration"] == calibration_curve(task, case.labels, case.good)


def test_the_confusion_matrix_names_its_classes(report: dict[str, Any], case: Case) -> None:
    decision = report["decision"]
    if report["task"] == "regression":
        assert decision is None
        return
    assert decision["classes"] == list(case.use_case.target.class_names)
    for outcome in decision["outcomes"].values():
        counted = np.array(outcome["confusion"])
        assert counted.sum(axis=1).tolist() == np.bincount(case.labels).tolist()


def test_groups_are_slices_and_sensitive_groups_and_too_few_rows_are_no_evidence(
    report: dict[str, Any],
) -> None:
    groups = {g["name"]: g for g in report["groups"]}
    assert set(groups) == {"slice: far", "slice: few", "group = 1", "group = 2"}
    assert groups["slice: few"]["verdict"] == "insufficient evidence"
    assert groups["slice: few"]["metrics"]["loss"]["value"] is None
    assert groups["group = 1"]["verdict"] == "measured"
    assert groups["group = 1"]["rows"] + groups["group = 2"]["rows"] == ROWS


def test_every_form_is_held_to_the_one_it_was_made_from_in_every_slice_and_group(
    report: dict[str, Any],
) -> None:
    agreement = report["agreement"]
    against = {name: found["against"] for name, found in agreement.items()}
    assert against == {"onnx": "model", "quantized": "onnx"}
    for found in agreement.values():
        assert [part["name"] for part in found["parts"]] == [
            ALL_ROWS,
            *(group["name"] for group in report["groups"]),
        ]
    assert agreement["onnx"]["agrees"] is True
    assert agreement["quantized"]["agrees"] is False
    assert agreement["onnx"]["limits"]["difference"] == 1e-4


def test_a_quantized_form_beyond_its_limits_is_not_the_released_one(
    report: dict[str, Any],
) -> None:
    assert report["released_form"]["form"] == "onnx"
    assert any("all rows: largest difference" in r for r in report["released_form"]["reasons"])
    assert report["verdicts"] == {"beats_baseline": True, "forms_agree": True}


def test_a_quantized_form_within_its_limits_is_the_released_one(case: Case) -> None:
    found = case.report(quantized=0.9999 * case.good + 0.0001 * case.same)
    assert found["released_form"]["form"] == "quantized"
    assert found["verdicts"]["forms_agree"] is True


def test_a_disagreement_in_one_row_of_a_small_slice_refuses(case: Case) -> None:
    onnx = case.good.copy()
    onnx[0] = case.good[np.abs(case.good - case.good[0]).sum(axis=1).argmax()]
    found = case.report(onnx=onnx, quantized=None)
    assert found["verdicts"]["forms_agree"] is False
    parts = {part["name"]: part for part in found["agreement"]["onnx"]["parts"]}
    assert parts["slice: few"]["difference"]["verdict"] == "beyond"
    assert parts["slice: few"]["flips"]["verdict"] == "insufficient evidence"


def test_a_form_that_answers_no_number_is_unknown_and_disagrees(case: Case) -> None:
    answers = case.good.copy()
    answers[3] = np.nan
    found = case.report(quantized=answers)
    assert {m["value"] for m in found["forms"]["quantized"].values()} == {None}
    assert found["agreement"]["quantized"]["agrees"] is False
    assert found["released_form"]["form"] == "onnx"
    json_bytes(found)


def test_a_model_that_knows_nothing_does_not_beat_the_baseline(case: Case) -> None:
    found = case.report(**dict.fromkeys(("model", "onnx", "quantized"), case.same))
    assert found["verdicts"]["beats_baseline"] is False


def test_too_few_rows_leave_the_gain_over_the_baseline_unknown(
    make_use_case: MakeUseCase, case: Case
) -> None:
    few = make_case(case.use_case.target.task, make_use_case, rows=49)
    assert few.report()["verdicts"]["beats_baseline"] is None


def test_the_same_answers_give_the_same_bytes_whatever_the_order_of_the_rows(
    case: Case, report: dict[str, Any]
) -> None:
    order = np.random.default_rng(1).permutation(ROWS)
    shuffled = Case(
        case.use_case,
        case.test.iloc[order].reset_index(drop=True),
        case.good[order],
        case.poor[order],
        case.same[order],
        case.variance,
    )
    assert json_bytes(shuffled.report(quantized=shuffled.poor)) == json_bytes(report)


@pytest.mark.parametrize("missing", ["model", "onnx"])
def test_without_the_model_or_its_onnx_form_there_is_nothing_to_evaluate(
    missing: str, case: Case
) -> None:
    with pytest.raises(ValueError, match="the model and its ONNX form must be there"):
        case.report(**{missing: None})


def test_an_onnx_form_that_answers_no_number_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="NaN"):
        case.report(onnx=np.full_like(case.good, np.nan))


def test_sizes_that_are_not_known_release_the_float_form(case: Case) -> None:
    found = evaluation_report(
        case.test,
        case.forms(),
        case.same,
        None,
        SUBJECT,
        case.use_case,
        case.variance,
        sizes={},
        training=TRAINING,
        rule=BY_HALF,
    )
    assert found["released_form"]["form"] == "onnx"
    assert found["champion"] is None
