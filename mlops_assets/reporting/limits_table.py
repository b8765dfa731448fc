"""The tables of limits: figure, interval, limit and verdict beside each other.

Belongs here: a line of such a table, and folding many lines. Does not belong here: the section and
its plots (``limits_section.py``), judging (``governance/policy.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.governance.policy import MEASURES, Verdict
from mlops_assets.reporting.page import Cell, Judgement, Outcome, Table, Words
from mlops_assets.reporting.range_words import group_words
from mlops_assets.reporting.text import Text, in_language, join, mark, say

Judged = Mapping[str, Any]
"""An entry that ``judged`` wrote."""

OUTCOMES: dict[Verdict, Outcome] = {
    "within": "within",
    "beyond": "beyond",
    "insufficient evidence": "insufficient",
    "unknown": "insufficient",
}
VERDICTS: dict[str, str] = {
    "within": mark("within"),
    "beyond": mark("beyond"),
    "insufficient evidence": mark("insufficient evidence"),
    "unknown": mark("unknown"),
}
ROLES = {
    "model_owner": mark("model owner"),
    "fairness_officer": mark("fairness officer"),
    "security_officer": mark("security officer"),
    "data_protection_officer": mark("data protection officer"),
    "data_steward": mark("data steward"),
}
ACTIONS = {"block": mark("blocks the release"), "warn": mark("warns")}
LIMITS = {"at most": mark("at most {limit}"), "at least": mark("at least {limit}")}
HEADINGS = (
    say("Measure"),
    say("Of"),
    say("Figure"),
    say("Limit"),
    say("Verdict"),
    say("Answerable"),
    say("If not held"),
)
MOST_BROKEN = 12
"""More figures that are not within are folded, those of one measure and verdict in one line."""
MOST_HELD = 10
"""More limits that are held are summarised: of each measure, the one nearest to its limit."""
SUBJECTS_NAMED = 3


def broken_table(broken: Sequence[Judged]) -> Table:
    """The worst figures one by one; what has no figure, and the rest of many, folded."""
    measured = [one for one in broken if one["value"] is not None]
    listed, rest = measured[:MOST_BROKEN], measured[MOST_BROKEN:]
    folded: dict[tuple[Any, ...], list[Judged]] = {}
    for one in (*rest, *(one for one in broken if one["value"] is None)):
        key = (one["measure"], one["limit"], one["reason"], one["verdict"], one["action"])
        folded.setdefault((*key, one["value"] is None), []).append(one)
    rows = [_row(one, subject_words(one), _figure(one)) for one in listed]
    rows += [_row(one[0], _named(one), _span(one)) for one in folded.values()]
    return _table(say("Limits that are not held, or not known to be"), rows)


def _table(caption: Text, rows: Sequence[tuple[Cell, ...]]) -> Table:
    """The lines of ``_row``; a measure that all of them have is said in the caption instead."""
    measures = list({in_language(say("{m}", m=row[0])): row[0] for row in rows}.values())
    if len(measures) > 1:
        return Table(caption, HEADINGS, tuple(rows))
    named = say("{caption}: {measure}", caption=caption, measure=measures[0])
    return Table(named, HEADINGS[1:], tuple(row[1:] for row in rows))


def _named(limits: Sequence[Judged]) -> Words:
    """The subjects that a line stands for, the first few by name."""
    named = join([subject_words(one) for one in limits[:SUBJECTS_NAMED]], "; ")
    more = len(limits) - SUBJECTS_NAMED
    return say("{subjects}; and {more:,} more", subjects=named, more=more) if more > 0 else named


def _span(limits: Sequence[Judged]) -> Cell:
    """From the least to the largest figure that a line stands for."""
    values = [float(one["value"]) for one in limits if one["value"] is not None]
    if len(limits) == 1 or not values:
        return _figure(limits[0])
    return say("{low} to {high}", low=min(values), high=max(values))


def held_table(held: Sequence[Judged]) -> Table:
    """One line a figure; of many, one a measure with the figure nearest to its limit."""
    if len(held) <= MOST_HELD:
        rows = [_row(one, subject_words(one), _figure(one)) for one in held]
        return _table(say("Limits that are held"), rows)
    nearest: dict[tuple[Any, ...], Judged] = {}
    others: dict[tuple[Any, ...], int] = {}
    for one in held:
        key = one["measure"], one["limit"], one["reason"]
        nearest.setdefault(key, one)
        others[key] = others.get(key, -1) + 1
    caption = say("Limits that are held: of each measure, the figure nearest to its limit")
    rows = [
        _row(one, _and_others(subject_words(one), others[key]), _figure(one))
        for key, one in nearest.items()
    ]
    return _table(caption, rows)


def _and_others(subject: Words, others: int) -> Words:
    if not others:
        return subject
    return say("{subject} (and {others:,} more)", subject=subject, others=others)


def _row(one: Judged, subject: Words, figure: Cell) -> tuple[Cell, ...]:
    role = one["role"]
    return (
        say(MEASURES[one["measure"]].words),
        subject,
        figure,
        _limit(one),
        Judgement(say(VERDICTS[one["verdict"]]), OUTCOMES[one["verdict"]]),
        say(ROLES[role]) if role in ROLES else role.replace("_", " "),
        say(ACTIONS[one["action"]]),
    )


def subject_words(one: Judged) -> Words:
    """What a figure is of."""
    return group_words(one["subject"]) if one["subject"] else say("all rows")


def _figure(one: Judged) -> Cell:
    value, low, high = one["value"], one["low"], one["high"]
    if value is None and one["verdict"] == "insufficient evidence":
        return say("too few rows")
    if value is None or low is None or high is None or low == high:
        return None if value is None else say("{value}", value=float(value))
    parts = {"value": float(value), "low": float(low), "high": float(high)}
    return say("{value} [{low}, {high}]", **parts)


def _limit(one: Judged) -> Text:
    """The limit; where it is the use case's own, with the policy's and the reason."""
    limit = say(LIMITS[one["bound"]], limit=float(one["limit"]))
    policy = float(one["policy_limit"])
    if one["limit"] == one["policy_limit"] and not one["reason"]:
        return limit
    if not one["reason"]:
        return say("{limit}; the policy says {policy}", limit=limit, policy=policy)
    reason = one["reason"]
    template = mark("{limit}; the policy says {policy}. Reason for deviating: {reason}")
    return say(template, limit=limit, policy=policy, reason=reason)
