"""The explainability report as a page: what moves the answers, in words, tables and pictures.

Belongs here: the head of the page, and what it says of all rows together. Does not belong here:
computing anything (``explainability.py``), single columns (``explained_sections.py``) and answers
(``example_sections.py``), comparisons with other models (``compared_sections.py``), or how pages
look (``reporting/``).
"""

from typing import Any

from mlops_assets.evidence.explainability.compared_sections import (
    champion_section,
    stability_section,
)
from mlops_assets.evidence.explainability.example_sections import examples_section
from mlops_assets.evidence.explainability.explained_sections import (
    dependence_section,
    effects_sections,
)
from mlops_assets.evidence.explainability.explanation_method import method_section
from mlops_assets.evidence.explainability.explanation_words import words_of
from mlops_assets.reporting.limits_section import limits_section, limits_verdict
from mlops_assets.reporting.page import BarPlot, Cell, Page, Section, SwarmPlot, Table
from mlops_assets.reporting.page import Words as Said
from mlops_assets.reporting.text import Text, join, mark, say

ESTIMATED = say(
    "The contributions of a row are estimated; the standard error is that of a single row's value."
)
LEADING_NAMED = 3
MOST_BARS = 20
MOST_SWARMS = 15
MOST_CLASS_COLUMNS = 8
MEANINGS = {
    "binary": mark("Positive class"),
    "multiclass": mark("Meaning of the classes"),
    "regression": mark("Predicted number"),
}


def explainability_page(report: dict[str, Any]) -> Page:
    """The page of a report of ``explainability.explainability_report``."""
    explanation = report["explanation"]
    method = explanation["method"]
    return Page(
        title=say("Explainability: {use_case}", use_case=report["use_case"]),
        verdict=join((limits_verdict(report["limits"]), _verdict(explanation))),
        facts=(
            (say(MEANINGS[explanation["task"]]), report["target"] or None),
            (say("Explained rows"), method["rows"]),
            (say("Background rows"), method["background_rows"]),
            (say("Exact"), method["exact"]),
            *_mean_answer(explanation),
            *(
                (say("Hash of {artifact}", artifact=name), value)
                for name, value in report["subject"].items()
            ),
        ),
        sections=(
            limits_section(report["limits"]),
            _global_section(explanation),
            *_classes_section(explanation),
            _points_section(explanation),
            *dependence_section(explanation),
            *effects_sections(explanation),
            examples_section(explanation),
            stability_section(explanation),
            *champion_section(explanation),
            method_section(explanation),
        ),
    )


def _mean_answer(explanation: dict[str, Any]) -> tuple[tuple[Said, Cell], ...]:
    """Of a model with one answer; the others have a table."""
    outputs = explanation["outputs"]
    if explanation["task"] == "multiclass":
        return ((say("Classes"), len(outputs)),)
    start = words_of(explanation).amount(outputs[0]["base_answer"])
    return ((say("Answer that contributions start from"), start),)


def _verdict(explanation: dict[str, Any]) -> Text:
    leaders = explanation["global"][:LEADING_NAMED]
    if leaders[0]["share"] is None:
        return say("No column moves the model's answers: they are the same on every row.")
    carried = sum(leader["share"] for leader in leaders)
    names = join([leader["column"] for leader in leaders], ", ")
    said = say(
        "What moves the model's answers most: {columns}, together {share:.0%} of it.",
        columns=names,
        share=carried,
    )
    if explanation["method"]["exact"]:
        return join((said, say("The contributions are exact.")))
    template = mark(
        "The contributions are estimated; the standard error of a share is at most {error:.1%}."
    )
    error = explanation["method"]["share_error"]
    if error is None:
        return join((said, say("The contributions are estimated, with an unknown error.")))
    return join((said, say(template, error=error)))


def _global_section(explanation: dict[str, Any]) -> Section:
    ranking, words = explanation["global"], words_of(explanation)
    shown = ranking[:MOST_BARS]
    bars = BarPlot(
        say(
            "Mean absolute contribution of the {shown:,} leading columns of {all:,}",
            shown=len(shown),
            all=len(ranking),
        ),
        words.any_change,
        tuple(entry["column"] for entry in shown),
        tuple(entry["mean_absolute"] for entry in shown),
    )
    text = [
        say(
            "How far each column moves an answer on average, up or down: that is its contribution, "
            "and together they are called the attribution. The shares add up to 100%. Intervals "
            "say how much depends on which rows were drawn."
        ),
        *(() if explanation["method"]["exact"] else (ESTIMATED,)),
        words.scale,
    ]
    return Section(say("What moves the answers"), join(text), (bars, _global_table(explanation)))


def _global_table(explanation: dict[str, Any]) -> Table:
    exact = explanation["method"]["exact"]
    return Table(
        say(
            "Every column, with {confidence:.0%} intervals",
            confidence=explanation["method"]["confidence"],
        ),
        (
            say("Column"),
            words_of(explanation).any_change,
            say("Share of all that moves"),
            *(() if exact else (say("Standard error"),)),
        ),
        tuple(
            (entry["column"], *_estimates(entry), *(() if exact else (entry["standard_error"],)))
            for entry in explanation["global"]
        ),
    )


def _estimates(entry: dict[str, Any]) -> tuple[Cell, Cell]:
    """How far a column moves the answers, and its share of that, with their intervals."""
    mean = {"value": entry["mean_absolute"], "low": entry["low"], "high": entry["high"]}
    moved = None if None in mean.values() else say("{value} [{low}, {high}]", **mean)
    share = {
        "value": entry["share"],
        "low": entry["share_low"],
        "high": entry["share_high"],
    }
    if None in share.values():
        return moved, None
    return moved, say("{value:.1%} [{low:.1%}, {high:.1%}]", **share)


def _classes_section(explanation: dict[str, Any]) -> tuple[Section, ...]:
    """Each class, and what moves it; nothing where there is one answer only."""
    if explanation["task"] != "multiclass":
        return ()
    outputs, words = explanation["outputs"], words_of(explanation)
    classes = Table(
        say("Every class"),
        (say("Class"), say("Answer that contributions start from"), say("Moved by")),
        tuple((o["output"], words.amount(o["base_answer"]), o["mean_absolute"]) for o in outputs),
    )
    order = sorted(range(len(outputs)), key=lambda k: -outputs[k]["mean_absolute"])
    kept = sorted(order[:MOST_CLASS_COLUMNS])
    by_class = Table(
        say(
            "Mean absolute contribution of every column, by class ({shown:,} of {all:,} classes)",
            shown=len(kept),
            all=len(outputs),
        ),
        (say("Column"), *(outputs[k]["output"] for k in kept)),
        tuple(
            (entry["column"], *(entry["by_output"][k] for k in kept))
            for entry in explanation["global"]
        ),
    )
    text = join(
        (
            say(
                "How far each column moves each class of a row on average, up or down. What raises "
                "one class lowers others. A class is moved by the sum over its columns."
            ),
            *_left_out(explanation),
        )
    )
    return (Section(say("What moves each class"), text, (classes, by_class)),)


def _left_out(explanation: dict[str, Any]) -> tuple[Text, ...]:
    """Which classes the plots leave out."""
    shown, outputs = explanation["shown"], explanation["outputs"]
    if len(shown) == len(outputs):
        return ()
    names = join(shown, ", ")
    template = mark("The plots show the classes that the columns move most: {names}.")
    return (say(template, names=names),)


def _points_section(explanation: dict[str, Any]) -> Section:
    text = say(
        "Each point is one row: right of zero the column raised the answer, left it lowered it. "
        "Colour and marker tell whether the column's own value was low or high among these rows "
        "(of a timestamp: early or late in the day); categories and missing values have no order."
    )
    swarms = tuple(_swarm(explanation, output) for output in explanation["shown"])
    return Section(say("In which direction"), text, swarms)


def _swarm(explanation: dict[str, Any], output: str | None) -> SwarmPlot:
    points = [one for one in explanation["points"] if one["output"] == output]
    shown, change = points[:MOST_SWARMS], words_of(explanation).change(output)
    alt = say(
        "{change}: contributions in {rows:,} rows, for the {shown:,} leading columns of {all:,}, "
        "by the column's own value",
        change=change,
        rows=explanation["method"]["rows"],
        shown=len(shown),
        all=len(explanation["global"]),
    )
    return SwarmPlot(
        alt,
        change,
        tuple(one["column"] for one in shown),
        tuple(tuple(one["values"]) for one in shown),
        tuple(tuple(one["levels"]) for one in shown),
    )
