"""What a profile's figures are called on its page: insights, steps, types and roles in words.

Belongs here: names of ours that ``report.json`` holds as it computes with them, and the sentences
of the verdict. Does not belong here: which of them is shown where (``sections.py``), or what
insights say (``insights.py``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.reporting.page import Words
from mlops_assets.reporting.text import Text, from_data, mark, say

KINDS = (
    mark("association"),
    mark("balance"),
    mark("balance by batch"),
    mark("change"),
    mark("constant"),
    mark("identifier"),
    mark("labels"),
    mark("leakage"),
    mark("missing"),
    mark("missing by batch"),
    mark("outliers"),
    mark("quarantine"),
    mark("target"),
)
"""Of insights."""
STEPS = (
    mark("delivered"),
    mark("quarantined"),
    mark("duplicates"),
    mark("cleaned rows"),
    mark("without a label"),
    mark("labelled rows"),
    mark("train rows"),
)
"""Of the waterfall, but for those of a rule or a split."""
SPLITS = (mark("train"), mark("calibration"), mark("test"))
TYPES = (mark("string"), mark("integer"), mark("number"), mark("boolean"), mark("timestamp"))
ROLES = (mark("input"), mark("sensitive"), mark("leak"), mark("ignored"), mark("target"))
LEAKAGE_TESTS = {
    "known_only_afterwards": mark("known only afterwards"),
    "exists_only_with_label": mark("exists only with the label"),
    "predicts_too_well": mark("predicts too well"),
    "mirrors_target": mark("mirrors the target"),
    "constant": mark("constant"),
    "identifier": mark("identifier"),
    "same_rows_in_train_and_test": mark("same rows in train and test"),
    "future_rows_in_the_past": mark("future rows in the past"),
}
LEAKAGE_VERDICTS = (mark("ok"), mark("leak"), mark("suspicious"), mark("unknown"))
OUR_NAMES = frozenset((*KINDS, *STEPS, *SPLITS, *TYPES, *ROLES, *LEAKAGE_VERDICTS))


def our_words(name: str) -> Words:
    """A kind, step, split, type, role or verdict in words; any other name as it is."""
    return Text(name) if name in OUR_NAMES else name


def leakage_test_words(name: str) -> Words:
    """What a leakage test is called."""
    return say(LEAKAGE_TESTS[name]) if name in LEAKAGE_TESTS else name


def step_words(step: str) -> Words:
    """A step of the waterfall; rules keep their own names."""
    kind, _, name = step.partition(": ")
    if name and kind == "removed":
        return say("removed: {rule}", rule=name)
    if name and kind == "set aside":
        return say("set aside: {split}", split=our_words(name))
    return our_words(step)


def insight_words(insight: Mapping[str, Any]) -> Words:
    """What an insight says."""
    return from_data(insight.get("said", insight["text"]))


def verdict_words(report: Mapping[str, Any]) -> Text:
    """What stands out most in a profile."""
    found, rows = report["insights"], report["rows"]
    if not rows:
        return say("There are no cleaned rows: there is nothing to profile.")
    if not found:
        return say("Nothing stands out in {rows:,} rows.", rows=rows)
    template = mark("{count:,} things stand out in {rows:,} rows. The strongest: {strongest}")
    if len(found) == 1:
        template = mark("One thing stands out in {rows:,} rows: {strongest}")
    return say(template, count=len(found), rows=rows, strongest=insight_words(found[0]))


def percent(share: float) -> Text:
    """A share as a percentage with a digit that means something: 31%, 2.4%, 0.03%."""
    if share >= 0.1 or share == 0.0:
        template = "{share:.0%}" if share < 0.995 or share == 1.0 else "{share:.2%}"
    else:
        template = "{share:.1%}" if share >= 0.001 else "{share:.3%}"
    return say(template, share=share)
