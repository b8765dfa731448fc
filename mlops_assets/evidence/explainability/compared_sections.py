"""The parts of the explainability page that compare the model with others.

Belongs here: refits on other samples, and the champion. Does not belong here: how far they are
apart (``attribution_stability.py``).
"""

from typing import Any

from mlops_assets.reporting.page import Interval, IntervalPlot, Section, Table
from mlops_assets.reporting.text import Text, join, say


def stability_section(explanation: dict[str, Any]) -> Section:
    """Whether the same model, fitted on other rows of the same source, leans on the same
    columns."""
    title, found = say("Would the same columns be named again?"), explanation["stability"]
    if found is None:
        return Section(title, say("No refit was made: nothing is known about it."))
    text = join(
        (
            say(
                "The same model was fitted again on {count:,} bootstrap samples of its rows, and "
                "explained on identical rows and background.",
                count=found["refits"],
            ),
            _moved_sentence(found["moved"]),
            say(
                "The interval is that of the mean over the refits. Ranks and shares below are the "
                "lowest and the highest among them."
            ),
        )
    )
    table = Table(
        say("The leading columns and what becomes of them in the refits"),
        (
            say("Column"),
            say("Rank"),
            say("Best rank"),
            say("Worst rank"),
            say("Share"),
            say("Share, lowest"),
            say("Share, highest"),
        ),
        tuple(
            (e["column"], e["rank"], *e["ranks"], e["share"], *e["shares"])
            for e in found["leading"]
        ),
    )
    return Section(title, text, (table,))


def champion_section(explanation: dict[str, Any]) -> tuple[Section, ...]:
    """What moved since the champion; nothing for a first release."""
    title, found = say("What changed since the champion"), explanation["champion"]
    if found is None:
        return ()
    if found["moved"] is None:
        text = say(
            "The champion reads columns that this use case no longer delivers: the two cannot be "
            "explained on the same rows, and nothing is known about the change."
        )
        return (Section(title, text),)
    moves = found["moves"]
    plot = IntervalPlot(
        say("Change of the share of each column that moved most, with its interval"),
        say("share now less share of the champion"),
        tuple(Interval(e["column"], e["change"], e["low"], e["high"]) for e in moves),
        0.0,
        say("no change"),
    )
    table = Table(
        say("The columns whose shares moved most, with 95% intervals"),
        (
            say("Column"),
            say("Share, champion"),
            say("Share, now"),
            say("Change"),
            say("Change, low"),
            say("Change, high"),
        ),
        tuple(
            (e["column"], e["champion"], e["share"], e["change"], e["low"], e["high"])
            for e in moves
        ),
    )
    text = join(
        (
            say("Both files were explained on identical rows and background."),
            _moved_sentence(found["moved"]),
            say("The intervals are from bootstrap resamples of the explained rows."),
        )
    )
    return (Section(title, text, (plot, table)),)


def _moved_sentence(moved: dict[str, Any]) -> Text:
    if moved["value"] is None:
        return say("One of the models is moved by no column, so that shares cannot be compared.")
    if moved["low"] is None:
        return say(
            "{value:.1%} of the attribution moves between columns; there is no interval of it.",
            value=moved["value"],
        )
    return say(
        "{value:.1%} of the attribution moves between columns (95% interval {low:.1%} to "
        "{high:.1%}).",
        value=moved["value"],
        low=moved["low"],
        high=moved["high"],
    )
