"""What a report shows, free of any format: a page of sections made of text, tables and plots.

Belongs here: the vocabulary a report is composed of. Does not belong here: what a report says (each
stage composes its page from its ``report.json``) or how it looks (``html.py``, ``markdown.py``,
``plots.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

Cell = str | int | float | bool | None
"""A table cell; ``None`` is printed as MISSING, a float with four significant digits."""

Number = float | None


@dataclass(frozen=True)
class Table:
    """A table with its caption. ``columns`` are the headings, ``rows`` one tuple a line."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Interval:
    """One labelled estimate with the bounds of its interval."""

    label: str
    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class IntervalPlot:
    """Estimates with their intervals, one a line, and an optional limit drawn across, which
    ``limit_name`` says the meaning of."""

    alt: str
    x_label: str
    intervals: tuple[Interval, ...]
    limit: Number = None
    limit_name: str = "limit"


@dataclass(frozen=True)
class BarPlot:
    """Horizontal bars, in the order given; ``limits`` marks a threshold on each bar."""

    alt: str
    x_label: str
    labels: tuple[str, ...]
    values: tuple[Number, ...]
    limits: tuple[Number, ...] | None = None


@dataclass(frozen=True)
class Line:
    """One curve; ``strong`` curves are drawn over the thin ones."""

    label: str
    x: tuple[float, ...]
    y: tuple[Number, ...]
    strong: bool = True


@dataclass(frozen=True)
class LinePlot:
    """Curves on common axes. ``categories`` names the integer positions of a categorical x-axis."""

    alt: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    categories: tuple[str, ...] | None = None
    diagonal: bool = False


@dataclass(frozen=True)
class HistogramPlot:
    """Shares of two distributions over the same bins: reference against current."""

    alt: str
    x_label: str
    bins: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True)
class SwarmPlot:
    """Single contributions, one row of points a label, coloured by ``levels`` (0 to 1: the
    feature's own value from low to high; ``None`` where it has no order)."""

    alt: str
    x_label: str
    labels: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    levels: tuple[tuple[Number, ...], ...]


Plot = IntervalPlot | BarPlot | LinePlot | HistogramPlot | SwarmPlot


@dataclass(frozen=True)
class Section:
    """A heading, what it says in words, and the tables and plots that show it."""

    title: str
    text: str = ""
    blocks: Sequence[Table | Plot] = field(default_factory=tuple)


@dataclass(frozen=True)
class Page:
    """One report. ``verdict`` is its answer in a sentence; ``facts`` are the hashes, counts and
    names it rests on, printed at the head."""

    title: str
    verdict: str
    facts: tuple[tuple[str, Cell], ...]
    sections: tuple[Section, ...]
