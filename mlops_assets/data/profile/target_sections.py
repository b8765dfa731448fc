"""The parts of a profile's page that show the target, as they fit the task.

Belongs here: the facts and the sections about the labels of a batch and of a window's batches. Does
not belong here: their figures (``target_figures.py``), the target by feature (``sections.py``), or
looks (``reporting/``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops_assets.data.profile.insights import task_of
from mlops_assets.data.profile.profile_words import percent
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
    Words,
)
from mlops_assets.reporting.text import Text, join, mark, say

LINES_DRAWN = 6
"""As many as can be told apart in grey."""
INTERVALS_DRAWN = 40

Facts = tuple[tuple[Words, Cell], ...]
Lines = Sequence[tuple[Words, Mapping[str, float | None]]]
"""Names, and the value of each by batch."""


def label_facts(report: Report) -> Facts:
    """The target's lines among the facts of a page."""
    labels = report["labels"]
    facts: Facts = ((say("Target"), report["target"]), (say("Labelled rows"), labels["labelled"]))
    match task_of(labels):
        case "binary":
            positive = (say("Positive rows"), labels["positives"])
            return (*facts, positive, (say("Share of positives"), labels["positive_share"]))
        case "multiclass":
            most = max(labels["classes"], key=lambda one: one["rows"])
            commonest = None
            if most["share"] is not None:
                commonest = join((most["class"], percent(most["share"])), ", ")
            classes = (say("Classes"), len(labels["classes"]))
            return (*facts, classes, (say("Commonest class"), commonest))
        case _:
            ends = ((say("Smallest"), labels["minimum"]), (say("Largest"), labels["maximum"]))
            return (*facts, (say("Median"), labels["quartiles"][1]), *ends)


def target_section(report: Report) -> Section:
    """Binary: how often the target is positive by feature. Else: how it is distributed."""
    labels, target = report["labels"], report["target"]
    task = task_of(labels)
    if task == "binary":
        return rates_section(report)
    if not labels["labelled"]:
        return Section(say("Target"), say("No row has a label."))
    plot = distribution(next(one for one in report["series"] if one["name"] == target))
    if task == "regression":
        low, middle, high = labels["quartiles"]
        text = say(
            "Half of the labels of {target} lie between {low:.6g} and {high:.6g}, their median "
            "{middle:.6g}.",
            target=target,
            low=low,
            middle=middle,
            high=high,
        )
        return Section(say("Target"), text, (plot,))
    text = say("Which share of the labelled rows of {target} each class has.", target=target)
    return Section(say("Target"), text, (plot, _classes(labels)))


def _classes(labels: Report) -> Table:
    rows = tuple(
        (
            one["class"],
            one["rows"],
            percent(one["share"]),
            say("{low:.1%} to {high:.1%}", low=one["low"], high=one["high"]),
        )
        for one in labels["classes"]
    )
    headings = (say("Class"), say("Rows"), say("Share"), say("95% interval"))
    return Table(say("Each class"), headings, rows)


def balance_plots(report: Report) -> tuple[Text, list[Plot]]:
    """The target by batch: what is shown in words, and the plots."""
    target, known = report["target"], [one for one in report["balance"] if one["labelled"]]
    match task_of(report["labels"]):
        case "binary":
            template = mark("How often {target} is positive in each batch, with 95% intervals.")
            return say(template, target=target), _binary(report, known)
        case "multiclass":
            template = mark(
                "Which share of the labelled rows each class of {target} has in each batch."
            )
            return say(template, target=target), _multiclass(report, known)
        case _:
            template = mark(
                "The median of {target} in each batch, and the middle half of its labels."
            )
            return say(template, target=target), _regression(report, known)


def lines_by_batch(alt: Words, y_label: Words, batches: list[str], lines: Lines) -> LinePlot:
    """A line for each name, over the batches."""
    places = tuple(float(place) for place in range(len(batches)))
    return LinePlot(
        alt=alt,
        x_label=say("batch"),
        y_label=y_label,
        lines=tuple(
            Line(name, places, tuple(values[batch] for batch in batches)) for name, values in lines
        ),
        categories=tuple(batches),
    )


def _binary(report: Report, known: list[Report]) -> list[Plot]:
    target = report["target"]

    def interval(one: Report) -> Interval:
        return Interval(one["batch"], one["positive_share"], one["low"], one["high"])

    by_batch = say("Share of {target} by batch", target=target)
    if known and len(known) <= INTERVALS_DRAWN:
        names = (by_batch, say("share of {target}", target=target))
        return [_intervals(known, interval, names, report["labels"]["positive_share"])]
    shares = {one["batch"]: one["positive_share"] for one in report["balance"]}
    return _line(report, known, by_batch, say("share"), [(target, shares)])


def _multiclass(report: Report, known: list[Report]) -> list[Plot]:
    commonest = sorted(report["labels"]["classes"], key=lambda one: -one["rows"])[:LINES_DRAWN]
    lines: dict[str, dict[str, float | None]] = {one["class"]: {} for one in commonest}
    for batch in report["balance"]:
        for one in batch["classes"]:
            if one["class"] in lines:
                lines[one["class"]][batch["batch"]] = one["share"]
    template = mark("Share of each class of {target} by batch")
    if len(report["labels"]["classes"]) > LINES_DRAWN:
        template = mark("Share of each class of {target} by batch, the {count} commonest")
    alt = say(template, target=report["target"], count=LINES_DRAWN)
    return _line(report, known, alt, say("share of labelled rows"), list(lines.items()))


def _regression(report: Report, known: list[Report]) -> list[Plot]:
    target = report["target"]

    def interval(one: Report) -> Interval:
        low, middle, high = one["quartiles"]
        return Interval(one["batch"], middle, low, high)

    if known and len(known) <= INTERVALS_DRAWN:
        names = (say("Median and middle half of {target} by batch", target=target), target)
        return [_intervals(known, interval, names, report["labels"]["quartiles"][1])]
    medians = {one["batch"]: one["quartiles"][1] for one in report["balance"]}
    alt = say("Median of {target} by batch", target=target)
    return _line(report, known, alt, target, [(target, medians)])


def _intervals(
    known: list[Report],
    interval: Callable[[Report], Interval],
    names: tuple[Words, Words],
    limit: Any,
) -> Plot:
    alt, x_label = names
    return IntervalPlot(
        alt=alt,
        x_label=x_label,
        intervals=tuple(interval(one) for one in known),
        limit=limit,
        limit_name=say("whole window"),
    )


def _line(
    report: Report,
    known: list[Report],
    alt: Words,
    y_label: Words,
    lines: Lines,
) -> list[Plot]:
    return [lines_by_batch(alt, y_label, report["batches"], lines)] if known else []
