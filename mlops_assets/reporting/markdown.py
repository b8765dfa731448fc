"""A page as Markdown for the metadata pane of the Dagster UI: the short form of a report.

Belongs here: GitHub-flavoured tables, and pictures as data URIs. Does not belong here: the whole
report (``html.py``) or what it says (each stage composes its page).
"""

import base64
import re
from collections.abc import Iterator

from mlops_assets.reporting.cell_text import cell_text, is_missing, is_number
from mlops_assets.reporting.page import Cell, Page, Plot, Section, Table
from mlops_assets.reporting.text import in_language, localised, say

MAX_BYTES = 300_000
"""Of the whole text, which Dagster's database keeps with every materialization."""
MAX_TABLE_ROWS = 30

LINE_BREAKS = re.compile(r"[^\S\u00a0\u202f]+")
INLINE = re.compile(r"[\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w)")
LINE_START = re.compile(r"^(?:(\d+)(?=[.)]\s)|(?=(?:#{1,6}|[+-])\s))", re.MULTILINE)


def to_markdown(page: Page, language: str = "en", *, plots: int = 3) -> str:
    """The page as Markdown in ``language``: verdict, facts, texts, tables and the first ``plots``
    plots as images.

    Tables are cut after 30 rows, and parts that do not fit into 300 kB are left out; the text says
    how much is missing and that ``report.html`` has it.
    """
    kept: list[str] = []
    room = MAX_BYTES - 200
    left_out = 0
    for part in _parts(localised(page, language), language, plots):
        if part and len(part.encode()) + 2 <= room:
            kept.append(part)
            room -= len(part.encode()) + 2
        else:
            left_out += 1
    if left_out:
        note = say(
            "Not shown here: {left_out} plots or tables, to be found in report.html.",
            left_out=left_out,
        )
        kept.append(f"*{in_language(note, language)}*")
    return "\n\n".join(kept) + "\n"


def escape(text: str) -> str:
    """Plain text as Markdown that renders as exactly this text."""
    return LINE_START.sub(r"\1\\", INLINE.sub(r"\\\g<0>", text))


def _parts(page: Page, language: str, plots: int) -> Iterator[str]:
    """The parts of a localised page; an empty one for each plot beyond the first ``plots``."""
    yield f"## {escape(in_language(page.title))}"
    yield f"**{escape(in_language(page.verdict))}**"
    if page.facts:
        headings = say("Fact"), say("Value")
        yield _table(localised(Table("", headings, page.facts), language), language)
    shown = 0
    for section in page.sections:
        yield from _heading(section)
        for block in section.blocks:
            if isinstance(block, Table):
                yield _table(block, language)
            else:
                yield _picture(block, language) if shown < plots else ""
                shown += 1


def _heading(section: Section) -> Iterator[str]:
    yield f"### {escape(in_language(section.title))}"
    if section.text:
        yield escape(in_language(section.text))


def _table(table: Table, language: str) -> str:
    rows = table.rows[:MAX_TABLE_ROWS]
    rules = ["---:" if _is_numeric(table, i) else "---" for i in range(len(table.columns))]
    lines = [
        _line([escape(in_language(name)) for name in table.columns]),
        _line(rules),
        *(_line([_cell(value, language) for value in row]) for row in rows),
    ]
    if table.caption:
        lines[:0] = [f"*{escape(in_language(table.caption))}*", ""]
    if len(table.rows) > len(rows):
        more = len(table.rows) - len(rows)
        note = say("{more:,} more rows are in report.html.", more=more)
        lines += ["", f"*{in_language(note, language)}*"]
    return "\n".join(lines)


def _is_numeric(table: Table, position: int) -> bool:
    known = [row[position] for row in table.rows]
    known = [value for value in known if not is_missing(value) and value != ""]
    return bool(known) and all(map(is_number, known))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Cell, language: str) -> str:
    text = escape(LINE_BREAKS.sub(" ", cell_text(value, language)).strip())
    return f"**{text}**" if is_missing(value) else text


def _picture(plot: Plot, language: str) -> str:
    from mlops_assets.reporting import plots

    encoded = base64.b64encode(plots.to_png(plot, language)).decode()
    return f"![{escape(in_language(plot.alt))}](data:image/png;base64,{encoded})"
