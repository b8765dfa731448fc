"""The profile of a batch as a page: what stands out first, then every column.

Belongs here: which tables and plots show a ``profile_report``. Does not belong here: the figures
and the insights (``profile_insights.py``), or looks (``reporting/``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.data.profile_insights import rate_extremes
from mlops_assets.reporting.page import (
    BarPlot,
    Cell,
    HistogramPlot,
    Interval,
    IntervalPlot,
    Page,
    Plot,
    Section,
    Table,
)

INSIGHTS_SHOWN = 25
DISTRIBUTIONS_SHOWN = 3
RATES_SHOWN = 2
PAIRS_DRAWN = 12
CHANGES_DRAWN = 12

Report = Mapping[str, Any]


def profile_page(report: Report) -> Page:
    """What a reader sees of a ``profile_report``."""
    labels = report["labels"]
    return Page(
        title=f"Profile of {report['batch']}: {report['use_case']}",
        verdict=_verdict(report),
        facts=(
            ("Batch", report["batch"]),
            ("Rows", report["rows"]),
            ("Columns", len(_columns(report))),
            ("Target", report["target"]),
            ("Labelled rows", labels["labelled"]),
            ("Positive rows", labels["positives"]),
            ("Share of positives", labels["positive_share"]),
            ("Earlier batches", len(report["earlier_batches"])),
        ),
        sections=(
            _insights_section(report),
            _rows_section(report),
            _columns_section(report),
            _distributions_section(report),
            _rates_section(report),
            _missing_section(report),
            _associations_section(report),
            _changes_section(report),
        ),
    )


def _verdict(report: Report) -> str:
    if not report["rows"]:
        return "The batch has no cleaned rows: there is nothing to profile."
    found = report["insights"]
    if not found:
        return f"Nothing stands out in {report['rows']:,} rows."
    many = "1 thing stands out" if len(found) == 1 else f"{len(found)} things stand out"
    return f"{many} in {report['rows']:,} rows. The strongest: {found[0]['text']}"


def _columns(report: Report) -> list[Report]:
    """Every column once: parts of a timestamp are left out."""
    return [one for one in report["series"] if one["name"] == one["column"]]


def _by_interest(report: Report) -> list[Report]:
    """Series of which bins can be shown, those of the strongest insights first, the rest as
    declared."""
    named = [name for insight in report["insights"] for name in insight["columns"]]
    places = {name: place for place, name in reversed(list(enumerate(named)))}
    shown = [one for one in report["series"] if len(one["bins"]) > 1]
    return sorted(shown, key=lambda one: places.get(one["name"], len(named)))


def _insights_section(report: Report) -> Section:
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


def _rows_section(report: Report) -> Section:
    steps = tuple((step["step"], step["rows"]) for step in report["waterfall"])
    blocks = [Table("From delivered to labelled rows", ("Step", "Rows"), steps)]
    reasons = sorted(report["quarantine_reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
    if reasons:
        blocks.append(Table("Why rows are in the quarantine", ("Reason", "Rows"), tuple(reasons)))
    return Section(
        "Rows",
        "What is taken away has a minus, and the sums add up exactly. A row in the quarantine can "
        "have several reasons.",
        tuple(blocks),
    )


def _columns_section(report: Report) -> Section:
    ranges = ("Minimum", "Middle", "Maximum", "Outliers")
    headings = ("Column", "Type", "Role", "Missing", "Distinct", *ranges)
    rows = tuple(_column_row(one) for one in _columns(report))
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


def _distributions_section(report: Report) -> Section:
    shown = _by_interest(report)[:DISTRIBUTIONS_SHOWN]
    if not shown:
        return Section("Distributions", "No column has values that can be shown.")
    return Section(
        "Distributions",
        "Columns of the strongest insights; those of all others are in report.json.",
        tuple(_distribution(one) for one in shown),
    )


def _distribution(one: Report) -> BarPlot:
    return BarPlot(
        alt=f"Distribution of {one['name']}",
        x_label=f"{one['name']}: percent of {one['present']:,} rows",
        labels=tuple(b["label"] for b in one["bins"]),
        values=tuple(round(100.0 * b["rows"] / one["present"], 2) for b in one["bins"]),
    )


def _rates_section(report: Report) -> Section:
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


def _missing_section(report: Report) -> Section:
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


def _associations_section(report: Report) -> Section:
    pairs = report["associations"][:PAIRS_DRAWN]
    if not pairs:
        return Section("Associations", "No pair of columns has two values each to compare.")
    bars = BarPlot(
        alt="Association of the strongest pairs of columns",
        x_label="bias-corrected Cramer's V",
        labels=tuple(f"{pair['first']} – {pair['second']}" for pair in pairs),
        values=tuple(pair["v"] for pair in pairs),
    )
    return Section(
        "Associations",
        "Bias-corrected Cramer's V (0: none, 1: one follows from the other) over at most twelve "
        "bins a column, rows with both values. Coarse bins make it smaller than it is.",
        (bars,),
    )


def _changes_section(report: Report) -> Section:
    changes = report["changes"]
    if not changes:
        return Section("Change over batches", "This is the first batch: nothing to compare with.")
    limit = report["limits"]["change"]
    top = changes[:CHANGES_DRAWN]
    bars = BarPlot(
        alt="Distance of each column from all earlier batches",
        x_label="Jensen-Shannon distance (base 2) to all earlier batches",
        labels=tuple(change["series"] for change in top),
        values=tuple(change["to_earlier"] for change in top),
        limits=tuple(limit for _ in top),
    )
    rows = tuple((c["series"], c["to_previous"], c["to_earlier"], limit) for c in changes)
    headings = ("Series", "To the previous batch", "To all earlier", "Smallest that matters")
    earlier = report["earlier_batches"]
    return Section(
        "Change over batches",
        f"Against {earlier[-1]}, and against all {len(earlier)} "
        "earlier batches together (0: equal shares, 1: disjoint), missing values included.",
        (bars, *_strongest_change(report), Table("Distance of each series", headings, rows)),
    )


def _strongest_change(report: Report) -> tuple[Plot, ...]:
    """Earlier batches against this one, for the most changed series whose bins have names."""
    for change in report["changes"]:
        mine = report["comparison"][change["series"]]
        if mine["labels"] is None or change["to_earlier"] is None:
            continue
        before, now = change["earlier_rows"], mine["rows"]
        labels = {**{str(i): label for i, label in enumerate(mine["labels"])}, "missing": "missing"}
        keys = [key for key in labels if before.get(key) or now.get(key)]
        totals = sum(before.values()), sum(now.values())
        return (
            HistogramPlot(
                alt=f"Shares of {change['series']}: earlier batches (reference) against this one",
                x_label=change["series"],
                bins=tuple(labels[key] for key in keys),
                reference=tuple(before.get(key, 0) / totals[0] for key in keys),
                current=tuple(now.get(key, 0) / totals[1] for key in keys),
            ),
        )
    return ()
