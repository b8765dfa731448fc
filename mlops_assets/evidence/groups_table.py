"""The table of groups that every report of metrics has.

Belongs here: how evaluated groups are listed. Does not belong here: what is measured of them
(``metrics.py``), or the page around the table (``evaluation_page.py``,
``monitoring/performance_page.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_assets.evidence.metrics import GROUP_METRICS, METRICS
from mlops_assets.reporting.page import Cell, Table
from mlops_assets.target_declaration import Task


def with_interval(estimate: Mapping[str, Any]) -> Cell:
    """A value with its interval in brackets; ``None`` where it is unknown."""
    if estimate["value"] is None:
        return None
    if estimate["low"] is None or estimate["high"] is None:
        return f"{estimate['value']:.4f} [unknown]"
    return f"{estimate['value']:.4f} [{estimate['low']:.4f}, {estimate['high']:.4f}]"


def groups_table(groups: Sequence[Mapping[str, Any]], task: Task) -> Table:
    """One line a group: its rows, whether they are evidence, and ``GROUP_METRICS[task]``."""
    shown, binary = GROUP_METRICS[task], task == "binary"
    rows: list[tuple[Cell, ...]] = [
        (
            group["name"],
            group["rows"],
            *((group["positives"],) if binary else ()),
            group["verdict"],
            *(with_interval(group["metrics"][name]) for name in shown),
        )
        for group in groups
    ]
    counted = ("Rows", "Positives") if binary else ("Rows",)
    headings = ("Group", *counted, "Evidence", *(METRICS[task][name] for name in shown))
    return Table("Each group on its own", headings, tuple(rows))
