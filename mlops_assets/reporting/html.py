"""A page as one HTML file: complete in itself, printable, readable without colour.

Belongs here: turning a page into what the template ``page.html`` needs, and the file's size. Does
not belong here: what a report says (each stage composes its page) or its looks (``page.html``).
"""

import re
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from mlops_assets.reporting.cell_text import SYMBOLS, cell_text, is_missing, is_number
from mlops_assets.reporting.page import Cell, Judgement, Outcome, Page, Plot, Section, Table
from mlops_assets.reporting.text import Text, in_language, localised, mark, say

MAX_BYTES = 2_000_000
"""A page is at most this large; blocks that would exceed it are named instead of shown."""
RESERVED_BYTES = 200_000
"""Of ``MAX_BYTES``, for what cannot be left out: style, head and texts."""
MARKUP_BYTES_A_CELL = 40
MAX_TABLE_ROWS = 1_000
MIN_SECTIONS_FOR_CONTENTS = 3
NUMERIC_KINDS = {"number", "missing", "empty"}

TEMPLATE_WORDS = {
    "contents": mark("Contents"),
    "left_out": mark("Left out to keep this page small; its numbers are in report.json:"),
    "footer": mark("Every number on this page is in report.json, beside it."),
    "insufficient": mark("Evidence is insufficient"),
    "within": mark("Within limits"),
    "beyond": mark("Beyond limits"),
}

FIGURES = re.compile(r"[^\w]*\d[^a-zA-Z]{0,40}")
"""A number with its interval, which is not broken over lines on a screen."""
MOST_SHORT = 16
"""Characters of a text that is not broken over lines on a screen."""
HASH = re.compile(r"(?:sha256:)?[0-9a-f]{16,}(?:\.dir)?")


@dataclass(frozen=True)
class ShownCell:
    """A cell as the template prints it; ``kind`` is its CSS class."""

    text: str
    kind: str


@dataclass(frozen=True)
class ShownTable:
    """A table as the template prints it; ``note`` says what it leaves out."""

    identifier: str
    caption: str
    columns: tuple[ShownCell, ...]
    rows: tuple[tuple[ShownCell, ...], ...]
    note: str
    kind: str = "table"

    @property
    def size(self) -> int:
        cells = (cell for row in self.rows for cell in row)
        return sum(len(escape(cell.text).encode()) + MARKUP_BYTES_A_CELL for cell in cells)


@dataclass(frozen=True)
class ShownFigure:
    """A plot as the template prints it, with its alternative text as caption."""

    caption: str
    svg: Markup
    kind: str = "figure"

    @property
    def size(self) -> int:
        return len(self.svg.encode())


@dataclass(frozen=True)
class LeftOut:
    """What stands in the place of a block for which the page has no room."""

    caption: str
    kind: str = "left_out"


@dataclass(frozen=True)
class ShownSection:
    """A section as the template prints it."""

    identifier: str
    title: str
    paragraphs: tuple[str, ...]
    blocks: tuple[ShownTable | ShownFigure | LeftOut, ...]


def to_html(page: Page, language: str = "en") -> str:
    """The page as HTML text in ``language``, at most 2 MB as UTF-8, without scripts or references
    to elsewhere.

    A block that the rest of the 2 MB cannot hold is replaced by a sentence with its caption, and a
    table is cut after 1,000 rows; both say so. Raises ``ValueError`` where texts and head alone
    exceed 2 MB.
    """
    page = localised(page, language)
    room = MAX_BYTES - RESERVED_BYTES
    sections = []
    for number, section in enumerate(page.sections, 1):
        shown, room = _show_section(section, number, room, language)
        sections.append(shown)
    outcome = page_outcome(page)
    text = _template().render(
        language=language,
        title=page.title,
        verdict=page.verdict,
        outcome=outcome,
        symbol=SYMBOLS[outcome] if outcome else "",
        words={name: in_language(Text(said), language) for name, said in TEMPLATE_WORDS.items()},
        facts=[(name, show_cell(value, language)) for name, value in page.facts],
        sections=sections,
        with_contents=len(sections) >= MIN_SECTIONS_FOR_CONTENTS,
    )
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"report {page.title!r}: the texts alone exceed {MAX_BYTES:,} bytes")
    return text


def page_outcome(page: Page) -> Outcome | None:
    """What the page's verdict comes to; ``None`` where it judges nothing."""
    found = (page.outcome, *(section.outcome for section in page.sections))
    return next((outcome for outcome in found if outcome is not None), None)


def show_cell(value: Cell, language: str = "en") -> ShownCell:
    """The cell's text and CSS class: ``missing``, ``empty``, ``number``, ``hash``, ``text``, or
    what a verdict comes to."""
    text = cell_text(value, language)
    kind = "text" if value != "" else "empty"
    if is_missing(value):
        kind = "missing"
    elif is_number(value):
        kind = "number"
    elif isinstance(value, Judgement):
        kind = f"judged {value.outcome}"
    elif isinstance(value, str) and HASH.fullmatch(value):
        kind = "hash"
    elif isinstance(value, str) and FIGURES.fullmatch(value):
        kind = "text figures"
    return ShownCell(text, f"{kind} short" if _is_short(text, kind) else kind)


def _is_short(text: str, kind: str) -> bool:
    return len(text) <= MOST_SHORT and (kind == "text" or kind.startswith("judged"))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("mlops_assets.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _show_section(
    section: Section, number: int, room: int, language: str
) -> tuple[ShownSection, int]:
    """The localised section, and the bytes that are left for later ones."""
    blocks: list[ShownTable | ShownFigure | LeftOut] = []
    for position, block in enumerate(section.blocks, 1):
        shown = _show_block(block, f"table-{number}-{position}", language)
        if shown.size <= room:
            blocks.append(shown)
            room -= shown.size
        else:
            blocks.append(LeftOut(shown.caption))
    text = in_language(section.text)
    paragraphs = tuple(part.strip() for part in text.split("\n\n") if part.strip())
    title = in_language(section.title)
    return ShownSection(f"section-{number}", title, paragraphs, tuple(blocks)), room


def _show_block(block: Table | Plot, identifier: str, language: str) -> ShownTable | ShownFigure:
    if isinstance(block, Table):
        return _show_table(block, identifier, language)
    from mlops_assets.reporting import plots

    return ShownFigure(in_language(block.alt), Markup(plots.to_svg(block, language)))


def _show_table(table: Table, identifier: str, language: str) -> ShownTable:
    rows = tuple(
        tuple(show_cell(cell, language) for cell in row) for row in table.rows[:MAX_TABLE_ROWS]
    )
    kinds = [{row[position].kind for row in rows} for position in range(len(table.columns))]
    columns = tuple(
        ShownCell(in_language(name), "number" if {"number"} <= kind <= NUMERIC_KINDS else "text")
        for name, kind in zip(table.columns, kinds, strict=True)
    )
    more = len(table.rows) - len(rows)
    note = say("{more:,} more rows are in report.json.", more=more) if more else ""
    return ShownTable(
        identifier, in_language(table.caption), columns, rows, in_language(note, language)
    )
