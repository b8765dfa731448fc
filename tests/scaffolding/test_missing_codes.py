"""Numbers and words that stand for a missing value, and those that look like it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.scaffolding.missing_codes import number_codes, text_codes


def with_codes(usual: np.ndarray, *codes: int, times: int = 5) -> np.ndarray:
    return np.concatenate([usual, np.repeat(codes, times)]).astype(np.float64)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (with_codes(np.arange(28), 999), (999,)),
        (with_codes(np.arange(100), -1), (-1,)),
        (with_codes(np.linspace(0, 50, 80), -999, 9999), (-999, 9999)),
        (with_codes(np.linspace(-40, 45, 80), -9999), (-9999,)),
        (with_codes(np.arange(28), -1, 999), (-1, 999)),
    ],
)
def test_what_lies_apart_and_recurs_is_a_code(
    numbers: np.ndarray, expected: tuple[int, ...]
) -> None:
    assert number_codes(numbers) == expected


@pytest.mark.parametrize(
    "numbers",
    [
        np.arange(0.0, 120.0),  # 99 among its like
        with_codes(np.arange(28), 999, times=1),  # once may be a slip
        np.repeat([-1.0, 0.0, 1.0], 30),  # a sign
        with_codes(np.linspace(-5, 50, 80), -1),  # below it there are others
        with_codes(np.linspace(0, 41_310, 80), 99_999),  # a cap, not twice the range away
        np.array([]),
        np.repeat(7.0, 50),
    ],
)
def test_what_may_be_a_value_is_none(numbers: np.ndarray) -> None:
    assert number_codes(numbers) == ()


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=200))
def test_what_is_called_a_code_is_there_and_never_all_there_is(values: list[int]) -> None:
    codes = number_codes(np.array(values, dtype=np.float64))
    assert set(codes) <= set(values)
    assert set(values) - set(codes)


def test_words_for_missing_are_found_as_they_are_written() -> None:
    assert text_codes({"?", "Private", "unknown", "NA"}) == ("?", "NA", "unknown")
    assert text_codes({"red", "none"}) == ()


def test_two_letters_among_two_letters_are_a_country() -> None:
    assert text_codes({"NA", "DE", "FR"}) == ()


def test_a_minus_beside_a_plus_is_a_sign() -> None:
    assert text_codes({"-", "+"}) == ()
