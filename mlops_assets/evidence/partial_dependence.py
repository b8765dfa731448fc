"""What happens to the answers when one raw column is varied and the rest stays as it is.

Belongs here: the grid of values a column is set to, the curve of every single row (ICE: A.
Goldstein and others, "Peeking inside the black box", 2015) and their mean (partial dependence: J.
Friedman, "Greedy function approximation", 2001). Does not belong here: which columns are worth it
(``explainability.py``) or what each contributed (``attribution.py``).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.attribution import Floats, Predict, checked_prediction

Varied = Literal["value", "time of day", "day of week"]

GRID_POINTS = 20
MOST_CATEGORIES = 12
OUTER_SHARE = 0.01
"""Quantiles of the grid run from this to its complement: the outermost values would stretch it."""
ROWS_A_CALL = 20_000
MISSING_LABEL = "missing"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MICROSECONDS_A_MINUTE = 60_000_000
MICROSECONDS_A_DAY = 86_400_000_000
EPOCH_DAY_OF_WEEK = 3  # 1970-01-01 was a Thursday; Monday is 0


@dataclass(frozen=True)
class Effect:
    """The answers of ``n`` rows with one column set to each of ``g`` values.

    ``positions`` are the ``g`` places on the x-axis: values of the column, hours since midnight, or
    the integer positions of ``labels`` (``None`` where the axis is a number's). ``curves`` is
    float64 ``[n, g]``. ``missing`` is the answers with the column missing, float64 ``[n]``, where a
    number is missing in some rows.
    """

    column: str
    varied: Varied
    positions: tuple[float, ...]
    labels: tuple[str, ...] | None
    curves: Floats
    missing: Floats | None = None

    @property
    def mean(self) -> Floats:
        """Partial dependence, float64 ``[g]``."""
        mean: Floats = self.curves.mean(axis=0)
        return mean

    @property
    def standard_error(self) -> Floats:
        """Of the mean, from the scatter of the rows, float64 ``[g]``; NaN for a single row."""
        n = len(self.curves)
        if n < 2:
            return np.full(self.curves.shape[1], np.nan)
        error: Floats = self.curves.std(axis=0, ddof=1) / np.sqrt(n)
        return error


def column_effects(
    predict: Predict, rows: pd.DataFrame, column: str, declared: Column
) -> tuple[Effect, ...]:
    """The effects of one column: of its value, or for a timestamp of each part a model sees.

    Numbers are set to about 20 observed quantiles, categories and booleans to the 12 most common
    ones (missing is one of them), times of day to about 20 observed quantiles with the date kept,
    days of the week to all seven with week and time of day kept.
    """
    if declared.type == "timestamp":
        parts = {"minute_of_day": _time_of_day, "day_of_week": _day_of_week}
        return tuple(parts[part](predict, rows, column) for part in declared.parts)
    if declared.is_category or declared.type == "boolean":
        return (_category(predict, rows, column),)
    return (_number(predict, rows, column),)


def _number(predict: Predict, rows: pd.DataFrame, column: str) -> Effect:
    known = rows[column].dropna().to_numpy(dtype=np.float64)
    grid = _observed_quantiles(known)
    values = [_repeated(rows[column], value) for value in _as_dtype(grid, rows[column])]
    missing = None
    if len(known) < len(rows):
        gap = rows.loc[rows[column].isna(), column].iloc[0]
        missing = _answers(predict, rows, column, [_repeated(rows[column], gap)])[:, 0]
    curves = _answers(predict, rows, column, values)
    return Effect(column, "value", tuple(grid), None, curves, missing)


def _category(predict: Predict, rows: pd.DataFrame, column: str) -> Effect:
    codes, levels = pd.factorize(rows[column], use_na_sentinel=False)
    counts = np.bincount(codes, minlength=len(levels))
    labels = [MISSING_LABEL if pd.isna(level) else str(level) for level in levels]
    order = sorted(range(len(levels)), key=lambda i: (-counts[i], labels[i]))[:MOST_CATEGORIES]
    values = [_repeated(rows[column], levels[i]) for i in order]
    curves = _answers(predict, rows, column, values)
    positions = tuple(float(i) for i in range(len(order)))
    return Effect(column, "value", positions, tuple(labels[i] for i in order), curves)


def _time_of_day(predict: Predict, rows: pd.DataFrame, column: str) -> Effect:
    moments = _microseconds(rows[column])
    within_day = np.mod(moments, MICROSECONDS_A_DAY)
    grid = _observed_quantiles(np.floor(within_day / MICROSECONDS_A_MINUTE))
    midnight = moments - within_day
    values = [_moments(midnight + int(m) * MICROSECONDS_A_MINUTE, rows[column]) for m in grid]
    curves = _answers(predict, rows, column, values)
    return Effect(column, "time of day", tuple(grid / 60.0), None, curves)


def _day_of_week(predict: Predict, rows: pd.DataFrame, column: str) -> Effect:
    moments = _microseconds(rows[column])
    day = np.mod(moments // MICROSECONDS_A_DAY + EPOCH_DAY_OF_WEEK, 7)
    monday = moments - day * MICROSECONDS_A_DAY
    values = [_moments(monday + d * MICROSECONDS_A_DAY, rows[column]) for d in range(7)]
    curves = _answers(predict, rows, column, values)
    return Effect(column, "day of week", tuple(float(d) for d in range(7)), DAYS, curves)


def _observed_quantiles(values: Floats) -> Floats:
    """About 20 values that occur, spread evenly over the ranks, each once, ascending."""
    if not len(values):
        return np.empty(0)
    ranks = np.linspace(OUTER_SHARE, 1.0 - OUTER_SHARE, GRID_POINTS)
    return np.unique(np.quantile(values, ranks, method="closest_observation"))


def _as_dtype(grid: Floats, like: pd.Series) -> Sequence[Hashable]:
    return pd.Series(grid).astype(like.dtype).tolist()


def _repeated(like: pd.Series, value: Any) -> pd.Series:
    return pd.Series([value] * len(like), index=like.index, dtype=like.dtype)


def _microseconds(values: pd.Series) -> NDArray[np.int64]:
    return values.to_numpy().astype("datetime64[us]").astype(np.int64)


def _moments(microseconds: NDArray[np.int64], like: pd.Series) -> pd.Series:
    moments = pd.Series(microseconds.astype("datetime64[us]"), index=like.index)
    return moments.astype(like.dtype)


def _answers(
    predict: Predict, rows: pd.DataFrame, column: str, values: Sequence[pd.Series]
) -> Floats:
    """Answers with ``column`` replaced by each of ``values``, float64 ``[n, g]``, asked for in
    calls of bounded size."""
    at_once = max(1, ROWS_A_CALL // len(rows))
    pieces = []
    for start in range(0, len(values), at_once):
        group = values[start : start + at_once]
        frame = pd.concat([rows.assign(**{column: v}) for v in group], ignore_index=True)
        pieces.append(checked_prediction(predict, frame).reshape(len(group), len(rows)).T)
    return np.concatenate(pieces, axis=1) if pieces else np.empty((len(rows), 0))
