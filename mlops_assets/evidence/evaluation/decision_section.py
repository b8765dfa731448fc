"""What is decided and what it costs, as a section of the evaluation's page.

Belongs here: how the decision report is shown. Does not belong here: what is in it
(``decision_costs.py``), how training chose the rule (``training/decision.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.evidence.metrics.groups_table import with_interval
from mlops_assets.reporting.page import Cell, Section, Table
from mlops_assets.reporting.text import Text, join, mark, say

ALTERNATIVES = {
    "rule": mark("challenger, by its rule"),
    "without_costs": mark("challenger, as if all mistakes cost the same"),
    "baseline": mark("baseline"),
    "champion": mark("champion, by its own rule"),
}


def decision_sections(report: Mapping[str, Any]) -> tuple[Section, ...]:
    """The confusion and the costs of the decision rule; none for a number."""
    decision = report["decision"]
    if decision is None:
        return ()
    tables = [_confusion(decision)]
    if decision["costs"] is not None:
        tables = [_costs(decision), *tables, _matrix(decision)]
    return (Section(say("Decisions"), _words(report), tuple(tables)),)


def _words(report: Mapping[str, Any]) -> Text:
    decision = report["decision"]
    said = [_rule_words(report["task"], decision["rule"])]
    chosen = decision["chosen"]
    if chosen is None:
        said.append(say("How the rule was chosen is not recorded."))
    else:
        said.append(
            say(
                "It was chosen in training, on rows that are none of these: {why}.",
                why=say(chosen["why"]),
            )
        )
    if decision["costs"] is None:
        said.append(say("The use case declares no costs, so that no cost is reckoned."))
    return join(said)


def _rule_words(task: str, rule: Mapping[str, Any]) -> Text:
    if task == "multiclass":
        if rule["costs"] is None:
            return say("The most probable class is decided.")
        return say("The class whose expected cost is least is decided.")
    everyone = say(
        "The positive class is decided from a probability of {threshold:.4f} on.",
        threshold=rule["threshold"],
    )
    if rule["group_column"] is None:
        return everyone
    texts = [
        say("{group}: {threshold:.4f}", group=group, threshold=threshold)
        for group, threshold in rule["group_thresholds"]
    ]
    by_group = say(
        "By {column}, other thresholds apply ({thresholds}).",
        column=rule["group_column"],
        thresholds=join(texts, "; "),
    )
    return join([everyone, by_group])


def _costs(decision: Mapping[str, Any]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            say(ALTERNATIVES[name]),
            with_interval(outcome["cost"]),
            "-" if name == "rule" else with_interval(outcome["more"]),
        )
        for name, outcome in decision["outcomes"].items()
    ]
    headings = (say("Decided by"), say("Mean cost of a row"), say("More than by the rule"))
    return Table(say("What decisions cost on the test rows"), headings, tuple(rows))


def _confusion(decision: Mapping[str, Any]) -> Table:
    classes = decision["classes"]
    counted = decision["outcomes"]["rule"]["confusion"]
    rows = tuple((name, *line) for name, line in zip(classes, counted, strict=True))
    caption = say(
        "Rows of each class (lines) by the class decided (columns): the diagonal is right"
    )
    return Table(caption, (say("Class"), *classes), rows)


def _matrix(decision: Mapping[str, Any]) -> Table:
    classes = decision["classes"]
    rows = tuple((name, *line) for name, line in zip(classes, decision["costs"], strict=True))
    caption = say("Declared cost of each class (lines) by the class decided (columns)")
    return Table(caption, (say("Class"), *classes), rows)
