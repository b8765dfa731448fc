"""The gate and the very bundle: what it is, what a server of it showed, and its test on traffic."""

from dataclasses import replace
from typing import Any

import pytest
from sound_evidence import BETTER, CANDIDATE, CURRENT, DEMANDS, FIRST, PROMOTION

from mlops_assets.catalog import EVIDENCE
from mlops_assets.release.candidate import candidate_objections, candidate_record
from mlops_assets.release.gate import decide, objections

TESTED = PROMOTION.model_copy(update={"ab_test": True})
WORSE = "the A/B test shows the challenger to be worse: see ab_report"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"altered": ("model.onnx",)}, "the candidate holds another model.onnx than the evidence"),
        ({"is_as_declared": False}, "as the use case was declared before: materialize it again"),
        ({"compared_with": None}, "names another champion than the evaluation compares with"),
        ({"compared_with": "older"}, "names another champion than the evaluation compares with"),
        ({"made_of": {}}, "the candidate is about another model than the one to be released"),
    ],
)
def test_another_bundle_than_the_evidences_rejects(changes: dict[str, Any], said: str) -> None:
    decision = decide(replace(BETTER, candidate=replace(CANDIDATE, **changes)), PROMOTION, DEMANDS)
    assert decision.outcome == "rejected"
    assert said in "; ".join(decision.reasons)


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_artifact_that_the_bundle_was_made_of_counts(name: str) -> None:
    made_of = {**CANDIDATE.made_of, name: "another"}
    found = candidate_objections(replace(CANDIDATE, made_of=made_of), CURRENT, "champion")
    assert found == [f"the candidate is about another {name} than the one to be released"]


def test_a_bundle_that_is_lost_rejects_and_is_said_once() -> None:
    lost = replace(BETTER, candidate=None)
    [said] = decide(lost, PROMOTION, DEMANDS).reasons
    assert said == "the candidate's bundle is lost or was changed: materialize candidate again"
    none = replace(lost, current={**CURRENT, "candidate": None})
    assert decide(none, PROMOTION, DEMANDS).reasons == ("candidate is missing",)


def test_what_a_server_showed_speaks_against_it_in_its_own_words() -> None:
    slow = replace(BETTER, serving_against=("too slow", "too large"))
    assert decide(slow, PROMOTION, DEMANDS).reasons == ("too slow", "too large")
    [said] = decide(replace(BETTER, serving_against=None), PROMOTION, DEMANDS).reasons
    assert said == "whether a server of the candidate keeps its budget is unknown"


def test_a_test_that_is_not_demanded_is_not_asked() -> None:
    assert decide(replace(BETTER, trial_against=WORSE), PROMOTION, DEMANDS).promotes


def test_a_first_release_has_nothing_to_be_tested_against() -> None:
    assert decide(replace(FIRST, trial_against=None), TESTED, DEMANDS).promotes


@pytest.mark.parametrize("against", [None, "the A/B test is undecided: see ab_report"])
def test_a_test_that_shows_nothing_yet_is_awaited_and_no_rejection(against: str | None) -> None:
    awaited = replace(BETTER, trial_against=against)
    decision = decide(awaited, TESTED, DEMANDS)
    assert decision.outcome == "awaits A/B test" and not decision.promotes
    assert objections(awaited, TESTED, DEMANDS).against == decision.reasons
    # What speaks against it anyway is decided without waiting for traffic.
    bad = decide(replace(awaited, gain_low=-1.0), TESTED, DEMANDS)
    assert bad.outcome == "rejected" and len(bad.reasons) == 2


def test_a_test_that_was_lost_rejects_and_one_that_was_won_promotes() -> None:
    lost = replace(BETTER, trial_against=WORSE, trial_is_lost=True)
    assert decide(lost, TESTED, DEMANDS).outcome == "rejected"
    assert decide(lost, TESTED, DEMANDS).reasons == (WORSE,)
    assert decide(replace(BETTER, trial_against=""), TESTED, DEMANDS).outcome == "promoted"


def test_the_record_names_the_bundle_and_the_bytes_of_its_files() -> None:
    manifest = {"serves": "quantized.onnx", "made_of": {"model": "m"}, "compared_with": None}
    assert candidate_record("b.dir", manifest, {"model.onnx": "f" * 64}) == {
        "bundle": "b.dir",
        "serves": "quantized.onnx",
        "made_of": {"model": "m"},
        "compared_with": None,
        "files": {"model.onnx": "f" * 64},
    }
