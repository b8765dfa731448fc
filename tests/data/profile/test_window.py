"""The profile of a training window: its batches' summaries together, and how they differ."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import profile
from mlops_assets.data.profile.target_sections import INTERVALS_DRAWN
from mlops_assets.data.profile.window import merged, window_report
from mlops_assets.data.profile.window import window_page as composed_window_page
from mlops_assets.reporting.html import MAX_BYTES, to_html
from mlops_assets.reporting.page import LinePlot, Page, Table
from mlops_assets.reporting.text import localised
from mlops_assets.use_case import UseCase


def window_page(report: Any) -> Page:
    """The page in English."""
    return localised(composed_window_page(report))


COLUMNS: dict[str, Any] = {
    "city": {"type": "string"},
    "weight": {"type": "number", "nullable": True},
    "age": {"type": "integer", "role": "sensitive", "nullable": True},
    "email": {"type": "string", "role": "ignored", "nullable": True, "personal": "pseudonymise"},
}
ROWS = 600
TEST = {"name": "predicts too well", "column": "weight", "number": 0.97, "limit": 0.9}


@pytest.fixture(scope="module")
def use_case(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(columns=COLUMNS, training={"first_batches": 1, "split": {}})


def batch(seed: int = 0, **changes: Any) -> pd.DataFrame:
    """A batch in which nothing stands out; keyword arguments replace columns."""
    rng = np.random.default_rng(seed)
    columns = {
        "city": rng.choice(["Ghent", "Lille"], ROWS),
        "weight": rng.uniform(0, 10, ROWS).round(1),
        "age": rng.integers(20, 60, ROWS),
        "email": [f"p{seed}-{i}@example.org" for i in range(ROWS)],
        "late": rng.random(ROWS) < 0.4,
    }
    return pd.DataFrame(columns | changes)


def inputs_of(
    rows: list[pd.DataFrame], use_case: UseCase, excluded: dict[str, str] | None = None
) -> dict[str, Any]:
    """What a window's report is made of."""
    names = [f"2020-{month + 1:02}" for month in range(len(rows))]
    summaries = {n: profile(one, use_case) for n, one in zip(names, rows, strict=True)}
    counts, reports = {}, {}
    for name, summary in summaries.items():
        n, labelled, _ = summary["rows"]
        fates = {"rows_in": n + 3, "rows_out": n, "quarantined": 1, "duplicates": 2, "removed": {}}
        counts[name] = {**fates, "reasons": {"age:type": 1}, "unlabelled": n - labelled}
        reports[name] = profile_report(
            summary, use_case=use_case, batch=name, counts=counts[name], earlier=[*reports.values()]
        )
    labelled = sum(summary["rows"][1] for summary in summaries.values())
    splits = {"train": labelled - 90, "calibration": 50, "test": 40}
    return {
        "summaries": summaries,
        "reports": reports,
        "counts": counts,
        "use_case": use_case,
        "features": {
            "batches": dict.fromkeys(names, "0" * 32),
            "excluded_batches": excluded or {},
            "splits": {name: {"rows": n} for name, n in splits.items()},
        },
        "leakage": {"tests": []},
    }


def report_of(rows: list[pd.DataFrame], use_case: UseCase, **changes: Any) -> dict[str, Any]:
    found = inputs_of(rows, use_case) | changes
    return window_report(found.pop("summaries"), found.pop("reports"), found.pop("counts"), **found)


def texts(report: dict[str, Any], kind: str) -> list[str]:
    return [i["text"] for i in report["insights"] if i["kind"] == kind]


def test_the_window_has_the_figures_of_all_its_rows(use_case: UseCase) -> None:
    rows = [batch(0), batch(1), batch(2)]
    report = report_of(rows, use_case)
    weight = next(one for one in report["series"] if one["name"] == "weight")
    values = pd.concat(rows)["weight"]
    assert (report["rows"], report["batch"]) == (3 * ROWS, "2020-01 to 2020-03")
    assert weight["quartiles"] == [
        np.quantile(values, share, method="inverted_cdf") for share in (0.25, 0.5, 0.75)
    ]
    assert report["quarantine_reasons"] == {"age:type": 3}
    inputs = inputs_of(rows, use_case)
    whole = profile(pd.concat(rows), use_case)
    assert json_bytes(merged(inputs["summaries"])) == json_bytes(whole)


def test_the_order_of_the_batches_and_of_their_json_does_not_matter(use_case: UseCase) -> None:
    rows = [batch(0), batch(1, weight=np.nan)]
    found = inputs_of(rows, use_case)
    turned = {
        part: json.loads(json_bytes(dict(reversed(found[part].items()))))
        for part in ("summaries", "reports", "counts", "features")
    }
    assert json_bytes(report_of(rows, use_case, **turned)) == json_bytes(report_of(rows, use_case))


def test_distances_of_the_batches_are_to_the_window(use_case: UseCase) -> None:
    rows = [batch(i, city=["a"] * n + ["b"] * (ROWS - n)) for i, n in enumerate((300, 450, 30))]
    report = report_of(rows, use_case)
    change = next(c for c in report["changes_by_batch"] if c["series"] == "city")
    window = np.array([780, 1020])
    for name, n in zip(report["batches"], (300, 450, 30), strict=True):
        expected = jensenshannon(np.array([n, ROWS - n]) / ROWS, window / window.sum(), 2)
        assert change["distances"][name] == pytest.approx(expected)
    assert (change["batch"], change["largest"]) == ("2020-03", change["distances"]["2020-03"])
    assert change["mean"] == pytest.approx(np.mean([*change["distances"].values()]))


def test_what_drifts_most_is_said_first(use_case: UseCase) -> None:
    rows = [batch(0), batch(1, weight=batch(1)["weight"] + 9, city="Ghent")]
    said = texts(report_of(rows, use_case), "change")
    assert said[0].startswith("weight drifts most from batch to batch: at a distance of 0.")
    assert said[1].startswith("city differs from batch to batch")


def test_batches_of_one_source_do_not_stand_out(use_case: UseCase) -> None:
    report = report_of([batch(seed) for seed in range(4)], use_case)
    kinds = {insight["kind"] for insight in report["insights"]}
    assert kinds.isdisjoint({"change", "balance by batch", "missing by batch"})


def test_balance_and_missing_values_are_by_batch(use_case: UseCase) -> None:
    places = np.arange(ROWS)
    first = batch(0, late=places < 240)
    second = batch(1, late=places < 60, age=np.where(places < 240, np.nan, 30.0))
    unlabelled = batch(2, late=pd.array([None] * ROWS, "boolean"))
    report = report_of([first, second, unlabelled], use_case)
    assert [one["positives"] for one in report["balance"]] == [240, 60, 0]
    assert report["balance"][2]["positive_share"] is None
    assert texts(report, "balance by batch") == [
        "late goes from 10% of the labelled rows in 2020-02 to 40% in 2020-01."
    ]
    assert texts(report, "missing by batch")[0] == (
        "late is missing in 0% of the rows of 2020-01, and in 100% of 2020-03."
    )
    age = next(one for one in report["missing_by_batch"] if one["column"] == "age")
    assert age["shares"] == {"2020-01": 0.0, "2020-02": 0.4, "2020-03": 0.0}


def test_a_leak_is_an_insight_and_on_the_page(use_case: UseCase) -> None:
    tests = [
        {**TEST, "verdict": "leak", "explanation": "weight alone has a ROC AUC of 0.97"},
        {**TEST, "column": None, "verdict": "ok", "explanation": "nothing"},
    ]
    report = report_of([batch(0), batch(1)], use_case, leakage={"tests": tests})
    assert texts(report, "leakage") == ["Leakage, leak: weight alone has a ROC AUC of 0.97"]
    section = next(s for s in window_page(report).sections if s.title == "Leakage")
    assert section.text == "Tests: 2, of which 1 found nothing."


def test_the_waterfall_ends_at_the_train_rows(use_case: UseCase) -> None:
    rows = [batch(0), batch(1)]
    found = inputs_of(rows, use_case, excluded={"2020-03": "too many rows are quarantined"})
    report = report_of(rows, use_case, features=found["features"])
    steps = {step["step"]: step["rows"] for step in report["waterfall"]}
    assert (steps["delivered"], steps["train rows"]) == (2 * ROWS + 6, 2 * ROWS - 90)
    html = to_html(window_page(report))
    assert "too many rows are quarantined" in html and "train rows" in html


@pytest.mark.parametrize("part", ["summaries", "reports", "counts"])
def test_a_batch_without_its_documents_is_named(use_case: UseCase, part: str) -> None:
    found = inputs_of([batch(0), batch(1)], use_case)
    lacking = {name: one for name, one in found[part].items() if name != "2020-02"}
    with pytest.raises(BatchError, match="2020-02"):
        report_of([batch(0), batch(1)], use_case, **{part: lacking})


def test_splits_of_other_rows_are_refused(use_case: UseCase) -> None:
    found = inputs_of([batch(0)], use_case)
    splits = {**found["features"]["splits"], "train": {"rows": 1}}
    with pytest.raises(BatchError, match="do not add up"):
        report_of([batch(0)], use_case, features={**found["features"], "splits": splits})


def test_no_batches_and_other_columns_are_refused(make_use_case: Any, use_case: UseCase) -> None:
    other = {**COLUMNS, "weight": {"type": "number", "minimum": 0, "maximum": 9}}
    ranged = make_use_case(columns=other, training={"first_batches": 1, "split": {}})
    with pytest.raises(BatchError, match="no profiled batch"):
        merged({})
    with pytest.raises(BatchError, match=r"'a', 'b'.*profile both"):
        merged({"a": profile(batch(), use_case), "b": profile(batch(), ranged)})


def test_the_page_shows_change_and_no_protected_value(use_case: UseCase) -> None:
    rows = [batch(seed, weight=batch(seed)["weight"] + 3 * seed) for seed in range(3)]
    report = report_of(rows, use_case)
    page = window_page(report)
    html = to_html(page)
    assert len(html.encode()) < MAX_BYTES / 2 and "@example.org" not in html
    blocks = next(s for s in page.sections if s.title == "Change over batches").blocks
    plot, distances, standing_out = blocks
    assert isinstance(plot, LinePlot) and plot.categories == tuple(report["batches"])
    assert plot.lines[0].label == "weight"
    assert isinstance(distances, Table) and distances.rows[0][0] == "weight"
    assert isinstance(standing_out, Table)
    assert [row[:2] for row in standing_out.rows] == [(b, ROWS) for b in report["batches"]]
    assert page.verdict.endswith(report["insights"][0]["text"])


def test_columns_that_are_missing_alike_share_a_line(use_case: UseCase) -> None:
    gone = np.arange(ROWS) < 300
    first = batch(0)
    changed = {name: first[name].astype(float).mask(gone) for name in ("weight", "age")}
    report = report_of([batch(0, **changed), batch(1)], use_case)
    section = next(s for s in window_page(report).sections if s.title.startswith("Balance"))
    lines = section.blocks[1]
    assert isinstance(lines, LinePlot)
    assert [line.label for line in lines.lines] == ["age and 1 alike"]


def test_a_window_of_one_batch_has_nothing_to_compare(use_case: UseCase) -> None:
    page = window_page(report_of([batch(0)], use_case))
    section = next(s for s in page.sections if s.title == "Change over batches")
    assert "one batch" in section.text and not section.blocks
    assert to_html(page)


def test_many_batches_are_drawn_as_a_line(use_case: UseCase) -> None:
    one = inputs_of([batch(0)], use_case)
    names = [f"{year}" for year in range(1970, 1970 + INTERVALS_DRAWN + 1)]
    same = {
        part: dict.fromkeys(names, one[part]["2020-01"])
        for part in ("summaries", "reports", "counts")
    }
    labelled = ROWS * len(names)
    splits = {"train": {"rows": labelled - 90}, "test": {"rows": 90}}
    features = {**one["features"], "batches": dict.fromkeys(names, "0" * 32), "splits": splits}
    report = report_of([batch(0)], use_case, **same, features=features)
    section = next(s for s in window_page(report).sections if s.title.startswith("Balance"))
    assert isinstance(section.blocks[0], LinePlot)
    assert report["changes_by_batch"][0]["largest"] == pytest.approx(0.0, abs=1e-7)
