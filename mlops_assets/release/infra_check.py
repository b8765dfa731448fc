"""The infra check: whether a real server of the candidate answers as it must, within its budget.

Belongs here: the report, made of what was measured, and what it says for or against a release. Does
not belong here: starting and asking the server (``trial_server.py``, ``trial.py``), the page
(``infra_page.py``), or what else a release needs (``gate.py``).

It is a report of measurements: another run, on another machine, gives other figures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlops_assets.reporting.text import mark
from mlops_assets.serving_declaration import Budget

INFRA_CHECK = "infra_check"
FIGURES: dict[str, str] = {
    "start_seconds": mark("seconds from the start of the process until it is ready"),
    "p99_milliseconds": mark("99th percentile of the time to answer one row, milliseconds"),
    "memory_megabytes": mark("largest resident memory of the process, megabytes"),
}
"""What the budget limits, by field, in words."""
PERCENTILES = (50.0, 90.0, 99.0)
LATENCY_EDGES = tuple(0.1 * 10 ** (step / 8) for step in range(33))
"""Edges of the bins that latencies are counted in, milliseconds: eight to each power of ten."""

FigureVerdict = Literal["within", "beyond", "unknown"]


@dataclass(frozen=True)
class Asked:
    """What was asked of the server and how it answered: ``question`` is one of ``QUESTIONS``,
    ``form`` that of the tensors, ``findings`` what is wrong, in words; none where it agrees."""

    question: str
    form: str
    rows: int
    findings: tuple[str, ...]


QUESTIONS: dict[str, str] = {
    "golden": mark("golden rows, to their recorded answers within the tolerance"),
    "sample": mark("test rows, to the same file in this process to the last bit"),
    "single": mark("single rows under load, to the same file in this process"),
}
"""What is asked, in words."""


@dataclass(frozen=True)
class Measurements:
    """What a trial of a server measured. ``problem`` is why it ended early, where it did; a figure
    that was not come to is ``None``. ``latencies`` are milliseconds of every answered single-row
    request after the warm-up, ``failed`` counts those that were not answered; ``seconds`` is the
    time they took together."""

    problem: str | None
    start_seconds: float | None
    memory_megabytes: float | None
    asked: tuple[Asked, ...]
    latencies: tuple[float, ...]
    failed: int
    seconds: float
    connections: int


def infra_report(
    use_case: str, bundle: str, serves: str, measured: Measurements, budget: Budget
) -> dict[str, Any]:
    """The report on the candidate with the hash ``bundle``, as JSON-able data. ``use_case`` is its
    title, ``serves`` the file that the server answers with."""
    figures = {
        "start_seconds": measured.start_seconds,
        "p99_milliseconds": percentile(measured.latencies, 99.0),
        "memory_megabytes": measured.memory_megabytes,
    }
    report: dict[str, Any] = {
        "use_case": use_case,
        "subject": {"bundle": bundle},
        "serves": serves,
        "problem": measured.problem,
        "figures": figures,
        "limits": [
            {
                "name": name,
                "value": value,
                "limit": getattr(budget, name),
                "verdict": verdict(value, getattr(budget, name)),
            }
            for name, value in figures.items()
        ],
        "answers": [
            {
                "question": one.question,
                "form": one.form,
                "rows": one.rows,
                "agrees": not one.findings,
                "findings": list(one.findings),
            }
            for one in measured.asked
        ],
        "requests": {
            "answered": len(measured.latencies),
            "failed": measured.failed,
            "connections": measured.connections,
            "per_second": _rate(measured),
            "milliseconds": {
                f"p{share:g}": percentile(measured.latencies, share) for share in PERCENTILES
            },
        },
        "latencies": _histogram(measured.latencies),
    }
    return {**report, "holds": not infra_objections(report, bundle, budget)}


def verdict(value: object, limit: float) -> FigureVerdict:
    """What a figure comes to beside its limit; one that is no finite number is unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "unknown"
    return "within" if value <= limit else "beyond"


def infra_objections(
    report: Mapping[str, Any] | None, bundle: str | None, budget: Budget
) -> tuple[str, ...]:
    """What an infra check says against releasing the candidate ``bundle``, in words without a
    figure that another run would measure otherwise. The figures are judged again, by the present
    ``budget``; the verdict that was written down is not read."""
    if report is None:
        return ("infra_check is missing",)
    try:
        return tuple(_objections(report, bundle, budget))
    except (KeyError, TypeError, ValueError, AttributeError):
        return ("infra_check has no figures that can be read",)


def _objections(report: Mapping[str, Any], bundle: str | None, budget: Budget) -> list[str]:
    if bundle is None or report["subject"] != {"bundle": bundle}:
        return ["infra_check is about another bundle than the candidate's"]
    if report["problem"] is not None:
        return [f"infra_check: {report['problem']}"]
    against = [
        f"infra_check: a server does not answer {QUESTIONS[one['question']].partition(',')[0]} "
        f"({one['form']}) as it must"
        for one in report["answers"]
        if one["agrees"] is not True or one["findings"]
    ]
    unasked = set(QUESTIONS) - {one["question"] for one in report["answers"] if one["rows"] > 0}
    against += [
        f"infra_check: a server was not asked {words.partition(',')[0]}"
        for question, words in QUESTIONS.items()
        if question in unasked
    ]
    if report["requests"]["failed"] != 0:
        against.append("infra_check: a server under load did not answer every request")
    for name, words in FIGURES.items():
        found = verdict(report["figures"][name], getattr(budget, name))
        if found != "within":
            against.append(
                f"infra_check: {words}: {found}; serving.budget.{name} is {getattr(budget, name):g}"
            )
    return against


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of ``values`` that at least ``share`` percent of them do not exceed; ``None``
    without any."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(share / 100.0 * len(values)) - 1, 0)]


def _rate(measured: Measurements) -> float | None:
    return len(measured.latencies) / measured.seconds if measured.seconds > 0 else None


def _histogram(latencies: Sequence[float]) -> dict[str, Any]:
    """Counts between ``LATENCY_EDGES``; the last bin has what lies beyond."""
    import numpy as np

    counts = np.bincount(
        np.searchsorted(LATENCY_EDGES, np.asarray(latencies, np.float64)),
        minlength=len(LATENCY_EDGES) + 1,
    )
    return {"edges": list(LATENCY_EDGES), "counts": counts.tolist()}
