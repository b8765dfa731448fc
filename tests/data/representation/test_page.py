"""The page of a representation report: its answer first, and nothing that the report hides."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.data.representation.page import representation_page
from mlops_assets.data.representation.report import representation_report
from mlops_assets.reporting.html import MAX_BYTES, to_html
from mlops_assets.reporting.markdown import to_markdown
from mlops_assets.reporting.page import HistogramPlot, IntervalPlot, Page, Section, Table
from mlops_assets.reporting.text import localised
from mlops_assets.use_case import UseCase

SECTIONS = [
    "What falls short",
    "Shares against the reference",
    "Label rates",
    "Groups",
    "Crossings",
    "How to read this",
]
REFERENCE = {"reference": {"group": {1: 0.5, 2: 0.3, 3: 0.2}}, "reference_source": "a census"}
CELLS = (("train", 1, 900), ("train", 2, 90), ("train", 3, 3), ("test", 1, 300), ("test", 2, 120))


@pytest.fixture(scope="module")
def make(declared: Callable[[], dict[str, Any]]) -> Callable[..., Page]:
    """Makes the page of a window with two sensitive columns, or those that are left."""

    def made(drop: tuple[str, ...] = (), **said: Any) -> Page:
        changed = declared()
        changed["columns"]["group"]["values"] = [1, 2, 3]
        changed["columns"]["side"] = {"type": "string", "role": "sensitive"}
        for name in drop:
            del changed["columns"][name]
        rows = pd.DataFrame(
            [(split, group) for split, group, n in CELLS for _ in range(n)],
            columns=["split", "group"],
        )
        rows = rows.assign(batch="2020-01", late=np.arange(len(rows)) % 3 // 2)
        rows["side"] = np.where(np.arange(len(rows)) % 2, "left", "<b>right</b>")
        report = representation_report(rows, UseCase(**{**changed, "representation": said}))
        return localised(representation_page(report))

    return made


def _section(page: Page, title: str) -> Section:
    return next(s for s in page.sections if s.title == title)


def _table(page: Page, title: str) -> Table:
    found = _section(page, title).blocks[-1]
    assert isinstance(found, Table)
    return found


def test_the_verdict_names_who_falls_short_and_what_is_not_known(make: Any) -> None:
    page = make(**REFERENCE)

    assert page.verdict == (
        "2 of 5 groups fall short: group = 2, group = 3. Nothing is said about shares of "
        "1 of 2 sensitive columns: no reference is declared."
    )
    assert [s.title for s in page.sections] == SECTIONS
    assert len(_table(page, "What falls short").rows) == 3


def test_a_window_without_shortfalls_says_so(make: Any) -> None:
    page = make(drop=("group",))

    assert page.verdict.startswith("None of 2 groups falls short.")
    assert _section(page, "What falls short").blocks == ()
    assert _section(page, "Shares against the reference").blocks == ()
    assert "No reference is declared for side" in _section(page, SECTIONS[1]).text
    assert "one sensitive column" in _section(page, "Crossings").text


def test_limits_stand_beside_the_numbers(make: Any) -> None:
    page = make(**REFERENCE, min_ratio=0.7, min_rows=50, policy="block")

    table = _table(page, "Shares against the reference")
    assert {row[table.columns.index("Limit")] for row in table.rows} == {0.7}
    facts = dict(page.facts)
    assert facts["Fewest labelled test rows of a group"] == 50
    assert facts["A shortfall"] == "blocks the training"


def test_reference_and_rows_are_drawn_as_pairs_without_what_is_hidden(make: Any) -> None:
    plots = [b for b in _section(make(**REFERENCE), SECTIONS[1]).blocks if not isinstance(b, Table)]

    ratios, shares = plots
    assert isinstance(ratios, IntervalPlot) and isinstance(shares, HistogramPlot)
    assert [one.label for one in ratios.intervals] == ["group = 2", "group = 1"]
    assert ratios.limit == 0.8
    assert (shares.bins, shares.reference) == (("1", "2"), (0.5, 0.3))
    assert shares.current == pytest.approx((900 / 993, 90 / 993), abs=1e-5)


def test_what_is_hidden_says_so_and_is_not_called_missing(make: Any) -> None:
    page = make(**REFERENCE)

    for title in ("Shares against the reference", "Groups"):
        (row,) = [row for row in _table(page, title).rows if row[0] == "group = 3"]
        assert "fewer than 5" in row and "hidden" in row
    assert "MISSING" not in to_html(page)


def test_the_page_is_small_and_escapes_the_names_of_groups(make: Any) -> None:
    html = to_html(make(**REFERENCE))

    assert len(html.encode()) < MAX_BYTES / 5
    assert "<b>right</b>" not in html and "&lt;b&gt;right" in html
    assert "side" in to_markdown(make(**REFERENCE))


def test_a_use_case_without_sensitive_columns_says_so_in_a_sentence(make: Any) -> None:
    page = make(drop=("group", "side"))

    assert (
        page.verdict == "No column is declared sensitive, so that there are no groups to look at."
    )
    assert page.sections == () and "sensitive" in to_html(page)
