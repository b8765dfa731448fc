"""The tables and plots of the fairness page.

Belongs here: how groups, definitions and mitigation are listed and drawn. Does not belong here: the
sentences about groups (``fairness_words.py``), what is in the report (``fairness.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_assets.evidence.fairness.fairness_words import MEANINGS, NAMES
from mlops_assets.governance.measures import MEASURES
from mlops_assets.reporting.page import (
    Cell,
    Interval,
    IntervalPlot,
    Judgement,
    Outcome,
    Section,
    Table,
    Words,
)
from mlops_assets.reporting.text import Text, join, mark, say

Report = Mapping[str, Any]
GROUPS_DRAWN = 12
CROSSINGS_LISTED = 12

FIGURES = {
    "selection_rate": mark("Selection rate"),
    "true_positive_rate": mark("True-positive rate"),
    "false_positive_rate": mark("False-positive rate"),
    "precision": mark("Precision"),
    "calibration": mark("Answer minus outcome"),
    "error_cost": mark("Cost of errors"),
}
SHARES = ("selection_rate", "true_positive_rate", "false_positive_rate", "precision")
VERDICTS: dict[str, tuple[str, Outcome | None]] = {
    "within": (mark("within"), "within"),
    "beyond": (mark("beyond"), "beyond"),
    "insufficient evidence": (mark("insufficient evidence"), "insufficient"),
    "unknown": (mark("unknown"), "insufficient"),
    "no limit": (mark("no limit"), None),
}


def definitions_section(report: Report) -> Section:
    """Which definition applies and why, and what each of them says."""
    definition = report["definition"]
    declared, applied = definition["declared"], definition["applied"]
    meaning = say(
        "“{name}” applies: {meaning}.", name=say(NAMES[applied]), meaning=say(MEANINGS[applied])
    )
    said = [meaning]
    if declared != applied:
        template = mark(
            "Declared is “{name}”, which needs a favourable outcome; here there is none, so that "
            "the cost of errors applies."
        )
        said.append(say(template, name=say(NAMES[declared])))
    if definition["reason"]:
        said.append(say("The reason: {reason}", reason=definition["reason"]))
    else:
        said.append(say("The reason: MISSING (fairness.reason)."))
    said.append(
        say(
            "Definitions exclude each other where groups differ in what happens to them: the "
            "others are computed alike, and are not applied."
        )
    )
    headings = (
        say("Definition"),
        say("Column"),
        say("Stands out most"),
        say("Figure"),
        say("Limit"),
        say("Verdict"),
        say("Groups within, beyond, insufficient"),
    )
    applied_first = sorted(report["definitions"], key=lambda one: not one["applied"])
    rows = tuple(_definition_row(one) for one in applied_first)
    table = Table(say("What each definition says"), headings, rows)
    return Section(say("Which definition of fair applies"), join(said), (table,))


def _definition_row(one: Report) -> tuple[Cell, ...]:
    name = say(NAMES[one["definition"]])
    counts = one["groups"]
    told = say(
        "{within:,}, {beyond:,}, {insufficient:,}",
        within=counts["within"],
        beyond=counts["beyond"],
        insufficient=counts["insufficient evidence"] + counts["unknown"],
    )
    return (
        say("{name} (applies)", name=name) if one["applied"] else name,
        say("crossings") if one["column"] is None else one["column"],
        one["group"] or say("no group has rows enough"),
        estimate(one),
        say("none") if one["limit"] is None else float(one["limit"]),
        _judgement(one["verdict"]),
        told,
    )


def _judgement(verdict: str) -> Cell:
    words, outcome = VERDICTS[verdict]
    return say(words) if outcome is None else Judgement(say(words), outcome)


def column_sections(report: Report) -> Iterator[Section]:
    """One section a sensitive column: the applied measure drawn, every figure listed."""
    for column in report["columns"]:
        if column["crossing"]:
            continue
        described = column["description"]
        title = say("Groups of {column}", column=column["column"])
        text: Words = described if described else ""
        plots = _plots(report, column["column"], column["column"], column["groups"])
        table = groups_table(report, say("Each group on its own"), column["groups"])
        yield Section(title, text, (*plots, table))


def crossings_section(report: Report) -> Section | None:
    """The crossings of two columns, those that stand out most first."""
    groups = [g for one in report["columns"] if one["crossing"] for g in one["groups"]]
    if not groups:
        return None
    measure = report["definition"]["measure"]
    known = [g for g in groups if g["measures"][measure]["enough"]]
    known = [g for g in known if g["measures"][measure]["value"] is not None]
    sign = 1.0 if MEASURES[measure].bound == "at least" else -1.0
    known.sort(key=lambda g: (sign * g["measures"][measure]["value"], g["group"]))
    text = say(
        "Of {groups:,} combinations of two columns that occur, {known:,} have rows enough to be "
        "measured; the others have insufficient evidence. Listed are the {listed:,} that stand out "
        "most, the worst first; report.json has all.",
        groups=len(groups),
        known=len(known),
        listed=min(len(known), CROSSINGS_LISTED),
    )
    if not known:
        return Section(say("Crossings"), text)
    plots = _plots(report, None, say("two columns"), known)
    table = groups_table(report, say("Crossings on their own"), known[:CROSSINGS_LISTED])
    return Section(say("Crossings"), text, (*plots, table))


def groups_table(report: Report, caption: Text, groups: Sequence[Report]) -> Table:
    """One line a group, and one for all rows."""
    shown = [name for name in FIGURES if name in report["all_rows"]["figures"]]
    counted = report["favourable"] is not None
    headings: tuple[Words, ...] = (
        say("Group"),
        say("Rows"),
        *((say("Favourable outcomes"),) if counted else ()),
        *(say(FIGURES[name]) for name in shown),
    )
    every: list[tuple[Words, Report]] = [(one["group"], one) for one in groups]
    every.append((say("all rows"), report["all_rows"]))
    rows = tuple(
        (
            name,
            _count(one["rows"]),
            *((_count(one["positives"]),) if counted else ()),
            *(_figure(name, one["figures"][name]) for name in shown),
        )
        for name, one in every
    )
    return Table(caption, headings, rows)


def estimate(one: Report) -> Cell:
    """A figure with its interval; ``None`` where it is unknown."""
    if one["value"] is None:
        return None
    if one["low"] is None or one["high"] is None:
        return say("{value:.3f} [unknown]", value=one["value"])
    template = mark("{value:.3f} [{low:.3f}, {high:.3f}]")
    return say(template, value=one["value"], low=one["low"], high=one["high"])


def _figure(name: str, one: Report) -> Cell:
    known = one["value"] is not None and one["low"] is not None and one["high"] is not None
    if known and name in SHARES:
        template = mark("{value:.1%} [{low:.1%}, {high:.1%}]")
        found: Cell = say(template, value=one["value"], low=one["low"], high=one["high"])
    else:
        found = estimate(one)
    if found is None or one["enough"]:
        return say("insufficient evidence") if found is None and not one["enough"] else found
    return say("{figure}, of {rows:,} rows only", figure=found, rows=one["rows"])


def _count(rows: int | str | None) -> Cell:
    return say("fewer than 5") if isinstance(rows, str) else rows


def _plots(
    report: Report, column: str | None, name: Words, groups: Sequence[Report]
) -> tuple[IntervalPlot, ...]:
    """The applied measure of the groups that have rows enough, with the limit drawn."""
    measure = report["definition"]["measure"]
    known = [
        (g["group"], g["measures"][measure]) for g in groups if g["measures"][measure]["enough"]
    ]
    drawn = [(group, one) for group, one in known if one["value"] is not None][:GROUPS_DRAWN]
    if not drawn:
        return ()
    limits = [
        one["limit"] for one in report["definitions"] if one["applied"] and one["column"] == column
    ]
    words = say(MEASURES[measure].words)
    at_most = MEASURES[measure].bound == "at most"
    return (
        IntervalPlot(
            alt=say(
                "{measure}, by group of {column}, with 95% intervals and the limit",
                measure=words,
                column=name,
            ),
            x_label=words,
            intervals=tuple(
                Interval(group, one["value"], one["low"], one["high"]) for group, one in drawn
            ),
            limit=limits[0] if limits else None,
            limit_name=say("at most") if at_most else say("at least"),
        ),
    )
