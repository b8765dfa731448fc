"""The parts of a profile's page that show the target, as they fit the task.

Belongs here: the facts and the sections about the labels of a batch and of a window's batches. Does
not belong here: their figures (``target_figures.py``), the target by feature (``sections.py``), or
looks (``reporting/``).
"""

from collections.abc import Callable
from typing import Any

from mlops_assets.data.profile.insights import percent, task_of
from mlops_assets.data.profile.sections import Report, distribution, rates_section
from mlops_assets.reporting.page import (
    Cell,
    Interval,
    IntervalPlot,
    Line,
    LinePlot,
    Plot,
    Section,
    Table,
)

LINES_DRAWN = 6
"""As many as can be told apart in grey."""
INTERVALS_DRAWN = 40

Facts = tuple[tuple[str, Cell], ...]


def label_facts(report: Report) -> Facts:
    """The target's lines among the facts of a page."""
    labels = report["labels"]
    facts: Facts = (("Target", report["target"]), ("Labelled rows", labels["labelled"]))
    match task_of(labels):
        case "binary":
            positive = ("Positive rows", labels["positives"])
            return (*facts, positive, ("Share of positives", labels["positive_share"]))
        case "multiclass":
            most = max(labels["classes"], key=lambda one: one["rows"])
            commonest = None if most["share"] is None else f"{most['class']}, {_share(most)}"
            return (*facts, ("Classes", len(labels["classes"])), ("Commonest class", commonest))
        case _:
            ends = (("Smallest", labels["minimum"]), ("Largest", labels["maximum"]))
            return (*facts, ("Median", labels["quartiles"][1]), *ends)


def target_section(report: Report) -> Section:
    """Binary: how often the target is positive by feature. Else: how it is distributed."""
    labels, target = report["labels"], report["target"]
    task = task_of(labels)
    if task == "binary":
        return rates_section(report)
    if not labels["labelled"]:
        return Section("Target", "No row has a label.")
    plot = distribution(next(one for one in report["series"] if one["name"] == target))
    if task == "regression":
        low, middle, high = (f"{cut:.6g}" for cut in labels["quartiles"])
        text = f"Half of the labels of {target} lie between {low} and {high}, their median {middle}"
        return Section("Target", f"{text}.", (plot,))
    rows = tuple(
        (one["class"], one["rows"], _share(one), f"{one['low']:.1%} to {one['high']:.1%}")
        for one in labels["classes"]
    )
    table = Table("Each class", ("Class", "Rows", "Share", "95% interval"), rows)
    return Section(
        "Target", f"Which share of the labelled rows of {target} each class has.", (plot, table)
    )


def balance_plots(report: Report) -> tuple[str, list[Plot]]:
    """The target by batch: what is shown in words, and the plots."""
    target, known = report["target"], [one for one in report["balance"] if one["labelled"]]
    match task_of(report["labels"]):
        case "binary":
            text = f"How often {target} is positive in each batch, with 95% intervals"
            return text, _binary(report, known)
        case "multiclass":
            text = f"Which share of the labelled rows each class of {target} has in each batch"
            return text, _multiclass(report, known)
        case _:
            text = f"The median of {target} in each batch, and the middle half of its labels"
            return text, _regression(report, known)


def lines_by_batch(
    alt: str, y_label: str, batches: list[str], lines: dict[str, dict[str, float | None]]
) -> LinePlot:
    """A line for each name, over the batches."""
    places = tuple(float(place) for place in range(len(batches)))
    return LinePlot(
        alt=alt,
        x_label="batch",
        y_label=y_label,
        lines=tuple(
            Line(name, places, tuple(values[batch] for batch in batches))
            for name, values in lines.items()
        ),
        categories=tuple(batches),
    )


def _share(one: Report) -> str:
    return percent(one["share"])


def _binary(report: Report, known: list[Report]) -> list[Plot]:
    target = report["target"]

    def interval(one: Report) -> Interval:
        return Interval(one["batch"], one["positive_share"], one["low"], one["high"])

    if known and len(known) <= INTERVALS_DRAWN:
        names = (f"Share of {target} by batch", f"share of {target}")
        return [_intervals(known, interval, names, report["labels"]["positive_share"])]
    shares = {one["batch"]: one["positive_share"] for one in report["balance"]}
    return _line(report, known, f"Share of {target} by batch", "share", {target: shares})


def _multiclass(report: Report, known: list[Report]) -> list[Plot]:
    commonest = sorted(report["labels"]["classes"], key=lambda one: -one["rows"])[:LINES_DRAWN]
    lines: dict[str, dict[str, float | None]] = {one["class"]: {} for one in commonest}
    for batch in report["balance"]:
        for one in batch["classes"]:
            if one["class"] in lines:
                lines[one["class"]][batch["batch"]] = one["share"]
    alt = f"Share of each class of {report['target']} by batch"
    if len(report["labels"]["classes"]) > LINES_DRAWN:
        alt += f", the {LINES_DRAWN} commonest"
    return _line(report, known, alt, "share of labelled rows", lines)


def _regression(report: Report, known: list[Report]) -> list[Plot]:
    target = report["target"]

    def interval(one: Report) -> Interval:
        low, middle, high = one["quartiles"]
        return Interval(one["batch"], middle, low, high)

    if known and len(known) <= INTERVALS_DRAWN:
        names = (f"Median and middle half of {target} by batch", target)
        return [_intervals(known, interval, names, report["labels"]["quartiles"][1])]
    medians = {one["batch"]: one["quartiles"][1] for one in report["balance"]}
    return _line(report, known, f"Median of {target} by batch", target, {target: medians})


def _intervals(
    known: list[Report], interval: Callable[[Report], Interval], names: tuple[str, str], limit: Any
) -> Plot:
    alt, x_label = names
    return IntervalPlot(
        alt=alt,
        x_label=x_label,
        intervals=tuple(interval(one) for one in known),
        limit=limit,
        limit_name="whole window",
    )


def _line(
    report: Report,
    known: list[Report],
    alt: str,
    y_label: str,
    lines: dict[str, dict[str, float | None]],
) -> list[Plot]:
    return [lines_by_batch(alt, y_label, report["batches"], lines)] if known else []
