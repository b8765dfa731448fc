"""The representation report as a page: who falls short first, then every group's figures.

Belongs here: which sentences, tables and plots show a ``representation_report``. Does not belong
here: the figures and verdicts (``report.py``), or looks (``reporting/``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.data.representation.report import percent
from mlops_assets.reporting.page import (
    Cell,
    HistogramPlot,
    Interval,
    IntervalPlot,
    Page,
    Plot,
    Section,
    Table,
)

COLUMNS_DRAWN = 8
GROUPS_DRAWN = 24
NONE_SENSITIVE = "No column is declared sensitive, so that there are no groups to look at."
CUTS = {
    "values": "the values of",
    "bands": "the declared bands of",
    "ranges": "four ranges of this window (declare representation.bands to keep them the same) of",
}
SMALLEST_P = 1e-4

Report = Mapping[str, Any]


def representation_page(report: Report) -> Page:
    """What a reader sees of a ``representation_report``."""
    title, facts = f"Representation: {report['use_case']}", _facts(report)
    if not report["columns"]:
        return Page(title, NONE_SENSITIVE, facts, ())
    sections = (
        _shortfalls_section(report),
        _shares_section(report),
        *((_rates_section(report),) if "label_rate" in report else ()),
        _rows_section(report),
        _crossings_section(report),
        _method_section(report),
    )
    return Page(title, _verdict(report), facts, sections)


def _facts(report: Report) -> tuple[tuple[str, Cell], ...]:
    batches, limits = report["batches"], report["limits"]
    window = batches[0] if len(batches) == 1 else f"{batches[0]} to {batches[-1]}"
    return (
        ("Batches", f"{len(batches)}: {window}"),
        *((f"{name.capitalize()} rows", rows) for name, rows in report["rows"].items()),
        *((("Share of positives", report["label_rate"]),) if "label_rate" in report else ()),
        ("Fewest labelled test rows of a group", limits["min_rows"]),
        ("Smallest share of train rows to share in the reference", limits["min_ratio"]),
        ("Reference", report["reference_source"] or "none declared"),
        ("A shortfall", "blocks the training" if report["policy"] == "block" else "warns"),
    )


def _verdict(report: Report) -> str:
    groups = [one for column in report["columns"] for one in column["groups"]]
    without = sum(not column["has_reference"] for column in report["columns"])
    unasked = ""
    if without:
        columns = f"{without} of {len(report['columns'])} sensitive columns"
        unasked = f" Nothing is said about shares of {columns}: no reference is declared."
    found = _short(report)
    if not found:
        return f"None of {len(groups)} groups falls short.{unasked}"
    verb = "falls" if len(found) == 1 else "fall"
    return f"{len(found)} of {len(groups)} groups {verb} short: {_listed(found)}.{unasked}"


def _short(report: Report) -> list[str]:
    """Names of the groups that a shortfall is about."""
    return list(dict.fromkeys(one["group"] for one in report["shortfalls"]))


def _listed(names: list[str], most: int = 5) -> str:
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def _shortfalls_section(report: Report) -> Section:
    title = "What falls short"
    if not report["shortfalls"]:
        return Section(title, "Nothing.")
    text = (
        "A shortfall refuses the window, by the use case's policy."
        if report["policy"] == "block"
        else "A shortfall warns, by the use case's policy, and refuses nothing."
    )
    rows = tuple((one["text"],) for one in report["shortfalls"])
    return Section(title, text, (Table("Shortfalls", ("What",), rows),))


def _shares_section(report: Report) -> Section:
    known = [column for column in report["columns"] if column["has_reference"]]
    others = [column["column"] for column in report["columns"] if not column["has_reference"]]
    text = f"The reference is: {report['reference_source']}." if known else ""
    if others:
        text += (
            f" No reference is declared for {', '.join(others)}: whether their groups are there "
        )
        text += "in the right shares is not known."
    plots = tuple(_shares_plot(column) for column in known[:COLUMNS_DRAWN])
    limit = report["limits"]["min_ratio"]
    rows = tuple(_share_row(one, limit) for column in known for one in column["groups"])
    estimates = ("Share", "Reference", "Ratio", "95% interval", "Limit")
    headings = ("Group", "Verdict", "Train rows", *estimates)
    table = Table("Share of the train rows against the reference", headings, rows)
    blocks = (*_ratios_plots(known, limit), *plots, table) if known else ()
    return Section("Shares against the reference", text.strip(), blocks)


def _ratios_plots(known: Sequence[Report], limit: float) -> tuple[Plot, ...]:
    """Empty where no ratio may be shown."""
    groups = [one for column in known for one in column["groups"]]
    shown = [one for one in groups if one["ratio"]["value"] is not None]
    lowest = sorted(shown, key=lambda one: one["ratio"]["value"])[:GROUPS_DRAWN]
    if not lowest:
        return ()
    return (
        IntervalPlot(
            alt="Share of the train rows divided by the share in the reference, lowest first",
            x_label="share of the train rows / share in the reference",
            intervals=tuple(_as_interval(one["group"], one["ratio"]) for one in lowest),
            limit=limit,
            limit_name="under-represented below",
        ),
    )


def _as_interval(label: str, estimate: Report) -> Interval:
    return Interval(label, estimate["value"], estimate["low"], estimate["high"])


def _shares_plot(column: Report) -> Plot:
    name, groups = column["column"], column["groups"]
    known = [one for one in groups if None not in (one["reference"], one["share"]["value"])]
    shown = known[:GROUPS_DRAWN]
    return HistogramPlot(
        alt=f"Shares of the groups of {name}: the reference against the train rows (current)",
        x_label=f"{name}: reference, and train rows (current)",
        bins=tuple(one["label"] for one in shown),
        reference=tuple(one["reference"] for one in shown),
        current=tuple(one["share"]["value"] for one in shown),
    )


def _share_row(one: Report, limit: float) -> tuple[Cell, ...]:
    is_hidden = isinstance(one["rows"]["train"], str)
    ratio = one["ratio"]
    is_compared = one["reference"] not in (None, 0.0)
    unknown = "hidden" if is_hidden else None
    return (
        one["group"],
        "; ".join(one["verdicts"]),
        one["rows"]["train"],
        unknown if one["share"]["value"] is None else percent(one["share"]["value"]),
        "" if one["reference"] is None else percent(one["reference"]),
        (unknown if ratio["value"] is None else round(ratio["value"], 3)) if is_compared else "",
        (unknown if ratio["low"] is None else _interval(ratio)) if is_compared else "",
        limit if is_compared else "",
    )


def _interval(estimate: Report) -> str:
    return f"{estimate['low']:.3f} to {estimate['high']:.3f}"


def _rates_section(report: Report) -> Section:
    plots = tuple(_rates_plot(column, report) for column in report["columns"][:COLUMNS_DRAWN])
    rows = tuple(row for one in report["differences"] for row in _difference_rows(one))
    headings = ("Column", "Higher", "Lower", "Difference", "p", "Of pairs", "Beyond chance")
    text = (
        f"How often {report['target']} is positive in the whole window, with 95% intervals; the "
        "line is the share over all rows. A difference between groups may be a fact of the "
        "population, of how it was sampled, or of how labels came about: it calls for a reason, "
        "and is no shortfall."
    )
    table = Table("Largest differences between two groups of a column", headings, rows)
    return Section("Label rates", text, (*plots, table))


def _rates_plot(column: Report, report: Report) -> Plot:
    shown = [one for one in column["groups"] if one["label_rate"]["value"] is not None]
    name = column["column"]
    described = f" ({column['description']})" if column["description"] else ""
    return IntervalPlot(
        alt=f"Share of positives by group of {name}{described}",
        x_label=f"share of positive {report['target']} by {name}",
        intervals=tuple(
            _as_interval(one["label"], one["label_rate"]) for one in shown[:GROUPS_DRAWN]
        ),
        limit=report["label_rate"],
        limit_name="all rows",
    )


def _difference_rows(one: Report) -> list[tuple[Cell, ...]]:
    largest, certain = one["largest"], one["largest_beyond_chance"]
    if largest is None:
        return [(one["column"], "too few groups to compare", "", "", "", one["pairs"], 0)]
    shown = [largest] if certain in (None, largest) else [largest, certain]
    return [
        (
            one["column"],
            pair["higher"],
            pair["lower"],
            f"{100.0 * pair['difference']:.1f} points",
            pair["p_value"] if pair["p_value"] >= SMALLEST_P else f"below {SMALLEST_P:g}",
            one["pairs"],
            one["beyond_chance"],
        )
        for pair in shown
    ]


COUNTS = ("Train rows", "Calibration rows", "Labelled test rows")
RATE = ("Label rate", "95% interval")
RATES_METHOD = (
    "Differences of label rates are tested with the two-proportion z-test, p corrected (Holm) for "
    "all pairs of all columns; compared are groups of at least {rows} labelled rows.\n\n"
)


def _rows_section(report: Report) -> Section:
    by_cut = {
        cut: [column["column"] for column in report["columns"] if column["cut"] == cut]
        for cut in CUTS
    }
    text = "Groups are " + "; ".join(
        f"{CUTS[cut]} {', '.join(names)}" for cut, names in by_cut.items() if names
    )
    rows = tuple(
        _counted(one, "; ".join(one["verdicts"]))
        for column in report["columns"]
        for one in column["groups"]
    )
    return Section("Groups", f"{text}.", (Table("Every group", _counted_headings(report), rows),))


def _counted_headings(report: Report) -> tuple[str, ...]:
    return ("Group", "Verdict", *COUNTS, *(RATE if "label_rate" in report else ()))


def _counted(one: Report, verdict: str) -> tuple[Cell, ...]:
    counts = one["rows"]["train"], one["rows"]["calibration"], one["labelled"]["test"]
    cells = (one["group"], verdict, *counts)
    return (*cells, *_rate(one)) if "label_rate" in one else cells


def _rate(one: Report) -> tuple[Cell, ...]:
    rate, unknown = one["label_rate"], "hidden" if any(one["labelled"].values()) else ""
    if rate["value"] is None:
        return unknown, unknown
    return percent(rate["value"]), f"{percent(rate['low'])} to {percent(rate['high'])}"


def _crossings_section(report: Report) -> Section:
    found, limit = report["crossings"], report["limits"]["min_rows"]
    if len(report["columns"]) < 2:
        return Section("Crossings", "There is one sensitive column, so that nothing is crossed.")
    shown = found["shown"]
    text = (
        f"Of {found['possible']:,} combinations of two columns' groups, {found['occurring']:,} "
        f"occur, and {found['too_small']:,} of these have fewer than {limit:,} labelled test rows: "
        "what a model does for their people is not known. Groups of fewer than "
        f"{report['limits']['fewest_rows_shown']} rows are not crossed."
    )
    if found["occurring"] > len(shown):
        text += f" Shown are the {len(shown)} smallest."
    rows = tuple(
        _counted(one, "too small to evaluate" if one["is_too_small"] else "can be evaluated")
        for one in shown
    )
    return Section("Crossings", text, (Table("Crossings", _counted_headings(report), rows),))


def _method_section(report: Report) -> Section:
    limits = report["limits"]
    rates = RATES_METHOD.format(rows=limits["rows_to_compare"]) if "label_rate" in report else ""
    return Section(
        "How to read this",
        "A group's share is that of the train rows that say which group they are of; rows that do "
        "not say (missing) are a group of their own, and no shortfall. Intervals are Wilson's, at "
        f"{limits['confidence']:.0%}, with rows taken as independent of each other and the "
        "reference as exact. A group is under-represented only where the whole interval of share "
        f"divided by reference is below {limits['min_ratio']:g}.\n\n"
        f"{rates}So that nobody is singled out, counts of 1 to {limits['fewest_rows_shown'] - 1} "
        f"are written as fewer than {limits['fewest_rows_shown']}, and what is computed from them "
        "is hidden.",
    )
