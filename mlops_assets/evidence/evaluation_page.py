"""The evaluation as a page: the verdict in words, then what it rests on.

Belongs here: how the evaluation report is shown, for every task. Does not belong here: what is in
it (``evaluation.py``), the agreement of the forms (``agreement_page.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.answers import LOSS_NAMES
from mlops_assets.evidence.agreement_page import agreement_section, form_words
from mlops_assets.evidence.groups_table import groups_table, with_interval
from mlops_assets.evidence.leaderboard_section import leaderboard_section
from mlops_assets.evidence.metrics import GROUP_METRICS, HEADLINES, METRIC_NOTES, METRICS
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
from mlops_assets.target_declaration import Task

CALIBRATION_WORDS: dict[Task, tuple[str, str, str, str]] = {
    "binary": (
        "Observed share of positives against predicted probability, in ten bins of equal count",
        "predicted probability",
        "observed share",
        "On the diagonal, probabilities mean what they say.",
    ),
    "multiclass": (
        "Share of right answers against the probability of the class answered, in ten bins of "
        "equal count",
        "probability of the class answered",
        "share of right answers",
        "On the diagonal, the model is right as often as it says.",
    ),
    "regression": (
        "Mean of what happened against mean of what was predicted, in ten bins of equal count",
        "predicted",
        "observed",
        "On the diagonal, predictions are right on average, whatever their size.",
    ),
}


def evaluation_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of an ``evaluation_report``."""
    positives = report["positives"]
    return Page(
        title=f"Evaluation: {report['use_case']}",
        verdict=_verdict(report),
        facts=(
            ("Test rows", report["rows"]),
            *((("Positive rows", positives),) if report["task"] == "binary" else ()),
            ("Newest batch", report["last_batch"]),
            ("Released form, if released", form_words(report["released_form"]["form"])),
            *((f"Hash of {name}", value) for name, value in report["subject"].items()),
        ),
        sections=(
            _comparison_section(report),
            _forms_section(report),
            agreement_section(report),
            _calibration_section(report),
            *_confusion_sections(report),
            _groups_section(report),
            leaderboard_section(report["training"]),
        ),
    )


def _verdict(report: Mapping[str, Any]) -> str:
    sentences = (
        _headline_sentence(report),
        _gain_sentence(report, report["baseline"], "the baseline"),
        _gain_sentence(report, report["champion"], "the champion"),
        _agreement_sentence(report),
    )
    return " ".join(sentences)


def _headline_sentence(report: Mapping[str, Any]) -> str:
    task = report["task"]
    name = HEADLINES[task][0]
    found, words = report["forms"]["onnx"][name], METRICS[task][name]
    if found["value"] is None:
        why = " hold one class only" if task == "binary" else " do not allow it"
        return f"The {words} could not be computed: the test rows{why}."
    numbers = f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
    unit = f" {report['unit']}" if report["unit"] else ""
    return f"{words[:1].upper()}{words[1:]} {numbers}{unit} on unseen rows."


def _gain_sentence(report: Mapping[str, Any], other: Mapping[str, Any] | None, name: str) -> str:
    if other is None:
        return f"There was no {name.removeprefix('the ')} to compare with."
    gain = other["difference"]
    if gain["loss_low"] is None:
        return f"The difference to {name} could not be computed."
    better = "better than" if gain["loss_low"] > 0 else "not shown to be better than"
    return (
        f"It is {better} {name}: {LOSS_NAMES[report['task']]} gain {gain['loss']:+.4f}, at least "
        f"{gain['loss_low']:+.4f} at {gain['confidence']:.0%} confidence."
    )


def _agreement_sentence(report: Mapping[str, Any]) -> str:
    match report["verdicts"]["forms_agree"]:
        case None:
            return "The served endpoint was not asked, so what is served is unknown."
        case False:
            return "The ONNX form or the served endpoint does not agree with what was trained."
        case _:
            return "The ONNX form and the served endpoint agree in every slice and group."


def _comparison_section(report: Mapping[str, Any]) -> Section:
    champion, names = report["champion"], METRICS[report["task"]]
    others = {"Baseline": report["baseline"]} | ({"Champion": champion} if champion else {})
    columns = [other["metrics"] for other in others.values()] + [report["forms"]["onnx"]]
    rows: list[tuple[Cell, ...]] = [
        (words, *(with_interval(column[name]) for column in columns))
        for name, words in names.items()
    ]
    gains = [_gain_cell(other["difference"]) for other in others.values()]
    rows.append((f"challenger's gain: {names['loss']}", *gains, "-"))
    known = (
        f"Release {champion['release']}, trained up to {champion['last_batch']}, answered the "
        "identical rows; neither model has learned from them."
        if champion
        else "There was no champion when this was measured."
    )
    return Section(
        "Baseline, champion and challenger",
        "The baseline answers every row the same: the shares of the classes, or the mean, of the "
        f"train rows. {known} The gain is the mean over the rows, with its one-sided lower bound.",
        (
            Table(
                "The same rows, answered by each",
                ("Metric", *others, "Challenger"),
                tuple(rows),
            ),
        ),
    )


def _gain_cell(difference: Mapping[str, Any]) -> Cell:
    if difference["loss"] is None or difference["loss_low"] is None:
        return None
    return f"{difference['loss']:+.4f}, at least {difference['loss_low']:+.4f}"


def _forms_section(report: Mapping[str, Any]) -> Section:
    task = report["task"]
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in report["forms"].items():
        if metrics is None:
            absent = "not asked" if name == "served" else "not made"
            rows.append((form_words(name), *(absent for _ in METRICS[task])))
        else:
            cells = (with_interval(metrics[metric]) for metric in METRICS[task])
            rows.append((form_words(name), *cells))
    return Section(
        "The model and its forms",
        "All forms answered the same test rows. Brackets hold 95% bootstrap intervals. "
        + METRIC_NOTES[task],
        (Table("Metrics of each form", ("Form", *METRICS[task].values()), tuple(rows)),),
    )


def _calibration_section(report: Mapping[str, Any]) -> Section:
    curve, task = report["calibration"], report["task"]
    alt, x_label, y_label, text = CALIBRATION_WORDS[task]
    predicted = tuple(point["predicted"] for point in curve)
    line = Line("observed", predicted, tuple(point["observed"] for point in curve))
    plot = LinePlot(alt, x_label, y_label, (line,), diagonal=True)
    if task != "regression":
        return Section("Calibration", text, (plot,))
    rows = tuple((p["rows"], p["predicted"], p["observed"], p["covered"]) for p in curve)
    headings = ("Rows", "Predicted", "Observed", "Share inside the interval")
    table = Table("Predictions and their intervals, bin by bin", headings, rows)
    return Section("Calibration", text, (plot, table))


def _confusion_sections(report: Mapping[str, Any]) -> tuple[Section, ...]:
    confusion = report["confusion"]
    if confusion is None:
        return ()
    classes = confusion["classes"]
    rows = tuple((name, *counted) for name, counted in zip(classes, confusion["rows"], strict=True))
    table = Table("Rows of each class by the class answered", ("Class", *classes), rows)
    text = "One line a class, one column what the model answered: the diagonal is right."
    return (Section("Confusion", text, (table,)),)


def _groups_section(report: Mapping[str, Any]) -> Section:
    groups, task = report["groups"], report["task"]
    if not groups:
        return Section("By group", "No slice is declared and no column is sensitive.")
    shown, names = GROUP_METRICS[task], METRICS[task]
    first = shown[0]
    measured = [g for g in groups if g["metrics"][first]["value"] is not None]
    plot = IntervalPlot(
        f"{names[first]} of each group with its 95% interval",
        names[first],
        tuple(Interval(g["name"], **g["metrics"][first]) for g in measured),
        limit=report["forms"]["onnx"][first]["value"],
        limit_name="all rows",
    )
    return Section(
        "By group",
        "Declared slices and sensitive groups. The line marks the value over all rows. A group "
        "that is too small or has one class only is insufficient evidence, never good news.",
        (plot, groups_table(groups, task)) if measured else (groups_table(groups, task),),
    )
