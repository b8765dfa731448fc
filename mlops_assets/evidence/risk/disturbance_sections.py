"""What disturbed, implausible and adversarial inputs do, as sections of the risk page.

Belongs here: the words, tables and plots of these tests. Does not belong here: the tests
(``perturbations.py``, ``implausible_values.py``, ``evasion.py``) or the page (``risk_page.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.reporting.page import (
    Interval,
    IntervalPlot,
    Line,
    LinePlot,
    Section,
    Table,
)
from mlops_assets.reporting.text import Text, join, mark, say

Report = Mapping[str, Any]
LOSS_RISES = {
    "missing_value_loss_rise": mark("a tenth of the cells missing"),
    "unseen_category_loss_rise": mark("an unseen category in {subject}"),
}
NOTICED_BY = {
    "quarantine": mark("the quarantine"),
    "envelope": mark("the envelope"),
    "drift": mark("drift"),
}


def disturbance_sections(report: Report) -> tuple[Section, ...]:
    return _disturbed_section(report), _implausible_section(report), _evasion_section(report)


def _findings(report: Report, measure: str) -> list[dict[str, Any]]:
    return [one for one in report["findings"] if one["measure"] == measure]


def _disturbed_section(report: Report) -> Section:
    tests = report["tests"]
    intervals = tuple(
        Interval(say(template, subject=one["subject"]), one["value"], one["low"], one["high"])
        for measure, template in LOSS_RISES.items()
        for one in _findings(report, measure)
    )
    plot = IntervalPlot(
        say("Rise of the mean loss by disturbance, with 95% intervals"),
        say("rise of the mean loss"),
        intervals,
    )
    blocks: tuple[Any, ...] = (plot,)
    columns = tests["missing_values"].get("whole_columns", [])
    if columns:
        rows = tuple((one["column"], one["rise"]) for one in columns)
        heading = say("Rise of the loss where a whole column is missing, the worst first")
        blocks += (Table(heading, (say("Column"), say("Rise of the mean loss")), rows),)
    words = [_noise_words(report), _missing_words(tests), _unseen_words(tests)]
    return Section(say("Disturbed inputs"), join(words), blocks)


def _noise_words(report: Report) -> Text:
    evidence, task = report["tests"]["noise"], report["task"]
    if evidence["why_exact"]:
        return say("Noise: cannot come, as {why}.", why=say(evidence["why_exact"]))
    parts = {name: evidence[name] for name in ("changed", "rows", "noise", "tolerance")}
    if task == "regression":
        template = mark(
            "Noise of {noise:.0%} of a column's standard deviation moved {changed:,} of {rows:,} "
            "predictions by more than {tolerance} standard deviations of the target."
        )
    else:
        template = mark(
            "Noise of {noise:.0%} of a column's standard deviation changed {changed:,} of {rows:,} "
            "decisions."
        )
    return say(template, **parts)


def _missing_words(tests: Report) -> Text:
    evidence = tests["missing_values"]
    if evidence["why_exact"]:
        return say("Missing values: cannot come, as {why}.", why=say(evidence["why_exact"]))
    worst = evidence["whole_columns"][0]
    return say(
        "A whole column that is missing costs most where it is {column}: the mean loss rises by "
        "{rise}.",
        column=worst["column"],
        rise=worst["rise"],
    )


def _unseen_words(tests: Report) -> Text:
    evidence = tests["unseen_categories"]
    if evidence["why_exact"]:
        return say("Unseen categories: cannot come, as {why}.", why=say(evidence["why_exact"]))
    said = say(
        "A category that was never seen was put into {share:.0%} of the rows, column by column.",
        share=evidence["share"],
    )
    if not evidence["closed"]:
        return said
    closed = say(
        "It cannot come in {columns}: all values are known, and cleaning sends others to the "
        "quarantine.",
        columns=", ".join(evidence["closed"]),
    )
    return join([said, closed])


def _implausible_section(report: Report) -> Section:
    tests = report["tests"]
    far, units = tests["out_of_range"], tests["unit_errors"]
    words = [
        say(
            "Of {tried:,} values far out of range, the declared limits noticed "
            "{noticed_by_limits:,} and the limits and the envelope together {noticed:,}.",
            **{name: far[name] for name in ("tried", "noticed_by_limits", "noticed")},
        )
    ]
    rows = [
        (
            column["column"],
            say(unit),
            join([say(NOTICED_BY[name]) for name, seen in by.items() if seen], ", ")
            if any(by.values())
            else say("nothing"),
        )
        for column in units["columns"]
        for unit, by in sorted(column["noticed"].items())
    ]
    if not rows:
        return Section(say("Implausible values"), join(words))
    words.append(
        say(
            "Each number column of {rows:,} held-out rows was put into other units, as a batch of "
            "its own: the quarantine, the envelope and the drift test were asked whether they "
            "notice.",
            rows=units["rows"],
        )
    )
    caption = say("By what a unit error would be noticed")
    table = Table(caption, (say("Column"), say("Change"), say("Noticed by")), tuple(rows))
    return Section(say("Implausible values"), join(words), (table,))


def _evasion_section(report: Report) -> Section:
    evidence = report["tests"]["evasion"]
    curve = Line(
        say("decisions turned"),
        tuple(evidence["curve"]["distance"]),
        tuple(evidence["curve"]["share"]),
    )
    plot = LinePlot(
        say("Share of decisions turned by the size of the change in numbers"),
        say("largest change of a number, in its standard deviations"),
        say("share of rows"),
        (curve,),
    )
    return Section(say("Evasion"), join(_evasion_words(report)), (plot,))


def _evasion_words(report: Report) -> list[Text]:
    evidence = report["tests"]["evasion"]
    said = [
        say(
            "An attacker who can only ask the model changes one or two numbers of a row, or one "
            "category. A small change moves numbers by at most {small} of their standard "
            "deviations and no category: it turned {turned:,} of {rows:,} decisions. Changing one "
            "category turned {by_category:,}; {never:,} were turned by nothing that was tried.",
            **{n: evidence[n] for n in ("small", "turned", "rows", "by_category", "never")},
        )
    ]
    if report["task"] == "regression":
        said.append(
            say(
                "A prediction counts as turned where it moves by {turned_by} standard deviations "
                "of the target.",
                turned_by=evidence["turned_by"],
            )
        )
    if evidence["median_distance"] is not None:
        said.append(
            say(
                "Half of the decisions turn with a change of {median} standard deviations.",
                median=evidence["median_distance"],
            )
        )
    said.append(
        say(
            "The model was asked {questions:,} times. A better search may find smaller changes; "
            "timestamps were not changed.",
            questions=evidence["questions"],
        )
    )
    return said
