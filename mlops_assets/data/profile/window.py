"""The profile of a training window: what its batches are together, and how they change.

Belongs here: the report and the page of a window, made of its batches' summaries. Does not belong
here: what one batch's profile shows as well (``report.py``, ``sections.py``), or
the measures of change between batches (``window_changes.py``, ``window_sections.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.profile.insights import insights
from mlops_assets.data.profile.profile_words import verdict_words
from mlops_assets.data.profile.report import describe
from mlops_assets.data.profile.sections import (
    Report,
    associations_section,
    columns_section,
    distributions_section,
    insights_section,
    missing_section,
    rows_section,
)
from mlops_assets.data.profile.summary import Summary, merge
from mlops_assets.data.profile.target_figures import balance
from mlops_assets.data.profile.target_sections import label_facts, target_section
from mlops_assets.data.profile.window_changes import (
    missing_shares,
    series_changes,
    window_insights,
)
from mlops_assets.data.profile.window_sections import (
    balance_section,
    changes_section,
    leakage_section,
)
from mlops_assets.data.waterfall import waterfall_adds_up, window_waterfall
from mlops_assets.reporting.page import Page, Section, Table, Words
from mlops_assets.reporting.text import join, say
from mlops_assets.use_case import UseCase

Figures = dict[str, Any]


def merged(summaries: Mapping[str, Summary]) -> Summary:
    """The summary of the whole window.

    Raises ``BatchError`` where there is no batch, or one was profiled for other columns.
    """
    if not summaries:
        raise BatchError("the training window has no profiled batch: profile its batches first")
    try:
        return merge(*(summaries[batch] for batch in sorted(summaries)))
    except ValueError as error:
        raise BatchError(f"batches {sorted(summaries)}: {error}") from error


def window_report(
    summaries: Mapping[str, Summary],
    reports: Mapping[str, Mapping[str, Any]],
    counts: Mapping[str, Mapping[str, Any]],
    *,
    use_case: UseCase,
    features: Mapping[str, Any],
    leakage: Mapping[str, Any],
) -> Figures:
    """Everything the batches' summaries say of the window, JSON-able.

    By batch: ``summaries`` and ``reports`` are those of the profiles, ``counts`` those of the
    cleaning. ``features`` and ``leakage`` are the documents of the features. Raises ``BatchError``
    where these are not of the same batches, or the rows do not add up.
    """
    batches = sorted(features["batches"])
    for what, found in (("profile", summaries), ("report", reports), ("counts", counts)):
        absent = [batch for batch in batches if batch not in found]
        if absent:
            raise BatchError(f"the window's batches {absent} have no {what}: make it first")
    summaries = {batch: summaries[batch] for batch in batches}
    whole = merged(summaries)
    own = {batch: counts[batch] for batch in batches}
    splits = {name: split["rows"] for name, split in features["splits"].items()}
    steps = window_waterfall(own, splits, features["excluded_batches"])
    cleaned = sum(one["rows_out"] for one in own.values())
    if not waterfall_adds_up(steps) or cleaned != whole["rows"][0]:
        raise BatchError(f"the rows of the window {batches} do not add up: make its features again")
    report: Figures = {
        "batch": batches[0] if len(batches) == 1 else f"{batches[0]} to {batches[-1]}",
        **describe(whole, use_case, steps, [*own.values()]),
        "batches": batches,
        "excluded_batches": dict(sorted(features["excluded_batches"].items())),
        "balance": balance(summaries, use_case),
        "missing_by_batch": missing_shares(summaries),
        "leakage": [dict(test) for test in leakage["tests"]],
        "standing_out": {b: _strongest(reports[b]) for b in batches},
        "changes": [],
    }
    report["changes_by_batch"] = series_changes(
        report["comparison"], {b: reports[b]["comparison"] for b in batches}
    )
    report["insights"] = insights(report, window_insights(report))
    return report


def window_page(report: Report) -> Page:
    """What a reader sees of a ``window_report``."""
    batches = report["batches"]
    return Page(
        title=say("Profile of the training window: {use_case}", use_case=report["use_case"]),
        verdict=verdict_words(report),
        facts=(
            (say("Window"), window_words(batches)),
            (say("Batches"), len(batches)),
            (say("Left out"), len(report["excluded_batches"])),
            (say("Rows"), report["rows"]),
            *label_facts(report),
        ),
        sections=(
            insights_section(report),
            changes_section(report),
            balance_section(report),
            _rows_section(report),
            columns_section(report),
            distributions_section(report),
            target_section(report),
            missing_section(report),
            associations_section(report),
            leakage_section(report),
        ),
    )


def window_words(batches: Sequence[str]) -> Words:
    """The batches of a window, by its ends."""
    if len(batches) == 1:
        return batches[0]
    return say("{first} to {last}", first=batches[0], last=batches[-1])


def _rows_section(report: Report) -> Section:
    section = rows_section(report, say("From delivered to train rows"))
    excluded = tuple(report["excluded_batches"].items())
    if not excluded:
        return section
    caption = say("Batches left out of the window")
    left_out = Table(caption, (say("Batch"), say("Why")), excluded)
    text = join((section.text, say("Batches that are left out are no part of the sum.")))
    return Section(section.title, text, (*section.blocks, left_out))


def _strongest(report: Mapping[str, Any]) -> Any:
    """What stands out most in a batch, in words that ``text.from_data`` reads."""
    if not report["insights"]:
        return None
    first = report["insights"][0]
    return first.get("said", first["text"])
