"""The policy of a class, what a use case may change of it, and the verdict on a figure."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.catalog import BY_NAME
from mlops_assets.governance.policy import (
    FAIRNESS_MEASURES,
    MEASURES,
    POLICIES,
    Finding,
    Limit,
    PolicyError,
    effective_policy,
    findings_of,
    is_laxer,
    judge,
    judged,
    parse_policy,
    read_policy,
)
from mlops_assets.responsibility_declaration import PolicyClass
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
CLASSES: tuple[PolicyClass, ...] = get_args(PolicyClass)
BOUNDS = st.floats(-10.0, 10.0)


def limit_of(bound: str, limit: float) -> Limit:
    measure = next(measure for measure in MEASURES.values() if measure.bound == bound)
    return Limit(measure, limit, limit, "", "owner", "block", "block")


def under(make_use_case: MakeUseCase, limits: dict[str, Any]) -> UseCase:
    return make_use_case(policy={"ai_act_class": "high", "limits": limits})


@pytest.mark.parametrize("policy_class", CLASSES)
def test_every_class_has_a_policy_and_only_high_needs_a_person(policy_class: PolicyClass) -> None:
    assert read_policy(policy_class).approval is (policy_class == "high")
    assert {path.stem for path in POLICIES.glob("*.yaml")} == set(CLASSES)


def test_the_higher_the_class_the_more_is_asked_and_never_less() -> None:
    minimal, limited, high = (read_policy(c).limits for c in ("minimal", "limited", "high"))

    assert set(minimal) <= set(limited) <= set(high) == set(MEASURES)
    for lower, higher in ((minimal, limited), (limited, high)):
        for name, rule in lower.items():
            assert not is_laxer(higher[name].limit, rule.limit, MEASURES[name].bound), name
            assert not (rule.action == "block" and higher[name].action == "warn"), name


def test_every_measure_is_in_a_report_that_the_catalog_knows() -> None:
    assert {m.report for m in MEASURES.values()} <= set(BY_NAME["release"].upstream)
    assert set(FAIRNESS_MEASURES.values()) == {
        name for name, measure in MEASURES.items() if measure.report == "fairness_report"
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a", "is no policy"),
        ("- a", "is no policy"),
        ("title: [", "is no policy"),
        ("title: a\napproval: false\nlimits: {noise_flips: {limit: .nan}}", "is no policy"),
        (
            "title: a\napproval: false\nlimits: {speed: {limit: 1, role: r, action: block}}",
            "limits ['speed'], which nothing measures",
        ),
    ],
)
def test_a_file_that_is_no_policy_says_so(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as raised:
        parse_policy(text, "strict.yaml")

    assert "strict.yaml" in str(raised.value) and said in str(raised.value)


@pytest.mark.parametrize("reason", ["", "because", "we can"])
@pytest.mark.parametrize(
    ("name", "laxer"), [("noise_flips", 0.0500001), ("selection_rate_ratio", 0.79)]
)
def test_a_laxer_limit_needs_a_reason(
    make_use_case: MakeUseCase, name: str, laxer: float, reason: str
) -> None:
    deviation = {"limit": laxer, "reason": reason}
    with pytest.raises(PolicyError, match=rf"policy\.limits\.{name}: .* needs a reason"):
        effective_policy(under(make_use_case, {name: [deviation]}))

    explained = under(make_use_case, {name: [{**deviation, "reason": "agreed by the board"}]})
    limit = effective_policy(explained).limit(name)
    assert limit is not None
    assert (limit.limit, limit.reason) == (laxer, "agreed by the board")


@pytest.mark.parametrize(
    ("name", "stricter"),
    [("noise_flips", 0.01), ("noise_flips", 0.05), ("selection_rate_ratio", 0.9)],
)
def test_a_stricter_limit_needs_none(
    make_use_case: MakeUseCase, name: str, stricter: float
) -> None:
    limit = effective_policy(under(make_use_case, {name: [{"limit": stricter}]})).limit(name)

    assert limit is not None and limit.limit == stricter
    assert limit.policy_limit == read_policy("high").limits[name].limit


def test_a_deviation_of_subjects_is_theirs_alone_and_the_first_that_matches_counts(
    make_use_case: MakeUseCase,
) -> None:
    own = [
        {"limit": 0.2, "reason": "too few of them", "subjects": ["group 2", "group 3"]},
        {"limit": 0.15, "reason": "agreed by the board"},
    ]
    policy = effective_policy(under(make_use_case, {"noise_flips": own}))

    limits = {s: policy.limit("noise_flips", s) for s in ("group 2", "group 3", "group 1", "")}

    assert {s: limit.limit for s, limit in limits.items() if limit} == {
        "group 2": 0.2, "group 3": 0.2, "group 1": 0.15, "": 0.15,
    }  # fmt: skip


def test_a_deviation_of_no_limit_is_an_error(make_use_case: MakeUseCase) -> None:
    with pytest.raises(PolicyError, match=r"policy\.limits\.noise: .* has no such limit"):
        effective_policy(under(make_use_case, {"noise": [{"limit": 1.0}]}))


@pytest.mark.parametrize(
    ("bound", "low", "high", "verdict"),
    [
        ("at most", 0.0, 1.0, "within"),
        ("at most", 0.0, 1.01, "insufficient evidence"),
        ("at most", 1.0, 2.0, "insufficient evidence"),
        ("at most", 1.01, 2.0, "beyond"),
        ("at least", 1.0, 2.0, "within"),
        ("at least", 0.99, 2.0, "insufficient evidence"),
        ("at least", 0.0, 1.0, "insufficient evidence"),
        ("at least", 0.0, 0.99, "beyond"),
        ("at most", 0.5, 0.1, "unknown"),
    ],
)
def test_a_figure_is_judged_by_its_bound(bound: str, low: float, high: float, verdict: str) -> None:
    finding = Finding("m", "", (low + high) / 2, low, high)

    assert judge(finding, limit_of(bound, 1.0)) == verdict


@given(st.sampled_from(["at most", "at least"]), BOUNDS, BOUNDS, st.floats(0, 5), st.booleans())
def test_a_wider_interval_never_passes_where_a_narrower_one_does_not(
    bound: str, limit: float, value: float, width: float, enough: bool
) -> None:
    asked = limit_of(bound, limit)
    exact = Finding("m", "", value, value, value, enough=enough)
    wide = Finding("m", "", value, value - width, value + width, enough=enough)

    assert judge(wide, asked) != "within" or judge(exact, asked) == "within"
    assert enough or judge(exact, asked) == "insufficient evidence"


@pytest.mark.parametrize("lost", ["value", "low", "high"])
@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_a_figure_that_is_not_there_is_never_within(lost: str, unknown: float | None) -> None:
    numbers: dict[str, Any] = {"value": 0.0, "low": 0.0, "high": 0.0, lost: unknown}
    verdict = judge(Finding("m", "", **numbers), limit_of("at most", 1.0))

    if unknown is None:
        assert verdict == "unknown"
    elif lost != "value":
        assert verdict != "within"


def test_what_a_report_writes_down_names_all_and_is_read_without_loss(
    make_use_case: MakeUseCase,
) -> None:
    own = {"noise_flips": [{"limit": 0.2, "reason": "agreed by the board"}]}
    findings = [
        Finding("noise_flips", "city", 0.1, 0.05, 0.15, rows=200),
        Finding("calibration_error", "", None, None, None, enough=False),
    ]

    written = judged(findings, effective_policy(under(make_use_case, own)))

    assert written[0] == {
        "measure": "noise_flips", "subject": "city", "value": 0.1, "low": 0.05, "high": 0.15,
        "rows": 200, "enough": True, "bound": "at most", "limit": 0.2, "policy": "high",
        "policy_limit": 0.05, "reason": "agreed by the board", "role": "model_owner",
        "action": "block", "verdict": "within",
    }  # fmt: skip
    assert written[1]["verdict"] == "insufficient evidence"
    assert findings_of(written) == findings
