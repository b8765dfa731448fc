"""The profile of a batch as a page: what stands out first, then every column.

Belongs here: the parts of a batch's page, and how the batch differs from earlier ones. Does not
belong here: the parts that the page of a window has as well (``sections.py``), the figures
and the insights (``report.py``, ``insights.py``), or looks (``reporting/``).
"""

from mlops_assets.data.profile.sections import (
    Report,
    associations_section,
    columns_of,
    columns_section,
    distributions_section,
    insights_section,
    missing_section,
    rows_section,
    verdict,
)
from mlops_assets.data.profile.target_sections import label_facts, target_section
from mlops_assets.reporting.page import BarPlot, HistogramPlot, Page, Plot, Section, Table

CHANGES_DRAWN = 12


def profile_page(report: Report) -> Page:
    """What a reader sees of a ``profile_report``."""
    return Page(
        title=f"Profile of {report['batch']}: {report['use_case']}",
        verdict=verdict(report, "The batch"),
        facts=(
            ("Batch", report["batch"]),
            ("Rows", report["rows"]),
            ("Columns", len(columns_of(report))),
            *label_facts(report),
            ("Earlier batches", len(report["earlier_batches"])),
        ),
        sections=(
            insights_section(report),
            rows_section(report),
            columns_section(report),
            distributions_section(report),
            target_section(report),
            missing_section(report),
            associations_section(report),
            _changes_section(report),
        ),
    )


def _changes_section(report: Report) -> Section:
    changes = report["changes"]
    if not changes:
        return Section("Change over batches", "This is the first batch: nothing to compare with.")
    limit = report["limits"]["change"]
    top = changes[:CHANGES_DRAWN]
    bars = BarPlot(
        alt="Distance of each column from all earlier batches",
        x_label="Jensen-Shannon distance (base 2) to all earlier batches",
        labels=tuple(change["series"] for change in top),
        values=tuple(change["to_earlier"] for change in top),
        limits=tuple(limit for _ in top),
    )
    rows = tuple((c["series"], c["to_previous"], c["to_earlier"], limit) for c in changes)
    headings = ("Series", "To the previous batch", "To all earlier", "Smallest that matters")
    earlier = report["earlier_batches"]
    return Section(
        "Change over batches",
        f"Against {earlier[-1]}, and against all {len(earlier)} "
        "earlier batches together (0: equal shares, 1: disjoint), missing values included.",
        (bars, *_strongest_change(report), Table("Distance of each series", headings, rows)),
    )


def _strongest_change(report: Report) -> tuple[Plot, ...]:
    """Earlier batches against this one, for the most changed series whose bins have names."""
    for change in report["changes"]:
        mine = report["comparison"][change["series"]]
        if mine["labels"] is None or change["to_earlier"] is None:
            continue
        before, now = change["earlier_rows"], mine["rows"]
        labels = {**{str(i): label for i, label in enumerate(mine["labels"])}, "missing": "missing"}
        keys = [key for key in labels if before.get(key) or now.get(key)]
        totals = sum(before.values()), sum(now.values())
        return (
            HistogramPlot(
                alt=f"Shares of {change['series']}: earlier batches (reference) against this one",
                x_label=change["series"],
                bins=tuple(labels[key] for key in keys),
                reference=tuple(before.get(key, 0) / totals[0] for key in keys),
                current=tuple(now.get(key, 0) / totals[1] for key in keys),
            ),
        )
    return ()
