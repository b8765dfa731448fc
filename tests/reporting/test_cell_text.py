"""Values are written the same everywhere, and what is unknown is never written as a number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.reporting.cell_text import cell_text, is_missing, is_number
from mlops_assets.reporting.page import Cell


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "MISSING"),
        (math.nan, "MISSING"),
        (math.inf, "MISSING"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (1234567, "1,234,567"),
        (-1234, "-1,234"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.711234, "0.7112"),
        (0.1, "0.1"),
        (12345.6, "12,350"),
        (123.46, "123.5"),
        (0.99999, "1"),
        (9999.96, "10,000"),
        (-0.012346, "-0.01235"),
        (0.00012345, "0.0001234"),
        (0.000012345, "1.234e-05"),
        (5e-17, "5e-17"),
        (1.5e12, "1.5e+12"),
        ("1234567", "1234567"),
        ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"),
    ],
)
def test_values_as_text(value: Cell, text: str) -> None:
    assert cell_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_four_significant_digits(value: float) -> None:
    read = float(cell_text(value).replace(",", ""))
    assert read == float(f"{value:.4g}")


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_only_what_is_unknown_is_missing(value: Cell) -> None:
    assert is_missing(value) == (cell_text(value) == "MISSING" and not isinstance(value, str))
    assert is_number(value) == (type(value) in (int, float))
