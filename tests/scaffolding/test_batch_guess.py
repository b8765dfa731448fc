"""When rows are cut into batches by a date, by which, and into how long ones."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.data.periods import period_names
from mlops_assets.scaffolding.batch_files import Cut, Located
from mlops_assets.scaffolding.batch_guess import candidates, cut_by_date, period_of_span
from mlops_assets.scaffolding.source_sample import Sample
from mlops_assets.use_case import UseCase

Scaffold = Callable[..., tuple[str, UseCase]]
LineOf = Callable[[str, str], str]

RANDOM = np.random.default_rng(11)
ONE_FILE = Located((), ("batch-001",), None, ".parquet", r"batch-\d{3}")


def sample(rows: int | None = None, missing: tuple[str, ...] = (), **columns: Any) -> Sample:
    table = pa.table(columns)
    batch_of = np.zeros(table.num_rows, dtype=np.int64)
    return Sample(table, batch_of, frozenset(missing), (), rows or table.num_rows)


def days(rows: int, length: int, start: str = "2020-01-01") -> Any:
    """Days in order, evenly over so many."""
    steps = np.arange(rows) * length // rows
    return np.datetime64(start, "us") + steps * np.timedelta64(1, "D")


def cut(given: Sample) -> Cut | None:
    return cut_by_date(ONE_FILE, given, "y")[0].cut


@pytest.mark.parametrize(
    ("rows", "length", "period", "batches"),
    [
        (8000, 3650, "year", 10),  # ten years, 800 rows each: enough only for what will do
        (20_000, 3650, "year", 10),
        (20_000, 1096, "quarter", 13),
        (20_000, 366, "month", 12),
        (20_000, 60, "week", 9),
        (20_000, 12, "day", 12),
        (1300, 120, "month", 4),
    ],
)
def test_the_longest_period_with_enough_batches_of_enough_rows(
    rows: int, length: int, period: str, batches: int
) -> None:
    found = cut(sample(when=days(rows, length)))
    assert found is not None
    assert (found.column, found.period) == ("when", period)
    assert len(found.batches) >= batches - 1
    assert found.batches == tuple(sorted(found.batches))


def test_rows_are_in_the_batch_of_their_own_day() -> None:
    given = sample(when=RANDOM.permutation(days(14_000, 366)))
    located, batched = cut_by_date(ONE_FILE, given, "y")
    names = np.array(located.batches)[batched.batch_of]
    assert names.tolist() == period_names(given.table.column("when"), "month").to_pylist()


@pytest.mark.parametrize(
    ("rows", "length"),
    [(1000, 400), (50_000, 3), (50_000, 1)],
)
def test_too_few_rows_or_days_leave_one_batch(rows: int, length: int) -> None:
    assert cut(sample(when=days(rows, length))) is None


def test_the_sample_stands_for_all_rows() -> None:
    assert cut(sample(when=days(1000, 366))) is None
    found = cut(sample(when=days(1000, 366), rows=100_000))
    assert found is not None and found.period == "month"


def test_a_first_and_last_period_in_part_do_not_count() -> None:
    found = cut(sample(when=days(20_000, 425, start="2020-01-30")))
    assert found is not None and found.period == "month"


@pytest.mark.parametrize(
    "name",
    ["date_of_birth", "dob", "expiry_date", "due_date", "hire date", "updated_at", "valid until"],
)
def test_other_times_than_that_of_the_event_do_not_cut(name: str) -> None:
    assert cut(sample(**{name: days(20_000, 366)})) is None


def test_a_time_that_some_rows_lack_does_not_cut() -> None:
    when = days(20_000, 366)
    gaps = pa.array(when, mask=np.arange(20_000) == 7)
    assert cut(sample(when=gaps)) is None
    assert cut(sample(when=when, missing=("when",))) is None  # lacking outside the sample
    assert cut(sample(when=when)) is not None


def test_the_target_does_not_cut() -> None:
    assert cut(sample(y=days(20_000, 366))) is None


def test_what_is_in_order_and_named_so_comes_first() -> None:
    n = 20_000
    shuffled, ordered = RANDOM.permutation(days(n, 366)), days(n, 366)
    both = sample(a=shuffled, year=[2015 + i * 8 // n for i in range(n)], b=ordered, time=ordered)
    assert [one.name for one in candidates(both, "y")] == ["time", "year", "b", "a"]
    whys = [one.why for one in candidates(both, "y")]
    assert whys[0] == "in the order of the rows and named like the time of an event"
    assert whys[-1] == "a time that no row lacks"
    newest_first = sample(x=shuffled, b=ordered[::-1])
    assert [one.name for one in candidates(newest_first, "y")] == ["b", "x"]


@pytest.mark.parametrize(
    ("name", "values", "period"),
    [
        ("year", [2015, 2016, 2017, 2018], "value"),
        ("Survey Year", ["2015", "2016", "2017", "2018"], "value"),
        ("q", ["2015-Q1", "2015-Q2", "2015-Q3", "2015-Q4"], "value"),
        ("m", ["2015-01", "2015-02", "2015-03", "2015-04"], "value"),
        ("date", [20150105, 20150205, 20150305, 20150405], "month"),
        ("d", ["2015-01-05", "2015-02-05", "2015-03-05", "2015-04-05"], "month"),
        ("t", ["2015-01-05T10:00", "2015-02-05 11", "2015-03-05T10Z", "2015-04-05"], "month"),
        ("d", [date(2015, month, 5) for month in (1, 2, 3, 4)], "month"),
        ("x", [2015, 2016, 2017, 2018], None),
        ("year", [2015, 2016, 2017], None),
        ("year", [1, 2, 3, 4], None),
        ("month", [1, 2, 3, 4], None),
        ("d", ["05.01.2015", "05.02.2015", "05.03.2015", "05.04.2015"], None),
        ("d", ["2015-01-05", "2015-02-05", "2015-03-05", "unknown"], None),
    ],
)
def test_what_values_name_periods_or_are_times(
    name: str, values: list[Any], period: str | None
) -> None:
    found = cut(sample(**{name: values * 400}))
    assert (found and found.period) == period


def test_files_named_by_their_period_or_of_unlike_columns_stay_batches() -> None:
    given = sample(when=days(20_000, 366))
    by_year = Located((), ("2020",), None, ".parquet", r"\d{4}")
    assert cut_by_date(by_year, given, "y") == (by_year, given)
    unlike = Sample(given.table, given.batch_of, frozenset(), ("x",), given.rows)
    assert cut_by_date(ONE_FILE, unlike, "y")[0].cut is None


def test_the_yaml_says_column_and_period_and_why(scaffold: Scaffold) -> None:
    n = 9000
    y = RANDOM.random(n) < 0.3
    rows = pa.table({"x": RANDOM.random(n), "sold on": days(n, 270), "y": y})
    text, use_case = scaffold(rows, "y")
    assert use_case.source.batches is not None and use_case.source.batch_name is None
    assert (use_case.source.batches.column, use_case.source.batches.period) == ("sold on", "month")
    assert "      column: sold on  # in the order of the rows" in text
    assert "period: month  # 9 batches, 2020-01 to 2020-09; a period is a batch once it is" in text
    assert "    first_batches: 2  # of the 9 that are there" in text
    assert use_case.columns["sold on"].is_input


def test_what_is_the_same_in_each_batch_is_no_input(scaffold: Scaffold, line_of: LineOf) -> None:
    n = 8000
    year = 2010 + np.arange(n) * 4 // n
    of_year = np.array([f"{one}-07-01" for one in year], dtype="datetime64[us]")
    y = RANDOM.random(n) < 0.3
    rows = pa.table({"x": RANDOM.random(n), "year": year, "season": of_year, "y": y})
    text, use_case = scaffold(rows, "y")
    for name in ("year", "season"):
        assert use_case.columns[name].role == "ignored"
        assert "one value in each batch" in line_of(text, name)


@pytest.mark.parametrize(
    ("first", "last", "rows", "period"),
    [
        (date(2015, 1, 1), date(2020, 12, 31), 10_000, "year"),
        (date(2020, 1, 1), date(2020, 12, 31), 12_000, "month"),
        (date(2020, 1, 1), date(2020, 12, 31), 1500, "quarter"),
        (date(2020, 1, 1), date(2020, 12, 31), 100, "quarter"),
        (date(2020, 1, 1), date(2020, 2, 15), 50, "week"),
        (date(2020, 1, 1), date(2020, 1, 1), 50, "day"),
    ],
)
def test_a_database_is_always_cut(first: date, last: date, rows: int, period: str) -> None:
    assert period_of_span(first, last, rows) == period
