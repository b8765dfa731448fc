"""Counting by hashes: sizes as Arrow's own grouping has them, samples that no order changes."""

import random
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.privacy.group_sizes import DistinctSample, GroupSizes
from mlops_assets.data.row_hashes import text_hashes, value_hashes

DAYS = ("1969-01-01", "2020-01-01")
TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), st.integers(-2, 2)),
    (pa.int64(), st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)])),
    (pa.uint64(), st.sampled_from([0, 1, 2**64 - 1])),
    (pa.float64(), st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), 1e-300])),
    (pa.float32(), st.sampled_from([0.0, -0.0, 1.5])),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.sampled_from(["", "1", "é", "a\0b", "a", "None"])),
    (pa.large_string(), st.text("ab", max_size=2)),
    (pa.binary(), st.sampled_from([b"", b"\xff", b"a"])),
    (pa.timestamp("us"), st.sampled_from([datetime.fromisoformat(day) for day in DAYS])),
    (pa.date32(), st.sampled_from([date.fromisoformat(day) for day in DAYS])),
    (pa.duration("s"), st.sampled_from([timedelta(0), timedelta(1)])),
    (pa.decimal128(5, 2), st.sampled_from([Decimal("1.00"), Decimal("-1.25")])),
    (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b"])),
    (pa.null(), st.none()),
]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    chosen = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    columns = [
        pa.array(draw(st.lists(st.none() | cells, min_size=rows, max_size=rows)), type)
        for type, cells in chosen
    ]
    return pa.table(columns, names=[f"c{place}" for place in range(len(columns))])


def _by_arrow(table: pa.Table) -> list[int]:
    decoded = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    grouped = pa.table(decoded, names=table.column_names).group_by(table.column_names)
    return sorted(grouped.aggregate([([], "count_all")])["count_all"].to_pylist())


def _counted(table: pa.Table, cuts: list[int]) -> GroupSizes:
    groups = GroupSizes(table.column_names)
    edges = [0, *sorted(min(cut, table.num_rows) for cut in cuts), table.num_rows]
    for start, end in pairwise(edges):
        groups.add(table.slice(start, end - start))
    return groups


@given(tables(), st.lists(st.integers(0, 12), max_size=3))
def test_sizes_are_those_of_arrows_own_grouping_for_any_chunks(
    table: pa.Table, cuts: list[int]
) -> None:
    groups = _counted(table, cuts)

    assert sorted(groups.sizes().tolist()) == _by_arrow(table)
    assert sorted(groups.sizes().tolist()) == _by_arrow(table)
    assert groups.rows == table.num_rows


def test_values_do_not_change_places_between_columns() -> None:
    rows = pa.table({"a": [1, 2, None, 3], "b": [2, 1, 3, None]})

    assert GroupSizes(["a", "b"]).sizes().tolist() == []
    assert _counted(rows, []).sizes().tolist() == [1, 1, 1, 1]


def test_nested_values_are_told_apart() -> None:
    rows = pa.table({"a": [[1, 2], [1, 2], [3], None]})

    assert sorted(_counted(rows, [2]).sizes().tolist()) == [1, 1, 2]


def test_many_groups_are_counted_exactly() -> None:
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 60_000, 100_000)
    expected = sorted(Counter(numbers.tolist()).values())

    for values in (pa.array(numbers), pa.array(numbers).cast(pa.string())):
        counted = _counted(pa.table({"a": values}), [30_000, 30_001])
        assert sorted(counted.sizes().tolist()) == expected


def test_both_halves_of_a_hash_differ_and_are_spread() -> None:
    """Each bit of both hashes is set in about half of the values, and no pair of bits agrees."""
    for values in (pa.array(range(4_000)), pa.array([f"v{n}" for n in range(4_000)])):
        both = np.ascontiguousarray(value_hashes(values).T)
        bits = np.unpackbits(both.view(np.uint8), axis=1).astype(float)

        assert bits.shape == (4_000, 128)
        assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.05
        assert np.abs(np.corrcoef(bits.T) - np.eye(128)).max() < 0.1


def _sample(texts: list[str], pieces: int) -> DistinctSample[str]:
    sample: DistinctSample[str] = DistinctSample()
    for start in range(pieces):
        piece = texts[start::pieces]
        sample.add(text_hashes(piece), piece)
    return sample


@pytest.mark.parametrize("distinct", [0, 10, 1_000, 1_001, 7_000])
def test_a_sample_is_the_same_in_any_order_and_pieces(distinct: int) -> None:
    texts = [f"text {n}" for n in range(distinct)] * 2
    shuffled = random.Random(0).sample(texts, len(texts))

    first, second = _sample(texts, 1), _sample(shuffled, 13)

    assert first.items() == second.items()
    assert len(first) == min(distinct, 1_000)
    assert first.distinct == second.distinct
    assert first.distinct == pytest.approx(distinct, rel=0.15 if distinct > 1_000 else 0)


def test_only_what_may_be_sampled_is_wanted() -> None:
    texts = [f"text {n}" for n in range(5_000)]
    hashes = text_hashes(texts)

    wanted = _sample(texts, 3).wanted(hashes)

    assert sorted(hashes[wanted].tolist()) == sorted(hashes.tolist())[:999]
