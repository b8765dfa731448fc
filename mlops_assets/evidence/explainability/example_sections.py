"""The part of the explainability page about single answers.

Belongs here: what made up an answer, in words and tables. Does not belong here: choosing the
answers (``explained_examples.py``), or what is said of columns (``explained_sections.py``).
"""

from typing import Any

from mlops_assets.evidence.explainability.explanation_words import Words, said_value, words_of
from mlops_assets.reporting.page import Cell, Section, Table
from mlops_assets.reporting.page import Words as Said
from mlops_assets.reporting.text import Text, join, mark, say

MOST_CONTRIBUTIONS = 10
NAMED_CONTRIBUTIONS = 3
SMALLEST_NAMED = 0.005
"""Share of all that moved an answer, below which a column is not named."""
KINDS = {
    "most likely positive": mark("most likely positive"),
    "most likely negative": mark("most likely negative"),
    "most uncertain": mark("most uncertain"),
    "typical": mark("typical"),
    "most certain": mark("most certain of {name}"),
    "highest prediction": mark("highest prediction"),
    "lowest prediction": mark("lowest prediction"),
    "most wrong": mark("most wrong"),
}


def examples_section(explanation: dict[str, Any]) -> Section:
    """What made up single answers, in words and tables."""
    words = words_of(explanation)
    text = [
        say(
            "What made up single answers, starting from the mean of the background. Only the "
            "model's inputs are shown; nothing says which row it was."
        ),
        words.scale,
    ]
    if explanation["task"] == "multiclass":
        text.append(say("Each explains the class that is most probable."))
    examples = explanation["examples"]
    text += [_example_sentence(one, words) for one in examples]
    tables = tuple(_example_table(one, words) for one in examples)
    return Section(say("Single answers"), join(text, "\n\n"), tables)


def _example_sentence(example: dict[str, Any], words: Words) -> Text:
    """What raised and what lowered an answer, strongest first."""
    contributions = example["contributions"]
    total = sum(abs(one["contribution"]) for one in contributions)
    sides = []
    for template, sign in (
        (mark("raised by {columns}"), 1.0),
        (mark("lowered by {columns}"), -1.0),
    ):
        named = [
            say(
                "{column} = {value} ({moved})",
                column=one["column"],
                value=said_value(one["value"]),
                moved=words.moved(one["contribution"]),
            )
            for one in contributions
            if one["contribution"] * sign > SMALLEST_NAMED * total
        ][:NAMED_CONTRIBUTIONS]
        if named:
            sides.append(say(template, columns=join(named, ", ")))
    return say(
        "{name}: from {start}, {moves}.",
        name=_name(example, words),
        start=words.amount(example["base_answer"]),
        moves=join(sides, "; ") if sides else say("no column moves this answer"),
    )


def _name(example: dict[str, Any], words: Words) -> Text:
    kinds = join([say(KINDS[k["kind"]], name=k["class"]) for k in example["kinds"]], ", ")
    answer: Text = words.amount(example["answer"])
    if example["output"] is not None:
        answer = say("{output} with {answer}", output=example["output"], answer=answer)
    outcome = _outcome(example["outcome"], words)
    if outcome is None:
        return say("{kinds} ({answer})", kinds=kinds, answer=answer)
    return say("{kinds} ({answer}, outcome {outcome})", kinds=kinds, answer=answer, outcome=outcome)


def _outcome(outcome: bool | str | float | None, words: Words) -> Said | None:
    match outcome:
        case None:
            return None
        case bool():
            return say("positive") if outcome else say("negative")
        case str():
            return outcome
        case _:
            return words.amount(outcome)


def _example_table(example: dict[str, Any], words: Words) -> Table:
    contributions = example["contributions"]
    estimated = any(one["standard_error"] for one in contributions)
    rows: list[tuple[Cell, ...]] = [
        (
            one["column"],
            said_value(one["value"]),
            one["contribution"],
            words.moved(one["contribution"]),
            *((one["standard_error"],) if estimated else ()),
        )
        for one in contributions[:MOST_CONTRIBUTIONS]
    ]
    if rest := contributions[MOST_CONTRIBUTIONS:]:
        total = sum(one["contribution"] for one in rest)
        others = say("{count:,} other columns", count=len(rest))
        unknown = ("",) if estimated else ()
        rows.append((others, "", total, words.moved(total), *unknown))
    headings = (
        say("Column"),
        say("Value"),
        say("Contribution"),
        say("In words"),
        *((say("Standard error"),) if estimated else ()),
    )
    return Table(_name(example, words), headings, tuple(rows))
