"""How well the champion predicted a batch, once its labels are there.

Belongs here: the champion's metrics on the batch beside those of its own test split, the verdict
whether performance is lost, the report and its page. Does not belong here: how a metric is computed
(``evidence/metrics.py``), or what lost performance leads to (``retraining.py``).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.metrics import METRIC_NAMES, METRICS, MIN_ROWS, by_group, evaluate
from mlops_assets.reporting.page import Cell, Interval, IntervalPlot, Number, Page, Section, Table
from mlops_assets.use_case import Retraining

GROUP_METRICS = ("roc_auc", "log_loss", "recall")

Metrics = Mapping[str, Mapping[str, Number]]


def performance_report(
    labels: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    groups: Mapping[str, NDArray[np.bool_]],
    *,
    use_case: str,
    batch: str,
    champion: str,
    rows: int,
    reference: Metrics,
    retraining: Retraining,
    seed: int,
) -> dict[str, Any]:
    """The report as JSON-able data.

    ``labels`` (0 or 1), the champion's ``probabilities`` and the masks of ``groups`` are those of
    the batch's labelled rows ``[n]``; ``rows`` counts the others too. ``reference`` are the
    champion's metrics on its own test split: value, low and high by name. ``champion`` is the
    release's hash, ``use_case`` its title.

    ``lost`` is ``True`` where the log loss rose by at least ``max_log_loss_rise`` over the
    reference and the lower bound of its interval lies above the upper bound of the reference's;
    ``None`` where that is unknown: no reference, or fewer than 50 labelled rows.

    Raises ``ValueError`` as ``evaluate`` does.
    """
    metrics = {
        name: estimate.to_dict()
        for name, estimate in evaluate(labels, probabilities, seed=seed).items()
    }
    before = reference.get("log_loss", {})
    lost = None
    if len(labels) >= MIN_ROWS:
        lost = _is_lost(metrics["log_loss"], before, retraining.max_log_loss_rise)
    return {
        "use_case": use_case,
        "batch": batch,
        "champion": champion,
        "rows": rows,
        "labelled": len(labels),
        "metrics": metrics,
        "reference": {name: dict(reference.get(name, {})) for name in METRICS},
        "groups": [group.to_dict() for group in by_group(labels, probabilities, groups, seed=seed)],
        "log_loss_rise": _rise(metrics["log_loss"], before),
        "max_log_loss_rise": retraining.max_log_loss_rise,
        "min_labelled": MIN_ROWS,
        "lost": lost,
    }


def performance_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of a ``performance_report``."""
    return Page(
        title=f"Performance on {report['batch']}: {report['use_case']}",
        verdict=_verdict_sentence(report),
        facts=(
            ("Batch", report["batch"]),
            ("Rows", report["rows"]),
            ("Labelled rows", report["labelled"]),
            ("Champion", report["champion"]),
            ("Rise of the log loss", report["log_loss_rise"]),
            ("Rise that counts as lost", report["max_log_loss_rise"]),
        ),
        sections=(_overall(report), _by_group(report)),
    )


def _rise(now: Mapping[str, Number], before: Mapping[str, Number]) -> Number:
    value, reference = now.get("value"), before.get("value")
    return None if value is None or reference is None else value - reference


def _is_lost(
    now: Mapping[str, Number], before: Mapping[str, Number], max_rise: float
) -> bool | None:
    rise, low, high = _rise(now, before), now.get("low"), before.get("high")
    if rise is None or low is None or high is None:
        return None
    return low > high and rise >= max_rise


def _verdict_sentence(report: Mapping[str, Any]) -> str:
    labelled, rise, limit = (report[k] for k in ("labelled", "log_loss_rise", "max_log_loss_rise"))
    if labelled == 0:
        return "Unknown: the batch has no labels yet, so nothing could be measured."
    if labelled < report["min_labelled"]:
        return (
            f"Unknown: {labelled} labelled rows are too few to judge by; it takes at least "
            f"{report['min_labelled']}."
        )
    if report["lost"] is None:
        return "Unknown: the champion's own log loss is missing, so there is nothing to compare."
    moved = f"log loss {rise:+.4f} against its own test split; {limit:.4f} counts as lost"
    if report["lost"]:
        return f"Performance is lost: {moved}, and the intervals do not overlap."
    if rise >= limit:
        return f"Performance held as far as can be told: {moved}, but the intervals overlap."
    return f"Performance held: {moved}."


def _overall(report: Mapping[str, Any]) -> Section:
    metrics, reference = report["metrics"], report["reference"]
    rows: list[tuple[Cell, ...]] = [
        (METRIC_NAMES[name], *_cells(metrics[name]), *_cells(reference[name])) for name in METRICS
    ]
    headings = ("Metric", "Batch", "low", "high", "Own test split", "low", "high")
    plot = IntervalPlot(
        "Log loss on the batch and on the champion's own test split",
        "log loss; the batch's lower bound should not lie beyond the limit",
        (
            Interval("batch", *_cells(metrics["log_loss"])),
            Interval("own test split", *_cells(reference["log_loss"])),
        ),
        limit=reference["log_loss"].get("high"),
    )
    return Section(
        "All labelled rows",
        "Low and high bound the 95% bootstrap interval; precision, recall and F1 are of decisions "
        "at probability 0.5. Performance is lost where the batch's log loss rose by at least "
        f"{report['max_log_loss_rise']:.4g} and its lower bound lies above the upper bound of the "
        "test split.",
        (plot, Table("The batch beside the champion's own test split", headings, tuple(rows))),
    )


def _cells(estimate: Mapping[str, Number]) -> tuple[Number, Number, Number]:
    return estimate.get("value"), estimate.get("low"), estimate.get("high")


def _by_group(report: Mapping[str, Any]) -> Section:
    groups = report["groups"]
    if not groups:
        return Section("By group", "No slice is declared and no column is sensitive.")
    measured = [group for group in groups if group["verdict"] == "measured"]
    plot = IntervalPlot(
        "Log loss of each group with its 95% interval",
        "log loss",
        tuple(Interval(g["name"], **g["metrics"]["log_loss"]) for g in measured),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            g["name"],
            g["rows"],
            g["positives"],
            g["verdict"],
            *(g["metrics"][name]["value"] for name in GROUP_METRICS),
        )
        for g in groups
    ]
    headings = (
        "Group",
        "Rows",
        "Positives",
        "Evidence",
        *(METRIC_NAMES[name] for name in GROUP_METRICS),
    )
    table = Table("Each group on its own", headings, tuple(rows))
    return Section(
        "By group",
        "A group that is too small or of one class is insufficient evidence, never good news.",
        (plot, table) if measured else (table,),
    )
