"""The groups of sensitive columns: who is looked at separately, by the same names everywhere.

Belongs here: cutting one column into groups, and crossing several. Does not belong here: what is
counted of a group (``report.py``), measured on it (``evidence/metrics/groups.py``) or done for it
in training (``training/remedies.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise, product
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.use_case import UseCase

MAX_LEVELS = 20
QUANTILES = 4
MISSING = "missing"

Codes = NDArray[np.int32]
Cut = Literal["values", "bands", "ranges"]


@dataclass(frozen=True)
class Grouping:
    """The groups of one sensitive column, or of several crossed.

    ``labels`` name a group within its column (a value, a band), ``names`` in a report (``SEX = 1``,
    ``AGEP below 30``); ``codes`` ``[n]`` say which one each row is in. ``cut`` says what the groups
    are. ``unknown`` are the positions of the groups whose rows do not say.
    """

    column: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    codes: Codes
    cut: Cut
    unknown: frozenset[int]

    def counts(self, rows: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Rows of each group, or of those that ``rows`` marks."""
        codes = self.codes if rows is None else self.codes[rows]
        return np.bincount(codes, minlength=len(self.labels)).astype(np.int64)

    def at(self, positions: NDArray[np.int64]) -> "Grouping":
        """The same groups of the rows at ``positions``."""
        return replace(self, codes=self.codes[positions])


def sensitive_groups(rows: pd.DataFrame, use_case: UseCase) -> tuple[Grouping, ...]:
    """The groups of every sensitive column, in the order of the YAML."""
    return tuple(group_declared(rows, name, use_case) for name in use_case.sensitive)


def group_declared(rows: pd.DataFrame, name: str, use_case: UseCase) -> Grouping:
    """The groups of one column, in its ``representation.bands`` where they are declared."""
    bands = use_case.representation.bands.get(name)
    return group_column(name, rows[name], use_case.columns[name], bands)


def group_column(
    name: str, values: pd.Series, column: Column, bands: Sequence[float] | None = None
) -> Grouping:
    """The groups of one column, every row in exactly one.

    With ``bands``, numbers below the first edge, from each edge to below the next, from the last:
    the same groups whatever the rows, some perhaps empty. Without: the values that occur, or four
    ranges of about as many rows each where a number or time has more than twenty. Rows without a
    value are the last group, ``missing``, where there are any.
    """
    if bands is not None:
        return _by_edges(name, values, bands)
    codes, levels = pd.factorize(values, sort=True)
    if column.is_category or len(levels) <= MAX_LEVELS:
        labels = tuple(_level_text(level, column) for level in levels)
        return _grouping(name, labels, [f"{name} = {label}" for label in labels], codes, "values")
    return _by_ranges(name, values, is_time=column.type == "timestamp")


def crossed(groupings: Sequence[Grouping]) -> Grouping:
    """Every combination of the groups of several columns, some perhaps empty."""
    if len(groupings) == 1:
        return groupings[0]
    sizes = [len(grouping.labels) for grouping in groupings]
    codes = np.ravel_multi_index([grouping.codes for grouping in groupings], sizes)
    combined = list(product(*(range(size) for size in sizes)))
    unknown = {
        place
        for place, parts in enumerate(combined)
        if any(part in one.unknown for one, part in zip(groupings, parts, strict=True))
    }
    return Grouping(
        column=" × ".join(grouping.column for grouping in groupings),
        labels=tuple(_joined([g.labels for g in groupings], parts) for parts in combined),
        names=tuple(_joined([g.names for g in groupings], parts) for parts in combined),
        codes=codes.astype(np.int32),
        cut="values",
        unknown=frozenset(unknown),
    )


def pairs(groupings: Sequence[Grouping]) -> tuple[tuple[Grouping, Grouping], ...]:
    """Every pair of columns, in order."""
    return tuple(combinations(groupings, 2))


def with_reference(
    grouping: Grouping, declared: Mapping[str | int | bool, float]
) -> tuple[Grouping, dict[str, float]]:
    """The grouping with the groups that only the reference knows, without rows, and the share of
    each group in the reference by its label. Truth values may be written in lower case."""
    shares = {_as_in_data(str(key), grouping): share for key, share in declared.items()}
    absent = [label for label in shares if label not in grouping.labels]
    names = [_name_of(grouping.column, label) for label in absent]
    unknown = {len(grouping.labels) + i for i, label in enumerate(absent) if label == MISSING}
    extended = replace(
        grouping,
        labels=(*grouping.labels, *absent),
        names=(*grouping.names, *names),
        unknown=grouping.unknown | unknown,
    )
    return extended, shares


def _name_of(column: str, label: str) -> str:
    return f"{column} {MISSING}" if label == MISSING else f"{column} = {label}"


def _as_in_data(label: str, grouping: Grouping) -> str:
    capital = label.capitalize()
    is_truth_value = capital in ("True", "False") and capital in grouping.labels
    return capital if is_truth_value and label not in grouping.labels else label


def _joined(parts: Sequence[Sequence[str]], places: Sequence[int]) -> str:
    return ", ".join(part[place] for part, place in zip(parts, places, strict=True))


def _grouping(
    name: str, labels: Sequence[str], names: Sequence[str], codes: NDArray[np.integer], cut: Cut
) -> Grouping:
    """A grouping from codes in which -1 is a missing value."""
    missing = codes < 0
    if not missing.any():
        return Grouping(name, tuple(labels), tuple(names), codes.astype(np.int32), cut, frozenset())
    return Grouping(
        name,
        (*labels, MISSING),
        (*names, f"{name} {MISSING}"),
        np.where(missing, len(labels), codes).astype(np.int32),
        cut,
        frozenset({len(labels)}),
    )


def _level_text(level: object, column: Column) -> str:
    # pandas holds integers as floats where one is missing; the group is the same one.
    if column.type in ("integer", "number") and float(level) == int(level):  # type: ignore[call-overload, arg-type]
        return str(int(level))  # type: ignore[call-overload]
    return str(level)


def _by_edges(name: str, values: pd.Series, edges: Sequence[float]) -> Grouping:
    texts = _texts(edges, is_time=False)
    middle = [f"{low} to below {high}" for low, high in pairwise(texts)]
    labels = (f"below {texts[0]}", *middle, f"from {texts[-1]}")
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    codes = np.searchsorted(np.asarray(edges, np.float64), numbers, side="right")
    codes[np.isnan(numbers)] = -1
    return _grouping(name, labels, [f"{name} {label}" for label in labels], codes, "bands")


def _by_ranges(name: str, values: pd.Series, *, is_time: bool) -> Grouping:
    numbers = _moments(values) if is_time else values.to_numpy(np.float64, na_value=np.nan)
    edges = np.unique(np.nanquantile(numbers, np.linspace(0.0, 1.0, QUANTILES + 1)))
    texts = list(pairwise(_texts(edges, is_time=is_time)))
    labels = [f"from {low} to below {high}" for low, high in texts[:-1]]
    labels.append(f"from {texts[-1][0]} to {texts[-1][1]}")
    codes = np.minimum(np.searchsorted(edges, numbers, side="right") - 1, len(labels) - 1)
    codes[np.isnan(numbers)] = -1
    return _grouping(name, labels, [f"{name} {label}" for label in labels], codes, "ranges")


def _moments(values: pd.Series) -> NDArray[np.float64]:
    """Seconds since 1970, missing as NaN."""
    microseconds = values.to_numpy().astype("datetime64[us]")
    seconds = microseconds.astype(np.int64) / 1e6
    return np.where(np.isnat(microseconds), np.nan, seconds)


def _texts(edges: Sequence[float] | NDArray[np.float64], *, is_time: bool) -> list[str]:
    """The edges as short as tells them apart."""
    if is_time:
        start = datetime(1970, 1, 1, tzinfo=UTC)
        moments = [start + timedelta(seconds=float(edge)) for edge in edges]
        days = [moment.date().isoformat() for moment in moments]
        full = [moment.replace(tzinfo=None).isoformat(" ") for moment in moments]
        return days if len(set(days)) == len(days) else full
    short = [f"{edge:g}" for edge in edges]
    return short if len(set(short)) == len(short) else [repr(float(edge)) for edge in edges]
