"""Served values are protected exactly as the same values in batches of data are."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.data.privacy.protection import KEY_VARIABLE as KEY_VARIABLE_OF_DATA
from mlops_assets.data.privacy.protection import protect
from mlops_assets.serving.prediction_log.protection import (
    KEY_VARIABLE,
    generalise_numbers,
    protect_row_id,
    protect_texts,
)

KEY = b"k" * 32
TEXTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), max_size=20)
INTEGERS = st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20)
MICROSECONDS = st.lists(st.integers(-(10**16), 10**16), min_size=1, max_size=20)


def _of_data(values: pa.Array, kind: str, how: str) -> Any:
    column = Column.model_validate({"type": kind, "role": "ignored", "personal": how})
    return protect(pa.table({"c": values}), {"c": column}, KEY)["c"]


def test_the_key_has_one_name() -> None:
    assert KEY_VARIABLE == KEY_VARIABLE_OF_DATA


@given(TEXTS)
def test_texts_are_protected_as_in_data(texts: list[str]) -> None:
    values = pa.array(texts, pa.string())

    for how in ("pseudonymise", "generalise"):
        expected = _of_data(values, "string", how).to_pylist()
        assert protect_texts(texts, how, KEY) == expected  # type: ignore[arg-type]
        alone = [protect_row_id(text, how, "string", KEY) for text in texts]  # type: ignore[arg-type]
        assert alone == expected


@given(INTEGERS)
def test_integers_are_coarsened_as_in_data(numbers: list[int]) -> None:
    expected = _of_data(pa.array(numbers, pa.int64()), "integer", "generalise").to_pylist()

    assert generalise_numbers(np.array(numbers), "integer").tolist() == expected
    ids = [protect_row_id(str(number), "generalise", "integer", None) for number in numbers]
    assert ids == [str(number) for number in expected]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_floats_are_coarsened_as_in_data(numbers: list[float]) -> None:
    expected = _of_data(pa.array(numbers, pa.float64()), "number", "generalise").to_pylist()

    assert generalise_numbers(np.array(numbers), "number").tolist() == expected
    ids = [protect_row_id(repr(number), "generalise", "number", None) for number in numbers]
    assert [float(str(one)) for one in ids] == expected


@given(MICROSECONDS)
def test_times_are_coarsened_as_in_data(times: list[int]) -> None:
    values = pa.array(times, pa.int64()).cast(pa.timestamp("us"))
    expected = _of_data(values, "timestamp", "generalise").cast(pa.int64()).to_pylist()

    assert generalise_numbers(np.array(times), "timestamp").tolist() == expected


def test_what_is_missing_stays_missing() -> None:
    assert protect_texts(["", "x"], "pseudonymise", KEY)[0] == ""
    assert protect_texts([""], "generalise", None) == [""]
    assert np.isnan(generalise_numbers(np.array([np.nan]), "number")).all()


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("Mary", "integer"),
        ("Mary", "number"),
        ("nan", "number"),
        ("inf", "number"),
        ("2027-01-15", "timestamp"),
        ("1.5", "boolean"),
    ],
)
def test_an_id_that_is_not_of_its_type_is_not_logged(text: str, declared: str) -> None:
    assert protect_row_id(text, "generalise", declared, None) is None


def test_nothing_is_hashed_without_a_key() -> None:
    with pytest.raises(ValueError, match="no key") as error:
        protect_texts(["Mary"], "pseudonymise", None)
    assert "Mary" not in str(error.value)
