"""What the page of a training window has beyond that of a batch: change, balance, leakage.

Belongs here: which tables and plots show how a window's batches differ. Does not belong here: the
figures (``window_changes.py``), or what a batch's page has as well (``sections.py``).
"""

from typing import Any

from mlops_assets.data.profile.profile_words import leakage_test_words, our_words
from mlops_assets.data.profile.sections import Report
from mlops_assets.data.profile.target_sections import (
    LINES_DRAWN,
    balance_plots,
    lines_by_batch,
)
from mlops_assets.reporting.page import Cell, Section, Table, Words
from mlops_assets.reporting.text import from_data, join, say

SERIES_SHOWN = 10


def changes_section(report: Report) -> Section:
    changes, batches = report["changes_by_batch"][:SERIES_SHOWN], report["batches"]
    limit = report["limits"]["change"]
    title = say("Change over batches")
    if len(batches) < 2:
        return Section(title, say("The window has one batch: nothing to compare."))
    drawn = [one for one in changes if one["largest"] is not None][:LINES_DRAWN]
    plot = lines_by_batch(
        say("Distance of each batch to the window, series that change most"),
        say("Jensen-Shannon distance (base 2)"),
        batches,
        [(one["series"], one["distances"]) for one in drawn],
    )
    text = say(
        "How far each batch is from the whole window (0: equal shares, 1: disjoint), missing "
        "values included; less than {limit:g} is too small to matter. The distances of every "
        "series and batch are in report.json.",
        limit=limit,
    )
    return Section(title, text, (plot, _distances(changes, limit), _standing_out(report)))


def balance_section(report: Report) -> Section:
    """The target and the share of missing values by batch."""
    batches = report["batches"]
    text, blocks = balance_plots(report)
    varying = [one for one in report["missing_by_batch"] if one["difference"] > 0.0]
    if varying and len(batches) > 1:
        lines = _alike(varying, report["limits"]["missing_share"])
        name = say("Missing values by batch, columns that differ most")
        blocks.append(lines_by_batch(name, say("share of rows"), batches, lines))
        text = join((text, say("Below, which share of the rows of each batch has no value.")))
    return Section(say("Balance and missing values by batch"), text, tuple(blocks))


def leakage_section(report: Report) -> Section:
    title, tests = say("Leakage"), report["leakage"]
    if not tests:
        return Section(title, say("No leakage test ran."))
    shown = [test for test in tests if test["verdict"] != "ok"]
    text = say(
        "Tests: {tests:,}, of which {silent:,} found nothing.",
        tests=len(tests),
        silent=len(tests) - len(shown),
    )
    if not shown:
        return Section(title, text)
    rows = tuple(
        (
            leakage_test_words(test["name"]),
            test["column"] or "",
            our_words(test["verdict"]),
            from_data(test.get("said", test["explanation"])),
        )
        for test in shown
    )
    headings = (say("Test"), say("Column"), say("Verdict"), say("Why"))
    return Section(title, text, (Table(say("What the tests found"), headings, rows),))


def _distances(changes: list[dict[str, Any]], limit: float) -> Table:
    rows = tuple(
        (
            one["series"],
            _two_digits(one["largest"]),
            one["batch"],
            _two_digits(one["mean"]),
            limit,
        )
        for one in changes
    )
    headings = (
        say("Series"),
        say("Largest"),
        say("In"),
        say("Mean of all batches"),
        say("Smallest that matters"),
    )
    return Table(say("Series that change most"), headings, rows)


def _alike(
    columns: list[dict[str, Any]], tolerance: float
) -> list[tuple[Words, dict[str, float | None]]]:
    """Shares by batch of the first of each group of columns that are missing alike, by the name of
    the group: lines on top of each other could not be told apart."""
    groups: list[list[dict[str, Any]]] = []
    for one in columns:
        near = (g for g in groups if _farthest(g[0]["shares"], one["shares"]) < tolerance)
        group = next(near, None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return [(_name_of(group), group[0]["shares"]) for group in groups[:LINES_DRAWN]]


def _name_of(group: list[dict[str, Any]]) -> Words:
    column: str = group[0]["column"]
    if len(group) == 1:
        return column
    return say("{column} and {others:,} alike", column=column, others=len(group) - 1)


def _farthest(first: dict[str, float | None], second: dict[str, float | None]) -> float:
    pairs = [(a, second[batch]) for batch, a in first.items()]
    return max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0.0)


def _standing_out(report: Report) -> Table:
    rows = tuple(
        (one["batch"], one["rows"], from_data(report["standing_out"][one["batch"]] or ""))
        for one in report["balance"]
    )
    headings = (say("Batch"), say("Rows"), say("What"))
    return Table(say("What stands out most in each batch"), headings, rows)


def _two_digits(value: float | None) -> Cell:
    return None if value is None else round(value, 2)
