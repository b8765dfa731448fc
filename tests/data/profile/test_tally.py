"""Counts by value in bounded space: hashes, bins, and sums that are exact in any order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.profile import tally as profile_tally
from mlops_assets.data.profile.series import BUCKETS
from mlops_assets.data.profile.tally import (
    Tally,
    bin_key,
    coarse_edges,
    fine_bins,
    fine_bounds,
    hashes,
    parse,
    parse_bin,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, 0.1, 0.3, 1.0, 999.0, 1e3, 9.99e-5, 1e22, -0.001, 5e-324, 1.7e308]
)


def digits(value: float) -> str:
    """The first three decimal digits of a number, by its text."""
    mantissa, exponent = f"{value:.17e}".split("e")
    whole, fraction = mantissa.split(".")
    return f"{whole}{fraction[:2]}e{int(exponent) - 2}"


def rendered(values: list[float]) -> dict[str, Any]:
    tally = Tally("number")
    distinct, counts = np.unique(np.array(values), return_counts=True)
    tally.add(distinct, hashes(distinct), np.stack([counts] * 3, axis=1))
    return tally.tables()


@given(st.lists(NUMBERS, max_size=30))
def test_a_number_is_in_the_bin_of_its_first_three_digits(values: list[float]) -> None:
    found = fine_bins(np.array(values, dtype=np.float64) + 0.0)
    assert found.tolist() == [parse_bin(digits(value + 0.0)) for value in values]


@given(st.integers(1, 999), st.integers(-20, 20), st.integers(-3, 3))
def test_next_to_a_bins_end_the_decimal_text_decides(whole: int, exponent: int, steps: int) -> None:
    value = float(f"{whole}e{exponent}")
    for _ in range(abs(steps)):
        value = float(np.nextafter(value, np.inf if steps > 0 else 0.0))
    assert fine_bins(np.array([value])).tolist() == [parse_bin(digits(value))]


@given(NUMBERS)
def test_a_bin_holds_its_number(value: float) -> None:
    number = int(fine_bins(np.array([value + 0.0]))[0])
    key = bin_key(number)
    assert parse_bin(key) == number
    low, high = fine_bounds({"range": None}, key)
    assert low <= value <= high


@given(st.lists(st.lists(st.integers(0, 40), max_size=20), min_size=1, max_size=5))
def test_parts_in_any_order_add_up_to_the_whole(parts: list[list[int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_tally, "KEPT", 5)
        whole = rendered([float(value) for part in parts for value in part])
        merged = Tally("number")
        for part in reversed(parts):
            tables = rendered([float(value) for value in part])
            merged.add_tables(tables["values"], tables["rest"])
        assert merged.tables() == whole
        assert len(whole["values"]) <= 5


@pytest.mark.parametrize("limits", [None, [0.0, 250.0], [-60.0, 140.0]])
def test_coarse_edges_ascend_and_are_few(limits: list[float] | None) -> None:
    edges = coarse_edges(limits)
    assert (np.diff(edges) > 0).all()
    assert len(edges) < BUCKETS


def test_hashes_differ_and_are_spread_evenly() -> None:
    for values in (np.arange(4_000.0), np.array([str(i) for i in range(4_000)], dtype=object)):
        shares = np.sort(hashes(values) / 2.0**64)
        assert len(np.unique(shares)) == 4_000
        assert np.abs(shares - np.linspace(0, 1, 4_000)).max() < 0.03


def test_keys_stand_for_the_values_they_were_made_of() -> None:
    assert parse("number", ["0.1", "1e+30"]).tolist() == [0.1, 1e30]
    assert parse("hidden", ["00000000000000ff"]).tolist() == [255]


def test_the_key_of_a_bin_is_its_digits() -> None:
    bins = fine_bins(np.array([-12.345, 0.0, 7.0])).tolist()
    assert [bin_key(number) for number in bins] == ["-123e-1", "000e-2", "700e-2"]
