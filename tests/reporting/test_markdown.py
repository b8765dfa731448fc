"""The short form shows the verdict, whole tables up to a length, the first plots, within 300 kB."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.reporting.markdown import MAX_BYTES, escape, to_markdown
from mlops_assets.reporting.page import BarPlot, Cell, Page, Section, Table

PICTURE = re.compile(r"!\[(.*?)\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)")


def bars(alt: str) -> BarPlot:
    return BarPlot(alt, "x", ("a", "b"), (1.0, 2.0))


def page_of(*blocks: Table | BarPlot) -> Page:
    facts: tuple[tuple[str, Cell], ...] = (("Rows", 31234), ("Champion", None))
    return Page("Title", "Verdict.", facts, (Section("Section", "Text.", blocks),))


def test_verdict_facts_and_tables() -> None:
    table = Table("A table", ("name", "value"), (("wind_speed", 0.711234), ("b|c", None)))
    assert to_markdown(page_of(table)) == (
        "## Title\n\n**Verdict.**\n\n"
        "| Fact | Value |\n| --- | ---: |\n| Rows | 31,234 |\n| Champion | **MISSING** |\n\n"
        "### Section\n\nText.\n\n"
        "*A table*\n\n"
        "| name | value |\n| --- | ---: |\n| wind_speed | 0.7112 |\n| b\\|c | **MISSING** |\n"
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_first_plots_are_pictures_and_the_rest_is_counted(count: int) -> None:
    text = to_markdown(page_of(*(bars(f"plot {i}") for i in range(4))), plots=count)
    pictures = PICTURE.findall(text)
    assert [alt for alt, _ in pictures] == [f"plot {i}" for i in range(count)]
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for _, data in pictures)
    assert f"Not shown here: {4 - count} plots or tables, to be found in report.html." in text


def test_nothing_is_said_to_be_missing_where_nothing_is() -> None:
    assert "Not shown" not in to_markdown(page_of(bars("plot")))


def test_long_tables_are_cut_and_say_so() -> None:
    text = to_markdown(page_of(Table("c", ("a",), tuple((i,) for i in range(1_040)))))
    assert "| 29 |" in text
    assert "| 30 |" not in text
    assert "*1,010 more rows are in report.html.*" in text


def test_it_stays_within_its_size() -> None:
    wide = Table("wide", ("a",), tuple(("x" * 3_000,) for _ in range(30)))
    text = to_markdown(page_of(*[wide] * 5, bars("small")))
    assert len(text.encode()) <= MAX_BYTES
    assert text.count("*wide*") == 3
    assert "Not shown here: 2 plots or tables" in text
    assert PICTURE.search(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_stays_in_its_cell(word: str) -> None:
    text = to_markdown(page_of(Table("c", ("a", "b"), ((word, "end"),))))
    line = next(line for line in text.split("\n") if line.endswith("| end |"))
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3


@pytest.mark.parametrize(
    ("plain", "marked"),
    [
        ("wind_speed", "wind_speed"),
        ("_private_", "\\_private\\_"),
        ("a * b", "a \\* b"),
        ("<b>", "\\<b\\>"),
        ("[x](y)", "\\[x\\](y)"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("- no list", "\\- no list"),
        ("-0.5", "-0.5"),
    ],
)
def test_plain_text_is_no_markup(plain: str, marked: str) -> None:
    assert escape(plain) == marked


def test_markdown_in_french_keeps_its_spaces() -> None:
    table = Table("c", ("a",), ((12_345,), (None,), (0.5,)))
    text = to_markdown(page_of(table), "fr")
    assert "| Élément | Valeur |" in text
    assert "| 12\u202f345 |\n| **MANQUANT** |\n| 0,5 |" in text
