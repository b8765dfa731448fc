"""The table of groups that every report of metrics has.

Belongs here: how evaluated groups are listed. Does not belong here: what is measured of them
(``group_metrics.py``), or the page around the table (``groups_section.py``,
``monitoring/performance_page.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.evidence.metrics.metrics import GROUP_METRICS, METRICS
from mlops_assets.reporting.page import Cell, Table
from mlops_assets.reporting.range_words import group_words
from mlops_assets.reporting.text import Text, mark, say
from mlops_assets.target_declaration import Task

VERDICTS = {
    "measured": mark("measured"),
    "insufficient evidence": mark("insufficient evidence"),
}


def with_interval(estimate: Mapping[str, Any]) -> Text | None:
    """A value with its interval in brackets; ``None`` where it is unknown."""
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    if value is None:
        return None
    if low is None or high is None:
        return say("{value:.4f} [unknown]", value=value)
    return say("{value:.4f} [{low:.4f}, {high:.4f}]", value=value, low=low, high=high)


def groups_table(groups: Sequence[Mapping[str, Any]], task: Task) -> Table:
    """One line a group: its rows, whether they are evidence, and ``GROUP_METRICS[task]``."""
    shown, binary = GROUP_METRICS[task], task == "binary"
    rows: list[tuple[Cell, ...]] = [
        (
            group_words(group["name"]),
            group["rows"],
            *((group["positives"],) if binary else ()),
            say(VERDICTS[group["verdict"]]),
            *(with_interval(group["metrics"][name]) for name in shown),
        )
        for group in groups
    ]
    counted = (say("Rows"), say("Positives")) if binary else (say("Rows"),)
    names = (say(METRICS[task][name]) for name in shown)
    headings = (say("Group"), *counted, say("Evidence"), *names)
    return Table(say("Each group on its own"), headings, tuple(rows))
