"""Types and missing codes, guessed so that cleaning then reads every value."""

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.scaffolding.column_guess import guess_column
from mlops_assets.scaffolding.column_roles import ColumnGuess
from mlops_assets.use_case import UseCase

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=i % 40) for i in range(60)]


def guessed(values: Any, name: str = "c", type_: pa.DataType | None = None) -> ColumnGuess:
    column = pa.chunked_array([pa.array(values, type_)])
    guess = guess_column(name, column, False, np.zeros(len(column), dtype=np.int64))
    assert guess is not None
    assert guess.column
    return guess


def quarantined(values: Any, guess: ColumnGuess) -> int:
    use_case = UseCase.model_validate(
        {
            "title": "t",
            "description": "d",
            "owner": "team:t",
            "source": {
                "folder": ".",
                "batch_name": ".*",
                "licence": "none",
                "attribution": "",
                "terms": "none",
                "licence_expires": "never",
            },
            "target": {"column": "y", "type": "integer"},
            "columns": {guess.name: guess.fields, "other": {"type": "integer"}},
            "training": {"first_batches": 1},
            "policy": {"ai_act_class": "minimal"},
        }
    )
    ones = [1] * len(values)
    table = pa.table({guess.name: values, "other": ones, "y": ones})
    return int(clean(table, use_case, "b").counts["quarantined"])


NUMBERS = list(range(20)) * 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False] * 30, {"type": "boolean"}),
        (["TRUE", "false"] * 30, {"type": "boolean"}),
        (["true", "false", None] * 20, {"type": "boolean", "nullable": True}),
        (["yes", "no"] * 30, {"type": "string"}),
        (NUMBERS, {"type": "integer", "minimum": 0}),
        ([str(n) for n in NUMBERS], {"type": "integer", "minimum": 0}),
        ([f" {n} " for n in NUMBERS], {"type": "integer", "minimum": 0}),
        ([f"{n}.0" for n in NUMBERS], {"type": "number", "minimum": 0}),
        ([n - 3.5 for n in NUMBERS], {"type": "number"}),
        ([decimal.Decimal(n) / 4 for n in NUMBERS], {"type": "number", "minimum": 0}),
        ([None, *NUMBERS], {"type": "integer", "nullable": True, "minimum": 0}),
        ([float("nan"), *map(float, NUMBERS)], {"type": "number", "nullable": True, "minimum": 0}),
        (
            ["?", "NA", "", *map(str, NUMBERS)],
            {"type": "integer", "nullable": True, "missing": ["", "?", "NA"], "minimum": 0},
        ),
        (
            [*(NUMBERS * 3), 999, 999, 999],
            {"type": "integer", "nullable": True, "missing": [999], "minimum": 0},
        ),
        (
            [*map(str, NUMBERS * 3), "-1", "-1", "-1", "?"],
            {"type": "integer", "nullable": True, "missing": ["?", -1], "minimum": 0},
        ),
        (["a", "?", "b"] * 20, {"type": "string", "nullable": True, "missing": ["?"]}),
        (["00123", "04500", "12345"] * 20, {"type": "string"}),
        (DAYS, {"type": "timestamp", "parts": ["day_of_week"]}),
        ([str(day) for day in DAYS], {"type": "timestamp", "parts": ["day_of_week"]}),
        ([f"{day} 07:30:00" for day in DAYS], {"type": "timestamp"}),
        ([f"{day}T07:30:00Z" for day in DAYS], {"type": "timestamp"}),
        ([None, *DAYS], {"type": "timestamp", "nullable": True, "role": "ignored"}),
        ([2**60 + n // 2 for n in NUMBERS], {"type": "string", "role": "ignored"}),
    ],
)
def test_types_and_missing_codes(values: list[Any], expected: dict[str, Any]) -> None:
    guess = guessed(values)
    assert dict(guess.fields) == expected
    assert quarantined(values, guess) == 0


def test_a_few_values_of_another_type_do_not_decide_and_are_told() -> None:
    values = [*map(str, NUMBERS * 5), "n. a."]
    guess = guessed(values)
    assert guess.fields["type"] == "integer"
    assert guess.why[0] == "1 value(s) are no numbers: their rows go to the quarantine"
    assert quarantined(values, guess) == 1
    assert guessed([*map(str, NUMBERS), "n. a."]).fields["type"] == "string"


def test_infinite_numbers_are_told() -> None:
    values = [*map(float, NUMBERS * 5), float("inf")]
    guess = guessed(values)
    assert guess.why == ("1 value(s) are infinite: their rows go to the quarantine", "0 to 19")
    assert quarantined(values, guess) == 1


def test_missing_values_outside_the_sample_count() -> None:
    column = pa.chunked_array([pa.array(NUMBERS)])
    guess = guess_column("c", column, True, np.zeros(60, dtype=np.int64))
    assert guess is not None and guess.fields["nullable"] is True


def test_times_of_different_zones_stay_text() -> None:
    values = [f"{day}T07:30:00+0{i % 2}:00" for i, day in enumerate(DAYS)]
    assert guessed(values).fields["type"] == "string"


def test_nothing_at_all_is_ignored() -> None:
    for values, type_ in (([None] * 9, None), ([None] * 9, pa.float64()), (["", " ", "?"], None)):
        guess = guessed(values, type_=type_)
        assert guess.fields["role"] == "ignored" and guess.why[-1] == "no value at all"


@pytest.mark.parametrize(
    "values", [[[1], [2]], [{"a": 1}], [b"\x00"], [dt.time(7, 30)], [dt.timedelta(1)]]
)
def test_what_cannot_be_declared_is_none(values: list[Any]) -> None:
    column = pa.chunked_array([pa.array(values)])
    assert guess_column("c", column, False, np.zeros(len(values), dtype=np.int64)) is None
