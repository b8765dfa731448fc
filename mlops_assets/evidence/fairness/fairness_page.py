"""The fairness report as a page: who is treated how first, then what it rests on.

Belongs here: the order of the page, mitigation and method. Does not belong here: the sentences
about groups (``fairness_words.py``), tables and plots of groups (``fairness_sections.py``), what is
in the report (``fairness.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.evidence.fairness.fairness_sections import (
    column_sections,
    crossings_section,
    definitions_section,
    estimate,
)
from mlops_assets.evidence.fairness.fairness_words import NAMES, verdict
from mlops_assets.reporting.limits_section import limits_section
from mlops_assets.reporting.page import Cell, Page, Section, Table, Words
from mlops_assets.reporting.text import Text, join, mark, say

Report = Mapping[str, Any]

COSTS = {
    "loss": mark("loss"),
    "accuracy": mark("accuracy"),
    "mean_cost": mark("mean cost of errors"),
    "roc_auc": mark("ROC AUC"),
}
EFFECTS = {
    "better": mark("better"),
    "worse": mark("worse"),
    "no difference shown": mark("no difference shown"),
    "unknown": mark("unknown"),
}


def fairness_page(report: Report) -> Page:
    """What a reader sees of a ``fairness_report``."""
    title, facts = say("Fairness: {use_case}", use_case=report["use_case"]), _facts(report)
    if not report["columns"]:
        sections: tuple[Section, ...] = (limits_section(report["limits"]), _mitigation(report))
        return Page(title, verdict(report), facts, sections)
    crossings = crossings_section(report)
    return Page(
        title,
        verdict(report),
        facts,
        (
            limits_section(report["limits"]),
            definitions_section(report),
            *column_sections(report),
            *((crossings,) if crossings else ()),
            _mitigation(report),
            _method(report),
        ),
    )


def _facts(report: Report) -> tuple[tuple[Words, Cell], ...]:
    favourable = report["favourable"]
    outcome = say("none") if favourable is None else f"{report['target']} = {favourable}"
    return (
        (say("Test rows"), report["rows"]),
        (say("Definition"), say(NAMES[report["definition"]["applied"]])),
        (say("Reason for the definition"), report["definition"]["reason"]),
        (say("Favourable outcome"), outcome),
        (say("Meaning of the target"), report["target_description"] or None),
        (say("Fewest rows of a rate"), report["min_rows"]),
        *((say("Hash of {name}", name=name), value) for name, value in report["subject"].items()),
    )


def _mitigation(report: Report) -> Section:
    title, found = say("Mitigation"), report["mitigation"]
    if found is None:
        return Section(title, say("No mitigation is switched on (fairness.mitigation)."))
    text = join(
        (
            *_measures_taken(found),
            say(
                "Both models answered the same rows. A difference is with mitigation minus "
                "without, with its paired 95% interval."
            ),
        )
    )
    return Section(title, text, (_changes_table(found), _costs_table(found)))


def _measures_taken(found: Report) -> list[Text]:
    said = []
    if found["reweighing"]:
        template = mark(
            "Train rows are weighed so that outcomes do not depend on the groups of {columns}."
        )
        said.append(say(template, columns=", ".join(found["reweighing"])))
    by_group = found["group_thresholds"]
    if by_group:
        template = mark(
            "Decisions are made from a threshold for each group of {column}: {thresholds}; "
            "otherwise {threshold:.3f}. Its legal basis, as declared: {basis}"
        )
        thresholds = [
            say("{group}: {threshold:.3f}", group=value, threshold=one)
            for value, one in by_group["thresholds"]
        ]
        said.append(
            say(
                template,
                column=by_group["column"],
                thresholds=join(thresholds, "; ") if thresholds else say("none"),
                threshold=by_group["threshold"],
                basis=by_group["legal_basis"],
            )
        )
    return said


def _changes_table(found: Report) -> Table:
    headings = (
        say("Definition"),
        say("Column"),
        say("Limit"),
        say("Without mitigation"),
        say("Group"),
        say("With mitigation"),
        say("Group"),
    )
    nobody = say("no group has rows enough")
    rows = tuple(
        (
            say(NAMES[one["definition"]]),
            say("crossings") if one["column"] is None else one["column"],
            say("none") if one["limit"] is None else float(one["limit"]),
            estimate(one["before"]),
            one["before"]["group"] or nobody,
            estimate(one["after"]),
            one["after"]["group"] or nobody,
        )
        for one in found["definitions"]
    )
    return Table(say("The group that stands out most, before and after"), headings, rows)


def _costs_table(found: Report) -> Table:
    headings = (
        say("Measure"),
        say("Without mitigation"),
        say("With mitigation"),
        say("Difference"),
        say("Effect"),
    )
    rows = tuple(
        (
            say(COSTS[one["name"]]),
            one["before"],
            one["after"],
            estimate({**one, "value": one["difference"]}),
            say(EFFECTS[one["effect"]]),
        )
        for one in found["costs"]
    )
    return Table(say("What mitigation costs"), headings, rows)


def _method(report: Report) -> Section:
    said = [
        say(
            "Rates are Fairlearn's. A group is compared with all rows, itself among them, as "
            "Fairlearn's to_overall does."
        ),
        say(
            "Figures of a group have exact 95% intervals (Clopper and Pearson). Differences and "
            "ratios have intervals by variance recovery from these (Zou and Donner), simultaneous "
            "over the groups of one column, or of one crossing, that have rows enough "
            "(Bonferroni): all of them hold the truth at once at least 95 times of 100. Rows are "
            "taken as independent of each other."
        ),
        say(
            "A rate of fewer than {rows:,} rows is insufficient evidence; of fewer than 5 nothing "
            "is written, so that nobody is singled out. Rows that do not say their group are a "
            "group.",
            rows=report["min_rows"],
        ),
        _cost_words(report),
    ]
    return Section(say("How to read this"), join(said, "\n\n"))


def _cost_words(report: Report) -> Text:
    if report["task"] == "regression":
        return say(
            "The cost of an error is its square divided by the variance of the target in the train "
            "rows; calibration is in standard deviations."
        )
    if report["declared_costs"]:
        return say(
            "The cost of an error is what the decision costs more than the cheapest one for that "
            "row, by the costs declared under decision."
        )
    return say("The cost of an error is 1: no costs are declared under decision.")
