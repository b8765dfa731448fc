"""Which part a column may play, and that the reason is told beside it."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.scaffolding.column_guess import guess_column
from mlops_assets.scaffolding.column_roles import ColumnGuess


def guessed(name: str, values: Any, batches: int = 1) -> ColumnGuess:
    column = pa.chunked_array([pa.array(values)])
    batch_of = np.arange(len(column)) * batches // len(column)
    guess = guess_column(name, column, False, batch_of)
    assert guess is not None
    return guess


RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("row", range(1, 101), "counts the rows: an identifier"),
        ("c", RANDOM.permutation(1000)[:200], "all distinct whole numbers: an identifier"),
        ("c", [f"k{i}" for i in range(99)] + ["k0"], "99% distinct: an identifier"),
        ("order_id", RANDOM.integers(0, 300, 400), "distinct, and named like an identifier"),
        (
            "user_id",
            [f"u{i % 150}" for i in range(900)],
            "150 values, and named like an identifier",
        ),
        ("c", [7] * 50, "one value only"),
        ("c", ["x"] * 50, "one value only"),
        ("c", [True] * 50, "one value only"),
        ("c", [f"level {i % 30}" for i in range(90)], "30 levels in 90 values: too many"),
        ("c", [f"{i} things were said today" for i in range(50)], "free text"),
        ("date", [20200101 + i % 28 for i in range(90)], "dates written as numbers"),
        ("c", [f"{i % 28 + 1:02d}/01/2020" for i in range(90)], "dates that are not ISO 8601"),
        ("c", [f"${i},000.50" for i in range(50)], "numbers with units or grouped thousands"),
        ("c", [f"{i}%" for i in range(90)], "numbers with units or grouped thousands"),
    ],
)
def test_what_teaches_nothing_is_ignored(name: str, values: Any, why: str) -> None:
    guess = guessed(name, values)
    assert guess.fields["role"] == "ignored"
    assert why in guess.why[-1]
    assert guess.column.minimum is None and not guess.column.categorical


def test_an_index_that_restarts_in_each_batch_counts_its_rows() -> None:
    guess = guessed("c", [*range(100), *range(100)], batches=2)
    assert guess.why == ("counts the rows: an identifier",)


def test_what_names_the_batch_is_ignored() -> None:
    for values in ([2015] * 60 + [2016] * 60, ["a"] * 60 + ["b"] * 60):
        guess = guessed("c", values, batches=2)
        assert guess.why == ("one value in each batch: it only names the batch",)
        assert guessed("c", values, batches=1).is_input


def test_one_value_beside_missing_ones_tells_rows_apart() -> None:
    assert guessed("c", ["x", None] * 30).is_input


def test_distinct_measurements_are_no_identifier() -> None:
    assert guessed("c", RANDOM.normal(0.0, 1.0, 500)).is_input
    assert guessed("zip", [f"{i % 99:05d}" for i in range(990)]).is_input


def test_integers_without_order_are_categories() -> None:
    codes = RANDOM.choice([1, 2, 3, 4, 5], 2000, p=[0.5, 0.06, 0.09, 0.02, 0.33])
    guess = guessed("c", codes)
    assert guess.fields["categorical"] is True and "minimum" not in guess.fields
    assert guess.why == ("5 whole numbers that look like codes",)
    assert "categorical" not in guessed("number_of_rooms", codes).fields
    assert "categorical" not in guessed("Time", 12 * codes).fields


def test_counts_keep_their_order_unless_their_name_denies_it() -> None:
    counts = RANDOM.poisson(2.0, 2000)
    assert "categorical" not in guessed("c", counts).fields
    assert guessed("region_code", counts.clip(0, 6)).fields["categorical"] is True


def test_sensitive_attributes_are_reported_on_and_never_inputs() -> None:
    sex = guessed("SEX", [1, 2] * 50)
    assert sex.fields == {"type": "integer", "role": "sensitive", "categorical": True}
    floats = guessed("sex", [1.0, 2.0] * 50)
    assert floats.fields == sex.fields
    assert guessed("race", [0.1, 0.9] * 50).fields["type"] == "number"
    age = guessed("age", RANDOM.integers(0, 90, 1000))
    assert age.fields == {"type": "integer", "role": "sensitive", "minimum": 0}
    assert age.why == ("age, by its name: reported on, never an input",)
    religion = guessed("religion", ["a", "b"] * 50)
    assert religion.fields["role"] == "sensitive"


def test_a_date_of_birth_is_ignored() -> None:
    days = np.datetime64("1950-01-01") + RANDOM.integers(0, 9000, 200)
    guess = guessed("birth_date", days.astype("datetime64[us]"))
    assert guess.fields == {"type": "timestamp", "role": "ignored"}


def test_zero_is_a_limit_only_where_later_values_will_keep_to_it() -> None:
    values = RANDOM.gamma(2.0, 3.0, 300)
    assert guessed("weight", values).fields["minimum"] == 0
    assert "minimum" not in guessed("temperature", values).fields
    assert "minimum" not in guessed("weight", values - 3.0).fields
    assert all("maximum" not in guessed(name, values).fields for name in ("weight", "share"))


def test_levels_are_shown_where_they_are_few_and_nobodys() -> None:
    assert guessed("colour", ["red", "blue"] * 30).why == ("values: ['blue', 'red']",)
    assert guessed("nurse", ["Ann", "Bob"] * 30).why == ("2 levels",)
    assert guessed("colour", [f"c{i % 13}" for i in range(130)]).why == ("13 levels",)
