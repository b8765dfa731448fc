"""A page as one HTML file: complete in itself, printable, readable without colour.

Belongs here: turning a page into what the template ``page.html`` needs, and the file's size. Does
not belong here: what a report says (each stage composes its page) or its looks (``page.html``).
"""

import re
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from mlops_assets.reporting.cell_text import cell_text, is_missing, is_number
from mlops_assets.reporting.page import Cell, Page, Plot, Section, Table

MAX_BYTES = 2_000_000
"""A page is at most this large; blocks that would exceed it are named instead of shown."""
RESERVED_BYTES = 200_000
"""Of ``MAX_BYTES``, for what cannot be left out: style, head and texts."""
MARKUP_BYTES_A_CELL = 40
MAX_TABLE_ROWS = 1_000
MIN_SECTIONS_FOR_CONTENTS = 3
NUMERIC_KINDS = {"number", "missing", "empty"}

HASH = re.compile(r"(?:sha256:)?[0-9a-f]{16,}(?:\.dir)?")


@dataclass(frozen=True)
class ShownCell:
    """A cell as the template prints it; ``kind`` is its CSS class."""

    text: str
    kind: str


@dataclass(frozen=True)
class ShownTable:
    """A table as the template prints it; ``left_out`` rows are only in ``report.json``."""

    identifier: str
    caption: str
    columns: tuple[ShownCell, ...]
    rows: tuple[tuple[ShownCell, ...], ...]
    left_out: int
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


def to_html(page: Page) -> str:
    """The page as HTML text, at most 2 MB as UTF-8, without scripts or references to elsewhere.

    A block that the rest of the 2 MB cannot hold is replaced by a sentence with its caption, and a
    table is cut after 1,000 rows; both say so. Raises ``ValueError`` where texts and head alone
    exceed 2 MB.
    """
    room = MAX_BYTES - RESERVED_BYTES
    sections = []
    for number, section in enumerate(page.sections, 1):
        shown, room = _show_section(section, number, room)
        sections.append(shown)
    text = _template().render(
        title=page.title,
        verdict=page.verdict,
        facts=[(name, show_cell(value)) for name, value in page.facts],
        sections=sections,
        with_contents=len(sections) >= MIN_SECTIONS_FOR_CONTENTS,
    )
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"report {page.title!r}: the texts alone exceed {MAX_BYTES:,} bytes")
    return text


def show_cell(value: Cell) -> ShownCell:
    """The cell's text and CSS class: ``missing``, ``empty``, ``number``, ``hash`` or ``text``."""
    kind = "text" if value != "" else "empty"
    if is_missing(value):
        kind = "missing"
    elif is_number(value):
        kind = "number"
    elif isinstance(value, str) and HASH.fullmatch(value):
        kind = "hash"
    return ShownCell(cell_text(value), kind)


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


def _show_section(section: Section, number: int, room: int) -> tuple[ShownSection, int]:
    """The section, and the bytes that are left for later ones."""
    blocks: list[ShownTable | ShownFigure | LeftOut] = []
    for position, block in enumerate(section.blocks, 1):
        shown = _show_block(block, f"table-{number}-{position}")
        if shown.size <= room:
            blocks.append(shown)
            room -= shown.size
        else:
            blocks.append(LeftOut(shown.caption))
    paragraphs = tuple(part.strip() for part in section.text.split("\n\n") if part.strip())
    return ShownSection(f"section-{number}", section.title, paragraphs, tuple(blocks)), room


def _show_block(block: Table | Plot, identifier: str) -> ShownTable | ShownFigure:
    if isinstance(block, Table):
        return _show_table(block, identifier)
    from mlops_assets.reporting import plots

    return ShownFigure(block.alt, Markup(plots.to_svg(block)))


def _show_table(table: Table, identifier: str) -> ShownTable:
    rows = tuple(tuple(map(show_cell, row)) for row in table.rows[:MAX_TABLE_ROWS])
    kinds = [{row[position].kind for row in rows} for position in range(len(table.columns))]
    columns = tuple(
        ShownCell(name, "number" if {"number"} <= kind <= NUMERIC_KINDS else "text")
        for name, kind in zip(table.columns, kinds, strict=True)
    )
    return ShownTable(identifier, table.caption, columns, rows, len(table.rows) - len(rows))
