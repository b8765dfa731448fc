"""A page is one complete, accessible file that shows every word of the report and no more."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.reporting.cell_text import SYMBOLS
from mlops_assets.reporting.html import MAX_BYTES, to_html
from mlops_assets.reporting.page import (
    BarPlot,
    Cell,
    HistogramPlot,
    Interval,
    IntervalPlot,
    Outcome,
    Page,
    Section,
    Table,
)

HASH = "d41d8cd98f00b204e9800998ecf8427e.dir"
PAGE = Page(
    title="Late flights: evaluation",
    verdict="Better than the champion.",
    facts=(("Model", HASH), ("Rows", 31234), ("Champion", None), ("Calibrated", True)),
    sections=(
        Section(
            "What it can do",
            "First paragraph.\n\nSecond paragraph.",
            (
                Table(
                    "Metrics",
                    ("form", "ROC AUC", "note"),
                    (("onnx", 0.711234, ""), ("quantized", None, "x")),
                ),
                BarPlot("Distance of each column", "distance", ("a", "b"), (0.1, None)),
            ),
        ),
        Section("For whom", "", (HistogramPlot("Shares", "x", ("a",), (1.0,), (1.0,)),)),
        Section("How", "Words only."),
    ),
)
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Elements with their attributes, the text by class, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.texts.append((self.open[-1], data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag: str) -> list[str]:
        return [data for name, data in self.texts if name == tag]


def test_the_page_is_complete_in_itself() -> None:
    text = to_html(PAGE)
    page = Reader(text)
    assert not page.open
    assert not page.all("script")
    assert not page.all("link")
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,"))
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text


def test_the_same_page_gives_the_same_bytes() -> None:
    assert to_html(PAGE) == to_html(PAGE)


def test_the_page_is_accessible() -> None:
    page = Reader(to_html(PAGE))
    assert page.all("html") == [{"lang": "en"}]
    assert page.said("title")[0] == PAGE.title
    assert page.said("h1") == [PAGE.title]
    assert page.said("h2") == ["Contents", "What it can do", "For whom", "How"]
    assert page.said("caption") == ["Metrics"]
    scopes = [attributes["scope"] for attributes in page.all("th")]
    assert scopes == ["col"] * 3 + ["row"] * 2
    assert {svg["aria-label"] for svg in page.all("svg")} == {"Distance of each column", "Shares"}
    identifiers = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    for attribute in ("aria-labelledby",):
        named = [a[attribute] for _, a in page.elements if attribute in a]
        assert set(named) <= set(identifiers)
    anchors = [a["href"] for a in page.all("a")]
    assert {anchor.removeprefix("#") for anchor in anchors} <= set(identifiers)


def test_values_are_written_as_the_vocabulary_says() -> None:
    text = to_html(PAGE)
    assert '<dd class="hash"><span>' + HASH in text
    assert "<span>31,234</span>" in text
    assert '<dd class="missing"><span>MISSING</span>' in text
    assert '<td class="missing right"><span>MISSING</span>' in text
    assert '<td class="number"><span>0.7112</span>' in text
    assert '<th scope="col" class="number">ROC AUC</th>' in text
    assert '<th scope="col" class="text">note</th>' in text
    assert "<p>First paragraph.</p>" in text
    assert "<p>Second paragraph.</p>" in text


def test_a_short_page_has_no_contents() -> None:
    assert "Contents" not in to_html(replace(PAGE, sections=PAGE.sections[:2]))


def test_it_prints_light_on_paper_and_follows_the_screen() -> None:
    text = to_html(PAGE)
    assert "@media screen and (prefers-color-scheme: dark)" in text
    assert "@page" in text
    assert "@media print" in text


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_every_word_is_text_and_never_markup(word: str) -> None:
    said = f"<script>{word}</script>&amp;"
    page = Page(
        said,
        said,
        ((said, said),),
        (Section(said, said, (Table(said, (said, "b"), ((said, said),)),)),),
    )
    read = Reader(to_html(page))
    assert not read.all("script")
    for tag in ("title", "h1", "h2", "dt", "caption"):
        assert "".join(read.said(tag)) == said
    assert "".join(read.said("span")) == said * 3


def test_alternative_texts_and_labels_are_escaped() -> None:
    plot = BarPlot('"><script>', "<script>", ("<script>",), (1.0,))
    page = Page("t", "v", (), (Section("s", "", (plot,)),))
    read = Reader(to_html(page))
    assert not read.all("script")
    assert read.all("svg")[0]["aria-label"] == '"><script>'


def test_a_long_table_is_cut_and_says_so() -> None:
    rows: tuple[tuple[Cell, ...], ...] = tuple((i, "x") for i in range(1_234))
    page = Page("t", "v", (), (Section("s", "", (Table("c", ("a", "b"), rows),)),))
    text = to_html(page)
    assert text.count("<tr>") == 1_001
    assert "234 more rows are in report.json" in text


def test_a_page_never_exceeds_two_megabytes_and_names_what_it_leaves_out() -> None:
    wide = tuple(("x" * 500, "<" * 100) for _ in range(900))
    tables = tuple(Table(f"table {i}", ("a", "b"), wide) for i in range(6))
    text = to_html(Page("t", "v", (), (Section("s", "", tables),)))
    assert len(text.encode()) <= MAX_BYTES
    assert '<caption id="table-1-1">table 0</caption>' in text
    assert "Left out to keep this page small; its numbers are in report.json: table 5" in text


def test_texts_beyond_the_limit_are_an_error() -> None:
    with pytest.raises(ValueError, match="'huge': the texts alone exceed 2,000,000 bytes"):
        to_html(Page("huge", "v", (), (Section("s", "x" * MAX_BYTES),)))


def test_a_page_in_french_is_french_down_to_its_axes() -> None:
    plot = IntervalPlot("alt", "x", (Interval("a", 0.25, 0.125, 0.375),), limit=0.2)
    rows: tuple[tuple[Cell, ...], ...] = tuple((i, None, True) for i in range(1_234))
    table = Table("c", ("a", "b", "d"), rows)
    page = Page("t", "v", (), (Section("s", "", (plot, table)),))
    text = to_html(page, "fr")
    assert Reader(text).all("html") == [{"lang": "fr"}]
    assert "0,25  [0,125\u202f; 0,375]" in text and "limite 0,2" in text
    assert ">0,15<" in text and ">0.15<" not in text
    assert "MANQUANT" in text and ">oui<" in text
    assert "234 lignes de plus sont dans report.json." in text
    assert to_html(page, "fr") == text


@pytest.mark.parametrize("outcome", ["within", "insufficient", "beyond"])
def test_a_verdict_is_told_by_symbol_and_words_and_not_by_colour_alone(outcome: Outcome) -> None:
    text = to_html(replace(PAGE, outcome=outcome))
    (classes,) = [a["class"] for a in Reader(text).all("p") if "verdict" in a.get("class", "")]
    assert classes == f"verdict {outcome}"
    assert SYMBOLS[outcome] in text
    (said,) = {"within": ["Within limits"], "beyond": ["Beyond limits"]}.get(
        outcome, ["Evidence is insufficient"]
    )
    assert said in text
