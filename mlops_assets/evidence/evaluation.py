"""The evaluation: what a model and its derived forms can do on rows they have not seen.

Belongs here: the composition of the evaluation report and its page. Does not belong here: the
metrics themselves (``metrics.py``) or whether they are good enough (``release/gate.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.evidence.groups import row_groups
from mlops_assets.evidence.metrics import (
    METRIC_NAMES,
    METRICS,
    by_group,
    evaluate,
    paired_difference,
)
from mlops_assets.reporting.page import (
    Cell,
    Interval,
    IntervalPlot,
    Line,
    LinePlot,
    Page,
    Section,
    Table,
)
from mlops_assets.use_case import UseCase

Probabilities = NDArray[np.float64]
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class ChampionAnswers:
    """The champion's probabilities on the test rows, and which release gave them."""

    release: str
    last_batch: str
    probabilities: Probabilities


def evaluation_report(
    test: pd.DataFrame,
    forms: Mapping[str, Probabilities | None],
    champion: ChampionAnswers | None,
    subject: Mapping[str, str],
    use_case: UseCase,
) -> dict[str, Any]:
    """Everything measured on the test rows.

    ``test`` are the rows of the test split; ``forms`` the probabilities ``[n]`` of ``model``,
    ``onnx`` and ``quantized`` (``None`` for a form that does not exist); ``subject`` the hashes of
    the artifacts this is about.
    """
    seed = use_case.training.seed
    labels = test[use_case.target.column].to_numpy(np.int64)
    released = forms["onnx"]
    if released is None:
        raise ValueError("the ONNX form must be there to be evaluated")
    return {
        "use_case": use_case.title,
        "subject": dict(subject),
        "rows": len(test),
        "positives": int(labels.sum()),
        "last_batch": str(test["batch"].max()),
        "forms": {
            name: None if answers is None else _metrics(labels, answers, seed)
            for name, answers in forms.items()
        },
        "groups": [
            group.to_dict()
            for group in by_group(labels, released, row_groups(test, use_case), seed=seed)
        ],
        "calibration": _calibration_curve(labels, released),
        "champion": _against_champion(labels, released, champion, use_case),
    }


def _metrics(labels: NDArray[np.int64], answers: Probabilities, seed: int) -> dict[str, Any]:
    return {name: e.to_dict() for name, e in evaluate(labels, answers, seed=seed).items()}


def _against_champion(
    labels: NDArray[np.int64],
    challenger: Probabilities,
    champion: ChampionAnswers | None,
    use_case: UseCase,
) -> dict[str, Any] | None:
    if champion is None:
        return None
    seed = use_case.training.seed
    difference = paired_difference(
        labels,
        champion.probabilities,
        challenger,
        seed=seed,
        confidence=use_case.promotion.confidence,
    )
    return {
        "release": champion.release,
        "last_batch": champion.last_batch,
        "metrics": _metrics(labels, champion.probabilities, seed),
        "difference": difference.to_dict(),
    }


def _calibration_curve(labels: NDArray[np.int64], answers: Probabilities) -> list[dict[str, Any]]:
    """Predicted and observed share of positives in ten bins of equal count."""
    order = np.argsort(answers, kind="stable")
    return [
        {
            "rows": len(part),
            "predicted": float(answers[part].mean()),
            "observed": float(labels[part].mean()),
        }
        for part in np.array_split(order, CALIBRATION_BINS)
        if len(part)
    ]


def evaluation_page(report: dict[str, Any]) -> Page:
    """The evaluation as a page: a verdict in words, forms side by side, groups, champion."""
    onnx = report["forms"]["onnx"]
    auc = onnx["roc_auc"]
    return Page(
        title=f"Evaluation: {report['use_case']}",
        verdict=_verdict(report, auc),
        facts=(
            ("Test rows", report["rows"]),
            ("Positive rows", report["positives"]),
            ("Newest batch", report["last_batch"]),
            *((f"Hash of {name}", value) for name, value in report["subject"].items()),
        ),
        sections=(
            _forms_section(report),
            _champion_section(report),
            _calibration_section(report),
            _groups_section(report),
        ),
    )


def _verdict(report: dict[str, Any], auc: dict[str, Any]) -> str:
    if auc["value"] is None:
        return "The ROC AUC could not be computed: the test rows hold one class only."
    said = f"ROC AUC {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}) on unseen rows."
    champion = report["champion"]
    if champion is None:
        return f"{said} There was no champion to compare with."
    gain = champion["difference"]
    if gain["log_loss_low"] is None:
        return f"{said} The difference to the champion could not be computed."
    better = "better than" if gain["log_loss_low"] > 0 else "not shown to be better than"
    return (
        f"{said} It is {better} the champion: log loss gain {gain['log_loss']:+.4f}, at least "
        f"{gain['log_loss_low']:+.4f} at {gain['confidence']:.0%} confidence."
    )


def _forms_section(report: dict[str, Any]) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in report["forms"].items():
        if metrics is None:
            rows.append((name, *("not made" for _ in METRICS)))
        else:
            rows.append((name, *(_with_interval(metrics[m]) for m in METRICS)))
    headings = ("Form", *(METRIC_NAMES[m] for m in METRICS))
    return Section(
        "The model and its forms",
        "All forms answered the same test rows. Brackets hold 95% bootstrap intervals; precision, "
        "recall and F1 are of decisions at probability 0.5.",
        (Table("Metrics of each form", headings, tuple(rows)),),
    )


def _with_interval(estimate: dict[str, Any]) -> Cell:
    if estimate["value"] is None:
        return None
    return f"{estimate['value']:.4f} [{estimate['low']:.4f}, {estimate['high']:.4f}]"


def _champion_section(report: dict[str, Any]) -> Section:
    champion = report["champion"]
    if champion is None:
        return Section("Against the champion", "There was no champion when this was measured.")
    rows = tuple(
        (METRIC_NAMES[m], _with_interval(champion["metrics"][m]), _with_interval(ours[m]))
        for ours in (report["forms"]["onnx"],)
        for m in METRICS
    )
    return Section(
        "Against the champion",
        f"Release {champion['release']}, trained up to {champion['last_batch']}, answered the "
        "identical rows; neither model has learned from them.",
        (Table("Champion and challenger", ("Metric", "Champion", "Challenger"), rows),),
    )


def _calibration_section(report: dict[str, Any]) -> Section:
    curve = report["calibration"]
    line = Line(
        "observed",
        tuple(point["predicted"] for point in curve),
        tuple(point["observed"] for point in curve),
    )
    plot = LinePlot(
        "Observed share of positives against predicted probability, in ten bins of equal count",
        "predicted probability",
        "observed share",
        (line,),
        diagonal=True,
    )
    return Section("Calibration", "On the diagonal, probabilities mean what they say.", (plot,))


def _groups_section(report: dict[str, Any]) -> Section:
    groups = report["groups"]
    if not groups:
        return Section("By group", "No slice is declared and no column is sensitive.")
    measured = [g for g in groups if g["metrics"]["roc_auc"]["value"] is not None]
    plot = IntervalPlot(
        "ROC AUC of each group with its 95% interval",
        "ROC AUC",
        tuple(Interval(g["name"], **g["metrics"]["roc_auc"]) for g in measured),
        limit=report["forms"]["onnx"]["roc_auc"]["value"],
        limit_name="all rows",
    )
    rows = tuple(
        (
            g["name"],
            g["rows"],
            g["positives"],
            g["verdict"],
            *(_with_interval(g["metrics"][m]) for m in ("roc_auc", "log_loss", "recall")),
        )
        for g in groups
    )
    table = Table(
        "Each group on its own",
        ("Group", "Rows", "Positives", "Evidence", "ROC AUC", "log loss", "recall"),
        rows,
    )
    return Section(
        "By group",
        "Declared slices and sensitive groups. The line marks the value over all rows. A group "
        "that is too small or has one class only is insufficient evidence, never good news.",
        (plot, table) if measured else (table,),
    )
