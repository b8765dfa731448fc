"""The limits of a report as its first section, and as one sentence of its verdict.

Belongs here: how figures that ``governance.policy.judged`` has judged are shown. Does not belong
here: its tables (``limits_table.py``), judging (``governance/policy.py``), or what follows from it
(``release/gate.py``).
"""

from collections.abc import Iterable, Sequence

from mlops_assets.governance.policy import MEASURES
from mlops_assets.reporting.limits_table import (
    OUTCOMES,
    VERDICTS,
    Judged,
    broken_table,
    held_table,
    subject_words,
)
from mlops_assets.reporting.page import Interval, IntervalPlot, Outcome, Section
from mlops_assets.reporting.text import Text, join, mark, say

CLASSES = {"minimal": mark("minimal"), "limited": mark("limited"), "high": mark("high")}
"""Policies by the class they are of."""

WORST_FIRST: tuple[Outcome, ...] = ("beyond", "insufficient", "within")
FEWEST_DRAWN = 3
MOST_PLOTS = 2
MOST_DRAWN = 12
MEASURES_NAMED = 3


def limits_section(limits: Sequence[Judged]) -> Section:
    """What is limited, as ``judged`` wrote it, the worst first: each figure with its interval, its
    limit, who answers for it, and where the use case deviates from its policy, why."""
    title = say("Limits")
    if not limits:
        return Section(title, say("The policy of this use case limits nothing in this report."))
    ordered = sorted(limits, key=_severity)
    broken = [one for one in ordered if one["verdict"] != "within"]
    held = [one for one in ordered if one["verdict"] == "within"]
    tables = []
    if broken:
        tables.append(broken_table(broken))
    if held:
        tables.append(held_table(held))
    return Section(title, _explanation(limits), (*tables, *_plots(ordered)), _outcome(limits))


def limits_verdict(limits: Sequence[Judged]) -> Text:
    """The limits in a sentence or two: how many hold, which do not, and what that does."""
    beyond = [one for one in limits if one["verdict"] == "beyond"]
    unknown = [one for one in limits if one["verdict"] not in ("within", "beyond")]
    total = len(limits)
    if not limits:
        return say("No limit of the policy applies here.")
    if not beyond and not unknown:
        return say("All limits hold ({total}).", total=total)
    said = []
    if beyond:
        template = mark("Not held: {count} of {total} limits ({measures}).")
        said.append(say(template, count=len(beyond), total=total, measures=_measures(beyond)))
    if unknown:
        template = mark("Evidence is insufficient for {count} of {total} limits ({measures}).")
        said.append(say(template, count=len(unknown), total=total, measures=_measures(unknown)))
    blocks = any(one["action"] == "block" for one in (*beyond, *unknown))
    said.append(say("This blocks a release.") if blocks else say("This warns; it blocks nothing."))
    return join(said)


def _explanation(limits: Sequence[Judged]) -> Text:
    return join(
        (
            say(
                "The policy “{policy}” limits {total:,} figures of this report: {counted}.",
                policy=say(CLASSES[limits[0]["policy"]]),
                total=len(limits),
                counted=_counted(limits),
            ),
            say(
                "Brackets hold 95% intervals. A figure is within its limit where its whole "
                "interval is, and beyond where none of it is; between the two, or of too few rows, "
                "evidence is insufficient, which is no pass."
            ),
        )
    )


def _counted(limits: Sequence[Judged]) -> Text:
    counts = {
        verdict: sum(one["verdict"] == verdict for one in limits)
        for verdict in ("beyond", "insufficient evidence", "unknown", "within")
    }
    template = mark("{count:,} {verdict}")
    counted = [
        say(template, verdict=say(VERDICTS[verdict]), count=count)
        for verdict, count in counts.items()
        if count
    ]
    return join(counted, ", ")


def _outcome(limits: Iterable[Judged]) -> Outcome:
    found = {OUTCOMES[one["verdict"]] for one in limits}
    return next(outcome for outcome in WORST_FIRST if outcome in found)


def _severity(one: Judged) -> tuple[int, bool, bool, float, str, str]:
    """What comes first: the worse verdict, that which blocks, and the figure nearest its limit."""
    outcome = WORST_FIRST.index(OUTCOMES[one["verdict"]])
    margin = _margin(one)
    nearest = margin if margin is not None else 0.0
    return (
        outcome,
        one["action"] != "block",
        margin is None,
        nearest,
        one["measure"],
        one["subject"],
    )


def _margin(one: Judged) -> float | None:
    """How far the unfavourable end of the interval is within the limit, in units of the limit."""
    end = one["high"] if one["bound"] == "at most" else one["low"]
    if end is None:
        return None
    room = one["limit"] - end if one["bound"] == "at most" else end - one["limit"]
    return float(room) / (abs(one["limit"]) or 1.0)


def _measures(limits: Iterable[Judged]) -> Text:
    names = list(dict.fromkeys(one["measure"] for one in limits))
    said = [say(MEASURES[name].words) for name in names[:MEASURES_NAMED]]
    if len(names) > MEASURES_NAMED:
        said.append(say("and {others:,} more", others=len(names) - MEASURES_NAMED))
    return join(said, "; ")


def _plots(ordered: Sequence[Judged]) -> tuple[IntervalPlot, ...]:
    """Measures with several subjects held to the same limit, those of the worst figures first."""
    alike: dict[tuple[str, float], list[Judged]] = {}
    for one in ordered:
        if one["value"] is not None:
            alike.setdefault((one["measure"], one["limit"]), []).append(one)
    several = [limits for limits in alike.values() if len(limits) >= FEWEST_DRAWN]
    return tuple(_plot(limits) for limits in several[:MOST_PLOTS])


def _plot(limits: Sequence[Judged]) -> IntervalPlot:
    words = say(MEASURES[limits[0]["measure"]].words)
    drawn = limits[:MOST_DRAWN]
    intervals = tuple(
        Interval(subject_words(one), one["value"], one["low"], one["high"]) for one in drawn
    )
    parts = {"measure": words, "all": len(limits), "counted": _counted(drawn)}
    if len(drawn) == len(limits):
        alt = say("{measure}: {all:,} figures with their 95% intervals, {counted}", **parts)
    else:
        alt = say(
            "{measure}: the {shown:,} of {all:,} figures that are worst or nearest to the limit, "
            "with their 95% intervals, {counted}",
            shown=len(drawn),
            **parts,
        )
    name = say("at most") if limits[0]["bound"] == "at most" else say("at least")
    return IntervalPlot(alt, words, intervals, limits[0]["limit"], name)
