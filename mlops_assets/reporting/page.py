"""What a report shows, free of any format: a page of sections made of text, tables and plots.

Belongs here: the vocabulary a report is composed of. Does not belong here: what a report says (each
stage composes its page from its ``report.json``) or how it looks (``html.py``, ``markdown.py``,
``plots.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlops_assets.reporting.text import Text, say

Words = str | Text
"""What is read: a text, or a name or sentence of the user's own, which is said as it is."""

Outcome = Literal["within", "insufficient", "beyond"]
"""What a verdict comes to: it is held, not known, or not held. Shown by symbol and colour."""


@dataclass(frozen=True)
class Judgement:
    """A verdict in words, with what it comes to."""

    words: Words
    outcome: Outcome


Cell = str | int | float | bool | None | Text | Judgement
"""A table cell; ``None`` is printed as MISSING, a float with four significant digits."""

Number = float | None

LIMIT, REFERENCE, CURRENT = say("limit"), say("reference"), say("current")
"""What plots call their parts where a page does not say it otherwise."""


@dataclass(frozen=True)
class Table:
    """A table with its caption. ``columns`` are the headings, ``rows`` one tuple a line."""

    caption: Words
    columns: tuple[Words, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Interval:
    """One labelled estimate with the bounds of its interval."""

    label: Words
    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class IntervalPlot:
    """Estimates with their intervals, one a line, and an optional limit drawn across, which
    ``limit_name`` says the meaning of."""

    alt: Words
    x_label: Words
    intervals: tuple[Interval, ...]
    limit: Number = None
    limit_name: Words = LIMIT


@dataclass(frozen=True)
class BarPlot:
    """Horizontal bars, in the order given; ``limits`` marks a threshold on each bar."""

    alt: Words
    x_label: Words
    labels: tuple[Words, ...]
    values: tuple[Number, ...]
    limits: tuple[Number, ...] | None = None


@dataclass(frozen=True)
class Line:
    """One curve; ``strong`` curves are drawn over the thin ones."""

    label: Words
    x: tuple[float, ...]
    y: tuple[Number, ...]
    strong: bool = True


@dataclass(frozen=True)
class LinePlot:
    """Curves on common axes. ``categories`` names the integer positions of a categorical x-axis."""

    alt: Words
    x_label: Words
    y_label: Words
    lines: tuple[Line, ...]
    categories: tuple[Words, ...] | None = None
    diagonal: bool = False


@dataclass(frozen=True)
class HistogramPlot:
    """Shares of two distributions over the same bins: a reference against what is looked at."""

    alt: Words
    x_label: Words
    bins: tuple[Words, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    reference_name: Words = REFERENCE
    current_name: Words = CURRENT


@dataclass(frozen=True)
class SwarmPlot:
    """Single contributions, one row of points a label, coloured by ``levels`` (0 to 1: the
    feature's own value from low to high; ``None`` where it has no order)."""

    alt: Words
    x_label: Words
    labels: tuple[Words, ...]
    values: tuple[tuple[float, ...], ...]
    levels: tuple[tuple[Number, ...], ...]


Plot = IntervalPlot | BarPlot | LinePlot | HistogramPlot | SwarmPlot


@dataclass(frozen=True)
class Section:
    """A heading, what it says in words, and the tables and plots that show it."""

    title: Words
    text: Words = ""
    blocks: Sequence[Table | Plot] = field(default_factory=tuple)
    outcome: Outcome | None = None
    """What the verdicts in it come to, where it has any."""


@dataclass(frozen=True)
class Page:
    """One report. ``verdict`` is its answer in a sentence; ``facts`` are the hashes, counts and
    names it rests on, printed at the head."""

    title: Words
    verdict: Words
    facts: tuple[tuple[Words, Cell], ...]
    sections: tuple[Section, ...]
    outcome: Outcome | None = None
    """What ``verdict`` comes to; where it is not said, that of the first section that has one."""
