"""Slices, groups, their crossings and the weak slices, as sections of the evaluation's page.

Belongs here: how parts of the rows are shown. Does not belong here: what is measured on them
(``side_by_side.py``, ``weak_slices.py``), the rest of the page (``evaluation_page.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.evidence.metrics.groups_table import groups_table, with_interval
from mlops_assets.evidence.metrics.metrics import GROUP_METRICS, METRICS
from mlops_assets.reporting.page import Cell, Interval, IntervalPlot, Section, Table, Words
from mlops_assets.reporting.text import Text, join, say

MOST_CROSSINGS = 10
"""Crossings that are shown, those with the highest loss; the report holds them all."""
Group = Mapping[str, Any]


def group_sections(report: Mapping[str, Any]) -> tuple[Section, ...]:
    """By group, by crossing of two, and the weak slices."""
    crossings = (_crossings_section(report),) if report["crossings"] else ()
    return (_groups_section(report), *crossings, _weak_section(report))


def _groups_section(report: Mapping[str, Any]) -> Section:
    groups, task = report["groups"], report["task"]
    title = say("By group")
    if not groups:
        return Section(title, say("No slice is declared and no column is sensitive."))
    first = GROUP_METRICS[task][0]
    measured = [g for g in groups if g["metrics"][first]["value"] is not None]
    metric = say(METRICS[task][first])
    plot = IntervalPlot(
        say("{metric} of each group with its 95% interval", metric=metric),
        metric,
        tuple(Interval(g["name"], **g["metrics"][first]) for g in measured),
        limit=report["forms"][report["released_form"]["form"]][first]["value"],
        limit_name=say("all rows"),
    )
    text = say(
        "Declared slices and sensitive groups. The line marks the value over all rows. A group "
        "that is too small or has one class only is insufficient evidence, never good news."
    )
    beside = _side_by_side(groups, say("Group"))
    blocks = (groups_table(groups, task), *((beside,) if measured else ()))
    return Section(title, text, (plot, *blocks) if measured else blocks)


def _side_by_side(groups: Sequence[Group], heading: Text) -> Table:
    """The loss of each model, and how much better the challenger is."""
    has_champion = any("champion" in g["others"] for g in groups)
    names = ("baseline", "champion") if has_champion else ("baseline",)
    headings = {"baseline": say("Baseline"), "champion": say("Champion")}
    gains = {
        "baseline": say("Gain over the baseline"),
        "champion": say("Gain over the champion"),
    }
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        others = [group["others"][name] for name in names]
        if any(other is None for other in others):
            continue
        rows.append(
            (
                group["name"],
                *(with_interval(other["metrics"]["loss"]) for other in others),
                with_interval(group["metrics"]["loss"]),
                *(with_interval(other["gain"]) for other in others),
            )
        )
    columns = (
        heading,
        *(headings[name] for name in names),
        say("Challenger"),
        *(gains[name] for name in names),
    )
    return Table(say("Loss on the identical rows, answered by each"), columns, tuple(rows))


def _crossings_section(report: Mapping[str, Any]) -> Section:
    crossings = report["crossings"]
    measured = [g for g in crossings if g["verdict"] == "measured"]
    shown = sorted(measured, key=lambda g: (-g["loss_ratio"]["value"], g["name"]))
    text = say(
        "Slices and groups two by two: {crossings:,} crossings have rows, {few:,} of them too few "
        "or of one class only, which is insufficient evidence. Shown are the {shown} with the "
        "highest loss; the others are in report.json.",
        crossings=len(crossings),
        few=len(crossings) - len(measured),
        shown=min(len(shown), MOST_CROSSINGS),
    )
    if not shown:
        return Section(say("By crossing of two groups"), text)
    few = shown[:MOST_CROSSINGS]
    tables = (groups_table(few, report["task"]), _side_by_side(few, say("Crossing")))
    return Section(say("By crossing of two groups"), text, tables)


def _weak_section(report: Mapping[str, Any]) -> Section:
    found = report["weak_slices"]
    title = say("Weak slices")
    if not found["enough"]:
        return Section(
            title,
            say(
                "Weak slices were not searched for: the test rows are too few. This is "
                "insufficient evidence, not the absence of weak slices."
            ),
        )
    how = say(
        "All boxes of one or two columns that hold at least {share:.0%} of the rows were looked at "
        "on one half of the test rows, and {tested} of them tested on the other half. Of the "
        "slices named here, at most {rate:.0%} are expected to be there by chance.",
        share=found["min_share"],
        tested=found["tested"],
        rate=found["false_discovery_rate"],
    )
    if not found["weak"]:
        return Section(title, join([how, say("None is certainly weaker than the rest.")]))
    rows = tuple(
        (
            join([_condition(one) for one in slice_["conditions"]], ", "),
            slice_["share"],
            slice_["rows"],
            with_interval(slice_["loss_ratio"]),
            slice_["p"],
        )
        for slice_ in found["weak"]
    )
    headings = (
        say("Rows where"),
        say("Share of all rows"),
        say("Rows that tested it"),
        say("Loss, by that over all rows"),
        say("Chance of it in a slice that is not weak"),
    )
    ordered = say("The loss in each is above that elsewhere; the most certain come first.")
    return Section(title, join([how, ordered]), (Table(say("Weak slices"), headings, rows),))


def _condition(condition: Mapping[str, Any]) -> Text:
    """One condition on a column, in words."""
    said, column = _of_values(condition), condition["column"]
    if not condition["missing"]:
        return said or say("{column} is known", column=column)
    unknown = say("{column} is missing", column=column)
    return unknown if said is None else join([said, unknown], " / ")


def _of_values(condition: Mapping[str, Any]) -> Text | None:
    column: Words = condition["column"]
    above, up_to, values = condition["above"], condition["up_to"], condition["values"]
    if values:
        if len(values) == 1:
            return say("{column} is {value}", column=column, value=values[0])
        return say("{column} is one of {values}", column=column, values=", ".join(values))
    if above is not None and up_to is not None:
        return say(
            "{column} is above {above}, up to {up_to}", column=column, above=above, up_to=up_to
        )
    if above is not None:
        return say("{column} is above {above}", column=column, above=above)
    if up_to is not None:
        return say("{column} is at most {up_to}", column=column, up_to=up_to)
    return None
