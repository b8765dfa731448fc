"""The parts of the explainability page about single columns and single answers.

Belongs here: what happens when one column changes, and what made up an answer, as sections. Does
not belong here: what is said of all rows together (``explainability_page.py``), or computing
anything (``explainability.py``).
"""

from itertools import groupby
from typing import Any

from mlops_assets.evidence.explained_values import value_text
from mlops_assets.evidence.explanation_words import Words, words_of
from mlops_assets.reporting.cell_text import number_text
from mlops_assets.reporting.page import Cell, Line, LinePlot, Section, Table

MOST_CONTRIBUTIONS = 10
AXES = {
    "time of day": "hours since midnight",
    "day of week": "day of the week",
    "day of month": "day of the month",
    "month": "month, the day kept where there is one",
    "year": "year",
}


def effects_sections(explanation: dict[str, Any]) -> tuple[Section, ...]:
    """Partial dependence and curves of single rows of the leading columns; with several classes,
    the means of all shown and the rows of the one that the column moves most."""
    effects = explanation["effects"]
    if not effects:
        return ()
    words = words_of(explanation)
    text = (
        "Every row is asked again with one column set to each value and the rest kept. Thin lines "
        "are single rows (ICE), the strong line is the mean over all of them (partial dependence). "
        "Columns that go together are torn apart by this: combinations may occur that never do."
    )
    missing = [_missing_sentence(e, words) for e in effects if e["mean_where_missing"] is not None]
    paragraphs = "\n\n".join([text, *([" ".join(missing)] if missing else [])])
    plots: list[LinePlot] = []
    for _, same in groupby(effects, key=lambda effect: (effect["column"], effect["varied"])):
        by_output = [effect for effect in same if effect["positions"]]
        if len(by_output) > 1:
            plots.append(_means_plot(by_output, words))
        if by_output:
            plots.append(_effect_plot(_most_moved(by_output, explanation), words))
    return (Section("What happens when one column changes", paragraphs, tuple(plots)),)


def examples_section(explanation: dict[str, Any]) -> Section:
    """What made up single answers, in words and tables."""
    words, outputs = words_of(explanation), explanation["outputs"]
    start = "the mean answer of its class on the background"
    if len(outputs) == 1:
        start = f"the mean answer {words.amount(outputs[0]['base_value'])}"
    intro = (
        f"What made up single answers, starting from {start}. Only the model's "
        "inputs are shown; nothing says which row it was."
    )
    if explanation["task"] == "multiclass":
        intro += " Each explains the probability of the class that was answered."
    examples = explanation["examples"]
    said = [f"{_name(one, words)}: {one['words']}." for one in examples]
    tables = tuple(_example_table(one, words) for one in examples)
    return Section("Single answers", "\n\n".join([intro, *said]), tables)


def _missing_sentence(effect: dict[str, Any], words: Words) -> str:
    mean = words.amount(effect["mean_where_missing"])
    output = effect["output"]
    of = "" if output is None else f" {words.axis(output)}"
    return f"With {effect['column']} missing, the mean{of} is {mean}."


def _most_moved(effects: list[dict[str, Any]], explanation: dict[str, Any]) -> dict[str, Any]:
    """The effect on the class that the column moves most, of those shown."""
    column = effects[0]["column"]
    entry = next(e for e in explanation["global"] if e["column"] == column)
    moved = {
        output["output"]: mean
        for output, mean in zip(explanation["outputs"], entry["by_output"], strict=True)
    }
    return max(effects, key=lambda effect: moved[effect["output"]])


def _means_plot(effects: list[dict[str, Any]], words: Words) -> LinePlot:
    first = effects[0]
    lines = tuple(Line(e["output"], tuple(e["positions"]), tuple(e["mean"])) for e in effects)
    return LinePlot(
        f"Mean probability of each class shown by {_what(first)}, over {first['rows']} rows",
        _x_label(first),
        words.axis(None),
        lines,
        categories=None if first["labels"] is None else tuple(first["labels"]),
    )


def _effect_plot(effect: dict[str, Any], words: Words) -> LinePlot:
    x = tuple(effect["positions"])
    thin = tuple(Line("single rows", x, tuple(c), strong=False) for c in effect["curves"])
    mean = Line(f"mean of {effect['rows']} rows", x, tuple(effect["mean"]))
    errors = [error for error in effect["standard_error"] if error is not None]
    error = f"; standard error of the mean up to {number_text(max(errors))}" if errors else ""
    axis = words.axis(effect["output"])
    return LinePlot(
        f"{axis[0].upper()}{axis[1:]} by {_what(effect)}: {len(thin)} single rows and the "
        f"mean{error}",
        _x_label(effect),
        axis,
        (*thin, mean),
        categories=None if effect["labels"] is None else tuple(effect["labels"]),
    )


def _what(effect: dict[str, Any]) -> str:
    column, varied = str(effect["column"]), effect["varied"]
    return column if varied == "value" else f"the {varied} of {column}"


def _x_label(effect: dict[str, Any]) -> str:
    column, varied = str(effect["column"]), effect["varied"]
    return column if varied == "value" else f"{column}: {AXES[varied]}"


def _name(example: dict[str, Any], words: Words) -> str:
    kind = example["kind"][0].upper() + example["kind"][1:]
    answer = words.amount(example["answer"])
    if example["output"] is not None:
        answer = f"{example['output']} with {answer}"
    return f"{kind} ({answer}{_outcome(example['outcome'], words)})"


def _outcome(outcome: bool | str | float | None, words: Words) -> str:
    match outcome:
        case None:
            return ""
        case bool():
            return ", outcome positive" if outcome else ", outcome negative"
        case str():
            return f", outcome {outcome}"
        case _:
            return f", outcome {words.amount(outcome)}"


def _example_table(example: dict[str, Any], words: Words) -> Table:
    contributions = example["contributions"]
    rows: list[tuple[Cell, ...]] = [
        (
            one["column"],
            value_text(one["value"]),
            one["contribution"],
            one["standard_error"],
        )
        for one in contributions[:MOST_CONTRIBUTIONS]
    ]
    if rest := contributions[MOST_CONTRIBUTIONS:]:
        total = sum(one["contribution"] for one in rest)
        rows.append((f"{len(rest)} other columns", "", total, ""))
    unit = f" in {words.unit}" if words.unit else ""
    headings = ("Column", "Value", f"Contribution{unit}", "Standard error")
    return Table(_name(example, words), headings, tuple(rows))
