"""Timestamps with one part set to another value, and the other parts kept.

Belongs here: which values a part of a timestamp is set to, and the moments this gives. Does not
belong here: what a model answers to them (``partial_dependence.py``), or reading a part as a model
does (``training/computed_features.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import (
    Column,
    DatePart,
    DatePartFeature,
    Feature,
    source_columns,
)

Integers = NDArray[np.int64]
Part = Literal["time of day", "day of week", "day of month", "month", "year"]

GRID_POINTS = 20
OUTER_SHARE = 0.01
"""Quantiles of the grid run from this to its complement: the outermost values would stretch it."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS_OF_EVERY_MONTH = 28
MICROSECONDS_A_MINUTE = 60_000_000
MICROSECONDS_A_DAY = 86_400_000_000
EPOCH_DAY_OF_WEEK = 3  # 1970-01-01 was a Thursday; Monday is 0
EPOCH_YEAR = 1970
MONTHS_A_YEAR = 12

PART_VARIED: dict[DatePart, Part] = {
    "minute_of_day": "time of day",
    "hour": "time of day",
    "day_of_week": "day of week",
    "weekend": "day of week",
    "day_of_month": "day of month",
    "month": "month",
    "quarter": "month",
    "year": "year",
}


@dataclass(frozen=True)
class VariedMoments:
    """``moments`` has one array of int64 microseconds ``[n]`` for each of ``positions``, the places
    on an axis: hours since midnight, days of the month, years, or those of ``labels``."""

    part: Part
    positions: tuple[float, ...]
    labels: tuple[str, ...] | None
    moments: tuple[Integers, ...]


def seen_parts(name: str, column: Column, features: Mapping[str, Feature]) -> tuple[Part, ...]:
    """What of a timestamp column a model sees: its declared parts, unless a feature replaces them,
    and those that ``features`` compute from it. Each once."""
    made_from = [feature for feature in features.values() if name in source_columns(feature)]
    replaced = any(feature.replaces for feature in made_from)
    parts: list[DatePart] = [] if replaced else [*column.parts]
    parts += [feature.part for feature in made_from if isinstance(feature, DatePartFeature)]
    return tuple(dict.fromkeys(PART_VARIED[part] for part in parts))


def varied(part: Part, moments: Integers) -> VariedMoments:
    """The moments ``[n]`` with one part set to each value worth asking about.

    Times of day and years are about 20 observed quantiles; days of the week and months are all of
    them, days of the month the 28 that every month has. A day that a month lacks becomes its last.
    """
    match part:
        case "time of day":
            return _times_of_day(moments)
        case "day of week":
            return _days_of_week(moments)
        case "day of month":
            return _days_of_month(moments)
        case "month":
            return _months(moments)
        case "year":
            return _years(moments)


def observed_quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """About 20 values that occur, spread evenly over the ranks, each once, ascending."""
    if not len(values):
        return np.empty(0)
    ranks = np.linspace(OUTER_SHARE, 1.0 - OUTER_SHARE, GRID_POINTS)
    return np.unique(np.quantile(values, ranks, method="closest_observation"))


def as_microseconds(values: pd.Series) -> Integers:
    return values.to_numpy().astype("datetime64[us]").astype(np.int64)


def _times_of_day(moments: Integers) -> VariedMoments:
    within_day = np.mod(moments, MICROSECONDS_A_DAY)
    grid = observed_quantiles(np.floor(within_day / MICROSECONDS_A_MINUTE))
    midnight = moments - within_day
    asked = tuple(midnight + int(minute) * MICROSECONDS_A_MINUTE for minute in grid)
    return VariedMoments("time of day", tuple(grid / 60.0), None, asked)


def _days_of_week(moments: Integers) -> VariedMoments:
    day = np.mod(moments // MICROSECONDS_A_DAY + EPOCH_DAY_OF_WEEK, len(DAYS))
    monday = moments - day * MICROSECONDS_A_DAY
    asked = tuple(monday + d * MICROSECONDS_A_DAY for d in range(len(DAYS)))
    return VariedMoments("day of week", _places(len(DAYS)), DAYS, asked)


def _days_of_month(moments: Integers) -> VariedMoments:
    month, _, time = _split(moments)
    days = range(DAYS_OF_EVERY_MONTH)
    asked = tuple(_joined(month, np.full_like(month, day), time) for day in days)
    return VariedMoments("day of month", tuple(day + 1.0 for day in days), None, asked)


def _months(moments: Integers) -> VariedMoments:
    month, day, time = _split(moments)
    january = month - month % MONTHS_A_YEAR
    asked = tuple(_joined(january + one, day, time) for one in range(MONTHS_A_YEAR))
    return VariedMoments("month", _places(MONTHS_A_YEAR), MONTHS, asked)


def _years(moments: Integers) -> VariedMoments:
    month, day, time = _split(moments)
    in_year = month % MONTHS_A_YEAR
    grid = observed_quantiles((month // MONTHS_A_YEAR + EPOCH_YEAR).astype(np.float64))
    years = [int(year) - EPOCH_YEAR for year in grid]
    asked = tuple(_joined(in_year + year * MONTHS_A_YEAR, day, time) for year in years)
    return VariedMoments("year", tuple(grid), None, asked)


def _places(count: int) -> tuple[float, ...]:
    return tuple(float(place) for place in range(count))


def _split(moments: Integers) -> tuple[Integers, Integers, Integers]:
    """Months since 1970-01, days since the first of the month, microseconds since midnight."""
    time = np.mod(moments, MICROSECONDS_A_DAY)
    days = moments // MICROSECONDS_A_DAY
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return month, days - _first_day(month), time


def _joined(month: Integers, day: Integers, time: Integers) -> Integers:
    first, last = _first_day(month), _first_day(month + 1) - 1
    joined: Integers = np.minimum(first + day, last) * MICROSECONDS_A_DAY + time
    return joined


def _first_day(month: Integers) -> Integers:
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
