"""The encoding of each kind of column, in both forms, also of values that no training row had."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mlops_assets.column_declaration import Column
from mlops_assets.training.encoding import (
    FARTHEST,
    CategoryEncoding,
    Form,
    NumberEncoding,
    RowEncoder,
    calendar_part,
)
from mlops_assets.use_case import UseCase

NUMBER = {"weight": Column(type="number", nullable=True)}
CITY = {"city": Column(type="string")}
CODE = {"code": Column(type="integer", categorical=True)}
DUE = {"due": Column(type="timestamp")}


def _encode(
    columns: dict[str, Column], form: Form, fitted: pd.DataFrame, given: pd.DataFrame
) -> list[list[float]]:
    encoder = RowEncoder(columns, form).fit(fitted)
    encoded = encoder.transform(given)
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(given), len(encoder.feature_names_))
    assert len(encoder.sources_) == len(encoder.feature_names_)
    rows: list[list[float]] = encoded.tolist()
    return rows


def _cities(*names: str | None) -> pd.DataFrame:
    return pd.DataFrame({"city": pd.array(names, dtype="string")})


def _weights(*values: float | None) -> pd.DataFrame:
    return pd.DataFrame({"weight": pd.array(values, dtype="Float64")})


def _codes(*values: int | None) -> pd.DataFrame:
    return pd.DataFrame({"code": pd.array(values, dtype="Int64")})


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("tree", [[0], [1], [-1], [-1], [-1]]),
        ("dense", [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0]]),
    ],
)
@pytest.mark.parametrize(
    ("columns", "fitted", "given_rows"),
    [
        (CITY, _cities("Metz", "Ghent", None, ""), _cities("Ghent", "Metz", "Oslo", None, "")),
        (CODE, _codes(7, 2, None), _codes(2, 7, 3, None, -1)),
    ],
    ids=["strings", "codes"],
)
def test_a_category_that_no_training_row_had_is_unknown_and_so_is_a_missing_one(
    form: Form,
    expected: list[list[float]],
    columns: dict[str, Column],
    fitted: pd.DataFrame,
    given_rows: pd.DataFrame,
) -> None:
    assert _encode(columns, form, fitted, given_rows) == expected


@pytest.mark.parametrize("form", ["tree", "dense"])
def test_a_category_without_any_training_value_is_always_unknown(form: Form) -> None:
    encoded = _encode(CITY, form, _cities(None, None), _cities("Ghent", None))

    assert encoded == ([[-1.0], [-1.0]] if form == "tree" else [[], []])


def test_a_tree_sees_a_missing_number_below_every_real_one() -> None:
    encoded = _encode(NUMBER, "tree", _weights(2.5, 8.0, None), _weights(2.5, None, -100.0))

    assert encoded == [[2.5], [1.0], [-100.0]]


def test_a_number_never_missing_in_training_is_filled_by_the_median() -> None:
    fitted = _weights(1.0, 2.0, 9.0)

    assert _encode(NUMBER, "tree", fitted, _weights(None, 4.0)) == [[2.0], [4.0]]
    (filled,) = _encode(NUMBER, "dense", fitted, _weights(None))
    assert filled == pytest.approx([(2.0 - 4.0) / np.std([1.0, 2.0, 9.0])], rel=1e-6)


def test_a_dense_number_is_standardised_and_flagged_where_it_was_missing() -> None:
    fitted = _weights(1.0, 3.0, None, 8.0)
    filled = [1.0, 3.0, 3.0, 8.0]

    encoded = _encode(NUMBER, "dense", fitted, fitted)

    expected = (np.array(filled) - np.mean(filled)) / np.std(filled)
    np.testing.assert_allclose([row[0] for row in encoded], expected, rtol=1e-6)
    assert [row[1] for row in encoded] == [0, 0, 1, 0]
    assert RowEncoder(NUMBER, "dense").fit(fitted).feature_names_ == ("weight", "weight missing")


@pytest.mark.parametrize("value", [5.0, 0.1, 1e30])
def test_a_column_that_was_constant_in_the_fitted_rows_says_nothing_later(value: float) -> None:
    fitted = _weights(*[value] * 7)
    assert _encode(NUMBER, "dense", fitted, _weights(value, 7.0, -1e38)) == [[0.0]] * 3
    assert _encode(NUMBER, "tree", fitted, _weights(7.0)) == [[7.0]]


@pytest.mark.parametrize("form", ["tree", "dense"])
def test_a_number_that_was_always_missing_teaches_nothing(form: Form) -> None:
    encoder = RowEncoder(NUMBER, form).fit(_weights(None, None))

    encoded = encoder.transform(_weights(None, 3.0)).tolist()

    assert encoder.encodings_ == (NumberEncoding("weight", 0.0, 0.0, 0.0, flag=False),)
    assert encoded == ([[0.0], [3.0]] if form == "tree" else [[0.0], [0.0]])


@pytest.mark.parametrize("beyond", [np.inf, -np.inf, 1e39, -1e300])
def test_what_float32_cannot_hold_is_missing(beyond: float) -> None:
    fitted = _weights(1.0, 3.0, None, beyond)

    assert _encode(NUMBER, "tree", fitted, _weights(beyond, 3.0)) == [[0.0], [3.0]]
    assert [row[1] for row in _encode(NUMBER, "dense", fitted, _weights(beyond, 3.0))] == [1, 0]


def test_a_dense_number_is_held_within_a_hundred_deviations() -> None:
    encoded = _encode(NUMBER, "dense", _weights(-1.0, 1.0), _weights(99.0, 1e38, -1e38))
    assert encoded == [[99.0], [FARTHEST], [-FARTHEST]]


@pytest.mark.parametrize("smallest", [1e9, -1e9, -16777216.0, 5.0, -3e38])
def test_missing_is_below_every_real_value_for_trees_also_where_floats_are_far_apart(
    smallest: float,
) -> None:
    (filled,), (real,) = _encode(
        NUMBER, "tree", _weights(smallest, None, 3e38), _weights(None, smallest)
    )
    assert filled < real


@given(
    st.lists(
        st.datetimes(datetime(1677, 9, 22), datetime(2262, 4, 10)),  # noqa: DTZ001
        min_size=1,
        max_size=20,
    )
)
def test_calendar_parts_are_those_of_the_calendar_also_before_1970(times: list[datetime]) -> None:
    values = pd.Series(pd.array(times, dtype="datetime64[us]"))

    assert calendar_part("minute_of_day", values).tolist() == [
        t.hour * 60 + t.minute for t in times
    ]
    assert calendar_part("day_of_week", values).tolist() == [t.weekday() for t in times]


def test_a_timestamp_becomes_its_declared_parts() -> None:
    start = datetime(1969, 12, 29, 0, 1)  # noqa: DTZ001 - times are local
    rows = pd.DataFrame({"due": pd.array([start, start + timedelta(days=1, minutes=2)])})

    assert _encode(DUE, "tree", rows, rows) == [[1, 0], [3, 1]]
    assert _encode(DUE, "dense", rows, rows) == [[-1, -1], [1, 1]]
    only_day = {"due": Column(type="timestamp", parts=("day_of_week",))}
    assert RowEncoder(only_day).fit(rows).feature_names_ == ("due.day_of_week",)


def test_booleans_are_numbers() -> None:
    rows = pd.DataFrame({"fragile": pd.array([True, False, None], dtype="boolean")})
    columns = {"fragile": Column(type="boolean", nullable=True)}

    assert _encode(columns, "tree", rows, rows) == [[1.0], [0.0], [-1.0]]


def test_columns_keep_their_order_and_name_their_source(
    make_use_case: Callable[..., UseCase], make_batch: Callable[..., Any]
) -> None:
    rows = make_batch(rows=60).to_pandas()
    inputs = make_use_case().inputs

    dense = RowEncoder(inputs, "dense").fit(rows)

    assert list(zip(dense.feature_names_, dense.sources_, strict=True)) == [
        ("due.minute_of_day", ("due",)),
        ("due.day_of_week", ("due",)),
        ("city=Ghent", ("city",)),
        ("city=Lille", ("city",)),
        ("city=Metz", ("city",)),
        ("size=large", ("size",)),
        ("size=small", ("size",)),
        ("parcels", ("parcels",)),
        ("weight", ("weight",)),
        ("weight missing", ("weight",)),
        ("fragile", ("fragile",)),
    ]
    assert RowEncoder(inputs, "tree").fit(rows).sources_ == (
        ("due",), ("due",), ("city",), ("size",), ("parcels",), ("weight",), ("fragile",),
    )  # fmt: skip


@settings(max_examples=30)
@given(
    st.lists(st.none() | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20),
    st.lists(st.none() | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20),
    st.sampled_from(["tree", "dense"]),
)
def test_no_encoded_number_is_missing_or_infinite(
    fitted: list[float | None], given_rows: list[float | None], form: Form
) -> None:
    encoded = _encode(NUMBER, form, _weights(*fitted), _weights(*given_rows))

    assert np.isfinite(encoded).all()


@given(st.lists(st.sampled_from("abcdefg"), min_size=1), st.lists(st.sampled_from("abcxyz")))
def test_codes_are_positions_among_the_sorted_levels(
    fitted: list[str], given_rows: list[str]
) -> None:
    levels = sorted(set(fitted))

    encoded = _encode(CITY, "tree", _cities(*fitted), _cities(*given_rows))

    expected = [[float(levels.index(c)) if c in levels else -1.0] for c in given_rows]
    assert encoded == expected


def test_levels_are_learned_and_not_those_of_the_order_of_rows() -> None:
    first = RowEncoder(CITY).fit(_cities("Metz", "Ghent"))
    second = RowEncoder(CITY).fit(_cities("Ghent", "Metz", "Metz"))

    assert first.encodings_ == second.encodings_ == (CategoryEncoding("city", ("Ghent", "Metz")),)


def test_an_encoder_that_was_not_fitted_is_an_error() -> None:
    with pytest.raises(NotFittedError):
        RowEncoder(CITY).transform(_cities("Ghent"))


def test_an_encoder_can_be_cloned_for_another_fit() -> None:
    fitted = RowEncoder(CITY, "dense").fit(_cities("Ghent"))

    again = clone(fitted)

    assert again.form == "dense"
    assert not hasattr(again, "encodings_")
