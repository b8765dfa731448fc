"""The evaluation as a page: the verdict in words, then what it rests on.

Belongs here: how the evaluation report is shown, for every task. Does not belong here: what is in
it (``evaluation.py``), and the sections of the decisions, the forms' agreement, the groups and the
candidates (``decision_section.py``, ``agreement_page.py``, ``groups_section.py``,
``leaderboard_section.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.answers import LOSS_NAMES
from mlops_assets.evidence.evaluation.agreement_page import agreement_section, form_words
from mlops_assets.evidence.evaluation.decision_section import decision_sections
from mlops_assets.evidence.evaluation.groups_section import group_sections
from mlops_assets.evidence.evaluation.leaderboard_section import leaderboard_section
from mlops_assets.evidence.metrics.groups_table import with_interval
from mlops_assets.evidence.metrics.metrics import HEADLINES, METRIC_NOTES, METRICS
from mlops_assets.reporting.limits_section import limits_section, limits_verdict
from mlops_assets.reporting.page import Cell, Line, LinePlot, Page, Section, Table
from mlops_assets.reporting.text import Text, join, mark, say
from mlops_assets.target_declaration import Task

CALIBRATION_WORDS: dict[Task, tuple[str, str, str, str]] = {
    "binary": (
        mark(
            "Observed share of positives against predicted probability, in ten bins of equal count"
        ),
        mark("predicted probability"),
        mark("observed share"),
        mark("On the diagonal, probabilities mean what they say."),
    ),
    "multiclass": (
        mark(
            "Share of right answers against the probability of the class answered, in ten bins of "
            "equal count"
        ),
        mark("probability of the class answered"),
        mark("share of right answers"),
        mark("On the diagonal, the model is right as often as it says."),
    ),
    "regression": (
        mark(
            "Mean of what happened against mean of what was predicted, in ten bins of equal count"
        ),
        mark("predicted"),
        mark("observed"),
        mark("On the diagonal, predictions are right on average, whatever their size."),
    ),
}


def evaluation_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of an ``evaluation_report``."""
    positives = report["positives"]
    return Page(
        title=say("Evaluation: {use_case}", use_case=report["use_case"]),
        verdict=_verdict(report),
        facts=(
            (say("Test rows"), report["rows"]),
            *(((say("Positive rows"), positives),) if report["task"] == "binary" else ()),
            (say("Newest batch"), report["last_batch"]),
            (say("Released form, if released"), form_words(report["released_form"]["form"])),
            *(
                (say("Hash of {artifact}", artifact=name), value)
                for name, value in report["subject"].items()
            ),
        ),
        sections=(
            limits_section(report["limits"]),
            _comparison_section(report),
            *decision_sections(report),
            _calibration_section(report),
            *group_sections(report),
            _forms_section(report),
            agreement_section(report),
            leaderboard_section(report["training"]),
        ),
    )


def _verdict(report: Mapping[str, Any]) -> Text:
    return join(
        [
            limits_verdict(report["limits"]),
            _headline_sentence(report),
            *_gain_sentences(report),
            _agreement_sentence(report),
        ]
    )


def _headline_sentence(report: Mapping[str, Any]) -> Text:
    task = report["task"]
    name = HEADLINES[task][0]
    found, metric = _released(report)[name], say(METRICS[task][name])
    if found["value"] is None:
        if task == "binary":
            return say("{metric} could not be computed: one class only.", metric=metric)
        return say("{metric} could not be computed from the test rows.", metric=metric)
    if found["low"] is None or found["high"] is None:
        return say("{metric} on unseen rows: {value:.3f}.", metric=metric, value=found["value"])
    if report["unit"]:
        return say(
            "{metric} on unseen rows: {value:.3f} {unit} ({low:.3f} to {high:.3f}).",
            metric=metric,
            unit=report["unit"],
            **found,
        )
    return say(
        "{metric} on unseen rows: {value:.3f} ({low:.3f} to {high:.3f}).", metric=metric, **found
    )


def _gain_sentences(report: Mapping[str, Any]) -> list[Text]:
    names = {"baseline": say("the baseline"), "champion": say("the champion")}
    said = []
    for key, name in names.items():
        if report[key] is None:
            said.append(say("There was no champion to compare with."))
        else:
            said.append(_gain_sentence(report, report[key]["difference"], name))
    return said


def _gain_sentence(report: Mapping[str, Any], gain: Mapping[str, Any], name: Text) -> Text:
    if gain["loss_low"] is None:
        return say("The difference to {other} could not be computed.", other=name)
    parts = {
        "other": name,
        "loss": say(LOSS_NAMES[report["task"]]),
        "gain": gain["loss"],
        "low": gain["loss_low"],
        "confidence": gain["confidence"],
    }
    if gain["loss_low"] > 0:
        return say(
            "It is better than {other}: {loss} gain {gain:+.4f}, at least {low:+.4f} at "
            "{confidence:.0%} confidence.",
            **parts,
        )
    return say(
        "It is not shown to be better than {other}: {loss} gain {gain:+.4f}, at least {low:+.4f} "
        "at {confidence:.0%} confidence.",
        **parts,
    )


def _agreement_sentence(report: Mapping[str, Any]) -> Text:
    if report["verdicts"]["forms_agree"]:
        return say("The ONNX form agrees with what was trained in every slice and group.")
    return say("The ONNX form does not agree with what was trained.")


def _released(report: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = report["forms"][report["released_form"]["form"]]
    return found


def _comparison_section(report: Mapping[str, Any]) -> Section:
    champion, names = report["champion"], METRICS[report["task"]]
    others = [report["baseline"], *([champion] if champion else [])]
    columns = [*(other["metrics"] for other in others), _released(report)]
    rows: list[tuple[Cell, ...]] = [
        (say(words), *(with_interval(column[name]) for column in columns))
        for name, words in names.items()
    ]
    gains = [_gain_cell(other["difference"]) for other in others]
    rows.append((say("challenger's gain: {loss}", loss=say(names["loss"])), *gains, "-"))
    headings = (say("Metric"), say("Baseline"), *([say("Champion")] if champion else []))
    table = Table(
        say("The same rows, answered by each"), (*headings, say("Challenger")), tuple(rows)
    )
    return Section(say("Baseline, champion and challenger"), _comparison_words(report), (table,))


def _comparison_words(report: Mapping[str, Any]) -> Text:
    champion = report["champion"]
    known = say("There was no champion when this was measured.")
    if champion:
        known = say(
            "Release {release}, trained up to {batch}, answered the identical rows; neither model "
            "has learned from them.",
            release=champion["release"],
            batch=champion["last_batch"],
        )
    return join(
        [
            say(
                "The baseline answers every row the same: the shares of the classes, or the mean, "
                "of the train rows."
            ),
            known,
            say(METRIC_NOTES[report["task"]]),
            say("The gain is the mean over the rows, with its one-sided lower bound."),
            say("Brackets hold 95% intervals."),
            _dependence_words(report["dependence"]),
        ]
    )


def _dependence_words(dependence: Mapping[str, Any]) -> Text:
    if dependence["unit"] == "day":
        return say(
            "Rows of one day may depend on each other: chance is reckoned by whole days, of which "
            "there are {days:,}.",
            days=dependence["days"],
        )
    if dependence["time_column"] is not None:
        return say(
            "Rows are taken as independent: there are too few days to tell whether those of one "
            "day depend on each other."
        )
    return say("Rows are taken as independent.")


def _gain_cell(difference: Mapping[str, Any]) -> Cell:
    if difference["loss"] is None or difference["loss_low"] is None:
        return None
    return say(
        "{gain:+.4f}, at least {low:+.4f}", gain=difference["loss"], low=difference["loss_low"]
    )


def _forms_section(report: Mapping[str, Any]) -> Section:
    task = report["task"]
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in report["forms"].items():
        if metrics is None:
            rows.append((form_words(name), *(say("not made") for _ in METRICS[task])))
        else:
            cells = (with_interval(metrics[metric]) for metric in METRICS[task])
            rows.append((form_words(name), *cells))
    text = say("All forms answered the same test rows.")
    headings = (say("Form"), *(say(words) for words in METRICS[task].values()))
    table = Table(say("Metrics of each form"), headings, tuple(rows))
    return Section(say("The model and its forms"), text, (table,))


def _calibration_section(report: Mapping[str, Any]) -> Section:
    curve, task = report["calibration"], report["task"]
    alt, x_label, y_label, text = (say(words) for words in CALIBRATION_WORDS[task])
    predicted = tuple(point["predicted"] for point in curve)
    line = Line(say("observed"), predicted, tuple(point["observed"] for point in curve))
    plot = LinePlot(alt, x_label, y_label, (line,), diagonal=True)
    if task != "regression":
        error = say(
            "The expected calibration error is the root of the mean squared distance from it, "
            "without what chance alone gives."
        )
        return Section(say("Calibration"), join([text, error]), (plot,))
    rows = tuple((p["rows"], p["predicted"], p["observed"], p["covered"]) for p in curve)
    headings = (
        say("Rows"),
        say("Predicted"),
        say("Observed"),
        say("Share inside the interval"),
    )
    table = Table(say("Predictions and their intervals, bin by bin"), headings, rows)
    shortfall = say(
        "What is limited is by how much fewer outcomes than declared are inside their intervals."
    )
    return Section(say("Calibration"), join([text, shortfall]), (plot, table))
