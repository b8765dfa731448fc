"""The story of a use case in a table: what each batch showed and what followed from it.

Belongs here: composing the rows from reports and ledger, and printing them. Does not belong here:
reading either from disk (``cli.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.evidence.metrics.metrics import HEADLINES, METRICS
from mlops_assets.governance.ledger import Entry, latest_decision
from mlops_assets.monitoring.retraining import judge
from mlops_assets.policy_declaration import Monitoring
from mlops_assets.target_declaration import Task

Report = Mapping[str, Any]


def summarise(
    reports: Mapping[str, tuple[Report | None, Report | None]],
    entries: Sequence[Entry],
    monitoring: Monitoring,
    task: Task,
) -> list[dict[str, Any]]:
    """One record a watched batch, oldest first. ``reports`` maps each batch to its drift and its
    performance report; a figure that is unknown is ``None``. The two metrics are the task's
    ``HEADLINES``, by name."""
    return [
        _record(batch, drift, performance, entries, monitoring, task)
        for batch, (drift, performance) in sorted(reports.items())
    ]


def _record(
    batch: str,
    drift: Report | None,
    performance: Report | None,
    entries: Sequence[Entry],
    monitoring: Monitoring,
    task: Task,
) -> dict[str, Any]:
    decision = latest_decision([entry for entry in entries if entry.batch == batch])
    verdict = judge(drift, performance, monitoring)
    metrics = performance["metrics"] if performance else {}
    return {
        "batch": batch,
        "rows": performance["rows"] if performance else None,
        "labelled": performance["labelled"] if performance else None,
        "champion": (performance or drift or {}).get("champion"),
        **{name: metrics.get(name, {}).get("value") for name in HEADLINES[task]},
        "drifted": drift["drifted"] if drift else None,
        "drift_features": drift["drift_features"] if drift else None,
        "retrained": decision is not None,
        "retrain_cause": verdict.why if decision else None,
        "promoted": decision is not None and decision.release is not None,
        "reason": "; ".join(decision.reasons) if decision else verdict.why,
    }


def print_table(records: Sequence[Mapping[str, Any]], task: Task) -> str:
    """The records as a plain text table."""
    shown = HEADLINES[task]
    heads = (
        "batch",
        "rows",
        "drift",
        "strongest features",
        *(METRICS[task][name] for name in shown),
        "retrained",
        "promoted",
    )
    lines = [
        (
            r["batch"],
            _text(r["rows"], ",d"),
            {True: "yes", False: "no", None: "MISSING"}[r["drifted"]],
            ", ".join((r["drift_features"] or [])[:3]) or "-",
            *(_text(r[name], ".4f") for name in shown),
            "yes" if r["retrained"] else "no",
            "yes" if r["promoted"] else "no",
        )
        for r in records
    ]
    widths = [max(len(line[i]) for line in (heads, *lines)) for i in range(len(heads))]
    table = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in (heads, *lines)
    ]
    why = [f"{r['batch']}: {_why(r)}" for r in records]
    return "\n".join([*table, "", "Why", *why])


def _why(record: Mapping[str, Any]) -> str:
    if not record["retrained"]:
        return f"not retrained: {record['reason']}"
    outcome = "promoted" if record["promoted"] else "not promoted"
    return f"retrained for {record['retrain_cause']}; {outcome}: {record['reason']}"


def _text(value: float | None, form: str) -> str:
    return "MISSING" if value is None else format(value, form)
