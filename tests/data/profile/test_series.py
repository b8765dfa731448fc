"""Columns as codes into their distinct values, and what is counted of them."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.column_declaration import Column
from mlops_assets.data.profile.series import (
    LONGEST_LEVEL,
    CodedColumn,
    ColumnCounts,
    code_column,
    label_codes,
)

at = datetime.fromisoformat


def counted(values: Any, column: Column) -> dict[str, Any]:
    """The series of a column called ``c`` by name, of rows without labels."""
    chunks = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    coded = code_column(chunks, column)
    counts = ColumnCounts("c", column)
    counts.add(coded, coded.count(np.zeros(len(coded.codes), np.int64)))
    return {name: one.to_dict() for name, one in counts.series.items()}


def rows(table: dict[str, list[int]]) -> dict[str, int]:
    return {key: n for key, (n, _, _) in table.items()}


def test_infinite_and_undefined_numbers_count_as_missing() -> None:
    values = pa.array([1.0, float("inf"), float("-inf"), float("nan"), None])
    series = counted(values, Column(type="number"))["c"]
    assert series["missing"] == [4, 0, 0] and rows(series["values"]) == {"1.0": 1}
    assert rows(series["coarse"]) == {"18": 1}
    assert (series["minimum"], series["maximum"]) == (1.0, 1.0)


def test_minus_zero_is_zero() -> None:
    series = counted(pa.array([0.0, -0.0]), Column(type="number"))["c"]
    assert rows(series["values"]) == {"0.0": 2}


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("string", pa.array(["a", None, "b", "a"])),
        ("string", pa.array(["a", None, "b", "a"], pa.large_string())),
        ("string", pa.array(["a", None, "b", "a"], pa.string_view())),
        ("integer", pa.array([3, None, 5, 3])),
        ("boolean", pa.array([True, None, False, True])),
        ("timestamp", pa.array([at("2020-01-01"), None, at("2021-01-01"), at("2020-01-01")])),
    ],
)
def test_every_form_of_a_column_is_counted_alike(type_: Any, given: pa.Array) -> None:
    column = Column(type=type_)
    whole = counted(given, column)
    parts = pa.chunked_array([given[:1], given[1:1], given[1:]])
    assert counted(parts, column) == whole
    if not pa.types.is_string_view(given.type):
        coded = pa.chunked_array([given[:3].dictionary_encode(), given[3:].dictionary_encode()])
        assert counted(coded, column) == whole
    assert whole["c"]["missing"] == [1, 0, 0]
    assert sorted(rows(whole["c"]["values"]).values()) == [1, 2]


@pytest.mark.parametrize("type_", ["string", "integer", "number", "boolean", "timestamp"])
def test_a_column_of_nothing_is_missing_in_every_row(type_: Any) -> None:
    for values in (pa.nulls(3), pa.chunked_array([], pa.null())):
        series = counted(values, Column(type=type_))["c"]
        assert series["missing"][0] == len(values)
        assert series["values"] == {} and series["minimum"] is None


def test_a_timestamp_is_counted_by_hour_and_weekday() -> None:
    times = pa.array([at("2024-02-29T23:59"), at("1969-12-29")])
    series = counted(times, Column(type="timestamp"))
    assert set(series["c.minute_of_day"]["values"]) == {"23:00", "00:00"}
    assert set(series["c.day_of_week"]["values"]) == {"Thursday", "Monday"}
    assert len(series["c.minute_of_day"]["coarse"]) == 24


def test_long_texts_are_cut_but_stay_apart() -> None:
    values = pa.array(["x" * 5_000 + end for end in "ab"])
    series = counted(values, Column(type="string"))["c"]
    assert len(series["values"]) == 2
    assert max(map(len, series["values"])) <= LONGEST_LEVEL


def test_labels_are_none_negative_or_positive() -> None:
    target = code_column(pa.chunked_array([[True, None, False]]), Column(type="boolean"))
    assert label_codes(target, is_binary=True).tolist() == [2, 0, 1]


def test_counts_are_of_rows_labels_and_positives() -> None:
    present = np.array([True, True, False])
    column = CodedColumn(np.array([0, 0, 0, 1, 2]), np.array([1.0, 2.0, 0.0]), present)
    assert column.count(np.array([2, 1, 0, 2, 1])).tolist() == [[3, 2, 1], [1, 1, 1], [1, 1, 0]]
    assert column.missing is not None
    assert column.missing.tolist() == [False, False, False, False, True]
