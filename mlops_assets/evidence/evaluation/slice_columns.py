"""The columns of rows as a few ordered levels, and runs of levels in words.

Belongs here: cutting a column into levels on some rows, finding the levels of others, and what a
run of levels means as a condition on the column. Does not belong here: the search over levels
(``slice_search.py``), sensitive groups (``representation/groups.py``).

Numbers and times are cut at quantiles; the categories of a column are ordered by their mean loss
(W. Fisher, "On grouping for maximum homogeneity", 1958), rare ones towards the mean of all. Missing
values are the first level of their column.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.metrics.bootstrap import Values

LEVELS = 20
PRIOR_ROWS = 20
"""Rows with the mean loss of all that each category is given, so that a rare one is not extreme by
chance."""
MISSING = "missing"

Codes = NDArray[np.int64]
Condition = dict[str, Any]
"""``column``; of a number ``above`` and ``up_to``, as text or ``None``; of a category ``values``;
``missing``: whether rows without a value belong to it (``None`` where there are none)."""


class Levels(Protocol):
    """The levels of one column."""

    count: int

    def codes(self, values: pd.Series) -> Codes:
        """The level of each value, int64 ``[n]``."""

    def condition(self, first: int, last: int) -> Condition:
        """What it means to be in the levels from ``first`` to ``last``, both included."""


def levels_of(name: str, column: Column, values: pd.Series, losses: Values) -> Levels:
    """The levels of a column as these rows with these losses ``[n]`` have it."""
    if column.is_category or column.type == "boolean":
        return CategoryLevels(name, values, losses)
    return NumberLevels(name, values, is_time=column.type == "timestamp")


class NumberLevels:
    """Ranges between quantiles; level 0 are the missing values."""

    def __init__(self, name: str, values: pd.Series, *, is_time: bool) -> None:
        self._name, self._is_time = name, is_time
        numbers = _numbers(values, is_time)
        known = numbers[~np.isnan(numbers)]
        steps = np.linspace(0.0, 1.0, LEVELS + 1)[1:-1]
        cuts = np.quantile(known, steps, method="lower") if len(known) else np.zeros(0)
        self._edges = np.unique(cuts)[: LEVELS - 1]
        # An edge at the largest value would leave the last level empty.
        self._edges = self._edges[self._edges < known.max()] if len(known) else self._edges
        self._has_missing = bool(np.isnan(numbers).any())
        self.count = len(self._edges) + 2

    def codes(self, values: pd.Series) -> Codes:
        numbers = _numbers(values, self._is_time)
        found = np.searchsorted(self._edges, numbers, side="left") + 1
        return np.where(np.isnan(numbers), 0, found).astype(np.int64)

    def condition(self, first: int, last: int) -> Condition:
        above = self._edges[first - 2] if first > 1 else None
        up_to = self._edges[last - 1] if last < self.count - 1 and last > 0 else None
        return {
            "column": self._name,
            "above": self._text(above),
            "up_to": self._text(up_to),
            "values": [] if last == 0 else None,
            "missing": first == 0 if self._has_missing else None,
        }

    def _text(self, edge: float | None) -> str | None:
        if edge is None:
            return None
        if not self._is_time:
            return f"{edge:.6g}"
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(edge))
        return moment.replace(tzinfo=None).isoformat(" ", "minutes")


class CategoryLevels:
    """Categories ordered by their mean loss, neighbours together where there are many. Level 0 are
    the missing values; a category that was not there is in the middle."""

    def __init__(self, name: str, values: pd.Series, losses: Values) -> None:
        self._name = name
        texts = _texts(values)
        known = texts[texts != MISSING]
        sums = losses[(texts != MISSING).to_numpy()]
        mean = float(losses.mean())
        table = pd.DataFrame({"text": known.to_numpy(), "loss": sums}).groupby("text")["loss"]
        rows, total = table.size(), table.sum()
        means = (total + PRIOR_ROWS * mean) / (rows + PRIOR_ROWS)
        ordered = sorted(means.index, key=lambda text: (means[text], text))
        share = (rows.loc[ordered].cumsum() - rows.loc[ordered] / 2.0) / max(rows.sum(), 1)
        places = np.arange(len(ordered))
        if len(ordered) >= LEVELS:
            places = np.unique((share.to_numpy() * (LEVELS - 1)).astype(int), return_inverse=True)[
                1
            ]
        self._levels: Mapping[str, int] = dict(zip(ordered, (places + 1).tolist(), strict=True))
        self._has_missing = bool((texts == MISSING).any())
        self.count = int(places.max(initial=-1)) + 2

    def codes(self, values: pd.Series) -> Codes:
        levels = {**self._levels, MISSING: 0}
        found = _texts(values).map(levels).fillna(self.count // 2)
        return np.asarray(found, np.int64)

    def condition(self, first: int, last: int) -> Condition:
        named = sorted(text for text, level in self._levels.items() if first <= level <= last)
        return {
            "column": self._name,
            "above": None,
            "up_to": None,
            "values": named,
            "missing": first == 0 if self._has_missing else None,
        }


def condition_name(condition: Condition) -> str:
    """The condition in signs that need no translation."""
    column, parts = condition["column"], []
    if condition["values"]:
        parts.append(f"{column} ∈ {{{', '.join(condition['values'])}}}")
    elif condition["above"] is not None and condition["up_to"] is not None:
        parts.append(f"{condition['above']} < {column} ≤ {condition['up_to']}")
    elif condition["above"] is not None:
        parts.append(f"{column} > {condition['above']}")
    elif condition["up_to"] is not None:
        parts.append(f"{column} ≤ {condition['up_to']}")
    if condition["missing"]:
        parts.append(f"{column} = ∅")
    elif not parts:
        parts.append(f"{column} ≠ ∅")
    return " ∨ ".join(parts)


def _numbers(values: pd.Series, is_time: bool) -> Values:
    if is_time:
        moments = values.to_numpy().astype("datetime64[s]")
        return np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))
    return values.to_numpy(np.float64, na_value=np.nan)


def _texts(values: pd.Series) -> pd.Series:
    """Categories as text; integers that pandas holds as floats as integers."""
    if pd.api.types.is_float_dtype(values.dtype):
        values = values.astype("Int64")
    return values.astype("string").fillna(MISSING).astype(object)
