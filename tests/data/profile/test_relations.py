"""The statistics of counts over bins, against reference implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

from mlops_assets.data.profile.relations import (
    chance,
    chi_square,
    corrected_v,
    distance,
    side_by_side,
)

TABLES = st.lists(st.lists(st.integers(1, 200), min_size=3, max_size=3), min_size=2, max_size=5)


@given(TABLES)
def test_chi_square_and_its_chance_are_scipys(table: list[list[int]]) -> None:
    cells = np.array(table)
    expected = chi2_contingency(cells, correction=False)
    assert chi_square(cells) == pytest.approx(expected.statistic, abs=1e-9)
    assert chance(cells) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


@given(TABLES)
def test_the_association_is_scipys_with_bergsmas_correction(table: list[list[int]]) -> None:
    cells = np.array(table)
    n, (r, c) = cells.sum(), cells.shape
    phi2 = association(cells, method="cramer") ** 2 * (min(r, c) - 1)
    phi2 = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    levels = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1))
    assert corrected_v(cells) == pytest.approx(np.sqrt(phi2 / (levels - 1)), abs=1e-6)


def test_a_known_table_has_the_association_of_the_formula() -> None:
    # chi2 = 20, n = 100: phi2 = 0.2 - 1/99; 2 - 1/99 levels a side.
    cells = np.array([[36, 14], [14, 36]])
    chi2 = 100 * (36 * 36 - 14 * 14) ** 2 / 50**4
    assert corrected_v(cells) == pytest.approx(np.sqrt((chi2 / 100 - 1 / 99) / (1 - 1 / 99)))


def test_independent_columns_have_no_association_and_equal_ones_all_of_it() -> None:
    assert corrected_v(np.full((3, 4), 25)) == 0.0
    assert corrected_v(np.diag([50, 60, 70])) == pytest.approx(1.0)


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[5, 7], [0, 0]], [[1, 0], [0, 0]]])
def test_one_level_has_no_association(table: list[list[int]]) -> None:
    assert corrected_v(np.array(table)) is None
    assert chance(np.array(table)) == 1.0


def test_the_distance_is_scipys() -> None:
    table = side_by_side({"a": 300, "b": 100}, {"b": 50, "c": 7})
    assert table.tolist() == [[300, 100, 0], [0, 50, 7]]
    expected = jensenshannon(table[0] / 400, table[1] / 57, 2)
    assert distance(table) == pytest.approx(expected)


def test_an_empty_side_has_no_distance() -> None:
    assert distance(side_by_side({"a": 3}, {"a": 0})) is None
