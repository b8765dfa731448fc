"""How the model was chosen, as a section of the evaluation's page.

Belongs here: what of the training's record is shown. Does not belong here: the choice and its
record (``training/selection.py``, ``training/record.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.reporting.cell_text import MISSING
from mlops_assets.reporting.page import Cell, Interval, IntervalPlot, Section, Table

SHOWN = ("chosen", "family", "loss", "baseline", "complexity", "leaderboard", "not_tried")
"""What the evaluation report keeps of ``model.json``."""
COSTS = ("parameters", "operations", "bytes")


def leaderboard_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a training's record that belongs into the report."""
    return {name: record[name] for name in SHOWN}


def leaderboard_section(training: Mapping[str, Any]) -> Section:
    """Every candidate with its score, what it costs, and why it was chosen or not."""
    board = training["leaderboard"]
    baseline = training["baseline"]["loss"]
    compared = [entry for entry in board if entry["difference_to_best"] is not None]
    plot = IntervalPlot(
        f"{training['loss']} of the last round's candidates, cross-validated, with one standard "
        "error to each side; the line is the baseline that answers the same for all rows",
        training["loss"],
        tuple(_interval(entry) for entry in compared),
        limit=baseline,
        limit_name="baseline",
    )
    scores = Table(
        "Candidates, best first",
        ("Candidate", training["loss"], "difference to the best", "Rows", "Verdict"),
        tuple(map(_score_row, board)),
    )
    costs = Table(
        "What each costs",
        ("Candidate", "Parameters", "Operations a row", "Bytes of its ONNX file"),
        tuple((e["name"], *(e["complexity"][name] for name in COSTS)) for e in board),
    )
    not_tried = len(training["not_tried"])
    left = f" {not_tried} more were beyond the budget of fits." if not_tried else ""
    return Section(
        "How the model was chosen",
        f"{training['chosen']} is the simplest candidate within one standard error of the paired "
        "difference to the best. Candidates that left after an early round were compared on fewer "
        f"folds, so that their losses are not those of the last round.{left}",
        (plot, scores, costs),
    )


def _interval(entry: Mapping[str, Any]) -> Interval:
    loss, error = entry["loss"], entry["standard_error"]
    low, high = (None, None) if error is None else (loss - error, loss + error)
    return Interval(entry["name"], loss, low, high)


def score_cells(entry: Mapping[str, Any]) -> tuple[str, str]:
    """A candidate's loss and its difference to the best, each with its standard error."""
    loss = _plus_minus(entry["loss"], entry["standard_error"])
    if entry["difference_to_best"] is None:
        return loss, "on other folds"
    return loss, _plus_minus(entry["difference_to_best"], entry["standard_error_of_difference"])


def _score_row(entry: Mapping[str, Any]) -> tuple[Cell, ...]:
    verdict = f"chosen: {entry['why']}" if entry["chosen"] else entry["why"]
    return entry["name"], *score_cells(entry), entry["rows"], verdict


def _plus_minus(value: float, error: float | None) -> str:
    return f"{value:.4f} ± " + (MISSING if error is None else f"{error:.4f}")
