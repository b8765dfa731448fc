"""The columns that a model computes from raw ones, as a use case declares them under ``features``.

Belongs here: each function on a frame of raw columns, and what a function has to learn from the
fitted rows. Does not belong here: what an estimator sees of the computed column (``encoding.py``),
or the same computation as ONNX operators (``export/onnx_features.py``).

Every step is integer arithmetic or float64 arithmetic that is rounded alike everywhere, so that
numpy and ONNX Runtime give the same numbers. The logarithm is the exception: the two may differ in
the last bit of float64, of which the cast to float32 lets less than one case in 2**29 through, as
a difference of one float32. A tree's threshold halfway between two values with three or more
float32 steps between them decides alike even then.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import (
    BinsFeature,
    CrossingFeature,
    DatePart,
    DatePartFeature,
    Feature,
    LogFeature,
    MissingFeature,
    RareCategoriesFeature,
    RatioFeature,
)

MICROSECONDS_A_MINUTE = 60_000_000
MICROSECONDS_AN_HOUR = 3_600_000_000
MICROSECONDS_A_DAY = 86_400_000_000
EPOCH_DAY_OF_WEEK = 3  # 1970-01-01 was a Thursday; Monday is 0
SATURDAY = 5
DAYS_TO_EPOCH = 719_468
"""Days from the first of March of the year 0 to 1970-01-01."""
DAYS_IN_400_YEARS = 146_097
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
MOST_LEVELS = 254
"""Levels of a category at most. With the unknown they are 255, which is how many values boosting
tells apart."""
UNKNOWN = -1
"""The code of what has none: a missing value, or a combination with an unknown part."""

Levels = tuple[str, ...] | tuple[int, ...]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crossing:
    """A fitted crossing: the pair of levels at ``a`` and ``b`` has the code
    ``a * len(second_levels) + b``. Only levels of frequent pairs are kept."""

    first: str
    second: str
    first_levels: Levels
    second_levels: Levels


FittedFeature = (
    DatePartFeature
    | RatioFeature
    | LogFeature
    | BinsFeature
    | RareCategoriesFeature
    | MissingFeature
    | Crossing
)
"""What can be computed: all but a crossing as it is declared."""


def fit_feature(feature: Feature, rows: pd.DataFrame) -> tuple[FittedFeature, Levels | None]:
    """What computes ``feature``, and the levels of the category it gives, sorted; ``None`` for
    a number. ``rows`` are the fitted rows, with the columns the feature is computed from."""
    match feature:
        case CrossingFeature():
            return _fit_crossing(feature, rows)
        case RareCategoriesFeature(column=column, min_rows=min_rows):
            return feature, category_levels(rows[column], min_rows)
        case BinsFeature(edges=edges):
            return feature, tuple(range(len(edges) + 1))
        case _:
            return feature, None


def compute(feature: FittedFeature, rows: pd.DataFrame) -> pd.Series:
    """The computed column of ``rows``, ``[n]``.

    A number is float64, NaN where it is missing or beyond the range of float32. A category is
    int64, -1 where it is unknown; that of frequent values is the raw column itself.
    """
    match feature:
        case DatePartFeature(column=column, part=part):
            return pd.Series(date_part(part, rows[column]).astype(np.float64))
        case RatioFeature(numerator=numerator, denominator=denominator):
            with np.errstate(all="ignore"):
                ratio = as_float64(rows[numerator]) / as_float64(rows[denominator])
            return pd.Series(_within_float32(ratio))
        case LogFeature(column=column):
            with np.errstate(all="ignore"):
                logarithm = np.log(as_float64(rows[column]) + 1.0)
            return pd.Series(_within_float32(logarithm))
        case BinsFeature(column=column, edges=edges):
            return pd.Series(_bins(as_float64(rows[column]), edges))
        case RareCategoriesFeature(column=column):
            return rows[column]
        case MissingFeature(column=column):
            return pd.Series(_is_missing(rows[column]).astype(np.float64))
        case Crossing():
            return pd.Series(_pairs(feature, rows))


def level_name(feature: FittedFeature | None, level: str | int) -> str:
    """What a level of a category is called; ``None`` stands for a raw column."""
    match feature:
        case Crossing(first_levels=first, second_levels=second):
            return f"{first[int(level) // len(second)]} & {second[int(level) % len(second)]}"
        case BinsFeature(edges=edges):
            position = int(level)
            if position == 0:
                return f"below {edges[0]:g}"
            if position == len(edges):
                return f"from {edges[-1]:g}"
            return f"{edges[position - 1]:g} to below {edges[position]:g}"
        case _:
            return str(level)


def as_float64(values: pd.Series) -> Floats:
    """Numbers and booleans as float64 ``[n]``, missing as NaN."""
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def category_levels(values: pd.Series, min_rows: int = 1) -> Levels:
    """The values with at least ``min_rows`` rows, sorted: all strings or all integers."""
    counts = values.value_counts(dropna=True)
    present = counts.index[counts.to_numpy() >= min_rows]
    if pd.api.types.is_numeric_dtype(values.dtype):
        return tuple(sorted(int(v) for v in present))
    # An empty string is a missing one: no tensor of strings could tell the two apart.
    return tuple(sorted(str(v) for v in present if v != ""))


def most_frequent(counts: NDArray[np.integer[Any]], at_most: int) -> Integers:
    """Positions of the ``at_most`` largest ``counts``, rising; of equal ones, the first."""
    order = np.argsort(-counts.astype(np.int64), kind="stable")
    return np.sort(order[:at_most]).astype(np.int64)


def category_positions(values: pd.Series, levels: Levels) -> Integers:
    """Position of each value among ``levels``, int64 ``[n]``; -1 for unknown or missing."""
    positions: NDArray[np.intp] = pd.Index(levels).get_indexer(pd.Index(values))
    return positions.astype(np.int64)


def date_part(part: DatePart, values: pd.Series) -> Integers:
    """A part of timestamps without zone, int64 ``[n]``: ``year``, ``quarter`` and ``month`` from
    1, ``day_of_month`` from 1, ``day_of_week`` (Monday is 0), ``hour``, ``minute_of_day`` (0 to
    1439), ``weekend`` (1 on Saturday and Sunday)."""
    microseconds: Integers = values.to_numpy().astype("datetime64[us]").astype(np.int64)
    within_day = microseconds % MICROSECONDS_A_DAY
    days = (microseconds - within_day) // MICROSECONDS_A_DAY
    match part:
        case "minute_of_day":
            return within_day // MICROSECONDS_A_MINUTE
        case "hour":
            return within_day // MICROSECONDS_AN_HOUR
        case "day_of_week":
            return (days + EPOCH_DAY_OF_WEEK) % 7
        case "weekend":
            return ((days + EPOCH_DAY_OF_WEEK) % 7 >= SATURDAY).astype(np.int64)
    year, month, day = _civil(days)
    match part:
        case "year":
            return year
        case "quarter":
            return (month + 2) // 3
        case "month":
            return month
        case "day_of_month":
            return day


def _civil(days: Integers) -> tuple[Integers, Integers, Integers]:
    """Year, month and day of days since 1970-01-01 in the Gregorian calendar.

    Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", ``civil_from_days``. Years
    begin in March there, so that the leap day is the last of a year, and are counted in periods of
    400, after which the calendar repeats.
    """
    shifted = days + DAYS_TO_EPOCH
    in_period = shifted % DAYS_IN_400_YEARS
    period = (shifted - in_period) // DAYS_IN_400_YEARS
    leap_days = in_period // 1460 - in_period // 36_524 + in_period // 146_096
    year_in_period = (in_period - leap_days) // 365
    first_day = 365 * year_in_period + year_in_period // 4 - year_in_period // 100
    in_year = in_period - first_day
    months_from_march = (5 * in_year + 2) // 153
    day = in_year - (153 * months_from_march + 2) // 5 + 1
    month = (months_from_march + 2) % 12 + 1
    year = year_in_period + 400 * period + (months_from_march >= 10)
    return year, month, day


def _within_float32(values: Floats) -> Floats:
    # What only float64 can hold would be infinite to every estimator.
    return np.where(np.abs(values) <= LARGEST_FLOAT32, values, np.nan)


def _bins(numbers: Floats, edges: tuple[float, ...]) -> Integers:
    positions = np.searchsorted(np.array(edges), numbers, side="right").astype(np.int64)
    return np.where(np.isnan(numbers), UNKNOWN, positions)


def _is_missing(values: pd.Series) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = values.isna().to_numpy(dtype=np.bool_)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return missing
    empty: NDArray[np.bool_] = values.to_numpy(dtype=object, na_value="") == ""
    return missing | empty


def _fit_crossing(feature: CrossingFeature, rows: pd.DataFrame) -> tuple[Crossing, Levels]:
    first, second = (category_levels(rows[name]) for name in (feature.first, feature.second))
    every = Crossing(feature.first, feature.second, first, second)
    codes = _pairs(every, rows)
    pairs, counts = np.unique(codes[codes != UNKNOWN], return_counts=True)
    enough = counts >= feature.min_rows
    frequent = pairs[enough][most_frequent(counts[enough], MOST_LEVELS)]
    if not len(frequent):
        return Crossing(feature.first, feature.second, (), ()), ()
    kept_first, at_first = np.unique(frequent // len(second), return_inverse=True)
    kept_second, at_second = np.unique(frequent % len(second), return_inverse=True)
    crossing = Crossing(
        feature.first, feature.second, levels_at(first, kept_first), levels_at(second, kept_second)
    )
    return crossing, tuple((at_first * len(kept_second) + at_second).tolist())


def levels_at(levels: Levels, positions: NDArray[Any]) -> Levels:
    """The levels at ``positions``."""
    return tuple(levels[position] for position in positions)


def _pairs(crossing: Crossing, rows: pd.DataFrame) -> Integers:
    first = category_positions(rows[crossing.first], crossing.first_levels)
    second = category_positions(rows[crossing.second], crossing.second_levels)
    known = (first != UNKNOWN) & (second != UNKNOWN)
    return np.where(known, first * len(crossing.second_levels) + second, UNKNOWN)
