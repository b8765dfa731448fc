"""The representation report as a page: who falls short first, then every group's figures.

Belongs here: which sentences and tables show a ``representation_report``. Does not belong here: its
comparisons of groups (``sections.py``), the figures and verdicts (``report.py``), shortfalls in
words (``shortfalls.py``), or looks (``reporting/``).
"""

from collections.abc import Mapping
from typing import Any

from mlops_assets.data.representation.sections import (
    rates_section,
    shares_section,
    verdicts_words,
)
from mlops_assets.data.representation.shortfalls import count_words, percent
from mlops_assets.reporting.page import Cell, Outcome, Page, Section, Table, Words
from mlops_assets.reporting.range_words import group_words
from mlops_assets.reporting.text import Text, from_data, join, mark, say

GROUPS_NAMED = 5
CROSSINGS_LISTED = 15
CUTS = {
    "values": mark("the values of {columns}"),
    "bands": mark("the declared bands of {columns}"),
    "ranges": mark(
        "four ranges of this window (declare representation.bands to keep them the same) of "
        "{columns}"
    ),
}
ROWS_OF = {
    "train": mark("Train rows"),
    "calibration": mark("Calibration rows"),
    "test": mark("Test rows"),
}

Report = Mapping[str, Any]


def representation_page(report: Report) -> Page:
    """What a reader sees of a ``representation_report``."""
    title = say("Representation: {use_case}", use_case=report["use_case"])
    if not report["columns"]:
        none = say("No column is declared sensitive, so that there are no groups to look at.")
        return Page(title, none, _facts(report), ())
    sections = (
        _shortfalls_section(report),
        shares_section(report),
        *((rates_section(report),) if "label_rate" in report else ()),
        _rows_section(report),
        _crossings_section(report),
        _method_section(report),
    )
    return Page(title, _verdict(report), _facts(report), sections, _outcome(report))


def _outcome(report: Report) -> Outcome:
    """What was not asked for, for want of a reference, is not known to hold."""
    if report["shortfalls"]:
        return "beyond"
    asked = all(column["has_reference"] for column in report["columns"])
    return "within" if asked else "insufficient"


def _facts(report: Report) -> tuple[tuple[Words, Cell], ...]:
    batches, limits = report["batches"], report["limits"]
    template = mark("{count:,}: {first} to {last}") if len(batches) > 1 else "{count:,}: {first}"
    window = say(template, count=len(batches), first=batches[0], last=batches[-1])
    rate = (say("Share of positives"), report.get("label_rate"))
    blocks = say("blocks the training") if report["policy"] == "block" else say("warns")
    return (
        (say("Batches"), window),
        *((say(ROWS_OF[name]), rows) for name, rows in report["rows"].items()),
        *((rate,) if "label_rate" in report else ()),
        (say("Fewest labelled test rows of a group"), limits["min_rows"]),
        (say("Smallest share of train rows to share in the reference"), limits["min_ratio"]),
        (say("Reference"), report["reference_source"] or say("none declared")),
        (say("A shortfall"), blocks),
    )


def _verdict(report: Report) -> Text:
    groups = sum(len(column["groups"]) for column in report["columns"])
    without = sum(not column["has_reference"] for column in report["columns"])
    found = list(dict.fromkeys(one["group"] for one in report["shortfalls"]))
    said = [say("None of {groups:,} groups falls short.", groups=groups)]
    if found:
        template = mark("{count:,} of {groups:,} groups fall short: {names}.")
        if len(found) == 1:
            template = mark("One of {groups:,} groups falls short: {names}.")
        said = [say(template, count=len(found), groups=groups, names=_listed(found))]
    if without:
        said.append(
            say(
                "Nothing is said about shares of {without:,} of {columns:,} sensitive columns: no "
                "reference is declared.",
                without=without,
                columns=len(report["columns"]),
            )
        )
    return join(said)


def _listed(names: list[str]) -> Text:
    left = len(names) - GROUPS_NAMED
    listed = join([group_words(name) for name in names[:GROUPS_NAMED]], ", ")
    return say("{names} and {left:,} more", names=listed, left=left) if left > 0 else listed


def _shortfalls_section(report: Report) -> Section:
    title = say("What falls short")
    if not report["shortfalls"]:
        return Section(title, say("Nothing."))
    text = say("A shortfall warns, by the use case's policy, and refuses nothing.")
    if report["policy"] == "block":
        text = say("A shortfall refuses the window, by the use case's policy.")
    rows = tuple((from_data(one.get("said", one["text"])),) for one in report["shortfalls"])
    return Section(title, text, (Table(say("Shortfalls"), (say("What"),), rows),))


def _rows_section(report: Report) -> Section:
    by_cut = {
        cut: [column["column"] for column in report["columns"] if column["cut"] == cut]
        for cut in CUTS
    }
    cuts = [say(CUTS[cut], columns=", ".join(names)) for cut, names in by_cut.items() if names]
    rows = tuple(
        _counted(one, verdicts_words(one["verdicts"]))
        for column in report["columns"]
        for one in column["groups"]
    )
    text = say("Groups are {cuts}.", cuts=join(cuts, "; "))
    return Section(
        say("Groups"), text, (Table(say("Every group"), _counted_headings(report), rows),)
    )


def _counted_headings(report: Report) -> tuple[Words, ...]:
    counts = say("Train rows"), say("Calibration rows"), say("Labelled test rows")
    rate = (say("Label rate"), say("95% interval")) if "label_rate" in report else ()
    return (say("Group"), say("Verdict"), *counts, *rate)


def _counted(one: Report, verdict: Text) -> tuple[Cell, ...]:
    counts = one["rows"]["train"], one["rows"]["calibration"], one["labelled"]["test"]
    cells = (group_words(one["group"]), verdict, *map(count_words, counts))
    return (*cells, *_rate(one)) if "label_rate" in one else cells


def _rate(one: Report) -> tuple[Cell, ...]:
    rate = one["label_rate"]
    if rate["value"] is None:
        unknown: Cell = say("hidden") if any(one["labelled"].values()) else ""
        return unknown, unknown
    interval = say("{low} to {high}", low=percent(rate["low"]), high=percent(rate["high"]))
    return percent(rate["value"]), interval


def _crossings_section(report: Report) -> Section:
    title, found = say("Crossings"), report["crossings"]
    shown = found["shown"][:CROSSINGS_LISTED]
    if len(report["columns"]) < 2:
        return Section(title, say("There is one sensitive column, so that nothing is crossed."))
    text = say(
        "Of {possible:,} combinations of two columns' groups, {occurring:,} occur, and "
        "{too_small:,} of these have fewer than {limit:,} labelled test rows: what a model does "
        "for their people is not known. Groups of fewer than {fewest} rows are not crossed.",
        possible=found["possible"],
        occurring=found["occurring"],
        too_small=found["too_small"],
        limit=report["limits"]["min_rows"],
        fewest=report["limits"]["fewest_rows_shown"],
    )
    if found["occurring"] > len(shown):
        text = join((text, say("Shown are the {shown:,} smallest.", shown=len(shown))))
    too_small, fine = say("too small to evaluate"), say("can be evaluated")
    rows = tuple(_counted(one, too_small if one["is_too_small"] else fine) for one in shown)
    return Section(title, text, (Table(title, _counted_headings(report), rows),))


def _method_section(report: Report) -> Section:
    limits = report["limits"]
    shares = say(
        "A group's share is that of the train rows that say which group they are of; rows that do "
        "not say (missing) are a group of their own, and no shortfall. Intervals are Wilson's, at "
        "{confidence:.0%}, with rows taken as independent of each other and the reference as "
        "exact. A group is under-represented only where the whole interval of share divided by "
        "reference is below {min_ratio:g}.",
        confidence=limits["confidence"],
        min_ratio=limits["min_ratio"],
    )
    rates = say(
        "Differences of label rates are tested with the two-proportion z-test, p corrected (Holm) "
        "for all pairs of all columns; compared are groups of at least {rows} labelled rows.",
        rows=limits["rows_to_compare"],
    )
    hidden = say(
        "So that nobody is singled out, counts of 1 to {last} are written as fewer than {fewest}, "
        "and what is computed from them is hidden.",
        last=limits["fewest_rows_shown"] - 1,
        fewest=limits["fewest_rows_shown"],
    )
    said = (shares, rates, hidden) if "label_rate" in report else (shares, hidden)
    return Section(say("How to read this"), join(said, "\n\n"))
