"""The forms' agreement as a section of the evaluation's page.

Belongs here: how the comparison of the forms is shown. Does not belong here: the comparison and its
limits (``agreement.py``), the rest of the page (``evaluation_page.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.evidence.agreement import FIGURES, beyond
from mlops_assets.reporting.page import Cell, Section, Table
from mlops_assets.target_declaration import Task

FORM_WORDS = {
    "model": "model (scikit-learn)",
    "onnx": "float ONNX form",
    "quantized": "8-bit ONNX form",
    "served": "served endpoint",
}
DIFFERENCES: dict[Task, str] = {
    "binary": "Differences are of probabilities; a flip is another class.",
    "multiclass": "Differences are of probabilities; a flip is another class.",
    "regression": "Differences are of predictions, in standard deviations of the target; a flip is "
    "another interval around the prediction.",
}


def form_words(name: str) -> str:
    """What a form is called in a report."""
    return FORM_WORDS[name]


def agreement_section(report: Mapping[str, Any]) -> Section:
    """The released form and why; below, each form against the one it was made from, slice by
    slice: figure, limit and verdict apart."""
    form = report["released_form"]
    return Section(
        "Do the forms agree",
        f"{form_words(form['form'])} is the one to release: {'; '.join(form['reasons'])}. "
        f"{DIFFERENCES[report['task']]} Limits hold over all rows and in every slice and group; in "
        "one of them a share or a mean that may be above its limit by chance is insufficient "
        "evidence.",
        tuple(_table(name, found) for name, found in report["agreement"].items()),
    )


def _table(name: str, found: Mapping[str, Any] | None) -> Table:
    words = form_words(name)
    if found is None:
        asked = "not asked" if name == "served" else "not made"
        return Table(f"{words}: {asked}", ("Rows", "Verdict"), ((asked, "unknown"),))
    limits = found["limits"]
    headings = (
        "Rows of",
        "Rows",
        *(f"{FIGURES[figure]} (limit {limits[figure]:.4g})" for figure in FIGURES),
        "Verdict",
    )
    agrees = "agree" if found["agrees"] else "do not agree"
    return Table(
        f"{words} against {form_words(found['against'])}: they {agrees}",
        headings,
        tuple(_line(part) for part in found["parts"]),
    )


def _line(part: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        part["name"],
        part["rows"],
        *(part[figure]["value"] for figure in FIGURES),
        _verdict(part),
    )


def _verdict(part: Mapping[str, Any]) -> str:
    if part["rows_not_finite"]:
        return f"beyond: {part['rows_not_finite']:,} rows without a number"
    if broken := beyond(part):
        return f"beyond: {', '.join(FIGURES[figure] for figure in broken)}"
    unsure = [FIGURES[f] for f in FIGURES if part[f]["verdict"] == "insufficient evidence"]
    return f"within; insufficient evidence: {', '.join(unsure)}" if unsure else "within"
