"""The parts of the explainability page about single columns.

Belongs here: how contributions depend on values, and what happens when one column changes. Does not
belong here: what is said of all columns together (``explainability_page.py``), single answers
(``example_sections.py``), or computing anything.
"""

from itertools import groupby
from typing import Any

from mlops_assets.evidence.explainability.explanation_words import Words, words_of
from mlops_assets.reporting.page import Interval, IntervalPlot, Line, LinePlot, Section
from mlops_assets.reporting.page import Words as Said
from mlops_assets.reporting.text import Text, join, mark, say

VARIED = {
    "time of day": mark("{column}, hours since midnight"),
    "day of week": mark("{column}, day of the week"),
    "day of month": mark("{column}, day of the month"),
    "month": mark("{column}, month"),
    "year": mark("{column}, year"),
}
SPECIAL = {"missing": mark("missing"), "other": mark("other values")}
CALENDAR = {
    "Monday": mark("Monday"),
    "Tuesday": mark("Tuesday"),
    "Wednesday": mark("Wednesday"),
    "Thursday": mark("Thursday"),
    "Friday": mark("Friday"),
    "Saturday": mark("Saturday"),
    "Sunday": mark("Sunday"),
    "Jan": mark("Jan"),
    "Feb": mark("Feb"),
    "Mar": mark("Mar"),
    "Apr": mark("Apr"),
    "May": mark("May"),
    "Jun": mark("Jun"),
    "Jul": mark("Jul"),
    "Aug": mark("Aug"),
    "Sep": mark("Sep"),
    "Oct": mark("Oct"),
    "Nov": mark("Nov"),
    "Dec": mark("Dec"),
}


def dependence_section(explanation: dict[str, Any]) -> tuple[Section, ...]:
    """The contribution of the leading columns by their own value."""
    found = [one for one in explanation["dependence"] if one["groups"]]
    if not found:
        return ()
    words = words_of(explanation)
    text = join(
        (
            say(
                "The mean contribution of a column in groups of rows by the column's own value, "
                "with 95% intervals over the rows of the group; numbers are cut into groups of "
                "about as many rows. Rows are as they are: nothing was changed."
            ),
            words.scale,
        )
    )
    shown = [_most_moved(list(same), explanation) for _, same in groupby(found, _column_of)]
    plots = tuple(_dependence_plot(one, words) for one in shown)
    return (Section(say("Value against contribution"), text, plots),)


def _dependence_plot(one: dict[str, Any], words: Words) -> IntervalPlot:
    intervals = tuple(
        Interval(_group_name(group, one["axis"]), group["mean"], group["low"], group["high"])
        for group in one["groups"]
    )
    what = _x_label(one["column"], one["axis"])
    alt = say(
        "{change}: mean contribution of {column} in {count:,} groups of its values",
        change=words.change(one["output"]),
        column=what,
        count=len(intervals),
    )
    label = say("{column}: {change}", column=what, change=words.change(one["output"]))
    return IntervalPlot(alt, label, intervals, 0.0, say("no contribution"))


def _group_name(group: dict[str, Any], axis: str) -> Said:
    if "special" in group:
        return say(SPECIAL[group["special"]])
    if "label" in group:
        label: str = group["label"]
        return say(CALENDAR[label]) if axis != "value" else label
    if group["from"] == group["to"]:
        return say("{value}", value=float(group["from"]))
    template = mark("{low} to {high}")
    return say(template, low=float(group["from"]), high=float(group["to"]))


def effects_sections(explanation: dict[str, Any]) -> tuple[Section, ...]:
    """Partial dependence and curves of single rows of the leading columns; with several classes,
    the means of all shown and the rows of the one that the column moves most."""
    effects = explanation["effects"]
    if not effects:
        return ()
    words = words_of(explanation)
    text = [
        say(
            "Every row is asked again with one column set to each value and the rest kept. Thin "
            "lines are single rows (ICE), the strong line is the mean over all of them (partial "
            "dependence). Columns that go together are torn apart by this: combinations may occur "
            "that never do."
        )
    ]
    text += [_missing_sentence(e, words) for e in effects if e["mean_where_missing"] is not None]
    plots: list[LinePlot] = []
    for _, same in groupby(effects, key=lambda effect: (effect["column"], effect["varied"])):
        by_output = [effect for effect in same if effect["positions"]]
        if len(by_output) > 1:
            plots.append(_means_plot(by_output, words))
        if by_output:
            plots.append(_effect_plot(_most_moved(by_output, explanation), words))
    title = say("What happens when one column changes")
    return (Section(title, join(text), tuple(plots)),)


def _missing_sentence(effect: dict[str, Any], words: Words) -> Text:
    return say(
        "With {column} missing, the mean {answer} is {mean}.",
        column=effect["column"],
        answer=words.axis(effect["output"]),
        mean=words.amount(effect["mean_where_missing"]),
    )


def _column_of(one: dict[str, Any]) -> str:
    return str(one["column"])


def _most_moved(found: list[dict[str, Any]], explanation: dict[str, Any]) -> dict[str, Any]:
    """What is found of the class that the column moves most, of those shown."""
    column = found[0]["column"]
    entry = next(e for e in explanation["global"] if e["column"] == column)
    moved = {
        output["output"]: mean
        for output, mean in zip(explanation["outputs"], entry["by_output"], strict=True)
    }
    return max(found, key=lambda one: moved[one["output"]])


def _means_plot(effects: list[dict[str, Any]], words: Words) -> LinePlot:
    first = effects[0]
    lines = tuple(Line(e["output"], tuple(e["positions"]), tuple(e["mean"])) for e in effects)
    alt = say(
        "Mean probability of each class shown by {column}, over {rows:,} rows",
        column=_x_label(first["column"], first["varied"]),
        rows=first["rows"],
    )
    label = _x_label(first["column"], first["varied"])
    return LinePlot(alt, label, words.axis(None), lines, _categories(first))


def _effect_plot(effect: dict[str, Any], words: Words) -> LinePlot:
    x = tuple(effect["positions"])
    single = say("single rows")
    thin = tuple(Line(single, x, tuple(curve), strong=False) for curve in effect["curves"])
    mean = Line(say("mean of {rows:,} rows", rows=effect["rows"]), x, tuple(effect["mean"]))
    axis, label = words.axis(effect["output"]), _x_label(effect["column"], effect["varied"])
    errors = [error for error in effect["standard_error"] if error is not None]
    alt = say(
        "{answer} by {column}: {count:,} single rows and the mean, whose standard error is at most "
        "{error}",
        answer=axis,
        column=label,
        count=len(thin),
        error=max(errors) if errors else None,
    )
    return LinePlot(alt, label, axis, (*thin, mean), _categories(effect))


def _categories(effect: dict[str, Any]) -> tuple[Said, ...] | None:
    labels = effect["labels"]
    if labels is None:
        return None
    if effect["varied"] != "value":
        return tuple(say(CALENDAR[label]) for label in labels)
    return tuple(say(SPECIAL["missing"]) if label == "missing" else label for label in labels)


def _x_label(column: str, varied: str) -> Said:
    return column if varied == "value" else say(VARIED[varied], column=column)
