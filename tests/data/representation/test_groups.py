"""How a sensitive column is cut into groups, and groups are crossed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.data.representation.groups import (
    MAX_LEVELS,
    crossed,
    group_column,
    with_reference,
)

NUMBER = Column(type="number", role="sensitive", nullable=True)
INTEGER = Column(type="integer", role="sensitive", nullable=True)
TEXT = Column(type="string", role="sensitive", nullable=True)
BOOLEAN = Column(type="boolean", role="sensitive", nullable=True)
TIME = Column(type="timestamp", role="sensitive", nullable=True)


def _group(values: list[Any], column: Column, bands: Any = None, kind: Any = None) -> Any:
    return group_column("s", pd.Series(values, dtype=kind), column, bands)


def test_bands_begin_at_their_edge_and_are_named_in_words() -> None:
    found = _group([29.9, 30, 49.9, 50, None, -1], NUMBER, (30, 50))

    assert found.labels == ("below 30", "30 to below 50", "from 50", "missing")
    assert found.names == ("s below 30", "s 30 to below 50", "s from 50", "s missing")
    assert found.codes.tolist() == [0, 1, 1, 2, 3, 0]
    assert (found.cut, found.unknown) == ("bands", {3})


def test_one_edge_makes_two_bands_and_empty_bands_stay() -> None:
    assert _group([1, 2], INTEGER, (30,)).labels == ("below 30", "from 30")
    assert _group([1, 2], INTEGER, (30,)).counts().tolist() == [2, 0]


@settings(max_examples=40)
@given(
    st.lists(st.none() | st.floats(-100, 100), min_size=1, max_size=40),
    st.lists(st.integers(-100, 100), min_size=1, max_size=4, unique=True).map(sorted),
)
def test_bands_hold_what_their_edges_say(values: list[float | None], edges: list[int]) -> None:
    found = _group(values, NUMBER, edges, "float64")

    bounds = [-np.inf, *edges, np.inf]
    for value, code in zip(values, found.codes, strict=True):
        if value is None:
            assert code == len(edges) + 1
        else:
            assert bounds[code] <= value < bounds[code + 1]


def test_a_value_called_missing_is_not_a_missing_one() -> None:
    found = _group(["missing", None, "a"], TEXT, kind="string")

    assert found.names == ("s = a", "s = missing", "s missing")
    assert found.codes.tolist() == [1, 2, 0]


def test_whole_numbers_and_truth_values_are_named_as_in_the_reference() -> None:
    assert _group([1.0, 2.5, None], NUMBER).labels == ("1", "2.5", "missing")
    assert _group([True, False, None], BOOLEAN, kind="object").labels[:2] == ("False", "True")
    found, shares = with_reference(_group([True, False], BOOLEAN), {"true": 0.4, False: 0.6})
    assert shares == {"True": 0.4, "False": 0.6} and len(found.labels) == 2


def test_groups_that_only_the_reference_knows_come_last_and_empty() -> None:
    found, shares = with_reference(_group([1, 2, None], INTEGER), {2: 0.5, 9: 0.5})

    assert found.labels == ("1", "2", "missing", "9") and found.names[-1] == "s = 9"
    assert found.counts().tolist() == [1, 1, 1, 0]
    assert shares == {"2": 0.5, "9": 0.5}
    with_missing, _ = with_reference(_group([1], INTEGER), {1: 0.9, "missing": 0.1})
    assert with_missing.names == ("s = 1", "s missing") and with_missing.unknown == {1}


def test_times_with_many_values_are_seen_in_four_ranges_of_days() -> None:
    days = [*pd.date_range("1950-01-01", periods=MAX_LEVELS * 4, freq="D"), pd.NaT]

    found = _group(days, TIME, kind="datetime64[us]")

    assert found.labels[0].startswith("from 1950-01-01 to below 1950-01-2")
    assert found.counts().tolist() == [20, 20, 20, 20, 1]


def test_edges_that_look_alike_are_told_apart() -> None:
    values = [1_000_000 + i / 100 for i in range(MAX_LEVELS * 4)]

    found = _group(values, NUMBER)

    assert len(set(found.names)) == 4


def test_crossings_are_all_combinations_in_order() -> None:
    first, second = _group([1, 2, 1], INTEGER), group_column("t", pd.Series(["a", None, "a"]), TEXT)

    found = crossed([first, second])

    assert found.names == ("s = 1, t = a", "s = 1, t missing", "s = 2, t = a", "s = 2, t missing")
    assert found.codes.tolist() == [0, 3, 0] and found.unknown == {1, 3}
    assert crossed([first]) is first


@pytest.mark.parametrize("kind", ["Int64", "float64", "object"])
def test_an_all_missing_column_is_one_group(kind: str) -> None:
    for bands in (None, (3,)):
        found = _group([None, None], INTEGER, bands, kind)
        assert found.labels[found.codes[0]] == "missing" and found.codes[0] == found.codes[1]
