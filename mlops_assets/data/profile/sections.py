"""The parts of a profile's page that a batch and a training window have in common.

Belongs here: which tables and plots show what one summary says. Does not belong here: the figures
and the insights (``report.py``, ``insights.py``), the order of the parts
(``page.py``, ``window.py``), or looks (``reporting/``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.data.profile.insights import bin_words, rate_extremes
from mlops_assets.data.profile.profile_words import insight_words, our_words, step_words
from mlops_assets.reporting.page import (
    BarPlot,
    Cell,
    Interval,
    IntervalPlot,
    Section,
    Table,
)
from mlops_assets.reporting.text import Text, join, mark, say

INSIGHTS_SHOWN = 25
DISTRIBUTIONS_SHOWN = 3
RATES_SHOWN = 2
PAIRS_DRAWN = 12
LONGEST_NAME = 19

Report = Mapping[str, Any]


def columns_of(report: Report) -> list[Report]:
    """Every column once: parts of a timestamp are left out."""
    return [one for one in report["series"] if one["name"] == one["column"]]


def _by_interest(report: Report) -> list[Report]:
    """Series of which bins can be shown, those of the strongest insights first, the rest as
    declared."""
    named = [name for insight in report["insights"] for name in insight["columns"]]
    places = {name: place for place, name in reversed(list(enumerate(named)))}
    shown = [one for one in report["series"] if len(one["bins"]) > 1]
    return sorted(shown, key=lambda one: places.get(one["name"], len(named)))


def insights_section(report: Report) -> Section:
    """What stands out, strongest first."""
    title, found = say("What stands out"), report["insights"][:INSIGHTS_SHOWN]
    if not found:
        return Section(title, say("Nothing."))
    text = say(
        "Strongest first. The strength, 0 to 1, is the size of an effect: a share of rows, an "
        "association, a difference of two shares or a distance; it is halved for columns that no "
        "model sees. A difference of shares is named where it is beyond chance at "
        "{significance:.0%} over all comparisons together, rows taken as independent.",
        significance=report["limits"]["significance"],
    )
    rows = tuple((insight_words(i), our_words(i["kind"]), round(i["strength"], 2)) for i in found)
    left = len(report["insights"]) - len(found)
    if left:
        text = join((text, say("Weaker ones, in report.json alone: {left:,}.", left=left)))
    table = Table(say("Insights"), (say("What"), say("Kind"), say("Strength")), rows)
    return Section(title, text, (table,))


def rows_section(report: Report, caption: Text) -> Section:
    """The waterfall of the rows, under ``caption``, and why rows are in the quarantine."""
    steps = tuple((step_words(step["step"]), step["rows"]) for step in report["waterfall"])
    blocks = [Table(caption, (say("Step"), say("Rows")), steps)]
    reasons = sorted(report["quarantine_reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
    if reasons:
        why = say("Why rows are in the quarantine")
        blocks.append(Table(why, (say("Reason"), say("Rows")), tuple(reasons)))
    return Section(
        say("Rows"),
        say(
            "What is taken away has a minus, and the sums add up exactly. A row in the quarantine "
            "can have several reasons."
        ),
        tuple(blocks),
    )


def columns_section(report: Report) -> Section:
    """Every column in a line."""
    headings = (
        say("Column"),
        say("Type"),
        say("Role"),
        say("Missing"),
        say("Distinct"),
        say("Minimum"),
        say("Middle"),
        say("Maximum"),
        say("Outliers"),
    )
    text = say(
        "The middle is the median, or the commonest level. Outliers lie more than 1.5 "
        "interquartile ranges outside the quartiles; where the quartiles are equal there is no "
        "such fence, and the count is MISSING. A number of distinct values with ~ is an estimate. "
        "A protected column shows none of its values; levels in fewer than {rows} rows are rare "
        "and shown together.",
        rows=report["limits"]["rare_level_rows"],
    )
    rows = tuple(_column_row(one) for one in columns_of(report))
    return Section(say("Columns"), text, (Table(say("Each column"), headings, rows),))


def _column_row(one: Report) -> tuple[Cell, ...]:
    number, has_order = one["kind"] == "number", one["kind"] in ("number", "time")
    middle: dict[str, Cell] = {
        "number": one["quartiles"][1],
        "category": one["commonest"] or (say("(rare levels)") if one["present"] else None),
        "hidden": say("(protected)"),
    }
    share, distinct = one["missing_share"], one["distinct"]
    return (
        one["name"],
        our_words(one["type"]),
        our_words(one["role"]),
        None if share is None else say("{share:.1%}", share=share),
        distinct if one["distinct_is_exact"] else say("~{distinct:,}", distinct=distinct),
        _end(one["minimum"]) if has_order else "",
        middle.get(one["kind"], ""),
        _end(one["maximum"]) if has_order else "",
        one["outliers"] if number else "",
    )


def _end(value: Cell) -> Cell:
    """A point in time by its day, so that the table keeps to the page."""
    return value.split(" ")[0] if isinstance(value, str) else value


def distributions_section(report: Report) -> Section:
    """The columns that the strongest insights are about."""
    title, shown = say("Distributions"), _by_interest(report)[:DISTRIBUTIONS_SHOWN]
    if not shown:
        return Section(title, say("No column has values that can be shown."))
    text = say("Columns of the strongest insights; those of all others are in report.json.")
    return Section(title, text, tuple(distribution(one) for one in shown))


def distribution(one: Report) -> BarPlot:
    """The bins of a series as shares of its rows."""
    name, rows = one["name"], one["present"]
    return BarPlot(
        alt=say("Distribution of {column}", column=name),
        x_label=say("{column}: percent of {rows:,} rows", column=name, rows=rows),
        labels=tuple(bin_words(one, b["label"]) for b in one["bins"]),
        values=tuple(round(100.0 * b["rows"] / rows, 2) for b in one["bins"]),
    )


def rates_section(report: Report) -> Section:
    """How often a binary target is positive, by feature."""
    title, target = say("Target by feature"), report["target"]
    named = [i["columns"][0] for i in report["insights"] if i["kind"] == "target"]
    by_name = {one["name"]: one for one in report["series"]}
    plots = tuple(_rates(by_name[name], report) for name in named[:RATES_SHOWN])
    rows = tuple(_extremes(by_name[name], report) for name in named)
    if report["labels"]["positive_share"] is None:
        return Section(title, say("No row has a label."))
    if not rows:
        return Section(title, say("{target} differs by no column beyond chance.", target=target))
    headings = (
        say("Column"),
        say("Most often for"),
        say("Share there"),
        say("Least often for"),
        say("Share there"),
    )
    text = say(
        "How often {target} is positive, with 95% intervals; the line is the share over all rows. "
        "Columns that are known only after the outcome are left out.",
        target=target,
    )
    table = Table(say("Every column with a difference beyond chance"), headings, rows)
    return Section(title, text, (*plots, table))


def _extremes(one: Report, report: Report) -> tuple[Cell, ...]:
    most, least = rate_extremes(one, report["limits"])
    return (
        one["name"],
        bin_words(one, most["label"]),
        _share_of(most),
        bin_words(one, least["label"]),
        _share_of(least),
    )


def _share_of(one: Report) -> Text:
    return say("{share:.1%} of {rows:,}", share=one["positive_share"], rows=one["labelled"])


def _rates(one: Report, report: Report) -> IntervalPlot:
    parts, levels = {"target": report["target"], "column": one["name"]}, one["bins"]
    return IntervalPlot(
        alt=say("Share of {target} by {column}", **parts),
        x_label=say("share of {target} by {column}", **parts),
        intervals=tuple(
            Interval(bin_words(one, b["label"]), b["positive_share"], b["low"], b["high"])
            for b in levels
            if b["labelled"]
        ),
        limit=report["labels"]["positive_share"],
        limit_name=say("all rows"),
    )


def missing_section(report: Report) -> Section:
    """Which columns are missing together."""
    title, found = say("Missing values"), report["missing"]
    patterns = [p for p in found["patterns"] if p["columns"]]
    if not patterns:
        return Section(title, say("No value is missing."))
    rows = tuple(
        (", ".join(p["columns"]), p["rows"], say("{share:.2%}", share=p["rows"] / report["rows"]))
        for p in patterns
    )
    complete = sum(p["rows"] for p in found["patterns"] if not p["columns"])
    template = mark("Complete rows: {complete:,}. Each other row is in one line.")
    if found["other_rows"]:
        template = mark(
            "Complete rows: {complete:,}. Each other row is in one line, but for {others:,} rows "
            "with other patterns, which are left out."
        )
    text = say(template, complete=complete, others=found["other_rows"])
    headings = (say("Columns"), say("Rows"), say("Share of rows"))
    return Section(title, text, (Table(say("Which columns are missing together"), headings, rows),))


def associations_section(report: Report) -> Section:
    """The pairs of columns that go together most."""
    title, pairs = say("Associations"), report["associations"][:PAIRS_DRAWN]
    if not pairs:
        return Section(title, say("No pair of columns has two values each to compare."))
    bars = BarPlot(
        alt=say("Association of the strongest pairs of columns"),
        x_label=say("bias-corrected Cramer's V"),
        labels=tuple(f"{_short(pair['first'])} – {_short(pair['second'])}" for pair in pairs),
        values=tuple(pair["v"] for pair in pairs),
    )
    text = say(
        "Bias-corrected Cramer's V (0: none, 1: one follows from the other) over at most twelve "
        "bins a column, rows with both values. Coarse bins make it smaller than it is."
    )
    return Section(title, text, (bars,))


def _short(name: str) -> str:
    """A name by its ends, so that both names of a pair have room beside the plot."""
    return name if len(name) <= LONGEST_NAME else f"{name[:7]}…{name[7 - LONGEST_NAME + 1 :]}"
