"""The parts of a profile's page that a batch and a training window have in common.

Belongs here: which tables and plots show what one summary says. Does not belong here: the figures
and the insights (``report.py``, ``insights.py``), the order of the parts
(``page.py``, ``window.py``), or looks (``reporting/``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.data.profile.insights import rate_extremes
from mlops_assets.reporting.page import (
    BarPlot,
    Cell,
    Interval,
    IntervalPlot,
    Section,
    Table,
)

INSIGHTS_SHOWN = 25
DISTRIBUTIONS_SHOWN = 3
RATES_SHOWN = 2
PAIRS_DRAWN = 12
LONGEST_NAME = 19

Report = Mapping[str, Any]


def verdict(report: Report, what: str) -> str:
    """What stands out most; ``what`` is what the report is of."""
    if not report["rows"]:
        return f"{what} has no cleaned rows: there is nothing to profile."
    found = report["insights"]
    if not found:
        return f"Nothing stands out in {report['rows']:,} rows."
    many = "1 thing stands out" if len(found) == 1 else f"{len(found)} things stand out"
    return f"{many} in {report['rows']:,} rows. The strongest: {found[0]['text']}"


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
    limits = report["limits"]
    text = (
        "Strongest first. The strength, 0 to 1, is the size of an effect: a share of rows, an "
        "association, a difference of two shares or a distance; it is halved for columns that no "
        f"model sees. A difference of shares is named where it is beyond chance at "
        f"{limits['significance']:.0%} over all comparisons together, rows taken as independent."
    )
    found = report["insights"][:INSIGHTS_SHOWN]
    if not found:
        return Section("What stands out", "Nothing.")
    rows = tuple((i["text"], i["kind"], round(i["strength"], 2)) for i in found)
    left = len(report["insights"]) - len(found)
    if left:
        text += f" {left} weaker ones are in report.json."
    table = Table("Insights", ("What", "Kind", "Strength"), rows)
    return Section("What stands out", text, (table,))


def rows_section(report: Report, caption: str = "From delivered to labelled rows") -> Section:
    steps = tuple((step["step"], step["rows"]) for step in report["waterfall"])
    blocks = [Table(caption, ("Step", "Rows"), steps)]
    reasons = sorted(report["quarantine_reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
    if reasons:
        blocks.append(Table("Why rows are in the quarantine", ("Reason", "Rows"), tuple(reasons)))
    return Section(
        "Rows",
        "What is taken away has a minus, and the sums add up exactly. A row in the quarantine can "
        "have several reasons.",
        tuple(blocks),
    )


def columns_section(report: Report) -> Section:
    ranges = ("Minimum", "Middle", "Maximum", "Outliers")
    headings = ("Column", "Type", "Role", "Missing", "Distinct", *ranges)
    rows = tuple(_column_row(one) for one in columns_of(report))
    return Section(
        "Columns",
        "The middle is the median, or the commonest level. Outliers lie more than 1.5 "
        "interquartile ranges outside the quartiles; where the quartiles are equal there is no "
        "such fence, and the count is MISSING. A number of distinct values with ~ is an estimate. "
        "A protected column shows none of its values; levels in fewer than "
        f"{report['limits']['rare_level_rows']} rows are rare and shown together.",
        (Table("Each column", headings, rows),),
    )


def _column_row(one: Report) -> tuple[Cell, ...]:
    number, has_order = one["kind"] == "number", one["kind"] in ("number", "time")
    middle: dict[str, Cell] = {
        "number": one["quartiles"][1],
        "category": one["commonest"] or ("(rare levels)" if one["present"] else None),
        "hidden": "(protected)",
    }
    return (
        one["name"],
        one["type"],
        one["role"],
        None if one["missing_share"] is None else f"{one['missing_share']:.1%}",
        one["distinct"] if one["distinct_is_exact"] else f"~{one['distinct']:,}",
        _end(one["minimum"]) if has_order else "",
        middle.get(one["kind"], ""),
        _end(one["maximum"]) if has_order else "",
        one["outliers"] if number else "",
    )


def _end(value: Cell) -> Cell:
    """A point in time by its day, so that the table keeps to the page."""
    return value.split(" ")[0] if isinstance(value, str) else value


def distributions_section(report: Report) -> Section:
    shown = _by_interest(report)[:DISTRIBUTIONS_SHOWN]
    if not shown:
        return Section("Distributions", "No column has values that can be shown.")
    return Section(
        "Distributions",
        "Columns of the strongest insights; those of all others are in report.json.",
        tuple(distribution(one) for one in shown),
    )


def distribution(one: Report) -> BarPlot:
    """The bins of a series as shares of its rows."""
    return BarPlot(
        alt=f"Distribution of {one['name']}",
        x_label=f"{one['name']}: percent of {one['present']:,} rows",
        labels=tuple(b["label"] for b in one["bins"]),
        values=tuple(round(100.0 * b["rows"] / one["present"], 2) for b in one["bins"]),
    )


def rates_section(report: Report) -> Section:
    target = report["target"]
    named = [i["columns"][0] for i in report["insights"] if i["kind"] == "target"]
    by_name = {one["name"]: one for one in report["series"]}
    plots = tuple(_rates(by_name[name], report) for name in named[:RATES_SHOWN])
    rows = tuple(_extremes(by_name[name], report) for name in named)
    if report["labels"]["positive_share"] is None:
        return Section("Target by feature", "No row has a label.")
    if not rows:
        return Section("Target by feature", f"{target} differs by no column beyond chance.")
    columns = ("Column", "Most often for", "Share there", "Least often for", "Share there")
    return Section(
        "Target by feature",
        f"How often {target} is positive, with 95% intervals; the line is the share over all rows. "
        "Columns that are known only after the outcome are left out.",
        (*plots, Table("Every column with a difference beyond chance", columns, rows)),
    )


def _extremes(one: Report, report: Report) -> tuple[Cell, ...]:
    most, least = rate_extremes(one, report["limits"])
    return (
        one["name"],
        most["label"],
        f"{most['positive_share']:.1%} of {most['labelled']:,}",
        least["label"],
        f"{least['positive_share']:.1%} of {least['labelled']:,}",
    )


def _rates(one: Report, report: Report) -> IntervalPlot:
    target, levels = report["target"], [level for level in one["bins"] if level["labelled"]]
    return IntervalPlot(
        alt=f"Share of {target} by {one['name']}",
        x_label=f"share of {target} by {one['name']}",
        intervals=tuple(
            Interval(level["label"], level["positive_share"], level["low"], level["high"])
            for level in levels
        ),
        limit=report["labels"]["positive_share"],
        limit_name="all rows",
    )


def missing_section(report: Report) -> Section:
    found = report["missing"]
    patterns = [p for p in found["patterns"] if p["columns"]]
    if not patterns:
        return Section("Missing values", "No value is missing.")
    rows = tuple(
        (", ".join(p["columns"]), p["rows"], f"{p['rows'] / report['rows']:.2%}") for p in patterns
    )
    others = found["other_rows"]
    complete = sum(p["rows"] for p in found["patterns"] if not p["columns"])
    text = f"{complete:,} rows are complete. Each other row is in one line."
    if others:
        text += f" {others:,} rows with other patterns are left out."
    table = Table("Which columns are missing together", ("Columns", "Rows", "Share of rows"), rows)
    return Section("Missing values", text, (table,))


def associations_section(report: Report) -> Section:
    pairs = report["associations"][:PAIRS_DRAWN]
    if not pairs:
        return Section("Associations", "No pair of columns has two values each to compare.")
    bars = BarPlot(
        alt="Association of the strongest pairs of columns",
        x_label="bias-corrected Cramer's V",
        labels=tuple(f"{_short(pair['first'])} – {_short(pair['second'])}" for pair in pairs),
        values=tuple(pair["v"] for pair in pairs),
    )
    return Section(
        "Associations",
        "Bias-corrected Cramer's V (0: none, 1: one follows from the other) over at most twelve "
        "bins a column, rows with both values. Coarse bins make it smaller than it is.",
        (bars,),
    )


def _short(name: str) -> str:
    """A name by its ends, so that both names of a pair have room beside the plot."""
    return name if len(name) <= LONGEST_NAME else f"{name[:7]}…{name[7 - LONGEST_NAME + 1 :]}"
