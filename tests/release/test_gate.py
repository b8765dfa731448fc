"""The gate: sound and better, shown by evidence that is all there, or rejected with the reason."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.catalog import BY_NAME
from mlops_assets.policy_declaration import Promotion
from mlops_assets.release.gate import Decision, Evidence, decide

CURRENT = {name: f"hash of {name}" for name in BY_NAME["release"].upstream}
EVALUATED = ("features", "model", "onnx_model", "quantized_model")
EXPLAINED = ("features", "onnx_model")
PROMOTION = Promotion(confidence=0.9, first_min_roc_auc=0.7)
NAN = float("nan")

BETTER = Evidence(
    task="binary",
    current=CURRENT,
    evaluated={name: CURRENT[name] for name in EVALUATED},
    explained={name: CURRENT[name] for name in EXPLAINED},
    champion="champion",
    compared_with="champion",
    champion_saw_test_rows=False,
    onnx_agrees=True,
    forms_agree=True,
    beats_baseline=True,
    no_leakage=True,
    nobody_left_out=True,
    baseline_gain_low=0.01,
    roc_auc_low=0.75,
    gain_low=0.001,
)
FIRST = replace(
    BETTER, champion=None, compared_with=None, champion_saw_test_rows=None, gain_low=None
)
FIRST_NUMBER = replace(FIRST, task="regression", roc_auc_low=None)
BOTH = pytest.mark.parametrize("sound", [BETTER, FIRST], ids=["challenger", "first"])


def _without(named: Any, name: str) -> dict[str, str]:
    return {key: value for key, value in named.items() if key != name}


def _rejected(evidence: Evidence, reason: str) -> None:
    decision = decide(evidence, PROMOTION)
    assert decision.outcome == "rejected"
    assert not decision.promotes
    assert reason in "; ".join(decision.reasons)


def test_a_better_challenger_is_promoted_with_the_number_that_decided() -> None:
    assert decide(BETTER, PROMOTION) == Decision(
        "promoted",
        (
            "better than the champion by at least 0.0010 of the loss on the newest labelled rows, "
            "at 90% confidence",
        ),
    )


def test_a_good_first_model_is_released_with_the_number_that_decided() -> None:
    assert decide(FIRST, PROMOTION) == Decision(
        "first release",
        ("no champion yet, and the ROC AUC is at least 0.7500: the limit is 0.7",),
    )


@BOTH
@pytest.mark.parametrize("name", CURRENT)
@pytest.mark.parametrize("gone", [True, False])
def test_any_missing_artifact_rejects(sound: Evidence, name: str, gone: bool) -> None:
    current = _without(CURRENT, name) if gone else {**CURRENT, name: None}

    _rejected(replace(sound, current=current), f"{name} is missing")


@BOTH
@pytest.mark.parametrize("named", [None, {}])
@pytest.mark.parametrize(
    ("field", "report"),
    [("evaluated", "evaluation_report"), ("explained", "explainability_report")],
)
def test_a_report_that_does_not_say_what_it_is_about_rejects(
    sound: Evidence, named: Any, field: str, report: str
) -> None:
    _rejected(replace(sound, **{field: named}), f"{report} does not say what it is about")


NAMED = [("evaluated", "evaluation_report", name) for name in EVALUATED] + [
    ("explained", "explainability_report", name) for name in EXPLAINED
]


@BOTH
@pytest.mark.parametrize(("field", "report", "name"), NAMED)
def test_a_report_about_something_else_rejects(
    sound: Evidence, field: str, report: str, name: str
) -> None:
    named = getattr(sound, field)
    changes: dict[str, Any] = {
        f"{report} is about another {name} than": {**named, name: "an older hash"},
        f"{report} does not say which {name}": _without(named, name),
        f"{report} is about another another than": {**named, "another": "hash"},
    }

    for reason, change in changes.items():
        _rejected(replace(sound, **{field: change}), reason)


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
    assert decide(replace(BETTER, baseline_gain_low=low), PROMOTION).promotes


@BOTH
@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"onnx_agrees": None}, "whether the ONNX form agrees with the model is unknown"),
        ({"onnx_agrees": False}, "the ONNX form does not agree with the model"),
        ({"forms_agree": None}, "whether the served endpoint answers as the form it serves is"),
        ({"forms_agree": False}, "the ONNX form or the served endpoint does not agree in every"),
        ({"beats_baseline": None}, "whether it is better than the baseline is unknown"),
        ({"beats_baseline": False}, "not measurably better, over its window, than the baseline"),
        ({"no_leakage": None}, "whether the features give the target away is unknown"),
        ({"no_leakage": False}, "the features give the target away: see leakage.json"),
        ({"nobody_left_out": None}, "whether the training rows leave a group out is unknown"),
        (
            {"nobody_left_out": False},
            "the training rows leave a group out: see representation_report",
        ),
    ],
)
def test_what_is_not_known_to_be_sound_rejects(
    sound: Evidence, found: dict[str, bool | None], reason: str
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
    assert decide(replace(BETTER, gain_low=5e-324), PROMOTION).outcome == "promoted"


def test_the_limit_of_a_first_release_does_not_hold_for_a_challenger() -> None:
    for low in (0.5, None):
        assert decide(replace(BETTER, roc_auc_low=low), PROMOTION).outcome == "promoted"


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
    assert decide(replace(FIRST, roc_auc_low=roc_auc_low), PROMOTION).outcome == "first release"


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_only_a_binary_model_is_asked_for_its_roc_auc(task: Any) -> None:
    decision = decide(replace(FIRST, task=task, roc_auc_low=None), PROMOTION)
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
            explained=None,
            onnx_agrees=False,
            gain_low=-1.0,
        ),
        PROMOTION,
    )

    assert decision.reasons == (
        "model is missing",
        "evaluation_report is about another model than the one to be released",
        "explainability_report does not say what it is about",
        "the ONNX form does not agree with the model",
        "not shown to be better than the champion: its gain of the loss on the newest labelled "
        "rows may be -1.0000, at 90% confidence",
    )


REPORTS = st.none() | st.dictionaries(st.sampled_from(sorted(CURRENT)), st.sampled_from("ab"))
BOUNDS = st.none() | st.sampled_from([NAN, -1.0, 0.0, 0.65, 0.7, 1.0])


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    """Evidence that is sound but for what was drawn to be otherwise."""
    sound = draw(st.sampled_from([BETTER, FIRST, FIRST_NUMBER]))
    drawn: dict[str, Any] = {
        "current": st.fixed_dictionaries(
            {name: st.sampled_from([value, None]) for name, value in CURRENT.items()}
        ),
        "evaluated": REPORTS,
        "explained": REPORTS,
        "champion": st.sampled_from([None, "champion", "another"]),
        "compared_with": st.sampled_from([None, "champion", "another"]),
        "champion_saw_test_rows": st.none() | st.booleans(),
        "task": st.sampled_from(["binary", "multiclass", "regression"]),
        "onnx_agrees": st.none() | st.booleans(),
        "forms_agree": st.none() | st.booleans(),
        "beats_baseline": st.none() | st.booleans(),
        "no_leakage": st.none() | st.booleans(),
        "nobody_left_out": st.none() | st.booleans(),
        "baseline_gain_low": BOUNDS,
        "roc_auc_low": BOUNDS,
        "gain_low": BOUNDS,
    }
    changed = draw(st.sets(st.sampled_from(sorted(drawn)), max_size=3))
    return replace(sound, **{name: draw(drawn[name]) for name in sorted(changed)})


def _is_sound(found: Evidence) -> bool:
    """The rule of the gate, written once more as what must hold, not as what speaks against it."""
    chain = (
        dict(found.current) == CURRENT
        and found.evaluated == BETTER.evaluated
        and found.explained == BETTER.explained
        and found.onnx_agrees is True
        and found.forms_agree is True
        and found.beats_baseline is True
        and found.no_leakage is True
        and found.nobody_left_out is True
        and found.compared_with == found.champion
    )
    if found.champion is None:
        gains = found.baseline_gain_low is not None and found.baseline_gain_low > 0
        good = found.roc_auc_low is not None and found.roc_auc_low >= 0.7
        return chain and gains and (good or found.task != "binary")
    unseen = found.champion_saw_test_rows is False
    return chain and unseen and found.gain_low is not None and found.gain_low > 0


@given(evidence())
def test_only_evidence_that_is_whole_and_sound_promotes(found: Evidence) -> None:
    decision = decide(found, PROMOTION)

    assert decision.promotes is _is_sound(found)
    assert decision.reasons
    assert (decision.outcome == "first release") is (decision.promotes and found.champion is None)


MATTERS = {
    "challenger": {
        "current", "evaluated", "explained", "compared_with", "champion_saw_test_rows",
        "onnx_agrees", "forms_agree", "beats_baseline", "no_leakage", "nobody_left_out", "gain_low",
    },
    "first": {
        "current", "evaluated", "explained", "onnx_agrees", "forms_agree", "beats_baseline",
        "no_leakage", "nobody_left_out", "baseline_gain_low", "roc_auc_low",
    },
}  # fmt: skip


@BOTH
@given(data=st.data())
def test_nothing_unknown_that_matters_ever_promotes(sound: Evidence, data: st.DataObject) -> None:
    matters = MATTERS["first" if sound.champion is None else "challenger"]
    unknown = data.draw(st.sets(st.sampled_from(sorted(matters)), min_size=1))
    changes: dict[str, Any] = dict.fromkeys(unknown)
    if "current" in unknown:
        lost = data.draw(st.sets(st.sampled_from(sorted(CURRENT)), min_size=1))
        changes["current"] = {n: None if n in lost else h for n, h in CURRENT.items()}

    assert not decide(replace(sound, **changes), PROMOTION).promotes
