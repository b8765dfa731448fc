"""The page of a profile: its verdict and sections, also for batches with little in them."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.profile.page import profile_page as composed_profile_page
from mlops_assets.data.profile.report import profile_report
from mlops_assets.data.profile.summary import profile
from mlops_assets.reporting.html import MAX_BYTES, to_html
from mlops_assets.reporting.page import Page, Section, Table
from mlops_assets.reporting.text import localised
from mlops_assets.use_case import UseCase


def profile_page(report: Any) -> Page:
    """The page in English."""
    return localised(composed_profile_page(report))


SECTIONS = [
    "What stands out",
    "Rows",
    "Columns",
    "Distributions",
    "Target by feature",
    "Missing values",
    "Associations",
    "Change over batches",
]


@pytest.fixture(scope="module")
def report(
    make_use_case: Callable[..., UseCase], make_batch: Callable[..., pa.Table]
) -> Callable[..., dict[str, Any]]:
    """Makes the report of a small batch; ``city`` replaces that column."""

    def make(
        rows: int = 400, earlier: Any = (), city: list[str] | None = None, **changes: Any
    ) -> dict[str, Any]:
        use_case = make_use_case(**changes)
        raw = make_batch(rows=max(rows, 1))
        if city is not None:
            raw = raw.set_column(1, "city", pa.array(city))
        cleaned = clean(raw, use_case, "2020-01")
        frame: pd.DataFrame = cleaned.rows.to_pandas()[:rows]
        counts = {**cleaned.counts, "rows_in": rows, "rows_out": rows}
        counts["unlabelled"] = int(frame["late"].isna().sum())
        return profile_report(
            profile(frame, use_case),
            use_case=use_case,
            batch="2020-01",
            counts=counts,
            earlier=earlier,
        )

    return make


def section(page: Page, title: str) -> Section:
    return next(s for s in page.sections if s.title == title)


def plots(page: Page) -> int:
    return sum(not isinstance(block, Table) for s in page.sections for block in s.blocks)


def test_the_verdict_counts_the_insights_and_says_the_first(report: Any) -> None:
    made = report()
    page = profile_page(made)
    assert page.verdict.startswith(f"{len(made['insights'])} things stand out in 400 rows.")
    assert page.verdict.endswith(made["insights"][0]["text"])
    assert [s.title for s in page.sections] == SECTIONS


def test_every_column_is_in_the_table_once(report: Any, make_use_case: Any) -> None:
    (table,) = section(profile_page(report()), "Columns").blocks
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == [*make_use_case().columns, "late"]


def test_the_waterfall_on_the_page_adds_up(report: Any) -> None:
    (table,) = section(profile_page(report()), "Rows").blocks
    assert isinstance(table, Table)
    steps: dict[Any, Any] = dict(row[:2] for row in table.rows)
    assert steps["delivered"] + steps["quarantined"] == steps["cleaned rows"] == 400
    assert steps["cleaned rows"] + steps["without a label"] == steps["labelled rows"] == 360


def test_the_page_is_small_and_shows_the_plots_of_the_strongest(report: Any) -> None:
    first = report()
    page = profile_page(report(rows=300, earlier=[first]))
    assert 4 <= plots(page) <= 8
    html = to_html(page)
    assert len(html.encode()) < MAX_BYTES / 2
    assert "earlier batches" in html and "minutes_late" in html


def test_no_rare_level_and_no_protected_value_is_on_the_page(report: Any, declared: Any) -> None:
    city = ["planted-4"] * 4 + ["common-5"] * 5 + ["Ghent"] * 391
    columns = declared()["columns"]
    columns["note"] |= {"personal": "pseudonymise"}
    html = to_html(profile_page(report(city=city, columns=columns)))
    assert "planted-4" not in html and "ring twice" not in html
    assert "(protected)" in html


def test_a_level_is_text_and_no_markup(report: Any) -> None:
    html = to_html(profile_page(report(city=["<script>alert(1)</script>"] * 400)))
    assert "<script>" not in html


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_an_almost_empty_batch_has_a_page(report: Any, rows: int) -> None:
    page = profile_page(report(rows=rows, earlier=[report()]))
    assert [s.title for s in page.sections] == SECTIONS
    html = to_html(page)
    if rows == 0:
        assert "nothing to profile" in page.verdict
        assert "MISSING" in html


def test_the_first_batch_has_nothing_to_compare_with(report: Any) -> None:
    assert "first batch" in section(profile_page(report()), "Change over batches").text


def test_an_empty_earlier_batch_leaves_distances_missing(report: Any) -> None:
    page = profile_page(report(earlier=[report(rows=0)]))
    table = section(page, "Change over batches").blocks[-1]
    assert isinstance(table, Table)
    assert {row[1] for row in table.rows} == {None}
