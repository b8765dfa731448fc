"""Which rows a report looks at separately."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.representation.groups import MAX_LEVELS
from mlops_assets.evidence.metrics.groups import day_blocks, row_groups, subpopulations
from mlops_assets.use_case import UseCase


@pytest.fixture(scope="module")
def with_sensitive(declared: Callable[[], dict[str, Any]]) -> Callable[..., UseCase]:
    """Makes the small use case with one sensitive column ``s`` and given slices."""

    def make(
        column: dict[str, Any], slices: tuple[dict[str, str], ...] = (), **said: Any
    ) -> UseCase:
        changed = declared()
        del changed["columns"]["group"]
        changed["columns"]["s"] = {**column, "role": "sensitive"}
        return UseCase(**{**changed, "slices": slices, **said})

    return make


MakeUseCase = Callable[..., UseCase]
INTEGER = {"type": "integer", "nullable": True}
CATEGORY = {"type": "integer", "categorical": True, "nullable": True}


def _rows(values: list[Any], kind: str = "Int64") -> pd.DataFrame:
    return pd.DataFrame({"s": pd.Series(values, dtype=kind)})


def _members(groups: dict[str, Any]) -> dict[str, list[int]]:
    return {name: np.flatnonzero(mask).tolist() for name, mask in groups.items()}


@pytest.mark.parametrize("column", [INTEGER, CATEGORY])
def test_each_value_of_a_sensitive_column_is_a_group(
    column: dict[str, Any], with_sensitive: MakeUseCase
) -> None:
    groups = row_groups(_rows([2, 1, 2]), with_sensitive(column))

    assert list(_members(groups).items()) == [("s = 1", [1]), ("s = 2", [0, 2])]


@pytest.mark.parametrize("kind", ["Int64", "float64"])
def test_rows_that_do_not_say_are_a_group_of_their_own(
    kind: str, with_sensitive: MakeUseCase
) -> None:
    groups = row_groups(_rows([2, None, 2], kind), with_sensitive(CATEGORY))

    assert _members(groups) == {"s = 2": [0, 2], "s missing": [1]}


def test_a_text_is_a_category_however_many_there_are(with_sensitive: MakeUseCase) -> None:
    names = [f"n{i:02}" for i in range(MAX_LEVELS + 5)]

    groups = row_groups(_rows(names, "string"), with_sensitive({"type": "string"}))

    assert list(groups) == [f"s = {name}" for name in names]


@pytest.mark.parametrize(("values", "ranged"), [(MAX_LEVELS, False), (MAX_LEVELS + 1, True)])
def test_a_number_of_more_than_twenty_values_is_seen_in_four_ranges(
    values: int, ranged: bool, with_sensitive: MakeUseCase
) -> None:
    groups = row_groups(_rows(list(range(values))), with_sensitive(INTEGER))

    assert len(groups) == (4 if ranged else values)
    assert ("s from 0 to below 5" in groups) is ranged
    assert ("s from 15 to 20" in groups) is ranged


@settings(max_examples=30)
@given(st.lists(st.none() | st.integers(0, 60), min_size=MAX_LEVELS + 2, max_size=80))
def test_every_row_is_in_exactly_one_group_of_a_sensitive_column(
    with_sensitive: MakeUseCase, values: list[int | None]
) -> None:
    for column in (INTEGER, CATEGORY):
        groups = row_groups(_rows(values), with_sensitive(column))

        assert np.sum(list(groups.values()), axis=0).tolist() == [1] * len(values)
        missing = [i for i, value in enumerate(values) if value is None]
        assert _members(groups).get("s missing", []) == missing


def test_slices_are_the_rows_that_meet_their_condition(with_sensitive: MakeUseCase) -> None:
    slices = ({"name": "high", "where": "s > 1"}, {"name": "none", "where": "s > 9"})

    groups = row_groups(_rows([2, None, 1]), with_sensitive(CATEGORY, slices))

    found = _members(groups)
    assert list(groups)[:2] == ["slice: high", "slice: none"]
    assert (found["slice: high"], found["slice: none"]) == ([0], [])


def test_a_slice_of_an_unknown_column_is_an_error_that_names_it(
    with_sensitive: MakeUseCase,
) -> None:
    slices = ({"name": "odd", "where": "colour == 'red'"},)

    with pytest.raises(BatchError, match="slices 'odd': cannot evaluate"):
        row_groups(_rows([1]), with_sensitive(CATEGORY, slices))


def test_declared_bands_are_the_groups_whatever_the_rows(with_sensitive: MakeUseCase) -> None:
    banded = {"bands": {"s": [30, 50]}}

    groups = row_groups(_rows([31, None, 30, 9]), with_sensitive(INTEGER, representation=banded))

    assert list(_members(groups).items()) == [
        ("s below 30", [3]),
        ("s 30 to below 50", [0, 2]),
        ("s from 50", []),
        ("s missing", [1]),
    ]


def test_slices_and_groups_are_crossed_two_by_two(with_sensitive: MakeUseCase) -> None:
    slices = ({"name": "even", "where": "k % 2 == 0"}, {"name": "low", "where": "k < 20"})
    rows = _rows([1] * 12 + [2] * 12 + [3] * 3).assign(k=range(27))

    found = {
        name: (kind, _members({"m": mask})["m"])
        for name, kind, mask in subpopulations(rows, with_sensitive(CATEGORY, slices))
    }

    assert found["slice: even"] == ("slice", list(range(0, 27, 2)))
    assert found["s = 2"] == ("group", list(range(12, 24)))
    assert found["slice: even, s = 2"] == ("crossing", [12, 14, 16, 18, 20, 22])
    assert "slice: low, s = 1" not in found, "it is all of group 1"
    assert "s = 3" in found
    assert "slice: even, s = 3" not in found, "fewer rows than may be counted"
    off = with_sensitive(CATEGORY, slices, evaluation={"crossings": False})
    assert {kind for _, kind, _ in subpopulations(rows, off)} == {"slice", "group"}


@pytest.mark.parametrize(("days", "blocks"), [(20, 20), (19, None)])
def test_days_are_blocks_where_there_are_enough(
    days: int, blocks: int | None, with_sensitive: MakeUseCase
) -> None:
    hours = pd.to_timedelta(np.arange(days * 24), unit="h")
    rows = pd.DataFrame({"due": pd.Timestamp("2020-03-01") + hours})

    found = day_blocks(rows, with_sensitive(CATEGORY))

    assert (None if found is None else found.max() + 1) == blocks
    undeclared = with_sensitive(CATEGORY, training={"first_batches": 1})
    assert day_blocks(rows, undeclared) is None
