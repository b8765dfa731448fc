"""What a test shows, and when the gate objects to it."""

from typing import Any

import numpy as np
import pytest

from mlops_assets.ab_test.verdict import ab_objection, verdict_of

CANDIDATE, CHAMPION = "ab" * 16 + ".dir", "cd" * 16 + ".dir"


def report(**changes: Any) -> dict[str, Any]:
    return {
        "experiment": "0001-abababab",
        "challenger": CANDIDATE,
        "champion": CHAMPION,
        "guards": [{"name": "divided as planned", "holds": True}],
        "difference": {"value": -0.02, "low": -0.03, "high": -0.01},
        "verdict": "better",
        "minimum_effect": 0.005,
        "labelled": 5_000,
        "planned_rows": 4_000,
        **changes,
    }


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.03, -0.01, "better"),
        (-0.03, 0.004, "not worse"),
        (0.001, 0.004, "not worse"),
        (-0.03, 0.005, "undecided"),
        (-0.03, 0.0, "not worse"),
        (0.001, 0.02, "worse"),
        (0.0, 0.02, "undecided"),
        (-np.inf, np.inf, "undecided"),
        (-np.inf, -0.1, "better"),
        (0.01, -0.01, "undecided"),
        (np.nan, -0.01, "undecided"),
        (-0.01, np.nan, "undecided"),
    ],
)
def test_the_verdict_follows_from_the_interval(low: float, high: float, verdict: str) -> None:
    assert verdict_of(low, high, 0.005) == verdict


def test_a_test_that_shows_enough_is_not_objected_to() -> None:
    not_worse = {"value": 0.0, "low": -0.004, "high": 0.004}

    assert ab_objection(report(), CANDIDATE, CHAMPION) is None
    assert (
        ab_objection(report(verdict="not worse", difference=not_worse), CANDIDATE, CHAMPION) is None
    )


def test_a_first_release_has_nothing_to_be_compared_with() -> None:
    assert ab_objection(None, CANDIDATE, None) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"experiment": None}, "knows of no test"),
        ({"challenger": "other"}, "another challenger"),
        ({"champion": "other"}, "another champion"),
        ({"guards": []}, "unknown"),
        ({"guards": None}, "unknown"),
        ({"guards": [{"name": "divided as planned", "holds": False}]}, "divided as planned"),
        ({"guards": [{"name": "labelled alike", "holds": None}]}, "labelled alike"),
        ({"guards": [{"name": "labelled alike"}]}, "labelled alike"),
        ({"difference": {"value": 0.0, "low": None, "high": None}}, "undecided: 5000 of 4000"),
        ({"difference": {"value": 0.0, "low": -1.0, "high": float("nan")}}, "undecided"),
        ({"difference": None}, "undecided"),
        ({"minimum_effect": None}, "undecided"),
        ({"verdict": "not worse"}, "does not follow"),
        (
            {"difference": {"low": -0.1, "high": 0.1}, "verdict": "better"},
            "does not follow",
        ),
        (
            {"difference": {"low": -0.1, "high": 0.1}, "verdict": "undecided"},
            "undecided: the difference",
        ),
        ({"difference": {"low": 0.1, "high": 0.2}, "verdict": "worse"}, "to be worse"),
    ],
)
def test_whatever_is_missing_or_otherwise_objects(changes: dict[str, Any], said: str) -> None:
    objection = ab_objection(report(**changes), CANDIDATE, CHAMPION)

    assert objection is not None and said in objection


def test_no_report_objects() -> None:
    assert "no A/B test was reported" in str(ab_objection(None, CANDIDATE, CHAMPION))
    assert ab_objection({}, CANDIDATE, CHAMPION) is not None


@pytest.mark.parametrize("field", sorted(set(report()) - {"labelled", "planned_rows"}))
def test_a_report_that_lacks_a_field_objects(field: str) -> None:
    lacking = {name: value for name, value in report().items() if name != field}

    assert ab_objection(lacking, CANDIDATE, CHAMPION) is not None
