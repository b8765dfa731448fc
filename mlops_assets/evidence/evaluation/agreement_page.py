"""The forms' agreement as a section of the evaluation's page.

Belongs here: how the comparison of the forms is shown. Does not belong here: the comparison and its
limits (``agreement.py``), the rest of the page (``evaluation_page.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.evidence.evaluation.agreement import ALL_ROWS, FIGURES, beyond, form_reasons
from mlops_assets.reporting.page import Cell, Judgement, Section, Table
from mlops_assets.reporting.text import Text, join, mark, say
from mlops_assets.target_declaration import Task

FEWEST_FOLDED = 4
"""Fewer slices and groups that are within are listed one by one."""
FORM_WORDS = {
    "model": mark("model (scikit-learn)"),
    "onnx": mark("float ONNX form"),
    "quantized": mark("8-bit ONNX form"),
}
CLASS_FLIPS = mark("Differences are of probabilities; a flip is another class.")
DIFFERENCES: dict[Task, str] = {
    "binary": CLASS_FLIPS,
    "multiclass": CLASS_FLIPS,
    "regression": mark(
        "Differences are of predictions, in standard deviations of the target; a flip is another "
        "interval around the prediction."
    ),
}


def form_words(name: str) -> Text:
    """What a form is called in a report."""
    return say(FORM_WORDS[name])


def agreement_section(report: Mapping[str, Any]) -> Section:
    """The released form and why; below, each form against the one it was made from, slice by
    slice: figure, limit and verdict apart."""
    form, reasons = form_reasons(report["agreement"], report["released_form"]["sizes"])
    text = join(
        [
            say(
                "{form} is the one to release: {reasons}.",
                form=form_words(form),
                reasons=join(reasons, "; "),
            ),
            say(DIFFERENCES[report["task"]]),
            say(
                "Limits hold over all rows and in every slice and group; in one of them a share or "
                "a mean that may be above its limit by chance is insufficient evidence."
            ),
        ]
    )
    tables = tuple(_table(name, found) for name, found in report["agreement"].items())
    return Section(say("Do the forms agree"), text, tables)


def _table(name: str, found: Mapping[str, Any] | None) -> Table:
    form = form_words(name)
    if found is None:
        made = say("not made")
        caption = say("{form}: {state}", form=form, state=made)
        return Table(caption, (say("Rows"), say("Verdict")), ((made, say("unknown")),))
    headings = (
        say("Rows of"),
        say("Rows"),
        *(_heading(figure, found["limits"][figure]) for figure in FIGURES),
        say("Verdict"),
    )
    parts = {"form": form, "source": form_words(found["against"])}
    caption = (
        say("{form} against {source}: they agree", **parts)
        if found["agrees"]
        else say("{form} against {source}: they do not agree", **parts)
    )
    return Table(caption, headings, _lines(found["parts"]))


def _heading(figure: str, limit: float) -> Text:
    return say("{figure} (limit {limit:.4g})", figure=say(FIGURES[figure]), limit=limit)


def _lines(parts: Sequence[Mapping[str, Any]]) -> tuple[tuple[Cell, ...], ...]:
    """All rows, and the parts that are not within; those within in one line with their largest
    figures."""
    within = [part for part in parts[1:] if _verdict(part).outcome == "within"]
    if len(within) < FEWEST_FOLDED:
        return tuple(_line(part) for part in parts)
    worst = sorted(
        (part for part in parts[1:] if part not in within),
        key=lambda part: _verdict(part).outcome != "beyond",
    )
    folded = (
        say("{count:,} slices and groups within: the largest figures", count=len(within)),
        "",
        *(max(part[figure]["value"] for part in within) for figure in FIGURES),
        Judgement(say("within"), "within"),
    )
    return (_line(parts[0]), *(_line(part) for part in worst), folded)


def _line(part: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        say("all rows") if part["name"] == ALL_ROWS else part["name"],
        part["rows"],
        *(part[figure]["value"] for figure in FIGURES),
        _verdict(part),
    )


def _verdict(part: Mapping[str, Any]) -> Judgement:
    if broken := part["rows_not_finite"]:
        return Judgement(say("beyond: {rows:,} rows without a number", rows=broken), "beyond")
    if exceeded := beyond(part):
        return Judgement(say("beyond: {figures}", figures=_named(exceeded)), "beyond")
    unsure = [f for f in FIGURES if part[f]["verdict"] == "insufficient evidence"]
    if unsure:
        words = say("within; insufficient evidence: {figures}", figures=_named(unsure))
        return Judgement(words, "insufficient")
    return Judgement(say("within"), "within")


def _named(figures: list[str]) -> Text:
    return join([say(FIGURES[figure]) for figure in figures], ", ")
