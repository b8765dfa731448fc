"""A batch's performance as a page.

Belongs here: how the performance report is shown, for every task. Does not belong here: what is in
it, and when performance counts as lost (``performance.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.answers import LOSS_NAMES
from mlops_assets.evidence.groups_table import groups_table
from mlops_assets.evidence.metrics import METRIC_NOTES, METRICS
from mlops_assets.reporting.page import Cell, Interval, IntervalPlot, Number, Page, Section, Table


def performance_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of a ``performance_report``."""
    loss = LOSS_NAMES[report["task"]]
    return Page(
        title=f"Performance on {report['batch']}: {report['use_case']}",
        verdict=_verdict_sentence(report),
        facts=(
            ("Batch", report["batch"]),
            ("Rows", report["rows"]),
            ("Labelled rows", report["labelled"]),
            ("Champion", report["champion"]),
            (f"Rise of the {loss}", report["loss_rise"]),
            ("Rise that counts as lost", report["max_loss_rise"]),
        ),
        sections=(_overall(report), _by_group(report)),
    )


def _verdict_sentence(report: Mapping[str, Any]) -> str:
    loss = LOSS_NAMES[report["task"]]
    labelled, rise, limit = (report[k] for k in ("labelled", "loss_rise", "max_loss_rise"))
    if labelled == 0:
        return "Unknown: the batch has no labels yet, so nothing could be measured."
    if labelled < report["min_labelled"]:
        return (
            f"Unknown: {labelled} labelled rows are too few to judge by; it takes at least "
            f"{report['min_labelled']}."
        )
    if report["lost"] is None:
        return f"Unknown: the champion's own {loss} is missing, so there is nothing to compare."
    moved = f"{loss} {rise:+.4f} against its own test split; {limit:.4f} counts as lost"
    if report["lost"]:
        return f"Performance is lost: {moved}, and the intervals do not overlap."
    if rise >= limit:
        return f"Performance held as far as can be told: {moved}, but the intervals overlap."
    return f"Performance held: {moved}."


def _overall(report: Mapping[str, Any]) -> Section:
    metrics, reference, task = report["metrics"], report["reference"], report["task"]
    loss = LOSS_NAMES[task]
    rows: list[tuple[Cell, ...]] = [
        (words, *_cells(metrics[name]), *_cells(reference[name]))
        for name, words in METRICS[task].items()
    ]
    headings = ("Metric", "Batch", "low", "high", "Own test split", "low", "high")
    plot = IntervalPlot(
        f"{loss} on the batch and on the champion's own test split",
        f"{loss}; the batch's lower bound should not lie beyond the limit",
        (
            Interval("batch", *_cells(metrics["loss"])),
            Interval("own test split", *_cells(reference["loss"])),
        ),
        limit=reference["loss"].get("high"),
    )
    return Section(
        "All labelled rows",
        f"Low and high bound the 95% bootstrap interval. {METRIC_NOTES[task]} Performance is lost "
        f"where the batch's {loss} rose by at least {report['max_loss_rise']:.4g} and its lower "
        "bound lies above the upper bound of the test split.",
        (plot, Table("The batch beside the champion's own test split", headings, tuple(rows))),
    )


def _cells(estimate: Mapping[str, Number]) -> tuple[Number, Number, Number]:
    return estimate.get("value"), estimate.get("low"), estimate.get("high")


def _by_group(report: Mapping[str, Any]) -> Section:
    groups = report["groups"]
    if not groups:
        return Section("By group", "No slice is declared and no column is sensitive.")
    loss = LOSS_NAMES[report["task"]]
    measured = [group for group in groups if group["verdict"] == "measured"]
    plot = IntervalPlot(
        f"{loss} of each group with its 95% interval",
        loss,
        tuple(Interval(g["name"], **g["metrics"]["loss"]) for g in measured),
    )
    table = groups_table(groups, report["task"])
    return Section(
        "By group",
        "A group that is too small or of one class is insufficient evidence, never good news.",
        (plot, table) if measured else (table,),
    )
