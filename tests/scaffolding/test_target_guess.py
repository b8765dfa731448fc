"""Targets that can be predicted, and what is said of the others."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlops_assets.scaffolding.batch_files import ScaffoldError
from mlops_assets.scaffolding.class_guess import TargetGuess
from mlops_assets.scaffolding.target_guess import (
    guess_target,
    labels,
    require_column,
)
from mlops_assets.target_declaration import Target


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([True, False, None], "boolean"),
        (["True", "false"], "boolean"),
        ([0, 1, None], "integer"),
        ([0.0, 1.0], "integer"),
        (["0", "1"], "integer"),
    ],
)
def test_binary_targets(values: list[Any], type_: str) -> None:
    guess = guess_target("y", pa.chunked_array([pa.array(values * 30)]))
    assert (guess.column, guess.type) == ("y", type_)
    missing = sum(value is None for value in values) * 30
    expected = "positive in 50.0% of 60 rows"
    assert guess.why == (f"{expected}; not known in {missing} more" if missing else expected)


@pytest.mark.parametrize(
    ("often", "rarely", "positive", "why"),
    [
        ("yes", "no", "yes", "beforehand"),
        ("no", "yes", "yes", "beforehand"),
        ("Y", "N", "Y", "beforehand"),
        ("good", "bad", "bad", "beforehand"),
        ("bad", "good", "bad", "beforehand"),
        ("Charged Off", "Fully Paid", "Charged Off", "beforehand"),
        ("<=50K", ">50K", ">50K", "rarer"),
        (">50K", "<=50K", "<=50K", "rarer"),
        (" <=50K.", " >50K.", ">50K.", "rarer"),
        ("recurrence-events", "no-recurrence-events", "recurrence-events", "usual"),
        ("benign", "grade 4", "grade 4", "usual"),
        ("-", "+", "+", "beforehand"),
        (1, 2, 2, "rarer"),
        (2, 1, 1, "rarer"),
        (2.0, 1.0, 1, "rarer"),
        (1, -1, 1, "usual"),
        (2, 0, 2, "usual"),
        ("2", "1", "1", "rarer"),
    ],
)
def test_the_positive_class(often: Any, rarely: Any, positive: Any, why: str) -> None:
    values = pa.chunked_array([pa.array([often] * 70 + [rarely] * 30)])
    guess = guess_target("y", values)
    assert (guess.type, guess.positive) == ("boolean", positive)
    plain = [v.strip() if isinstance(v, str) else v for v in (often, rarely)]
    assert {guess.positive, guess.negative} == set(plain)
    assert why in guess.why_positive
    share = 0.7 if positive == plain[0] else 0.3
    assert guess.why == f"positive in {share:.1%} of 100 rows"
    assert labels(values, guess).to_pylist().count(True) == 100 * share


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_the_order_of_rows_does_not_decide(one: str, other: str) -> None:
    assume(one.strip() != other.strip())
    forward = pa.chunked_array([pa.array([one] * 40 + [other] * 60)])
    backward = pa.chunked_array([pa.array([other] * 60 + [one] * 40)])
    try:
        guess = guess_target("y", forward)
    except ScaffoldError:
        return
    assert guess == guess_target("y", backward)
    assert Target(**guess.fields)


def test_missing_codes_are_no_class() -> None:
    for values, code in ((["no"] * 70 + ["yes"] * 29, "?"), (["0"] * 50 + ["1"] * 49, "Unknown")):
        guess = guess_target("y", pa.chunked_array([pa.array([*values, code])]))
        assert f"'{code}' in 1 is no class: these go to the quarantine" in guess.why
    guess = guess_target("y", pa.chunked_array([pa.array([1] * 50 + [2] * 49 + [99])]))
    assert {guess.positive, guess.negative} == {1, 2}
    many = pa.chunked_array([pa.array(["no"] * 50 + ["yes"] * 40 + ["?"] * 10)])
    with pytest.raises(ScaffoldError, match=r"is '\?' in 10.0% of the rows.*deliver nothing there"):
        guess_target("y", many)
    beside = labels(many, TargetGuess("y", "boolean", "", "yes", "no"))
    assert [beside.to_pylist().count(one) for one in (True, False, None)] == [40, 50, 10]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.5, 1.5], "is a number with 2 distinct values, too few for a regression"),
        ([1.5, float("inf")] * 40, "is a number with 1 distinct values"),
        ([dt.date(2020, 1, 1)], "holds times"),
        ([[1], [0]], "holds list"),
        ([None], "has no value at all"),
        ([1, 1], "has one value only"),
        (["a"], "has one value only"),
        (["a", "b", "c"], "is text with 3 distinct values in 3 rows, which are no classes"),
        ([f"street {n % 300}" for n in range(9000)], "is text with 300 distinct values in 9000"),
        ([f"name {n}" for n in range(30)] * 2, "is text with 30 distinct values in 60 rows"),
        ([2**60 + n * 2**40 for n in range(50)], "holds whole numbers beyond 9007199254740991"),
        ([*map(str, range(90)), *["?"] * 10], "is '?' in 10.0% of the rows, where it is not known"),
        ([*np.arange(90.5), *[float("inf")] * 10], "is infinite in 9.9% of the rows"),
    ],
)
def test_other_targets_are_refused_with_what_they_are(values: list[Any], found: str) -> None:
    with pytest.raises(ScaffoldError) as error:
        guess_target("y", pa.chunked_array([pa.array(values)]))
    assert str(error.value).startswith(f"target 'y' {found}")
    assert "name 3" not in str(error.value) and "street 3" not in str(error.value)


@pytest.mark.parametrize(
    "values",
    [[f"street {n % 300}" for n in range(9000)], [dt.date(2020, 1, 1)], [0.5, 1.5], [[1]]],
)
def test_a_refusal_says_what_to_do(values: list[Any]) -> None:
    with pytest.raises(ScaffoldError, match=r": deliver "):
        guess_target("y", pa.chunked_array([pa.array(values)]))


def test_too_few_rows_of_a_class_are_told() -> None:
    guess = guess_target("y", pa.chunked_array([pa.array([1] * 3 + [0] * 97)]))
    assert "ONLY 3 of the rarer class" in guess.why


def test_close_names_are_suggested() -> None:
    with pytest.raises(ScaffoldError, match="did you mean 'Malignant'"):
        require_column("malignent", ["Malignant", "size"], [])
    with pytest.raises(ScaffoldError, match="which has 'a', 'b'"):
        require_column("zzzz", ["a", "b"], [])
    with pytest.raises(ScaffoldError, match="some batches only"):
        require_column("y", ["a"], ["y"])
    require_column("a", ["a"], [])
