"""The values of one column of golden rows.

Belongs here: what is ordinary and what is hostile, by type of column. Does not belong here: rows
made of them (``golden.py``).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.export.tensors import tensor_type

MIN_LEVEL_ROWS = 5
"""Fewest rows of a level that travels: a rarer one may be one person's."""
MAX_LEVELS = 32
QUANTILES = (0.05, 0.95)
SIGNIFICANT_DIGITS = 2
FARTHEST = 2.0**60
"""Of a number from zero, so that what lies beyond the range is an int64 and a float32."""
DAY = 86_400_000_000
"""Microseconds."""
UNKNOWN_TEXTS = ("no such level", "Ω ∉ α", "  ", "0", "nan")
UNKNOWN_CODES = (-1, 987_654_321, 2**40 + 1)
HARD_TIMES = (-1, 0, -20 * 365 * DAY - 7, 19_782 * DAY - 1, 47_482 * DAY + 43_200_000_001)
"""Just before and at 1970, long before, the last microsecond of 2024-02-28, and after 2099."""


def ordinary_values(
    values: pd.Series, column: Column, rows: int, rng: np.random.Generator
) -> NDArray[Any]:
    """``rows`` values as ``export/tensors.py`` writes them, none missing: levels that at least
    ``MIN_LEVEL_ROWS`` rows share, or numbers between declared limits or rounded quantiles."""
    dtype = _dtype(column)
    if column.type == "boolean":
        return (rng.random(rows) < 0.5).astype(dtype)
    if column.is_category:
        return rng.choice(np.array(_levels(values, column), dtype=object), rows).astype(dtype)
    if column.type == "timestamp":
        first, last = _days(values)
        return first * DAY + rng.integers(0, (last - first) * DAY // 60_000_000, rows) * 60_000_000
    low, high = _range(values, column)
    if column.type == "integer":
        return rng.integers(int(low), int(high) + 1, rows).astype(dtype)
    return rng.uniform(low, high, rows).astype(dtype)


def hostile_values(values: pd.Series, column: Column) -> NDArray[Any]:
    """What a model must stand: missing where the tensor can say so, a level or a time it has never
    seen, both ends of the range and what lies beyond, zero, negative, beyond 2**24."""
    dtype = _dtype(column)
    hostile: list[Any]
    if column.type == "string":
        hostile = ["", *UNKNOWN_TEXTS]
    elif column.type == "boolean":
        hostile = [True, False]
    elif column.type == "timestamp":
        hostile = [*HARD_TIMES]
    elif column.is_category:
        hostile = [*UNKNOWN_CODES]
    else:
        low, high = _range(values, column)
        hostile = [low, high, 0, -1, 2 * low - high, 2 * high - low]
        hostile += [2**24 + 1] if column.type == "integer" else [1e-30, high + 1 / 3]
    if tensor_type(column) == "double":
        hostile = [np.nan, *hostile]
    return np.array(hostile, dtype=dtype)


def _dtype(column: Column) -> type[Any]:
    return {"string": np.object_, "double": np.float64, "int64": np.int64, "bool": np.bool_}[
        tensor_type(column)
    ]


def _levels(values: pd.Series, column: Column) -> list[Any]:
    """The declared levels, or else the most frequent ones; of personal data none."""
    if column.values is not None:
        return [*column.values]
    unknown = [*(UNKNOWN_TEXTS if column.type == "string" else UNKNOWN_CODES)]
    if column.personal is not None:
        return unknown
    counts = values.dropna().value_counts()
    # Levels of the same count come in an order of their own.
    shared = sorted((-int(n), level) for level, n in counts.items() if n >= MIN_LEVEL_ROWS)
    return [level for _, level in shared[:MAX_LEVELS]] or unknown


def _range(values: pd.Series, column: Column) -> tuple[float, float]:
    numbers = values.dropna().to_numpy(dtype=np.float64)
    ends = np.quantile(numbers, QUANTILES) if len(numbers) else np.array([0.0, 1.0])
    low, high = (_rounded(float(end)) for end in ends)
    low = low if column.minimum is None else column.minimum
    high = high if column.maximum is None else column.maximum
    low, high = max(low, -FARTHEST), min(high, FARTHEST)
    if column.type == "integer":
        low, high = float(np.ceil(low)), float(np.floor(high))
    return (low, high) if low < high else (low, low + 1.0)


def _rounded(number: float) -> float:
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}")


def _days(values: pd.Series) -> tuple[int, int]:
    """The first day and the one after the last, counted from 1970, without the rarest times."""
    times = values.dropna().to_numpy().astype("datetime64[us]").astype(np.int64)
    if len(times) == 0:
        return 0, 1
    first, last = np.quantile(times, QUANTILES)
    return int(first // DAY), int(last // DAY) + 1
