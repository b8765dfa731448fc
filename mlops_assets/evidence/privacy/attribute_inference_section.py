"""Attribute inference as a section of the risk page.

Belongs here: how the result of ``attribute_inference.attribute_inference`` is shown. Does not
belong here: what is in it (``attribute_inference.py``), or the page around it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.reporting.page import BarPlot, Cell, Interval, IntervalPlot, Section, Table
from mlops_assets.reporting.text import Text, join, say


def attribute_inference_section(report: Mapping[str, Any]) -> Section:
    """What a reader sees of attribute inference."""
    title = say("Attribute inference")
    if not report["columns"]:
        return Section(title, say("No column is declared sensitive, so that none was attacked."))
    told = [one for one in report["columns"] if one["enough"]]
    plots = (_gains(told), _proxies(told)) if told else ()
    return Section(title, join(_sentences(report, told)), (_table(report), *plots))


def _sentences(report: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> list[Text]:
    sentences = [
        say(
            "An attacker who knows all other inputs of a person and the outcome guesses a "
            "sensitive value; what the model's answer adds to right guesses is the gain, and "
            "the model's own leak."
        ),
        say(
            "What the inputs reveal by themselves is no leak of the model, but it can decide by "
            "them: a column they reveal is in them in another form."
        ),
        say(
            "{rows:,} test rows were attacked; guesses are rated by the share of right ones of "
            "each value, averaged over the values; groups of fewer than {min_rows:,} rows are "
            "one. The intervals hold together over all columns.",
            rows=report["rows"],
            min_rows=report["min_rows"],
        ),
    ]
    if told:
        sentences[:0] = _most(told)
    if len(told) < len(report["columns"]):
        sentences.append(
            say(
                "Of a column in which fewer than two groups have enough rows, there is "
                "insufficient evidence."
            )
        )
    return sentences


def _most(told: Sequence[Mapping[str, Any]]) -> tuple[Text, Text]:
    """The column that the model gives away most, and the one that the inputs do."""
    gained = max(told, key=lambda one: float(one["gain"]))
    revealed = max(told, key=lambda one: float(one["revealed"]))
    return (
        say(
            "With the model's answer, the most is gained for {column}: the share of right guesses "
            "goes from {imputed:.1%} to {inferred:.1%} (difference {low:+.1%} to {high:+.1%}).",
            column=gained["column"],
            imputed=gained["imputed"],
            inferred=gained["inferred"],
            low=gained["low"],
            high=gained["high"],
        ),
        say(
            "The inputs alone reveal {column} most: {share:.1%} of the guesses from them are "
            "right, and {chance:.1%} by chance.",
            column=revealed["column"],
            share=revealed["from_inputs"],
            chance=revealed["chance"],
        ),
    )


def _table(report: Mapping[str, Any]) -> Table:
    return Table(
        say("Right guesses of each sensitive column, averaged over its groups"),
        (
            say("column"),
            say("rows"),
            say("groups"),
            say("by chance"),
            say("from the inputs"),
            say("with the outcome"),
            say("with the answer too"),
            say("gain"),
            say("interval"),
        ),
        tuple(_line(one) for one in report["columns"]),
    )


def _line(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    name = one["column"]
    column = say("{column} (an input)", column=name) if one["is_input"] else name
    counts = (column, one["rows"], one["groups"])
    if not one["enough"]:
        return (*counts, None, None, None, None, None, say("insufficient evidence"))
    rates = ("chance", "from_inputs", "imputed", "inferred")
    return (
        *counts,
        *(say("{share:.1%}", share=one[rate]) for rate in rates),
        say("{gain:+.1%}", gain=one["gain"]),
        say("{low:+.1%} to {high:+.1%}", low=one["low"], high=one["high"]),
    )


def _gains(told: Sequence[Mapping[str, Any]]) -> IntervalPlot:
    return IntervalPlot(
        alt=say("Gain of right guesses by the model's answer, for each sensitive column"),
        x_label=say("gain of right guesses, as a share"),
        intervals=tuple(Interval(o["column"], o["gain"], o["low"], o["high"]) for o in told),
    )


def _proxies(told: Sequence[Mapping[str, Any]]) -> BarPlot:
    return BarPlot(
        alt=say(
            "How far the inputs alone reveal each sensitive column, from 0 for chance to 1 for "
            "certainty"
        ),
        x_label=say("revealed by the inputs alone, from chance (0) to certainty (1)"),
        labels=tuple(one["column"] for one in told),
        values=tuple(one["revealed"] for one in told),
    )
