"""Intervals and tests of shares, against reference implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency

from mlops_assets.data.representation.proportions import UNKNOWN, differences, holm, wilson


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts: tuple[int, int]) -> None:
    expected = binomtest(*counts).proportion_ci(confidence_level=0.95, method="wilson")

    found = wilson(*counts)

    assert found.value == counts[0] / counts[1]
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)


def test_nothing_is_known_without_rows_or_reference() -> None:
    assert wilson(0, 0) == UNKNOWN
    assert wilson(1, 2).divided_by(None) == wilson(1, 2).divided_by(0.0) == UNKNOWN
    assert wilson(1, 4).divided_by(0.5).value == 0.5


@given(st.integers(5, 400), st.integers(5, 400), st.data())
def test_the_difference_of_two_shares_is_tested_as_the_table_of_counts(
    first: int, second: int, data: st.DataObject
) -> None:
    hits = data.draw(st.integers(1, first - 1)), data.draw(st.integers(1, second - 1))
    table = [[hits[0], first - hits[0]], [hits[1], second - hits[1]]]

    (found,) = differences(hits, (first, second), (0, 1))

    assert found.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert found.difference == pytest.approx(abs(hits[0] / first - hits[1] / second))


def test_every_pair_is_compared_once_the_largest_first() -> None:
    found = differences((10, 50, 90, 1), (100, 100, 100, 1), (0, 1, 2))

    assert (found[0].first, found[0].second) == (2, 0)
    assert sorted({frozenset((one.first, one.second)) for one in found}, key=sorted) == [
        {0, 1}, {0, 2}, {1, 2},
    ]  # fmt: skip
    assert [one.difference for one in found] == pytest.approx([0.8, 0.4, 0.4])
    assert differences((0, 0), (10, 20), (0, 1))[0].p_value == 1.0


def test_holms_correction_is_that_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_never_helps(chances: list[float]) -> None:
    found = holm(chances)

    assert all(after >= before for before, after in zip(chances, found, strict=True))
    order = np.argsort(chances, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 0).all()
