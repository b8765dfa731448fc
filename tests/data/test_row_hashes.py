"""Hashes of rows: they follow the content, and not how it is held."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.row_hashes import Fingerprint, plain_schema, row_hashes

ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=5),
        st.none() | st.integers(-5, 5),
        st.none() | st.floats(allow_nan=True),
    ),
    max_size=20,
)
SCHEMA = pa.schema([("text", pa.string()), ("count", pa.int64()), ("size", pa.float64())])


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [[], [], []]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA)


@given(ROWS, st.integers(0, 20), st.integers(0, 20))
def test_pieces_and_dictionaries_do_not_count(
    rows: list[tuple[Any, ...]], first: int, second: int
) -> None:
    whole = _table(rows)
    low, high = sorted((first, second))
    pieces = pa.concat_tables([whole[:low], whole[low:high], whole[high:]])
    encoded = pieces.set_column(0, "text", pieces["text"].dictionary_encode())

    assert np.array_equal(row_hashes(pieces), row_hashes(whole))
    assert plain_schema(encoded.schema) == SCHEMA
    assert np.array_equal(row_hashes(encoded.cast(SCHEMA)), row_hashes(whole))
    parts = np.concatenate([row_hashes(whole[:low]), row_hashes(whole[low:])])
    assert np.array_equal(parts, row_hashes(whole))


@given(ROWS)
def test_equal_rows_and_only_they_have_equal_hashes(rows: list[tuple[Any, ...]]) -> None:
    hashes = row_hashes(_table(rows)).tolist()
    # NaN equals itself here, and 0.0 is not -0.0.
    seen = [(text, count, repr(size)) for text, count, size in rows]

    assert len(set(hashes)) == len(set(seen))
    assert len(set(zip(seen, hashes, strict=True))) == len(set(seen))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([True]), pa.array([False])),
        (pa.array([""]), pa.array([None], pa.string())),
        (pa.array([0]), pa.array([None], pa.int64())),
        (pa.array([b"a"]), pa.array([b"b"])),
        (pa.array([np.float16(1)]), pa.array([np.float16(2)])),
        (pa.array([date(2024, 1, 1)]), pa.array([date(2024, 1, 2)])),
        (pa.array([time(1)]), pa.array([time(2)])),
        (pa.array([timedelta(1)]), pa.array([timedelta(2)])),
        (
            pa.array([datetime(2024, 1, 1, tzinfo=UTC)]),
            pa.array([datetime(2024, 1, 2, tzinfo=UTC)]),
        ),
        (pa.array([Decimal("1.0")]), pa.array([Decimal("1.1")])),
        (pa.array([[1]]), pa.array([[2]])),
        (pa.array([{"a": 1}]), pa.array([{"a": 2}])),
        (pa.array([2**64 - 1], pa.uint64()), pa.array([2**64 - 2], pa.uint64())),
    ],
)
def test_every_type_is_told_apart(one: pa.Array, other: pa.Array) -> None:
    assert row_hashes(pa.table({"a": one})) != row_hashes(pa.table({"a": other}))
    assert row_hashes(pa.table({"a": one})) == row_hashes(pa.table({"a": one}))


def test_the_same_hashes_on_every_machine_and_with_every_release() -> None:
    table = _table([("a", 1, 0.5), (None, None, None)])
    fingerprint = Fingerprint(SCHEMA)
    fingerprint.add(row_hashes(table))

    assert str(fingerprint) == "fabb26630aecf0edd37950f5a506d3c7"


def test_values_that_change_places_are_another_row() -> None:
    table = pa.table({"a": [1, 2], "b": [2, 1]})

    assert len(set(row_hashes(table).tolist())) == 2


def test_a_fingerprint_follows_order_names_and_types() -> None:
    rows = pa.table({"a": [1, 2], "b": [2, 1]})
    others = [
        rows.take([1, 0]),
        rows.rename_columns(["a", "c"]),
        rows.set_column(0, "a", rows["a"].cast(pa.int32())),
        rows.select(["b", "a"]),
        rows[:1],
    ]

    assert len({_fingerprint(table) for table in [rows, *others]}) == 6


def test_a_copy_goes_on_alone() -> None:
    first = Fingerprint(SCHEMA)
    second = first.copy()
    second.add(row_hashes(_table([("a", 1, 0.5)])))

    assert (first.rows, second.rows) == (0, 1)
    assert str(first) == str(Fingerprint(SCHEMA)) != str(second)


def _fingerprint(table: pa.Table) -> str:
    fingerprint = Fingerprint(table.schema)
    fingerprint.add(row_hashes(table))
    return str(fingerprint)
