"""What a group of a training window falls short in, in words.

Belongs here: what the verdicts are called, and the sentence of each shortfall. Does not belong
here: the figures and verdicts (``report.py``), or the page around them (``page.py``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_assets.data.representation.group_counts import FEWEST_SHOWN
from mlops_assets.reporting.page import Words
from mlops_assets.reporting.range_words import group_words
from mlops_assets.reporting.text import Text, mark, say
from mlops_assets.rows_declaration import Representation

UNDER, SMALL = mark("under-represented"), mark("too small to evaluate")
NO_REFERENCE, NOT_IN_REFERENCE = mark("no reference"), mark("not in the reference")
ABSENT, FINE = mark("does not occur"), mark("represented")
NOT_COMPARABLE = mark("cannot be compared")


def shortfalls(group: Mapping[str, Any], declared: Representation) -> Iterator[Text]:
    """What a group falls short in, in words; nothing of rows that do not say."""
    verdicts, reference, name = group["verdicts"], group["reference"], group_words(group["group"])
    if not group["says"] and reference is None:
        return
    if ABSENT in verdicts:
        yield _absent(name, reference)
        return
    if UNDER in verdicts:
        yield _under(group, name, declared)
    if NOT_COMPARABLE in verdicts:
        yield say(
            "{group} cannot be compared with the reference: no train row says its group.",
            group=name,
        )
    if SMALL in verdicts:
        yield say(
            "{group} has {tested:,} labelled test rows, and {needed:,} are needed to evaluate a "
            "group.",
            group=name,
            tested=count_words(group["labelled"]["test"]),
            needed=declared.min_rows,
        )
    if NOT_IN_REFERENCE in verdicts:
        yield say(
            "{group} occurs and is not in the reference: give its share, or correct its name.",
            group=name,
        )


def count_words(count: int | str) -> int | Text:
    """A count, or that it is too small to be written down."""
    return say("fewer than {rows}", rows=FEWEST_SHOWN) if isinstance(count, str) else count


def percent(share: float) -> Text:
    """A share in percent, with three significant digits."""
    return say("{percent:.3g}%", percent=100.0 * share)


def _absent(name: Words, reference: float | None) -> Text:
    if reference is None:
        return say("{group} does not occur in the window.", group=name)
    return say(
        "{group} does not occur in the window, and is {reference} of the reference.",
        group=name,
        reference=percent(reference),
    )


def _under(group: Mapping[str, Any], name: Words, declared: Representation) -> Text:
    share, ratio = group["share"]["value"], group["ratio"]
    if share is None:
        return say(
            "{group} is under-represented: {rows:,} of the train rows, and {reference} of the "
            "reference.",
            group=name,
            rows=count_words(group["rows"]["train"]),
            reference=percent(group["reference"]),
        )
    return say(
        "{group} is under-represented: {share} of the train rows, and {reference} of the "
        "reference; their ratio is {ratio:.2f} [{low:.2f}, {high:.2f}], the limit {limit:g}.",
        group=name,
        share=percent(share),
        reference=percent(group["reference"]),
        ratio=ratio["value"],
        low=ratio["low"],
        high=ratio["high"],
        limit=declared.min_ratio,
    )
