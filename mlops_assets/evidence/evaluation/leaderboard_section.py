"""How the model was chosen, as a section of the evaluation's page.

Belongs here: what of the training's record is shown. Does not belong here: the choice and its
record (``training/selection.py``, ``training/record.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.reporting.page import Cell, Interval, IntervalPlot, Section, Table
from mlops_assets.reporting.text import Text, in_language, join, mark, say
from mlops_assets.training.selection import NOT_SIMPLEST, SIMPLEST, WORSE

SHOWN = ("chosen", "family", "loss", "baseline", "complexity", "leaderboard", "not_tried", "search")
"""What the evaluation report keeps of ``model.json``."""
COSTS = ("parameters", "operations", "bytes")
OVER = {
    "parameters": mark("parameters {found:,}, at most {most:,}"),
    "operations": mark("operations {found:,}, at most {most:,}"),
    "bytes": mark("bytes {found:,}, at most {most:,}"),
}
"""Which limit of ``training.search.complexity`` a candidate is over."""


def leaderboard_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a training's record that belongs into the report."""
    return {name: record[name] for name in SHOWN}


def leaderboard_section(training: Mapping[str, Any]) -> Section:
    """Every candidate with its score, what it costs, and why it was chosen or not."""
    board = training["leaderboard"]
    baseline, loss = training["baseline"]["loss"], say(training["loss"])
    compared = [entry for entry in board if entry["difference_to_best"] is not None]
    plot = IntervalPlot(
        say(
            "{loss} of the last round's candidates, cross-validated, with one standard error to "
            "each side; the line is the baseline that answers the same for all rows",
            loss=loss,
        ),
        loss,
        tuple(_interval(entry) for entry in compared),
        limit=baseline,
        limit_name=say("baseline"),
    )
    headings = (say("Candidate"), loss, say("difference to the best"), say("Rows"), say("Verdict"))
    scores = Table(
        say("Candidates, best first"),
        headings,
        tuple(_score_row(entry, training) for entry in board),
    )
    costs = Table(
        say("What each costs"),
        (
            say("Candidate"),
            say("Parameters"),
            say("Operations a row"),
            say("Bytes of its ONNX file"),
        ),
        tuple((e["name"], *(e["complexity"][name] for name in COSTS)) for e in board),
    )
    return Section(say("How the model was chosen"), _words(training), (plot, scores, costs))


def _words(training: Mapping[str, Any]) -> Text:
    said = [
        say(
            "{chosen} is the simplest candidate within one standard error of the paired difference "
            "to the best. Candidates that left after an early round were compared on fewer folds, "
            "so that their losses are not those of the last round.",
            chosen=training["chosen"],
        )
    ]
    if training["not_tried"]:
        left = len(training["not_tried"])
        said.append(say("{left} more were beyond the budget of fits.", left=left))
    return join(said)


def _interval(entry: Mapping[str, Any]) -> Interval:
    loss, error = entry["loss"], entry["standard_error"]
    low, high = (None, None) if error is None else (loss - error, loss + error)
    return Interval(entry["name"], loss, low, high)


def score_cells(entry: Mapping[str, Any]) -> tuple[str, str]:
    """A candidate's loss and its difference to the best, each with its standard error, in
    English."""
    loss, difference = _scores(entry)
    return in_language(loss), in_language(difference)


def _scores(entry: Mapping[str, Any]) -> tuple[Text, Text]:
    loss = _plus_minus(entry["loss"], entry["standard_error"])
    if entry["difference_to_best"] is None:
        return loss, say("on other folds")
    return loss, _plus_minus(entry["difference_to_best"], entry["standard_error_of_difference"])


def _score_row(entry: Mapping[str, Any], training: Mapping[str, Any]) -> tuple[Cell, ...]:
    why = _why(entry, training["search"]["complexity"])
    verdict = say("chosen: {why}", why=why) if entry["chosen"] else why
    return entry["name"], *_scores(entry), entry["rows"], verdict


def _why(entry: Mapping[str, Any], limits: Mapping[str, Any]) -> Text:
    """What ``training/`` says in ``why``, from the numbers beside it."""
    if entry["why"] in (SIMPLEST, NOT_SIMPLEST, WORSE):
        return say(entry["why"])
    found = entry["complexity"]
    over = [
        say(template, found=found[name], most=limits[f"max_{name}"])
        for name, template in OVER.items()
        if limits[f"max_{name}"] is not None
        and (found[name] is None or found[name] > limits[f"max_{name}"])
    ]
    if over:
        return join(over, "; ")
    if entry["difference_to_best"] is None:
        return say(
            "left after round {round}: others were better on {folds} of the folds",
            round=entry["round"],
            folds=len(entry["folds"]),
        )
    return say("over a limit of training.search.complexity once fitted on all rows")


def _plus_minus(value: float, error: float | None) -> Text:
    if error is None:
        return say("{value:.4f} ± unknown", value=value)
    return say("{value:.4f} ± {error:.4f}", value=value, error=error)
