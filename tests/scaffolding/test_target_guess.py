"""Targets that can be predicted, and what is said of the others."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from mlops_assets.scaffolding.source_sample import ScaffoldError
from mlops_assets.scaffolding.target_guess import guess_target, require_column


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
    ("values", "found"),
    [
        (["yes", "no"], "has the two values 'no' and 'yes'"),
        (["<=50K", ">50K"], "has the two values '<=50K' and '>50K'"),
        ([1, 2], "has the two values '1' and '2'"),
        (["a", "b", "c"], "has 3 classes"),
        ([1, 2, 3], "has 3 classes"),
        (["0", "1", "?"], "has 3 classes"),
        ([0.5, 1.5, 2.5], "is a number with 3 distinct values"),
        (list(range(50)), "is a number with 50 distinct values"),
        ([dt.date(2020, 1, 1)], "holds times"),
        ([[1], [0]], "holds list"),
        ([None], "has no value at all"),
        ([1, 1], "has one value only"),
        (["a"], "has one value only"),
    ],
)
def test_other_targets_are_refused_with_what_they_are(values: list[Any], found: str) -> None:
    with pytest.raises(ScaffoldError) as error:
        guess_target("y", pa.chunked_array([pa.array(values)]))
    assert str(error.value).startswith(f"target 'y' {found}")


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(
        ScaffoldError, match=r"only targets of 0 and 1.*deliver a column with 1 for"
    ):
        guess_target("y", pa.chunked_array([pa.array(["yes", "no"])]))


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
