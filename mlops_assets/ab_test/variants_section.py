"""The two variants of a test side by side.

Belongs here: what each was asked, its metrics and its speed. Does not belong here: which is better,
and the rest of the page (``report_page.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.ab_test.joining import SAMPLE_ROWS
from mlops_assets.ab_test.report import VARIANTS
from mlops_assets.answers import LOSS_NAMES
from mlops_assets.evidence.metrics.metrics import METRIC_NOTES, METRICS
from mlops_assets.reporting.page import Cell, Interval, IntervalPlot, Section, Table
from mlops_assets.reporting.text import Text, join, mark, say

VARIANT_NAMES: dict[str, Text] = {"champion": say("champion"), "challenger": say("challenger")}


def variants_section(report: Mapping[str, Any]) -> Section:
    """Counts, metrics and latencies of both variants."""
    found, task = [report["variants"][name] for name in VARIANTS], report["task"]
    names = [VARIANT_NAMES[name] for name in VARIANTS]
    counts: list[tuple[Cell, ...]] = [
        (say(words), *(variant[field] for variant in found)) for field, words in COUNTS.items()
    ]
    counts.insert(0, (say("entities that count"), *report["counted"]))
    counts += [
        (
            say("latency, {quantile} (ms)", quantile=quantile),
            *(v["latency_ms"][quantile] for v in found),
        )
        for quantile in found[0]["latency_ms"]
    ]
    metrics: list[tuple[Cell, ...]] = [
        (say(words), *(cell for v in found for cell in _estimate(v["metrics"].get(name, {}))))
        for name, words in METRICS[task].items()
    ]
    bounds = (say("Lower bound"), say("Upper bound"))
    columns = (say("Metric"), names[0], *bounds, names[1], *bounds)
    measured = say(
        "Metrics of the labelled rows of each, the first {rows:,} at most", rows=SAMPLE_ROWS
    )
    loss = say(LOSS_NAMES[task])
    plot = IntervalPlot(
        say("{loss} of each variant with its 95% interval", loss=loss),
        loss,
        tuple(
            Interval(name, *_estimate(v["metrics"].get("loss", {})))
            for name, v in zip(names, found, strict=True)
        ),
    )
    text = (
        say(METRIC_NOTES[task]),
        say(
            "These bounds are of one look, at 95%, and rows are taken as independent: whether the "
            "variants differ is answered above, and not by them."
        ),
    )
    asked = Table(say("What each variant was asked"), (say("Quantity"), *names), tuple(counts))
    if not any(v["metrics"] for v in found):
        return Section(say("Variants"), join(text), (asked,))
    tables = asked, Table(measured, columns, tuple(metrics))
    blocks = (*tables, plot) if all(v["metrics"] for v in found) else tables
    return Section(say("Variants"), join(text), blocks)


COUNTS: dict[str, str] = {
    "rows": mark("rows answered in the test"),
    "joined": mark("of them found among the cleaned rows"),
    "labelled": mark("of them with a label"),
    "without_id": mark("rows without an id, which nothing can be joined to"),
    "repeated": mark("further answers to the same row, which do not count"),
    "outside_test": mark("answers while a change of the share was settling"),
    "loss": mark("mean loss of all labelled rows"),
    "outside_envelope": mark("share of rows outside the input envelope"),
}


def _estimate(estimate: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return estimate.get("value"), estimate.get("low"), estimate.get("high")
