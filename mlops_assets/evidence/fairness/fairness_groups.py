"""The groups that fairness is measured on, and their figures as the report writes them down.

Belongs here: which columns and crossings are looked at, what of a group may be written. Does not
belong here: the figures themselves (``fairness_metrics.py``), or how a column is cut into groups
(``data/representation/groups.py``).

As in the representation report, a group of one to four rows is not crossed, neither its number nor
anything computed from it is written, and no figure that is a share of so few rows.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.representation.group_counts import (
    FEWEST_SHOWN,
    is_hidden,
    may_be_named,
    shown,
)
from mlops_assets.data.representation.groups import Grouping, crossed, pairs
from mlops_assets.evidence.fairness.fairness_metrics import Figure, GroupFigures, group_figures
from mlops_assets.evidence.fairness.fairness_rows import TreatedRows
from mlops_assets.use_case import UseCase

DECIMALS = 6
HIDDEN = {"value": None, "low": None, "high": None, "rows": None, "enough": False}
"""What is written of a figure of so few rows."""

Column = dict[str, Any]


def measured_columns(treated: TreatedRows, test: pd.DataFrame, use_case: UseCase) -> list[Column]:
    """Every sensitive column, and every two of them where ``fairness.crossings`` says so, with the
    figures of their groups. Of the combinations of a crossing, those that occur."""
    groupings = [may_be_named(test, name, use_case) for name in use_case.sensitive]
    found = [
        {
            "column": grouping.column,
            "description": use_case.columns[grouping.column].description,
            "crossing": False,
            "cut": grouping.cut,
            "groups": _groups(treated, grouping, np.ones(len(grouping.labels), np.bool_), use_case),
        }
        for grouping in groupings
    ]
    if not use_case.fairness.crossings:
        return found
    for first, second in pairs(groupings):
        both = crossed((first, second))
        may_cross = np.logical_and.outer(
            first.counts() >= FEWEST_SHOWN, second.counts() >= FEWEST_SHOWN
        )
        kept = may_cross.ravel() & (both.counts() > 0)
        groups = _groups(treated, both, kept, use_case)
        named = {"column": both.column, "description": "", "crossing": True, "cut": both.cut}
        found.append({**named, "groups": groups})
    return found


def all_rows(treated: TreatedRows, use_case: UseCase) -> dict[str, Any]:
    """The figures of all rows together."""
    everyone = np.zeros(len(treated), np.int32)
    grouping = Grouping("", ("",), ("",), everyone, "values", frozenset())
    figures = group_figures(treated, grouping, use_case.fairness.min_rows)
    return _counts_and_figures(figures, 0)


def _groups(
    treated: TreatedRows, grouping: Grouping, kept: NDArray[np.bool_], use_case: UseCase
) -> list[dict[str, Any]]:
    figures = group_figures(treated, grouping, use_case.fairness.min_rows)
    return [
        {
            "group": grouping.names[place],
            "label": grouping.labels[place],
            "says": place not in grouping.unknown,
            **_counts_and_figures(figures, place),
            "measures": _shown_figures(figures, figures.measures, place),
        }
        for place in map(int, np.flatnonzero(kept))
    ]


def _counts_and_figures(found: GroupFigures, place: int) -> dict[str, Any]:
    rows = int(found.rows[place])
    hidden = is_hidden(rows)
    positives = None if found.positives is None or hidden else shown(int(found.positives[place]))
    return {
        "rows": shown(rows),
        "positives": positives,
        "mean_answer": None if hidden else number(found.mean_answers[place]),
        "mean_outcome": None if hidden else number(found.mean_outcomes[place]),
        "figures": _shown_figures(found, found.figures, place),
    }


def _shown_figures(
    found: GroupFigures, figures: Mapping[str, Figure], place: int
) -> dict[str, dict[str, Any]]:
    hidden = is_hidden(int(found.rows[place]))
    return {name: dict(HIDDEN) if hidden else _figure(one, place) for name, one in figures.items()}


def _figure(figure: Figure, place: int) -> dict[str, Any]:
    rows, bounds = int(figure.rows[place]), figure.bounds
    if is_hidden(rows):
        return dict(HIDDEN)
    return {
        "value": number(bounds.value[place]),
        "low": number(bounds.low[place]),
        "high": number(bounds.high[place]),
        "rows": rows,
        "enough": bool(figure.enough[place]),
    }


def number(value: float) -> float | None:
    """A figure as it is written down, ``None`` where it is unknown or has no bound."""
    return round(float(value), DECIMALS) + 0.0 if np.isfinite(value) else None
