"""A part of a timestamp is set as asked, and the other parts stay as the calendar allows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column, DatePart, DatePartFeature, MissingFeature
from mlops_assets.evidence.explainability.moments import as_microseconds, seen_parts, varied
from mlops_assets.training.computed_features import date_part

Integers = NDArray[np.int64]
MOMENTS = st.lists(
    st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-12-31")), min_size=1, max_size=20
)


def microseconds(*moments: str) -> Integers:
    return as_microseconds(pd.Series(np.array(moments, dtype="datetime64[us]")))


def as_series(moments: Integers) -> pd.Series:
    return pd.Series(moments.astype("datetime64[us]"))


def part_of(part: DatePart, moments: Integers) -> Integers:
    return date_part(part, as_series(moments))


@given(MOMENTS)
def test_every_part_is_what_it_was_set_to_and_the_time_of_day_is_kept(
    moments: list[pd.Timestamp],
) -> None:
    given_moments = as_microseconds(pd.Series(np.array(moments, dtype="datetime64[us]")))
    within_day = given_moments % 86_400_000_000
    months, days, years, weekdays = (
        varied(part, given_moments) for part in ("month", "day of month", "year", "day of week")
    )
    for month, asked in enumerate(months.moments, 1):
        assert (part_of("month", asked) == month).all()
        assert (part_of("year", asked) == part_of("year", given_moments)).all()
        kept = np.minimum(part_of("day_of_month", given_moments), part_of("day_of_month", asked))
        assert (part_of("day_of_month", asked) == kept).all()
    for day, asked in zip(days.positions, days.moments, strict=True):
        assert (part_of("day_of_month", asked) == day).all()
        assert (part_of("month", asked) == part_of("month", given_moments)).all()
    for year, asked in zip(years.positions, years.moments, strict=True):
        assert (part_of("year", asked) == year).all()
        assert (part_of("month", asked) == part_of("month", given_moments)).all()
    for found in (months, days, years, weekdays):
        assert len(found.moments) == len(found.positions)
        for asked in found.moments:
            assert (asked % 86_400_000_000 == within_day).all()


def test_a_day_that_a_month_lacks_becomes_its_last() -> None:
    leap_day = microseconds("2020-02-29T12:30", "2020-12-31")
    february = varied("month", leap_day).moments[1]
    assert february.tolist() == microseconds("2020-02-29T12:30", "2020-02-29").tolist()
    years = varied("year", microseconds("2020-02-29T12:30", "2021-03-01"))
    assert years.positions == (2020.0, 2021.0)
    assert years.moments[1][0] == microseconds("2021-02-28T12:30")[0]


def feature(part: DatePart, replaces: bool = False) -> DatePartFeature:
    return DatePartFeature(function="date_part", column="t", part=part, replaces=replaces)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({}, ("time of day", "day of week")),
        ({"a": feature("hour"), "b": feature("weekend")}, ("time of day", "day of week")),
        ({"a": feature("quarter")}, ("time of day", "day of week", "month")),
        ({"a": feature("year", replaces=True)}, ("year",)),
        (
            {"a": feature("month"), "b": feature("day_of_month", replaces=True)},
            ("month", "day of month"),
        ),
        ({"a": MissingFeature(function="missing", column="t")}, ("time of day", "day of week")),
    ],
)
def test_what_a_model_sees_of_a_timestamp(
    features: dict[str, DatePartFeature], expected: tuple[str, ...]
) -> None:
    assert seen_parts("t", Column(type="timestamp"), features) == expected
    assert seen_parts("other", Column(type="timestamp", parts=()), features) == ()
