"""The report of a test: what the challenger's losses are against the champion's, as data.

Belongs here: putting the comparison together. Does not belong here: its parts (``units.py``,
``confidence_sequence.py``, ``guards.py``), what is read for it (``gathering.py``), or the page
(``report_page.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlops_assets.ab_test.answered import Answered
from mlops_assets.ab_test.confidence_sequence import Sequence as Intervals
from mlops_assets.ab_test.confidence_sequence import confidence_sequence
from mlops_assets.ab_test.experiments import Experiment
from mlops_assets.ab_test.guards import Guard, outside_share
from mlops_assets.ab_test.joining import Comparison, Sample
from mlops_assets.ab_test.units import Units, contributions, first_conclusive, looks_at
from mlops_assets.ab_test.verdict import verdict_of
from mlops_assets.answers import Labels
from mlops_assets.evidence.metrics.metrics import evaluate
from mlops_assets.reporting.page import Number
from mlops_assets.serving.traffic_plan import Mode

POINTS = 80
"""Of the sequence that is kept: what a plot shows."""
VARIANTS = ("champion", "challenger")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Sources:
    """What was compared: content hashes by artifact, the batches of labels in the order in which
    they came in, and of the log's rows those known to be lost."""

    hashes: Mapping[str, str]
    batches: Sequence[str]
    logged_rows: int
    lost_rows: int | None


def no_report(use_case: str, why: str, experiment: str | None = None) -> dict[str, Any]:
    """The report where nothing can be compared, and ``why``: no test, or no id of rows."""
    return {"use_case": use_case, "experiment": experiment, "verdict": "undecided", "why": why}


def ab_report(
    experiment: Experiment,
    comparison: Comparison,
    units: Units,
    guards: Sequence[Guard],
    sources: Sources,
    *,
    use_case: str,
    seed: int,
) -> dict[str, Any]:
    """The report as JSON-able data. ``units`` are those of ``comparison``, in the order in which
    they became known; ``use_case`` is a title.

    The difference is the challenger's mean loss (``answers.row_losses``, first over an entity's
    rows) less the champion's; ``low`` and ``high`` bound it at the plan's confidence, at this look
    and all earlier ones together. The test is planned and judged by the plan made at its start.
    """
    plan = experiment.plan
    first = first_conclusive(units, experiment.mode, plan.burn_in, plan.min_labelled)
    found = confidence_sequence(
        contributions(units, experiment.mode, plan.losses.expected),
        looks_at(len(units)),
        plan.mixture,
        first,
    )
    points = _points(found, units)
    last = points[-1] if points else {"value": None, "low": None, "high": None}
    difference = {bound: last[bound] for bound in ("value", "low", "high")}
    both = comparison.champion, comparison.challenger
    return {
        "use_case": use_case,
        "task": comparison.target.task,
        "experiment": experiment.id,
        "challenger": experiment.challenger,
        "champion": experiment.champion,
        "mode": experiment.mode,
        "started": experiment.started,
        "started_by": experiment.by,
        "running": experiment.is_running,
        "periods": [asdict(period) for period in experiment.periods],
        "plan": plan.to_dict(),
        "planned_rows": plan.rows,
        "labelled": int(units.rows.sum()),
        "entities": len(units),
        "minimum_effect": plan.minimum_effect,
        "confidence": plan.confidence,
        "difference": difference,
        "contradicts_itself": _contradicts(found),
        "verdict": verdict_of(
            _finite(last["low"], -1), _finite(last["high"], 1), plan.minimum_effect
        ),
        "sequence": points,
        "variants": {
            name: _variant(log, sample, comparison, seed)
            for name, log, sample in zip(VARIANTS, both, comparison.samples, strict=True)
        },
        "counted": _counted(units, experiment.mode),
        "guards": [guard.to_dict() for guard in guards],
        "compared_on": dict(sorted(sources.hashes.items())),
        "batches": list(sources.batches),
        "lost_rows": sources.lost_rows,
    }


def _points(found: Intervals, units: Units) -> list[dict[str, Any]]:
    """The sequence as it is kept: evenly over the looks, the last one among them."""
    rows = np.cumsum(units.rows)
    looks = len(found.counts)
    chosen = np.unique(np.linspace(0, looks - 1, min(POINTS, looks)).round().astype(np.int64))
    return [
        {
            "entities": int(found.counts[look]),
            "rows": int(rows[found.counts[look] - 1]),
            "value": float(found.means[look]),
            "low": _or_none(found.low[look]),
            "high": _or_none(found.high[look]),
        }
        for look in chosen.tolist()
    ]


def _counted(units: Units, mode: Mode) -> list[int]:
    """Entities that count for champion and challenger: of a shadow, each counts for both."""
    by_challenger = int(units.by_challenger.sum())
    return [len(units)] * 2 if mode == "shadow" else [len(units) - by_challenger, by_challenger]


def _contradicts(found: Intervals) -> bool:
    """Whether no difference is in the intervals of all looks: then it changed during the test."""
    return bool(len(found.low) and found.low[-1] > found.high[-1])


def _variant(log: Answered, sample: Sample, comparison: Comparison, seed: int) -> dict[str, Any]:
    """What is known of one variant: counts, metrics of its first labelled rows, speed."""
    metrics: dict[str, Any] = {}
    if sample.kept:
        labels: Labels = np.concatenate(sample.labels)  # type: ignore[assignment]
        found = evaluate(
            comparison.target.task,
            labels,
            np.concatenate(sample.answers),
            seed=seed,
            variance=comparison.variance,
        )
        metrics = {name: estimate.to_dict() for name, estimate in found.items()}
    return {
        "rows": len(log),
        "joined": int(log.joined.sum()),
        "labelled": sample.labelled,
        "without_id": log.without_id,
        "repeated": log.repeated,
        "outside_test": log.outside_test,
        "loss": sample.loss / sample.labelled if sample.labelled else None,
        "measured_rows": sample.kept,
        "metrics": metrics,
        "latency_ms": _latency(log),
        "outside_envelope": outside_share(log),
    }


def _latency(log: Answered) -> dict[str, Number]:
    known = log.latencies[np.isfinite(log.latencies)]
    if not len(known):
        return dict.fromkeys(QUANTILES)
    found = np.quantile(known, list(QUANTILES.values())).tolist()
    return dict(zip(QUANTILES, found, strict=True))


def _or_none(value: float) -> Number:
    return float(value) if np.isfinite(value) else None


def _finite(value: Number, sign: int) -> float:
    return sign * np.inf if value is None else value
