"""A batch's performance as a page.

Belongs here: how the performance report is shown, for every task. Does not belong here: what is in
it, and when performance counts as lost (``performance.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.answers import LOSS_NAMES
from mlops_assets.evidence.metrics.groups_table import groups_table
from mlops_assets.evidence.metrics.metrics import METRIC_NOTES, METRICS
from mlops_assets.monitoring.served_page import served_section
from mlops_assets.reporting.page import (
    Cell,
    Interval,
    IntervalPlot,
    Number,
    Outcome,
    Page,
    Section,
    Table,
)
from mlops_assets.reporting.range_words import group_words
from mlops_assets.reporting.text import Text, join, mark, say

OUTCOMES: dict[bool | None, Outcome] = {True: "beyond", False: "within", None: "insufficient"}
"""By whether performance is lost."""


def performance_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of a ``performance_report``."""
    loss = say(LOSS_NAMES[report["task"]])
    return Page(
        title=say(
            "Performance on {batch}: {use_case}",
            batch=report["batch"],
            use_case=report["use_case"],
        ),
        verdict=_verdict_sentence(report),
        facts=(
            (say("Batch"), report["batch"]),
            (say("Rows"), report["rows"]),
            (say("Labelled rows"), report["labelled"]),
            (say("Champion"), report["champion"]),
            (say("Rise of the {loss}", loss=loss), report["loss_rise"]),
            (say("Rise that counts as lost"), report["max_loss_rise"]),
        ),
        sections=(
            _overall(report),
            _by_group(report),
            *served_section(report.get("served"), report["task"]),
        ),
        outcome=OUTCOMES[report["lost"]],
    )


def _verdict_sentence(report: Mapping[str, Any]) -> Text:
    loss = say(LOSS_NAMES[report["task"]])
    labelled, rise, limit = (report[k] for k in ("labelled", "loss_rise", "max_loss_rise"))
    if labelled == 0:
        return say("Unknown: the batch has no labels yet, so nothing could be measured.")
    if labelled < report["min_labelled"]:
        return say(
            "Unknown: {labelled} labelled rows are too few to judge by; it takes at least "
            "{needed}.",
            labelled=labelled,
            needed=report["min_labelled"],
        )
    if report["lost"] is None:
        return say(
            "Unknown: the champion's own {loss} is missing, so there is nothing to compare.",
            loss=loss,
        )
    moved = say(
        "{loss} {rise:+.4f} against its own test split; {limit:.4f} counts as lost",
        loss=loss,
        rise=rise,
        limit=limit,
    )
    template = mark("Performance held: {moved}.")
    if report["lost"]:
        template = mark("Performance is lost: {moved}, and the intervals do not overlap.")
    elif rise >= limit:
        template = mark(
            "Performance held as far as can be told: {moved}, but the intervals overlap."
        )
    return say(template, moved=moved)


def _overall(report: Mapping[str, Any]) -> Section:
    metrics, reference, task = report["metrics"], report["reference"], report["task"]
    loss = say(LOSS_NAMES[task])
    rows: list[tuple[Cell, ...]] = [
        (say(words), *_cells(metrics[name]), *_cells(reference[name]))
        for name, words in METRICS[task].items()
    ]
    headings = (
        say("Metric"),
        say("Batch"),
        say("Lower bound"),
        say("Upper bound"),
        say("Own test split"),
        say("Lower bound"),
        say("Upper bound"),
    )
    plot = IntervalPlot(
        say("{loss} on the batch and on the champion's own test split", loss=loss),
        say("{loss}; the batch's lower bound should not lie beyond the limit", loss=loss),
        (
            Interval(say("batch"), *_cells(metrics["loss"])),
            Interval(say("own test split"), *_cells(reference["loss"])),
        ),
        limit=reference["loss"].get("high"),
    )
    text = (
        say("Low and high bound the 95% bootstrap interval."),
        say(METRIC_NOTES[task]),
        say(
            "Performance is lost where the batch's {loss} rose by at least {limit:.4g} and its "
            "lower bound lies above the upper bound of the test split.",
            loss=loss,
            limit=report["max_loss_rise"],
        ),
    )
    caption = say("The batch beside the champion's own test split")
    return Section(
        say("All labelled rows"), join(text), (plot, Table(caption, headings, tuple(rows)))
    )


def _cells(estimate: Mapping[str, Number]) -> tuple[Number, Number, Number]:
    return estimate.get("value"), estimate.get("low"), estimate.get("high")


def _by_group(report: Mapping[str, Any]) -> Section:
    title, groups = say("By group"), report["groups"]
    if not groups:
        return Section(title, say("No slice is declared and no column is sensitive."))
    loss = say(LOSS_NAMES[report["task"]])
    measured = [group for group in groups if group["verdict"] == "measured"]
    plot = IntervalPlot(
        say("{loss} of each group with its 95% interval", loss=loss),
        loss,
        tuple(Interval(group_words(g["name"]), **g["metrics"]["loss"]) for g in measured),
    )
    table = groups_table(groups, report["task"])
    return Section(
        title,
        say("A group that is too small or of one class is insufficient evidence, never good news."),
        (plot, table) if measured else (table,),
    )
