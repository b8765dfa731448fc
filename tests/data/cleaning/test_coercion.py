"""Types: each value is read for itself, and what cannot be read is said to be so."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning.coercion import Reading, coerce
from mlops_assets.data.cleaning.plain_values import as_text

NUMBERS = ("1", " 2 ", "+3", "-0", "1.", ".5", "1e5", "1e400", "nan", "inf", "0x1F", "1_0", "1.5")
LIMITS = ("9007199254740992", "9007199254740991", "", " ", "x", "true", "FALSE", "0.0", "?", "999")
TIMES = (
    *("2020", "20200102", "2020-1-2", "2020-01-02", "2020-01-02T03", "2020-01-02 03:04:05.25"),
    *("2020-01-02T03:04:05.123456789", "2020-01-02T24:00", "0000-01-01", "10:00", "2020-13-01"),
    *("2020-01-02T03:04Z", "2020-01-02T03:04 +00:00", "2020-01-02T03:04-05", " 2020-01-02"),
)
TEXTS = st.sampled_from((*NUMBERS, *LIMITS, *TIMES)) | st.text(max_size=6)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "timestamp"])


@settings(max_examples=150)
@given(st.lists(TEXTS | st.none(), max_size=8), TYPES, st.sampled_from([(), ("?", 999)]))
def test_a_text_is_read_the_same_whatever_stands_around_it(
    texts: list[str | None], kind: Any, missing: tuple[str | int, ...]
) -> None:
    reading = Reading(Column(type=kind, missing=missing), zones=frozenset({"", "+0000"}))

    together = coerce(pa.array(texts, pa.string()), reading)

    alone = [coerce(pa.array([text], pa.string()), reading) for text in texts]
    assert together.values.to_pylist() == [one.values[0].as_py() for one in alone]
    unreadable = [one.unreadable is not None for one in alone]
    found = together.unreadable
    assert (found.tolist() if found is not None else [False] * len(texts)) == unreadable


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        (
            "number",
            pa.array(["1", " 2.5 ", "+3", "1e2", "1,5", "0x10"]),
            [1, 2.5, 3, 100, None, None],
        ),
        ("number", pa.array([Decimal("1.25"), None]), [1.25, None]),
        ("number", pa.array([True, False]), [1.0, 0.0]),
        ("number", pa.array([1.5, float("nan"), float("inf"), 1e39]), [1.5, None, None, None]),
        ("integer", pa.array([2**53 - 1, -(2**53), 5]), [2**53 - 1, None, 5]),
        ("integer", pa.array([2**64 - 1, 7], pa.uint64()), [None, 7]),
        ("integer", pa.array([1.0, 1.5, None]), [1, None, None]),
        ("integer", pa.array(["1.0", "1e2", "9007199254740993"]), [1, 100, None]),
        ("boolean", pa.array([" True", "0", "1.0", "yes"]), [True, False, True, None]),
        ("boolean", pa.array([1.0, 0.0, 2.0]), [True, False, None]),
        ("string", pa.array([1.0, 2.5, 1e20, None]), ["1.0", "2.5", "1e+20", None]),
        ("string", pa.array([True, False, None]), ["True", "False", None]),
        ("string", pa.array([b"Ghent", b"\xff"]), ["Ghent", "\ufffd"]),
        ("string", pa.array([date(2020, 1, 2)]), ["2020-01-02"]),
        ("string", pa.array([["a"]]), [None]),
    ],
)
def test_what_is_delivered_is_read_as_declared(kind: Any, given: pa.Array, read: list[Any]) -> None:
    coerced = coerce(given, Reading(Column(type=kind)))

    assert coerced.values.to_pylist() == read
    # What is no number is missing, and was not there to be read.
    there = [value is not None and value == value for value in given.to_pylist()]
    lost = [had and found is None for had, found in zip(there, read, strict=True)]
    assert coerced.unreadable is None or coerced.unreadable.tolist() == lost
    assert (coerced.unreadable is None) is not any(lost)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (pa.array([date(1, 1, 1), date(9999, 12, 31)]), ["0001-01-01", "9999-12-31"]),
        (pa.array([2**40, -(2**40), 0], pa.timestamp("s")), [None, None, "1970-01-01"]),
        (pa.array([-1], pa.timestamp("ns")), ["1969-12-31T23:59:59.999999"]),
        (pa.array([0], pa.timestamp("s", "America/New_York")), ["1969-12-31T19:00"]),
        (pa.array([3]), [None]),
    ],
)
def test_times_are_local_and_within_the_calendar(given: pa.Array, read: list[str | None]) -> None:
    coerced = coerce(given, Reading(Column(type="timestamp")))

    expected = [None if text is None else datetime.fromisoformat(text) for text in read]
    assert coerced.values.to_pylist() == expected
    lost = None if coerced.unreadable is None else coerced.unreadable.tolist()
    assert lost == ([text is None for text in read] if None in read else None)


@pytest.mark.parametrize(
    ("given", "codes", "left"),
    [
        (pa.array(["?", " ? ", "999", "9990"]), ("?", 999), [None, None, None, "9990"]),
        (pa.array([999, 1, None]), ("?", 999), [None, "1", None]),
        (pa.array([999.0, 999.5]), ("999",), [None, "999.5"]),
        (pa.array([date(1900, 1, 1), date(2020, 1, 1)]), ("1900-01-01",), [None, "2020-01-01"]),
    ],
)
def test_codes_for_missing_values_are_missing(
    given: pa.Array, codes: tuple[Any, ...], left: list[str | None]
) -> None:
    coerced = coerce(given, Reading(Column(type="string", missing=codes)))

    assert coerced.values.to_pylist() == left
    assert coerced.unreadable is None


def test_dictionaries_views_and_runs_are_read_as_their_values() -> None:
    values = pa.array(["1", "2", None, "2"])
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([3, 4], pa.int32()), pa.array([1, 2]))

    for held in (values.dictionary_encode(), values.cast(pa.string_view())):
        read = coerce(held, Reading(Column(type="integer"))).values.to_pylist()
        assert read == [1, 2, None, 2]
    assert coerce(runs, Reading(Column(type="integer"))).values.to_pylist() == [1, 1, 1, 2]


@settings(max_examples=60)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32) | st.none(), min_size=1),
    st.lists(st.datetimes() | st.none(), min_size=1),
)
def test_a_value_and_its_text_are_read_alike(
    numbers: list[float | None], times: list[datetime | None]
) -> None:
    for values, kind in ((numbers, "number"), (times, "timestamp")):
        given = pa.array(values, pa.float64() if kind == "number" else pa.timestamp("us"))
        reading = Reading(Column(type=kind))  # type: ignore[arg-type]
        direct = coerce(given, reading).values
        assert coerce(as_text(given), reading).values.to_pylist() == direct.to_pylist()


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_that_its_zone_moves_out_of_the_calendar_cannot_be_read(year: int) -> None:
    edge = datetime(1, 1, 1, tzinfo=UTC) if year == 1 else datetime(9999, 12, 31, 23, tzinfo=UTC)
    zone = "America/New_York" if year == 1 else "Asia/Tokyo"
    utc = pa.array([edge, datetime(2020, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    zoned = utc.cast(pa.timestamp("us", zone))

    coerced = coerce(zoned, Reading(Column(type="timestamp")))

    assert coerced.values[0].as_py() is None and coerced.values[1].as_py() is not None
    assert coerced.unreadable is not None and coerced.unreadable.tolist() == [True, False]
    assert as_text(zoned)[0].as_py() is None
