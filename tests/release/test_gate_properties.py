"""The gate, asked about evidence that hypothesis spoils: only what is whole and sound promotes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound_evidence import (
    BETTER,
    CANDIDATE,
    CURRENT,
    DEMANDS,
    FIRST,
    FIRST_NUMBER,
    NAN,
    NEEDLESS,
    PROMOTION,
    SUBJECTS,
)

from mlops_assets.governance.policy import Finding
from mlops_assets.release.gate import Evidence, decide
from mlops_assets.release.limits import Measured

BOTH = pytest.mark.parametrize("sound", [BETTER, FIRST], ids=["challenger", "first"])
REPORTS = st.none() | st.dictionaries(st.sampled_from(sorted(CURRENT)), st.sampled_from("ab"))


def _noise(low: float, high: float) -> dict[str, Measured | None]:
    return {"risk_report": Measured((Finding("noise_flips", "", 0.12, low, high),))}


BEYOND, UNSURE = _noise(0.11, 0.13), _noise(0.09, 0.2)
SILENT: dict[str, Measured | None] = {"risk_report": None}
EXCUSED: dict[str, Measured | None] = {
    "risk_report": Measured((), {"noise_flips": "a number decides nothing"})
}
ALTERED = replace(CANDIDATE, altered=("model.onnx",))
BOUNDS = st.none() | st.sampled_from([NAN, -1.0, 0.0, 0.65, 0.7, 1.0])


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    """Evidence that is sound but for what was drawn to be otherwise."""
    sound = draw(st.sampled_from([BETTER, FIRST, FIRST_NUMBER]))
    drawn: dict[str, Any] = {
        "current": st.fixed_dictionaries(
            {name: st.sampled_from([value, None]) for name, value in CURRENT.items()}
        ),
        "subjects": st.fixed_dictionaries(
            {name: st.just(named) | REPORTS for name, named in SUBJECTS.items()}
        ),
        "measured": st.sampled_from([BETTER.measured, {}, BEYOND, UNSURE, SILENT, EXCUSED]),
        "withdrawn": st.none() | st.booleans(),
        "candidate": st.sampled_from([None, BETTER.candidate, FIRST.candidate, ALTERED]),
        "serving_against": st.sampled_from([None, (), ("too slow",)]),
        "digest": st.none() | st.sampled_from(["digest", "another"]),
        "approval": st.sampled_from([None, NEEDLESS, replace(NEEDLESS, required=True)]),
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
        and found.subjects == SUBJECTS
        and found.measured in (BETTER.measured, EXCUSED)
        and found.withdrawn is False
        and found.candidate in (BETTER.candidate, FIRST.candidate)
        and found.candidate is not None
        and found.candidate.compared_with == found.compared_with
        and found.serving_against == ()
        and found.digest == "digest" == found.approval_of
        and found.approval == NEEDLESS
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
    decision = decide(found, PROMOTION, DEMANDS)

    assert decision.promotes is _is_sound(found)
    assert decision.reasons
    assert (decision.outcome == "first release") is (decision.promotes and found.champion is None)


ALWAYS = {
    "current", "subjects", "measured", "onnx_agrees", "forms_agree", "beats_baseline", "no_leakage",
    "nobody_left_out", "withdrawn", "digest", "approval_of", "approval", "candidate",
    "serving_against",
}  # fmt: skip
MATTERS = {
    "challenger": {*ALWAYS, "compared_with", "champion_saw_test_rows", "gain_low"},
    "first": {*ALWAYS, "baseline_gain_low", "roc_auc_low"},
}


@BOTH
@given(data=st.data())
def test_nothing_unknown_that_matters_ever_promotes(sound: Evidence, data: st.DataObject) -> None:
    matters = MATTERS["first" if sound.champion is None else "challenger"]
    unknown = data.draw(st.sets(st.sampled_from(sorted(matters)), min_size=1))
    changes: dict[str, Any] = dict.fromkeys(unknown)
    for name in {"subjects", "measured"} & unknown:
        changes[name] = {}
    if "current" in unknown:
        lost = data.draw(st.sets(st.sampled_from(sorted(CURRENT)), min_size=1))
        changes["current"] = {n: None if n in lost else h for n, h in CURRENT.items()}

    assert not decide(replace(sound, **changes), PROMOTION, DEMANDS).promotes


PIECES = (
    "subjects", "measured", "current", "compared_with", "champion_saw_test_rows", "onnx_agrees",
    "forms_agree", "beats_baseline", "no_leakage", "nobody_left_out", "baseline_gain_low",
    "roc_auc_low", "gain_low", "withdrawn", "digest", "approval_of", "approval", "candidate",
    "serving_against",
)  # fmt: skip


@given(evidence(), st.sampled_from(PIECES), st.data())
def test_losing_any_single_piece_never_turns_a_rejection_into_a_promotion(
    found: Evidence, piece: str, data: st.DataObject
) -> None:
    whole = getattr(found, piece)
    lost: Any = None
    if isinstance(whole, dict):
        gone = data.draw(st.sampled_from(sorted(whole) or [""]))
        lost = {name: value for name, value in whole.items() if name != gone}
    less = replace(found, **{piece: lost})

    before, after = (decide(each, PROMOTION, DEMANDS) for each in (found, less))

    # Without a comparison, what was compared with a champion that is gone looks like a first model.
    if not (piece == "compared_with" and found.champion is None):
        assert before.promotes or not after.promotes
