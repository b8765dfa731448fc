"""The gate: sound and better, shown by evidence that is all there, or rejected with the reason."""

from dataclasses import replace
from typing import Any

import pytest
from sound_evidence import (
    BETTER,
    CURRENT,
    DEMANDS,
    FIRST,
    FIRST_NUMBER,
    NAN,
    NEEDLESS,
    PROMOTION,
    SUBJECTS,
)

from mlops_assets.release.gate import JUDGED_REPORTS, Decision, Evidence, decide
from mlops_assets.release.limits import Measured

BOTH = pytest.mark.parametrize("sound", [BETTER, FIRST], ids=["challenger", "first"])


def _without(named: Any, name: str) -> dict[str, str]:
    return {key: value for key, value in named.items() if key != name}


def _rejected(evidence: Evidence, reason: str) -> None:
    decision = decide(evidence, PROMOTION, DEMANDS)
    assert decision.outcome == "rejected"
    assert not decision.promotes
    assert reason in "; ".join(decision.reasons)


def test_a_better_challenger_is_promoted_with_the_number_that_decided() -> None:
    assert decide(BETTER, PROMOTION, DEMANDS) == Decision(
        "promoted",
        (
            "better than the champion by at least 0.0010 of the loss on the newest labelled rows, "
            "at 90% confidence",
        ),
    )


def test_a_good_first_model_is_released_with_the_number_that_decided() -> None:
    assert decide(FIRST, PROMOTION, DEMANDS) == Decision(
        "first release",
        ("no champion yet, and the ROC AUC is at least 0.7500: the limit is 0.7",),
    )


@BOTH
@pytest.mark.parametrize("name", CURRENT)
@pytest.mark.parametrize("gone", [True, False])
def test_any_missing_artifact_rejects(sound: Evidence, name: str, gone: bool) -> None:
    current = _without(CURRENT, name) if gone else {**CURRENT, name: None}

    _rejected(replace(sound, current=current), f"{name} is missing")


def _about(report: str, named: Any) -> dict[str, Any]:
    return {"subjects": {**SUBJECTS, report: named}}


@BOTH
@pytest.mark.parametrize("report", JUDGED_REPORTS)
@pytest.mark.parametrize("named", [None, {}])
def test_a_report_that_does_not_say_what_it_is_about_rejects(
    sound: Evidence, named: Any, report: str
) -> None:
    _rejected(replace(sound, **_about(report, named)), f"{report} does not say what it is about")
    gone = _without(SUBJECTS, report)
    _rejected(replace(sound, subjects=gone), f"{report} does not say what it is about")


NAMED = [(report, name) for report, named in SUBJECTS.items() for name in named]


@BOTH
@pytest.mark.parametrize(("report", "name"), NAMED)
def test_a_report_about_something_else_rejects(sound: Evidence, report: str, name: str) -> None:
    named = SUBJECTS[report]
    changes: dict[str, Any] = {
        f"{report} is about another {name} than": {**named, name: "an older hash"},
        f"{report} does not say which {name}": _without(named, name),
        f"{report} is about another another than": {**named, "another": "hash"},
    }

    for reason, change in changes.items():
        _rejected(replace(sound, **_about(report, change)), reason)


@pytest.mark.parametrize(
    ("low", "reason"),
    [
        (None, "how much better than the baseline it is on the newest labelled rows is unknown"),
        (0.0, "not shown to be better than the baseline"),
        (-0.01, "not shown to be better than the baseline"),
        (float("nan"), "not shown to be better than the baseline"),
    ],
)
def test_a_first_release_must_beat_the_baseline_on_the_test_rows(
    low: float | None, reason: str
) -> None:
    for first in (FIRST, FIRST_NUMBER):
        _rejected(replace(first, baseline_gain_low=low), reason)
    assert decide(replace(BETTER, baseline_gain_low=low), PROMOTION, DEMANDS).promotes


@BOTH
@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"onnx_agrees": None}, "whether the ONNX form agrees with the model is unknown"),
        ({"onnx_agrees": False}, "the ONNX form does not agree with the model"),
        ({"forms_agree": None}, "whether the ONNX form agrees in every slice is unknown"),
        ({"forms_agree": False}, "the ONNX form does not agree in every slice"),
        ({"beats_baseline": None}, "whether it is better than the baseline is unknown"),
        ({"beats_baseline": False}, "not measurably better, over its window, than the baseline"),
        ({"no_leakage": None}, "whether the features give the target away is unknown"),
        ({"no_leakage": False}, "the features give the target away: see leakage.json"),
        ({"nobody_left_out": None}, "whether the training rows leave a group out is unknown"),
        (
            {"nobody_left_out": False},
            "the training rows leave a group out: see representation_report",
        ),
        ({"withdrawn": None}, "whether a rollback took it back is unknown"),
        ({"withdrawn": True}, "a rollback took this release back, and its evidence is the same"),
        ({"approval": None}, "approval is missing"),
        ({"digest": None}, "approval was asked about other evidence"),
        ({"approval_of": None}, "approval was asked about other evidence"),
        ({"approval_of": "an older digest"}, "approval was asked about other evidence"),
        (
            {"approval": replace(NEEDLESS, required=True)},
            "whether the policy asks for an approval is not what the approval was asked",
        ),
        ({"measured": {}}, "risk_report has no limits that can be read"),
        ({"measured": {"risk_report": Measured(())}}, "risk_report does not say it"),
    ],
)
def test_what_is_not_known_to_be_sound_rejects(
    sound: Evidence, found: dict[str, Any], reason: str
) -> None:
    _rejected(replace(sound, **found), reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"compared_with": None}, "compares with another champion"),
        ({"compared_with": "an older champion"}, "compares with another champion"),
        ({"champion_saw_test_rows": True}, "may have learned from the rows of the comparison"),
        ({"champion_saw_test_rows": None}, "may have learned from the rows of the comparison"),
        ({"gain_low": None}, "the difference to the champion is unknown"),
        ({"gain_low": NAN}, "not shown to be better"),
        ({"gain_low": -0.01}, "may be -0.0100, at 90% confidence"),
        ({"gain_low": 0.0}, "not shown to be better"),
        ({"gain_low": -0.0}, "not shown to be better"),
    ],
)
def test_a_challenger_not_shown_to_be_better_rejects(changes: dict[str, Any], reason: str) -> None:
    _rejected(replace(BETTER, **changes), reason)


def test_the_smallest_gain_that_is_one_promotes() -> None:
    assert decide(replace(BETTER, gain_low=5e-324), PROMOTION, DEMANDS).outcome == "promoted"


def test_the_limit_of_a_first_release_does_not_hold_for_a_challenger() -> None:
    for low in (0.5, None):
        assert decide(replace(BETTER, roc_auc_low=low), PROMOTION, DEMANDS).outcome == "promoted"


@pytest.mark.parametrize(
    ("roc_auc_low", "reason"),
    [
        (0.6999, "the ROC AUC may be as low as 0.6999, and a first release needs 0.7"),
        (0.0, "a first release needs 0.7"),
        (NAN, "a first release needs 0.7"),
        (None, "the ROC AUC of the challenger is unknown"),
    ],
)
def test_a_first_model_below_the_limit_rejects(roc_auc_low: float | None, reason: str) -> None:
    _rejected(replace(FIRST, roc_auc_low=roc_auc_low), reason)


@pytest.mark.parametrize("roc_auc_low", [0.7, 0.7001, 1.0])
def test_a_first_model_at_or_above_the_limit_is_released(roc_auc_low: float) -> None:
    assert (
        decide(replace(FIRST, roc_auc_low=roc_auc_low), PROMOTION, DEMANDS).outcome
        == "first release"
    )


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_only_a_binary_model_is_asked_for_its_roc_auc(task: Any) -> None:
    decision = decide(replace(FIRST, task=task, roc_auc_low=None), PROMOTION, DEMANDS)
    assert decision.outcome == "first release"
    assert "better than the baseline that answers the same for all rows" in decision.reasons[0]


def test_a_comparison_with_a_champion_that_is_not_there_rejects() -> None:
    _rejected(
        replace(FIRST, compared_with="champion"), "compares with a champion, but there is none"
    )


def test_all_that_speaks_against_it_is_said() -> None:
    decision = decide(
        replace(
            BETTER,
            current={**CURRENT, "model": None},
            subjects={**SUBJECTS, "explainability_report": None},
            onnx_agrees=False,
            gain_low=-1.0,
        ),
        PROMOTION,
        DEMANDS,
    )

    assert decision.reasons == (
        "model is missing",
        *(
            f"{report} is about another model than the one to be released"
            for report in ("evaluation_report", "fairness_report")
            if "model" in SUBJECTS[report]
        ),
        "explainability_report does not say what it is about",
        *(
            "risk_report is about another model than the one to be released"
            for _ in range("model" in SUBJECTS["risk_report"])
        ),
        "the ONNX form does not agree with the model",
        "the candidate is about another model than the one to be released",
        "not shown to be better than the champion: its gain of the loss on the newest labelled "
        "rows may be -1.0000, at 90% confidence",
    )
