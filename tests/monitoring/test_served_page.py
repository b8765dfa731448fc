"""The sections on what was served: one sentence where there is nothing, figures where there is."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reporting"))

from pseudo import unsaid

from mlops_assets.evidence.metrics.metrics import METRICS
from mlops_assets.monitoring.served_page import NOT_SERVED, inputs_section, served_section
from mlops_assets.reporting.page import Judgement, Page, Section, Table
from mlops_assets.reporting.text import localised, say

TITLE = say("Drift of {batch}: {use_case}", batch="b", use_case="u")
METRIC = {"value": 0.5, "low": 0.25, "high": 0.75}
COUNTED = {
    "status": "served",
    "rows": 400,
    "served_rows": 100,
    "served_share": 0.25,
    "days": {"2020-03-01": "ab12"},
}
SERVED: dict[str, Any] = COUNTED | {
    "min_labelled": 50,
    "answered_by": [
        {
            "release": "cd34",
            "variant": variant,
            "rows": 60,
            "labelled": 51,
            "verdict": "measured",
            "metrics": dict.fromkeys(METRICS["binary"], METRIC),
            "latency_ms": {"median": 1.5, "p99": None},
        }
        for variant in ("champion", "challenger")
    ],
}
INPUTS: dict[str, Any] = COUNTED | {
    "max_skew": 0.01,
    "min_compared": 50,
    "skewed": True,
    "columns": [
        {"column": "city", "compared": 100, "differing": 20, "share": 0.2, "skewed": True},
        {"column": "amount", "compared": 100, "differing": 0, "share": 0.0, "skewed": False},
        {"column": "kin", "compared": 0, "differing": 0, "share": None, "skewed": None},
    ],
}


def page_of(*sections: Section) -> Page:
    return localised(
        Page(say("Drift of {batch}: {use_case}", batch="b", use_case="u"), "", (), sections)
    )


@pytest.mark.parametrize("status", sorted(NOT_SERVED))
def test_where_nothing_was_served_a_sentence_says_so(status: str) -> None:
    report = {**SERVED, "status": status, "served_rows": 0, "served_share": None}
    for section in (*served_section(report, "binary"), *inputs_section(report)):
        assert section.blocks == ()
        said = page_of(section).sections[0].text
        assert isinstance(said, str)
        assert said.count(".") - said.count("serving.row_id") == 1


def test_a_report_that_nobody_looked_for_has_no_section() -> None:
    assert served_section(None, "binary") == inputs_section(None) == ()


def test_metrics_and_latencies_stand_by_release_and_variant() -> None:
    [section] = page_of(*served_section(SERVED, "binary")).sections
    answered, speed, days = section.blocks
    assert isinstance(answered, Table)
    assert isinstance(speed, Table)
    assert isinstance(days, Table)
    assert len(answered.rows) == 2 * len(METRICS["binary"])
    assert answered.rows[0][:4] == ("cd34", "champion", 60, 51)
    assert answered.rows[0][5:] == (0.5, 0.25, 0.75)
    assert speed.rows[-1] == ("cd34", "challenger", 60, 1.5, None)
    assert days.rows == (("2020-03-01", "ab12"),)


def test_the_inputs_that_differ_are_named_with_their_limit() -> None:
    [section] = page_of(*inputs_section(INPUTS)).sections
    assert section.outcome == "beyond"
    assert "100 of 400 rows of the batch were answered live (25.0%)." in section.text
    assert "Inputs were not those that came later: city." in section.text
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert table.rows[0] == ("city", 100, 20, 0.2, 0.01, Judgement("differs", "beyond"))
    assert table.rows[2][-1] == Judgement("too few rows to tell", "insufficient")


@pytest.mark.parametrize(
    ("skewed", "outcome", "said"),
    [
        (False, "within", "Their inputs were those that the source delivered later."),
        (None, "insufficient", "Too few of them could be compared"),
    ],
)
def test_each_verdict_is_said(skewed: bool | None, outcome: str, said: str) -> None:
    [section] = page_of(*inputs_section(INPUTS | {"skewed": skewed})).sections
    assert section.outcome == outcome
    assert said in section.text


def test_every_word_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    sections = (*served_section(SERVED, "binary"), *inputs_section(INPUTS))
    shown = Page(TITLE, "", (), sections)
    data = {"names": ["city", "amount", "kin", "cd34", "ab12", "b", "u"]}
    assert unsaid(shown, data, monkeypatch) == []
