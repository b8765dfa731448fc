"""The report of a test as a page.

Belongs here: how an ``ab_report`` is shown, for every task. Does not belong here: what is in it
(``report.py``), when a guard rail holds (``guards.py``), or the variants
side by side (``variants_section.py``).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mlops_assets.ab_test.guards import GuardName
from mlops_assets.ab_test.variants_section import variants_section
from mlops_assets.ab_test.verdict import Verdict
from mlops_assets.answers import LOSS_NAMES
from mlops_assets.reporting.page import (
    Cell,
    Judgement,
    Line,
    LinePlot,
    Outcome,
    Page,
    Section,
    Table,
)
from mlops_assets.reporting.text import Text, join, mark, say

OUTCOMES: dict[Verdict, Outcome] = {
    "better": "within",
    "not worse": "within",
    "worse": "beyond",
    "undecided": "insufficient",
}
MODES: dict[str, Text] = {
    "ab": say("A/B: each entity is answered by one of them"),
    "shadow": say("shadow: the challenger is asked as well, and never answers"),
}
GUARDS: dict[GuardName, str] = {
    "divided as planned": mark(
        "entities were divided by the share in force (always-valid p-value, at least)"
    ),
    "shadows complete": mark("part of the planned shadows that was scored (at least)"),
    "labelled alike": mark(
        "entities of both have labels equally often, within days (p-value, at least)"
    ),
    "inside the envelope": mark("rise of the share of rows outside the input envelope (at most)"),
    "log complete": mark("share of the logged rows that was lost (at most)"),
}
WHY: dict[str, str] = {
    "no test": mark("No challenger is or was tried out: `mlops traffic` starts a test."),
    "no row id": mark(
        "Labels cannot be joined to answers: name the column that names a row under serving.row_id."
    ),
}
HELD: dict[bool | None, Judgement] = {
    True: Judgement(say("holds"), "within"),
    False: Judgement(say("does not hold"), "beyond"),
    None: Judgement(say("unknown"), "insufficient"),
}


def ab_page(report: Mapping[str, Any]) -> Page:
    """What a reader sees of an ``ab_report``."""
    title = say("A/B test: {use_case}", use_case=report["use_case"])
    if "why" in report:
        return Page(title, say(WHY[report["why"]]), (), (), "insufficient")
    relied_on = all(guard["holds"] is True for guard in report["guards"])
    outcome: Outcome = OUTCOMES[report["verdict"]]
    if not relied_on and outcome == "within":
        outcome = "insufficient"
    return Page(
        title=title,
        verdict=_verdict_sentence(report, relied_on),
        facts=(
            (say("Test"), report["experiment"]),
            (say("Challenger"), report["challenger"]),
            (say("Champion"), report["champion"]),
            (say("Form"), MODES[report["mode"]]),
            (say("Began"), report["started"]),
            (say("Started by"), report["started_by"]),
            (say("Still running"), report["running"]),
            (say("Labelled rows that count"), report["labelled"]),
            (say("Planned rows"), report["planned_rows"]),
        ),
        sections=(
            _difference(report),
            _guards(report),
            variants_section(report),
            _plan(report),
            _compared_on(report),
        ),
        outcome=outcome,
    )


def _verdict_sentence(report: Mapping[str, Any], relied_on: bool) -> Text:
    found, loss = report["difference"], say(LOSS_NAMES[report["task"]])
    counted = say(
        "{labelled:,} of {planned:,} planned rows are labelled",
        labelled=report["labelled"],
        planned=report["planned_rows"],
    )
    if report["contradicts_itself"]:
        said = say(
            "Undecided: the difference changed during the test, so that no single one fits; "
            "{counted}.",
            counted=counted,
        )
    elif found["low"] is None or found["high"] is None:
        said = say("Undecided: it is too early to say anything; {counted}.", counted=counted)
    else:
        said = say(
            SENTENCES[report["verdict"]],
            loss=loss,
            low=found["low"],
            high=found["high"],
            effect=report["minimum_effect"],
            counted=counted,
        )
    if relied_on:
        return said
    return join((say("The test cannot be relied on: not every guard rail is shown to hold."), said))


SENTENCES: dict[Verdict, str] = {
    "better": mark(
        "The challenger is better: its {loss} differs from the champion's by {low:+.4f} to "
        "{high:+.4f}; {counted}."
    ),
    "not worse": mark(
        "The challenger is not worse by as much as {effect:.4g}: its {loss} differs from the "
        "champion's by {low:+.4f} to {high:+.4f}; {counted}."
    ),
    "worse": mark(
        "The challenger is worse: its {loss} differs from the champion's by {low:+.4f} to "
        "{high:+.4f}; {counted}."
    ),
    "undecided": mark(
        "Undecided: the challenger's {loss} differs from the champion's by {low:+.4f} to "
        "{high:+.4f}, and {effect:.4g} matters; {counted}."
    ),
}


def _difference(report: Mapping[str, Any]) -> Section:
    loss, points = say(LOSS_NAMES[report["task"]]), report["sequence"]
    text = (
        say(
            "The difference is the challenger's mean {loss} less the champion's, each entity "
            "counting once; below zero the challenger is better.",
            loss=loss,
        ),
        say(
            "The interval holds at {confidence:.0%} however often one looks and whenever one "
            "stops: an asymptotic confidence sequence (Waudby-Smith and others, 2024), of which "
            "each look keeps what all earlier ones agree on.",
            confidence=report["confidence"],
        ),
        say(
            "It is made of measurements on real traffic, and cannot be reproduced by running again."
        ),
    )
    known = [point for point in points if point["low"] is not None and point["high"] is not None]
    if not known:
        return Section(say("Difference"), join(text))
    x = tuple(float(point["rows"]) for point in known)
    lines = [
        Line(say("estimate"), x, tuple(point["value"] for point in known)),
        Line(say("lower bound"), x, tuple(point["low"] for point in known)),
        Line(say("upper bound"), x, tuple(point["high"] for point in known)),
        Line(say("minimum effect"), x, (report["minimum_effect"],) * len(x)),
        Line(say("no difference"), x, (0.0,) * len(x), strong=False),
    ]
    plot = LinePlot(
        say("Difference of the {loss} with its always-valid interval over time", loss=loss),
        say("labelled rows that count"),
        say("difference of the {loss}", loss=loss),
        tuple(lines),
    )
    return Section(say("Difference"), join(text), (plot,))


def _guards(report: Mapping[str, Any]) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (say(GUARDS[guard["name"]]), guard["value"], guard["limit"], HELD[guard["holds"]])
        for guard in report["guards"]
    ]
    held = [guard["holds"] for guard in report["guards"]]
    outcome: Outcome = "within"
    if None in held:
        outcome = "insufficient"
    if False in held:
        outcome = "beyond"
    headings = (say("Guard rail"), say("Value"), say("Limit"), say("Verdict"))
    table = Table(say("Whether the traffic can be relied on"), headings, tuple(rows))
    text = say(
        "A test whose traffic was not divided, labelled or logged as planned compares two "
        "different groups, and says nothing about the models."
    )
    return Section(say("Guard rails"), text, (table,), outcome)


def _plan(report: Mapping[str, Any]) -> Section:
    plan = report["plan"]
    losses = plan["losses"]
    rows: tuple[tuple[Cell, ...], ...] = (
        (say("minimum effect"), plan["minimum_effect"]),
        (say("confidence"), plan["confidence"]),
        (say("power"), plan["power"]),
        (say("entities, looked at whenever one likes"), plan["entities"]),
        (say("entities, looked at once"), plan["fixed_entities"]),
        (say("rows"), plan["rows"]),
        (say("entities before anything is said"), plan["burn_in"]),
        (say("labelled entities of each variant before that"), plan["min_labelled"]),
        (say("variance of one entity's contribution"), plan["variance"]),
        (say("rows that this comes from"), losses["rows"]),
        (say("batch that this comes from"), plan["measured_on"]),
    )
    shares: tuple[tuple[Cell, ...], ...] = tuple(
        (_moment(period["start"]), _moment(period["end"]), period["share"])
        for period in report["periods"]
    )
    return Section(
        say("Plan"),
        say("What was planned before the test began; it is judged by this, and not by later ones."),
        (
            Table(say("The plan"), (say("Quantity"), say("Value")), rows),
            Table(
                say("Share of the challenger"), (say("From"), say("Until"), say("Share")), shares
            ),
        ),
    )


def _moment(microseconds: int | None) -> Cell:
    if microseconds is None:
        return say("under way")
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat(
        timespec="seconds"
    )


def _compared_on(report: Mapping[str, Any]) -> Section:
    rows = tuple((name, hash_) for name, hash_ in report["compared_on"].items())
    table = Table(say("Artifacts by hash"), (say("Artifact"), say("Hash")), rows)
    return Section(
        say("What was compared"),
        say("The log of the test's days, and the batches whose labels were joined to it."),
        (table,),
    )
