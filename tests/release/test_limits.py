"""The policy's limits at the gate: judged again, by what is binding, and said in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.governance.measures import FAIRNESS_MEASURES, MEASURES
from mlops_assets.governance.policy import EffectivePolicy, Finding, Rule, judged
from mlops_assets.release.limits import (
    LIMITED_REPORTS,
    MOST_NAMED,
    Demands,
    Judgement,
    Measured,
    judge_limits,
)
from mlops_assets.responsibility_declaration import Deviation


def demands(
    rules: dict[str, Rule], deviations: dict[str, tuple[Deviation, ...]] | None = None, **more: Any
) -> Demands:
    policy = EffectivePolicy("limited", "tests", False, rules, deviations or {})
    return Demands(policy, **{"fairness": "equal_opportunity", "sensitive": ("sex",), **more})


def rule(limit: float, action: Any = "block", **more: Any) -> Rule:
    return Rule(limit=limit, role="security_officer", action=action, **more)


NOISE = demands({"noise_flips": rule(0.1)})


def judgement(
    asked: Demands, *findings: Finding, champion: bool = False, **not_applicable: str
) -> Judgement:
    measured = Measured(findings, not_applicable)
    return judge_limits(dict.fromkeys(LIMITED_REPORTS, measured), asked, has_champion=champion)


def noise(value: float | None, low: float | None, high: float | None, **more: Any) -> Finding:
    return Finding("noise_flips", more.pop("subject", ""), value, low, high, **more)


def test_a_limit_that_is_kept_says_nothing() -> None:
    assert judgement(NOISE, noise(0.05, 0.04, 0.1)) == Judgement((), ())


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (noise(0.2, 0.11, 0.3, subject="city"), "inputs, city: 0.2 (0.11 to 0.3), beyond; the"),
        (noise(0.09, 0.05, 0.11), "0.09 (0.05 to 0.11), insufficient evidence; the limit"),
        (noise(0.05, 0.05, 0.05, rows=30, enough=False), "0.05 of 30 rows, insufficient evidence"),
        (noise(None, None, None), "no figure, unknown; the limit is at most 0.1"),
        (noise(float("nan"), float("nan"), float("nan")), "insufficient evidence"),
    ],
)
def test_what_is_not_shown_to_be_kept_speaks_against(finding: Finding, words: str) -> None:
    [said] = judgement(NOISE, finding).against

    assert words in said and said.endswith("(security_officer)")


def test_the_person_and_the_reason_of_a_deviation_are_named() -> None:
    deviation = Deviation(limit=0.2, reason="the sensor is noisy", subjects=("city",))
    asked = demands(
        {"noise_flips": rule(0.1)},
        {"noise_flips": (deviation,)},
        roles={"security_officer": "team:security"},
    )

    found = judgement(
        asked, noise(0.3, 0.3, 0.3, subject="city"), noise(0.15, 0.15, 0.15, subject="size")
    )

    assert found.against == (
        "decisions changed by noise in the inputs, city: 0.3, beyond; the limit is at most 0.2, "
        "not 0.1 as the policy says, for: the sensor is noisy (security_officer, team:security)",
        "decisions changed by noise in the inputs, size: 0.15, beyond; the limit is at most 0.1 "
        "(security_officer, team:security)",
    )
    assert found.notes == (
        "decisions changed by noise in the inputs, city: the limit is at most 0.2 instead of the "
        "policy's 0.1, for: the sensor is noisy",
    )


def test_a_limit_that_warns_is_noted() -> None:
    found = judgement(demands({"noise_flips": rule(0.1, "warn")}), noise(0.2, 0.2, 0.2))

    assert found.against == () and "0.2, beyond" in found.notes[0]


def test_too_few_rows_do_what_the_policy_says_of_them() -> None:
    few = noise(0.5, 0.0, 1.0, rows=30, enough=False)

    assert judgement(NOISE, few).against
    lenient = demands({"noise_flips": rule(0.1, few_rows="warn")})
    assert judgement(lenient, few).against == ()
    assert judgement(lenient, few).notes
    assert judgement(lenient, noise(0.5, 0.0, 1.0)).against


def test_of_many_the_worst_are_named_and_the_rest_counted() -> None:
    unsure = [noise(0.1, 0.05, 0.2, subject=f"a{i}") for i in range(5)]
    beyond = noise(0.5, 0.4, 0.6, subject="z")

    said = judgement(NOISE, *unsure, beyond).against

    assert len(said) == MOST_NAMED + 1
    assert ", z: 0.5" in said[0]
    assert said[-1].endswith("the same of 3 more, see risk_report")


def test_a_measure_that_no_report_states_is_unknown_unless_it_does_not_apply() -> None:
    assert "unknown, for risk_report does not say it" in judgement(NOISE).against[0]
    assert judgement(NOISE, noise_flips="a number decides nothing") == Judgement((), ())
    assert judgement(NOISE, noise_flips=" ").against
    assert judge_limits({}, NOISE, has_champion=False).against == (
        "risk_report has no limits that can be read",
    )


def test_a_figure_counts_only_in_the_report_that_it_belongs_to() -> None:
    elsewhere = {
        "evaluation_report": Measured((noise(0.0, 0.0, 0.0),)),
        "risk_report": Measured(()),
    }

    assert judge_limits(elsewhere, NOISE, has_champion=False).against


FAIR = demands({name: rule(0.1) for name in FAIRNESS_MEASURES.values()})


def test_only_the_chosen_definition_of_fair_is_binding() -> None:
    chosen = Finding.exact("equal_opportunity_difference", "sex 1", 0.05)
    other = Finding.exact("predictive_parity_difference", "sex 1", 0.5)

    found = judgement(FAIR, chosen, other)

    assert found.against == ()
    assert "precision of a group" in found.notes[0]


def test_the_chosen_definition_does_not_excuse_itself() -> None:
    reason = {"equal_opportunity_difference": "we chose another one"}

    assert judgement(FAIR, **reason).against
    nobody = demands(dict(FAIR.policy.rules), sensitive=())
    assert not judgement(nobody, **reason).against


@pytest.mark.parametrize("champion", [True, False])
def test_a_change_of_the_attribution_is_asked_of_a_successor(champion: bool) -> None:
    asked = demands({"attribution_change": rule(0.4)})

    found = judgement(asked, champion=champion, attribution_change="there is no champion yet")

    assert bool(found.against) is champion


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"limits": None},
        {"limits": [{"measure": "noise_flips"}]},
        {"limits": [{**noise(0.1, 0.1, 0.1).to_dict(), "low": "0.1"}]},
        {"limits": [{**noise(0.1, 0.1, 0.1).to_dict(), "enough": 1}]},
        {"limits": [{**noise(0.1, 0.1, 0.1).to_dict(), "value": True}]},
        {"limits": [{**noise(0.1, 0.1, 0.1).to_dict(), "subject": None}]},
        {"limits": [], "not_applicable": ["noise_flips"]},
    ],
)
def test_limits_that_cannot_be_read_are_none(report: dict[str, Any]) -> None:
    assert Measured.parse(report) is None


NUMBERS = st.none() | st.floats(allow_nan=True)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(sorted(MEASURES)),
    st.sampled_from(["", "a", "b"]),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.none() | st.integers(0, 99),
    st.booleans(),
)


@given(st.lists(FINDINGS, max_size=8), st.data())
def test_less_evidence_never_speaks_less_against(
    findings: list[Finding], data: st.DataObject
) -> None:
    asked = demands({name: rule(0.1) for name in ("noise_flips", "evasion_rate")})
    measures = sorted({finding.measure for finding in findings})
    gone = data.draw(st.sampled_from([*measures, "noise_flips"]))
    kept = [finding for finding in findings if finding.measure != gone]

    before, after = judgement(asked, *findings), judgement(asked, *kept)

    assert not before.against or after.against


@given(st.lists(FINDINGS, max_size=6))
def test_what_a_report_writes_is_judged_the_same_whatever_verdict_it_wrote(
    findings: list[Finding],
) -> None:
    asked = demands({name: rule(0.1) for name in ("noise_flips", "evasion_rate")})
    written = judged(findings, asked.policy)
    forged = [{**entry, "verdict": "within", "limit": 99.0, "action": "warn"} for entry in written]

    found = [Measured.parse({"limits": limits}) for limits in (written, forged)]

    said = [
        judge_limits({"risk_report": each}, asked, has_champion=False).against for each in found
    ]
    assert said[0] == said[1]
