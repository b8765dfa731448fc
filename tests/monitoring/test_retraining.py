"""Whether a batch calls for retraining: every combination of what its two reports can say."""

from typing import Any

import pytest

from mlops_assets.monitoring.retraining import Verdict, cooled_down, judge
from mlops_assets.policy_declaration import Monitoring

MONITORING = Monitoring(min_weighted_distance=0.1)
PERFORMANCE = {True: "lost performance", False: "performance held", None: "performance unknown"}
WEIGHTED = {0.0: False, 0.0999: False, 0.1: True, 0.3: True, None: True}
"""Distances weighted with attribution, and whether drift that reaches them is a cause."""


def _drift(drifted: bool | None, columns: list[str], weighted: float | None) -> dict[str, Any]:
    return {"drifted": drifted, "drift_features": columns, "weighted_distance": weighted}


def _judge(drifted: bool | None, lost: bool | None, columns: list[str], weighted: Any) -> Verdict:
    return judge(_drift(drifted, columns, weighted), {"lost": lost}, MONITORING)


@pytest.mark.parametrize("weighted", WEIGHTED)
@pytest.mark.parametrize("columns", [[], ["wind"]], ids=["score only", "a column"])
@pytest.mark.parametrize("lost", [True, False, None])
@pytest.mark.parametrize("drifted", [True, False, None])
def test_lost_performance_or_drift_that_matters_calls_for_retraining(
    drifted: bool | None, lost: bool | None, columns: list[str], weighted: float | None
) -> None:
    verdict = _judge(drifted, lost, columns, weighted)

    drift_matters = drifted is True and (not columns or WEIGHTED[weighted])
    assert verdict.retrain is (lost is True or drift_matters)
    assert ("lost performance" in verdict.why) is (lost is True)


@pytest.mark.parametrize(
    ("drifted", "lost", "columns", "weighted", "why"),
    [
        (True, True, ["wind"], 0.3, "lost performance; drift in wind"),
        (True, False, ["wind"], 0.3, "drift in wind"),
        (True, None, ["a", "b", "c", "d"], 0.3, "drift in a, b, c"),
        (True, False, [], 0.0, "drift in the champion's answers"),
        (True, False, ["wind"], None, "drift in wind"),
        (
            True,
            False,
            ["wind"],
            0.0123,
            "performance held; drift in wind, but weighted with what the champion uses it is "
            "0.012, and 0.1 calls for retraining",
        ),
        (True, True, ["wind"], 0.01, "lost performance"),
        (False, True, [], 0.0, "lost performance"),
        (False, False, [], 0.0, "performance held; no drift"),
        (False, None, [], 0.0, "performance unknown; no drift"),
        (None, False, [], None, "performance held; drift unknown"),
        (None, None, [], None, "performance unknown; drift unknown"),
    ],
)
def test_the_verdict_says_why(
    drifted: bool | None, lost: bool | None, columns: list[str], weighted: Any, why: str
) -> None:
    assert _judge(drifted, lost, columns, weighted).why == why


@pytest.mark.parametrize("lost", [True, False, None])
def test_a_missing_drift_report_is_unknown(lost: bool | None) -> None:
    verdict = judge(None, {"lost": lost}, MONITORING)

    expected = "lost performance" if lost else f"{PERFORMANCE[lost]}; drift unknown"
    assert verdict == Verdict(lost is True, expected)


@pytest.mark.parametrize("drifted", [True, False, None])
def test_a_missing_performance_report_is_unknown(drifted: bool | None) -> None:
    verdict = judge(_drift(drifted, [], 0.3), None, MONITORING)

    said = {
        True: "drift in the champion's answers",
        False: "performance unknown; no drift",
        None: "performance unknown; drift unknown",
    }
    assert verdict == Verdict(drifted is True, said[drifted])


def test_without_any_report_nothing_is_known() -> None:
    assert judge(None, None, MONITORING) == Verdict(False, "performance unknown; drift unknown")


@pytest.mark.parametrize(
    ("arrived", "cooldown", "enough"), [(1, 1, True), (0, 1, False), (2, 3, False), (4, 3, True)]
)
def test_retraining_waits_for_enough_new_batches(arrived: int, cooldown: int, enough: bool) -> None:
    assert cooled_down(arrived, cooldown) is enough
