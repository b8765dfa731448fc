"""The parts of a representation page that compare groups: shares with a reference, label rates.

Belongs here: which plots and tables compare the groups of a ``representation_report``. Does not
belong here: the page and its other parts (``page.py``), or the figures (``report.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.data.representation.shortfalls import count_words, percent
from mlops_assets.reporting.page import (
    Cell,
    HistogramPlot,
    Interval,
    IntervalPlot,
    Plot,
    Section,
    Table,
    Words,
)
from mlops_assets.reporting.range_words import group_words, range_words
from mlops_assets.reporting.text import Text, join, say

COLUMNS_DRAWN = 8
GROUPS_DRAWN = 24
SMALLEST_P = 1e-4

Report = Mapping[str, Any]


def shares_section(report: Report) -> Section:
    """Each group's share of the train rows against its share in the reference."""
    known = [column for column in report["columns"] if column["has_reference"]]
    others = [column["column"] for column in report["columns"] if not column["has_reference"]]
    said = []
    if known:
        said.append(say("The reference is: {source}.", source=report["reference_source"]))
    if others:
        said.append(
            say(
                "No reference is declared for {columns}: whether their groups are there in the "
                "right shares is not known.",
                columns=", ".join(others),
            )
        )
    limit = report["limits"]["min_ratio"]
    plots = tuple(_shares_plot(column) for column in known[:COLUMNS_DRAWN])
    blocks = (*_ratios_plots(known, limit), *plots, _shares_table(known, limit)) if known else ()
    return Section(say("Shares against the reference"), join(said), blocks)


def rates_section(report: Report) -> Section:
    """How often the target is positive by group."""
    plots = tuple(_rates_plot(column, report) for column in report["columns"][:COLUMNS_DRAWN])
    rows = tuple(row for one in report["differences"] for row in _difference_rows(one))
    headings = (
        say("Column"),
        say("Higher"),
        say("Lower"),
        say("Difference"),
        "p",
        say("Of pairs"),
        say("Beyond chance"),
    )
    text = say(
        "How often {target} is positive in the whole window, with 95% intervals; the line is the "
        "share over all rows. A difference between groups may be a fact of the population, of how "
        "it was sampled, or of how labels came about: it calls for a reason, and is no shortfall.",
        target=report["target"],
    )
    table = Table(say("Largest differences between two groups of a column"), headings, rows)
    return Section(say("Label rates"), text, (*plots, table))


def verdicts_words(verdicts: Sequence[str]) -> Text:
    """The verdicts on a group."""
    return join([Text(verdict) for verdict in verdicts], "; ")


def _shares_table(known: Sequence[Report], limit: float) -> Table:
    headings = (
        say("Group"),
        say("Verdict"),
        say("Train rows"),
        say("Share"),
        say("Reference"),
        say("Ratio"),
        say("95% interval"),
        say("Limit"),
    )
    rows = tuple(_share_row(one, limit) for column in known for one in column["groups"])
    return Table(say("Share of the train rows against the reference"), headings, rows)


def _ratios_plots(known: Sequence[Report], limit: float) -> tuple[Plot, ...]:
    """Empty where no ratio may be shown."""
    groups = [one for column in known for one in column["groups"]]
    shown = [one for one in groups if one["ratio"]["value"] is not None]
    lowest = sorted(shown, key=lambda one: one["ratio"]["value"])[:GROUPS_DRAWN]
    if not lowest:
        return ()
    return (
        IntervalPlot(
            alt=say("Share of the train rows divided by the share in the reference, lowest first"),
            x_label=say("share of the train rows / share in the reference"),
            intervals=tuple(
                _as_interval(group_words(one["group"]), one["ratio"]) for one in lowest
            ),
            limit=limit,
            limit_name=say("under-represented below"),
        ),
    )


def _as_interval(label: Words, estimate: Report) -> Interval:
    return Interval(label, estimate["value"], estimate["low"], estimate["high"])


def _shares_plot(column: Report) -> Plot:
    name, groups = column["column"], column["groups"]
    known = [one for one in groups if None not in (one["reference"], one["share"]["value"])]
    shown = known[:GROUPS_DRAWN]
    return HistogramPlot(
        alt=say(
            "Shares of the groups of {column}: the reference against the train rows", column=name
        ),
        x_label=name,
        bins=tuple(_label(column, one) for one in shown),
        reference=tuple(one["reference"] for one in shown),
        current=tuple(one["share"]["value"] for one in shown),
        current_name=say("train rows"),
    )


def _label(column: Report, group: Report) -> Words:
    """A group within its column: a range in words, a value of the data as it is."""
    is_ours = column["cut"] != "values" or not group["says"]
    return range_words(group["label"]) if is_ours else str(group["label"])


def _share_row(one: Report, limit: float) -> tuple[Cell, ...]:
    ratio, reference = one["ratio"], one["reference"]
    unknown = say("hidden") if isinstance(one["rows"]["train"], str) else None
    cells: list[Cell] = [
        group_words(one["group"]),
        verdicts_words(one["verdicts"]),
        count_words(one["rows"]["train"]),
        unknown if one["share"]["value"] is None else percent(one["share"]["value"]),
        "" if reference is None else percent(reference),
    ]
    if reference in (None, 0.0):
        return (*cells, "", "", "")
    return (
        *cells,
        unknown if ratio["value"] is None else round(ratio["value"], 3),
        unknown
        if ratio["low"] is None
        else say("{low:.3f} to {high:.3f}", low=ratio["low"], high=ratio["high"]),
        limit,
    )


def _rates_plot(column: Report, report: Report) -> Plot:
    shown = [one for one in column["groups"] if one["label_rate"]["value"] is not None]
    name = column["column"]
    described = f"{name} ({column['description']})" if column["description"] else name
    return IntervalPlot(
        alt=say("Share of positives by group of {column}", column=described),
        x_label=say("share of positive {target} by {column}", target=report["target"], column=name),
        intervals=tuple(
            _as_interval(_label(column, one), one["label_rate"]) for one in shown[:GROUPS_DRAWN]
        ),
        limit=report["label_rate"],
        limit_name=say("all rows"),
    )


def _difference_rows(one: Report) -> list[tuple[Cell, ...]]:
    largest, certain = one["largest"], one["largest_beyond_chance"]
    if largest is None:
        return [(one["column"], say("too few groups to compare"), "", "", "", one["pairs"], 0)]
    shown = [largest] if certain in (None, largest) else [largest, certain]
    return [
        (
            one["column"],
            group_words(pair["higher"]),
            group_words(pair["lower"]),
            say("{points:.1f} points", points=100.0 * pair["difference"]),
            _p_value(pair["p_value"]),
            one["pairs"],
            one["beyond_chance"],
        )
        for pair in shown
    ]


def _p_value(p: float) -> Cell:
    return p if p >= SMALLEST_P else say("below {limit:g}", limit=SMALLEST_P)
