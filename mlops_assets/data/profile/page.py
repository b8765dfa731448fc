"""The profile of a batch as a page: what stands out first, then every column.

Belongs here: the parts of a batch's page, and how the batch differs from earlier ones. Does not
belong here: the parts that the page of a window has as well (``sections.py``), the figures
and the insights (``report.py``, ``insights.py``), or looks (``reporting/``).
"""

from mlops_assets.data.profile.profile_words import verdict_words
from mlops_assets.data.profile.sections import (
    Report,
    associations_section,
    columns_of,
    columns_section,
    distributions_section,
    insights_section,
    missing_section,
    rows_section,
)
from mlops_assets.data.profile.target_sections import label_facts, target_section
from mlops_assets.reporting.page import BarPlot, HistogramPlot, Page, Plot, Section, Table, Words
from mlops_assets.reporting.range_words import range_words
from mlops_assets.reporting.text import say

CHANGES_DRAWN = 12


def profile_page(report: Report) -> Page:
    """What a reader sees of a ``profile_report``."""
    return Page(
        title=say(
            "Profile of {batch}: {use_case}", batch=report["batch"], use_case=report["use_case"]
        ),
        verdict=verdict_words(report),
        facts=(
            (say("Batch"), report["batch"]),
            (say("Rows"), report["rows"]),
            (say("Columns"), len(columns_of(report))),
            *label_facts(report),
            (say("Earlier batches"), len(report["earlier_batches"])),
        ),
        sections=(
            insights_section(report),
            rows_section(report, say("From delivered to labelled rows")),
            columns_section(report),
            distributions_section(report),
            target_section(report),
            missing_section(report),
            associations_section(report),
            _changes_section(report),
        ),
    )


def _changes_section(report: Report) -> Section:
    title, changes = say("Change over batches"), report["changes"]
    if not changes:
        return Section(title, say("This is the first batch: nothing to compare with."))
    limit = report["limits"]["change"]
    top = changes[:CHANGES_DRAWN]
    bars = BarPlot(
        alt=say("Distance of each column from all earlier batches"),
        x_label=say("Jensen-Shannon distance (base 2) to all earlier batches"),
        labels=tuple(change["series"] for change in top),
        values=tuple(change["to_earlier"] for change in top),
        limits=tuple(limit for _ in top),
    )
    rows = tuple((c["series"], c["to_previous"], c["to_earlier"], limit) for c in changes)
    headings = (
        say("Series"),
        say("To the previous batch"),
        say("To all earlier"),
        say("Smallest that matters"),
    )
    text = say(
        "Against {previous}, and against all earlier batches together, {count:,} in number "
        "(0: equal shares, 1: disjoint), missing values included.",
        previous=report["earlier_batches"][-1],
        count=len(report["earlier_batches"]),
    )
    table = Table(say("Distance of each series"), headings, rows)
    return Section(title, text, (bars, *_strongest_change(report), table))


def _strongest_change(report: Report) -> tuple[Plot, ...]:
    """Earlier batches against this one, for the most changed series whose bins have names."""
    for change in report["changes"]:
        mine = report["comparison"][change["series"]]
        if mine["labels"] is None or change["to_earlier"] is None:
            continue
        before, now = change["earlier_rows"], mine["rows"]
        labels: dict[str, Words] = {
            **{str(i): range_words(label) for i, label in enumerate(mine["labels"])},
            "missing": say("missing"),
        }
        keys = [key for key in labels if before.get(key) or now.get(key)]
        totals = sum(before.values()), sum(now.values())
        return (
            HistogramPlot(
                alt=say(
                    "Shares of {series}: earlier batches against this one", series=change["series"]
                ),
                x_label=change["series"],
                bins=tuple(labels[key] for key in keys),
                reference=tuple(before.get(key, 0) / totals[0] for key in keys),
                current=tuple(now.get(key, 0) / totals[1] for key in keys),
                reference_name=say("earlier batches"),
                current_name=say("this batch"),
            ),
        )
    return ()
