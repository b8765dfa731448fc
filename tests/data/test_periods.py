"""Periods: names that sort by time, days that are in exactly one, and columns read as such."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import get_args

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.periods import (
    is_over,
    period_end,
    period_name,
    period_names,
    period_start,
    sorts_by_number,
    unsafe_name,
)
from mlops_assets.source_declaration import Period

CALENDAR: tuple[Period, ...] = tuple(p for p in get_args(Period) if p != "value")
PERIODS = st.sampled_from(CALENDAR)
EARLIEST, LATEST = (datetime.fromisoformat(f"{year}-01-01") for year in (1700, 2200))
DAYS = st.dates(max_value=date(9998, 12, 31))


@pytest.mark.parametrize(
    ("period", "name", "start", "end"),
    [
        ("day", "2024-03-31", date(2024, 3, 31), date(2024, 4, 1)),
        ("week", "2024-W13", date(2024, 3, 25), date(2024, 4, 1)),
        ("month", "2024-03", date(2024, 3, 1), date(2024, 4, 1)),
        ("quarter", "2024-Q1", date(2024, 1, 1), date(2024, 4, 1)),
        ("year", "2024", date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_a_period_has_a_name_a_first_day_and_an_end(
    period: Period, name: str, start: date, end: date
) -> None:
    assert period_name(date(2024, 3, 31), period) == name
    assert (period_start(name, period), period_end(name, period)) == (start, end)


@pytest.mark.parametrize(("period", "name"), [("month", "2024-12"), ("quarter", "2024-Q4")])
def test_the_last_period_of_a_year_ends_with_it(period: Period, name: str) -> None:
    assert period_end(name, period) == date(2025, 1, 1)


def test_the_first_days_of_january_may_be_of_the_last_iso_week_of_the_year_before() -> None:
    assert period_name(date(2021, 1, 3), "week") == "2020-W53"


@given(DAYS, PERIODS)
def test_a_day_is_in_the_period_that_it_names(day: date, period: Period) -> None:
    name = period_name(day, period)

    assert period_start(name, period) <= day < period_end(name, period)


@given(DAYS, PERIODS)
def test_periods_follow_each_other_without_gap_or_overlap(day: date, period: Period) -> None:
    name = period_name(day, period)
    end = period_end(name, period)

    assert period_name(end, period) > name
    assert period_start(period_name(end, period), period) == end
    assert period_name(end - timedelta(days=1), period) == name


@given(DAYS, DAYS, PERIODS)
def test_names_sort_by_time(first: date, second: date, period: Period) -> None:
    names = [period_name(day, period) for day in sorted((first, second))]

    assert names == sorted(names)


@pytest.mark.parametrize("period", CALENDAR)
def test_the_last_period_of_all_is_never_over(period: Period) -> None:
    name = period_name(date.max, period)

    assert period_end(name, period) == date.max
    assert not is_over(name, period, date(9998, 1, 1))


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ("day", "2024-02-30"),
        ("day", "20240229"),
        ("week", "2024-W54"),
        ("week", "2021-W53"),
        ("week", "2024-13"),
        ("month", "2024-13"),
        ("month", "2024-3"),
        ("quarter", "2024-Q5"),
        ("year", "24"),
        ("year", ""),
        ("value", "2024"),
    ],
)
def test_what_is_no_period_is_an_error(period: Period, name: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        period_start(name, period)


def test_a_value_names_itself_and_is_always_whole() -> None:
    assert is_over("spring", "value", date(2024, 1, 1))
    with pytest.raises(ValueError, match="no period of time"):
        period_name(date(2024, 1, 1), "value")


@pytest.mark.parametrize(("today", "over"), [(date(2024, 3, 31), False), (date(2024, 4, 1), True)])
def test_a_period_is_over_when_its_last_day_is(today: date, over: bool) -> None:
    assert is_over("2024-03", "month", today) is over


MOMENTS = st.lists(st.none() | st.datetimes(EARLIEST, LATEST), max_size=30)


@given(MOMENTS, PERIODS, st.sampled_from(["us", "ms", "date32", "date64", "text", "dictionary"]))
def test_a_column_is_named_as_its_values_are(
    moments: list[datetime | None], period: Period, kind: str
) -> None:
    column: pa.Array = pa.array(moments, pa.timestamp("us"))
    if kind == "ms":
        column = column.cast(pa.timestamp("ms"), safe=False)
    elif kind.startswith("date"):
        column = pa.array([m and m.date() for m in moments], getattr(pa, kind)())
    elif kind in ("text", "dictionary"):
        column = pa.array([m and m.isoformat(" ") for m in moments], pa.string())
        column = column.dictionary_encode() if kind == "dictionary" else column

    names = period_names(column, period).to_pylist()

    assert names == [m and period_name(m.date(), period) for m in moments]


@given(st.lists(st.datetimes(EARLIEST, LATEST), min_size=1), PERIODS)
def test_the_local_day_of_a_time_with_zone_counts(moments: list[datetime], period: Period) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    local = [moment.replace(tzinfo=east) for moment in moments]
    expected = [period_name(moment.date(), period) for moment in moments]

    as_times = pa.array([m.astimezone(UTC) for m in local], pa.timestamp("us", "+05:30"))
    as_texts = pa.array([moment.isoformat() for moment in local])

    assert period_names(as_times, period).to_pylist() == expected
    assert period_names(as_texts, period).to_pylist() == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2024-03-31", "2024-03-31"),
        (" 20240331 ", "2024-03-31"),
        ("2024-03-31T23:59:59,5+14:00", "2024-03-31"),
        ("20240331T2359Z", "2024-03-31"),
        ("2024-03-31 10:00 -0500", "2024-03-31"),
        ("2024-02-30", None),
        ("2024-03", None),
        ("31.03.2024", None),
        ("2024-03-31 or so", None),
        ("0000-01-01", None),
        ("", None),
        (None, None),
    ],
)
def test_texts_are_read_as_iso_8601_says(text: str | None, name: str | None) -> None:
    assert period_names(pa.array([text], pa.string()), "day").to_pylist() == [name]
    assert period_names(pa.array([text], pa.large_string()), "day").to_pylist() == [name]


def test_whole_numbers_are_read_as_dates_and_others_are_none() -> None:
    assert period_names(pa.array([20240331, 99]), "month").to_pylist() == ["2024-03", None]
    assert period_names(pa.array([1.5, None]), "month").to_pylist() == [None, None]


def test_a_day_beyond_four_digits_is_no_name() -> None:
    far = pa.array([3_000_000, -800_000, 0], pa.int32()).view(pa.date32())

    assert period_names(far, "year").to_pylist() == [None, None, "1970"]


def test_a_value_is_its_own_name_whatever_its_type() -> None:
    columns = [
        (pa.array(["b", "", None]), ["b", None, None]),
        (pa.array([7, None]), ["7", None]),
        (pa.array([date(2024, 1, 2)]), ["2024-01-02"]),
        (pa.array([True]), ["true"]),
        (pa.array(["x", "x"]).dictionary_encode(), ["x", "x"]),
        (pa.array([[1]]), [None]),
    ]
    for column, names in columns:
        assert period_names(column, "value").to_pylist() == names


@given(st.lists(st.none() | st.dates(), max_size=20), st.integers(0, 20))
def test_pieces_of_a_column_do_not_count(days: list[date | None], cut: int) -> None:
    whole = pa.array(days, pa.date32())
    pieces = pa.chunked_array([whole[:cut], whole[cut:]], pa.date32())

    assert period_names(pieces, "week").equals(period_names(whole, "week"))


@pytest.mark.parametrize("name", ["", "..", ".x", "a/b", "a b", "é", "a\n", "$(x)", "x.", "-x"])
def test_what_cannot_name_a_folder_is_found(name: str) -> None:
    assert unsafe_name(["2024", name]) == name
    assert unsafe_name(["2024-W01", "a_b.c"]) is None


@pytest.mark.parametrize(
    ("names", "sorts"),
    [
        (["9", "10"], False),
        (["09", "10"], True),
        (["2023-9", "2023-10"], False),
        (["week8", "week12"], False),
        (["2023", "2024-Q1"], True),
        (["a", "b"], True),
        ([], True),
    ],
)
def test_numbers_must_rise_where_names_do(names: list[str], sorts: bool) -> None:
    assert sorts_by_number(names) is sorts
