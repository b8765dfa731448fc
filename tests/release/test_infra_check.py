"""What was measured of a server, judged beside its budget, with a reason for every shortfall."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from challengers import WITHIN_BUDGET
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.content_hash import json_bytes
from mlops_assets.release.infra_check import (
    FIGURES,
    QUESTIONS,
    Asked,
    infra_objections,
    infra_report,
    percentile,
    verdict,
)
from mlops_assets.serving_declaration import Budget

BUDGET = Budget()


def report(**changes: Any) -> dict[str, Any]:
    return infra_report("Lates", "b.dir", "model.onnx", replace(WITHIN_BUDGET, **changes), BUDGET)


def against(found: Any, budget: Budget = BUDGET) -> str:
    return "; ".join(infra_objections(found, "b.dir", budget))


def test_within_budget_nothing_speaks_against_it() -> None:
    found = report()
    assert found["holds"] is True and against(found) == ""
    assert found["subject"] == {"bundle": "b.dir"}
    assert {one["name"]: one["limit"] for one in found["limits"]} == BUDGET.model_dump()
    assert json.loads(json_bytes(found)) == found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start_seconds": 10.001}, "seconds from the start of the process until it is ready: be"),
        ({"start_seconds": None}, "seconds from the start of the process until it is ready: unk"),
        ({"memory_megabytes": 300.1}, "resident memory of the process, megabytes: beyond"),
        ({"memory_megabytes": None}, "resident memory of the process, megabytes: unknown"),
        ({"latencies": (51.0,)}, "99th percentile of the time to answer one row"),
        ({"latencies": ()}, "99th percentile of the time to answer one row, milliseconds: unknow"),
        ({"failed": 1}, "a server under load did not answer every request"),
        ({"problem": "the server was not ready in time"}, "the server was not ready in time"),
    ],
)
def test_what_is_beyond_its_limit_or_unknown_speaks_against_it(
    changes: dict[str, Any], said: str
) -> None:
    found = report(**changes)
    assert found["holds"] is False
    assert said in against(found)


def test_a_figure_at_its_limit_is_within() -> None:
    at = report(start_seconds=10.0, memory_megabytes=300.0, latencies=(50.0,))
    assert against(at) == ""


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_must_be_asked_and_answered_as_it_must(question: str) -> None:
    others = tuple(one for one in WITHIN_BUDGET.asked if one.question != question)
    assert "was not asked" in against(report(asked=others))
    assert "was not asked" in against(report(asked=(*others, Asked(question, "JSON", 0, ()))))
    wrong = (*WITHIN_BUDGET.asked, Asked(question, "binary", 8, ("another answer",)))
    assert "(binary) as it must" in against(report(asked=wrong))


def test_reasons_say_no_figure_that_another_run_would_measure_otherwise() -> None:
    """They are kept in the ledger, which is the same whenever it is made."""
    slow = {"latencies": (71.23,), "memory_megabytes": 345.678, "start_seconds": 12.34}
    other = {"latencies": (91.7,), "memory_megabytes": 987.6, "start_seconds": 11.1}
    assert against(report(**slow)) == against(report(**other))
    assert "serving.budget.p99_milliseconds is 50" in against(report(**slow))


def test_the_written_verdict_is_not_trusted_and_the_present_budget_counts() -> None:
    found = report(latencies=(60.0,))
    found["holds"] = True
    for one in found["limits"]:
        one.update(verdict="within", limit=1e9)
    assert "99th percentile" in against(found)
    assert against(report(), Budget(p99_milliseconds=2.0)) != ""
    assert against(found, Budget(p99_milliseconds=60.0)) == ""


def test_it_has_to_be_about_this_very_bundle() -> None:
    assert infra_objections(report(), "c.dir", BUDGET) == (
        "infra_check is about another bundle than the candidate's",
    )
    assert infra_objections(report(), None, BUDGET) != ()
    assert infra_objections(None, "b.dir", BUDGET) == ("infra_check is missing",)


@given(
    st.sampled_from(["problem", "answers", "requests", "figures", "subject"]),
    st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({}),
)
def test_a_spoiled_report_never_passes(field: str, value: Any) -> None:
    if field == "problem" and value is None:
        return
    assert infra_objections({**report(), field: value}, "b.dir", BUDGET) != ()
    gone = report()
    del gone[field]
    assert infra_objections(gone, "b.dir", BUDGET) != ()


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "1", True, [1]])
def test_what_is_no_finite_number_is_unknown(value: object) -> None:
    assert verdict(value, 2.0) == "unknown"


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=200),
    st.sampled_from([1.0, 50.0, 90.0, 99.0, 100.0]),
)
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found == np.percentile(values, share, method="inverted_cdf")


def test_the_distribution_counts_every_request() -> None:
    latencies = (0.05, 0.1, 1.0, 7.0, 999.0, 5_000.0)
    found = report(latencies=latencies)
    assert sum(found["latencies"]["counts"]) == len(latencies)
    assert found["latencies"]["counts"][-1] == 1
    assert found["latencies"]["edges"][0] == pytest.approx(0.1)
    assert found["requests"]["answered"] == len(latencies)
    assert set(found["figures"]) == set(FIGURES)
