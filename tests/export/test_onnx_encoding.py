"""The encoding as ONNX operators gives scikit-learn's numbers to the last bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mlops_assets.column_declaration import Column
from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.onnx_encoding import add_encoding
from mlops_assets.export.onnx_graph import ELEMENT_TYPES
from mlops_assets.export.tensors import tensor_type, to_tensors
from mlops_assets.serving.predictor import open_session
from mlops_assets.training.encoding import CategoryEncoding, Form, RowEncoder


def encoded_by_onnx(encoder: RowEncoder, rows: pd.DataFrame) -> NDArray[np.float32]:
    graph = GraphBuilder()
    add_encoding(graph, encoder, "encoded")
    inputs = [
        helper.make_tensor_value_info(name, ELEMENT_TYPES[tensor_type(column)], ["n", 1])
        for name, column in encoder.columns.items()
    ]
    output = helper.make_tensor_value_info("encoded", TensorProto.FLOAT, ["n", None])
    session = open_session(graph.build(inputs, [output], "").SerializeToString())
    encoded: NDArray[np.float32] = session.run(["encoded"], to_tensors(rows, encoder.columns))[0]
    return encoded


@pytest.mark.parametrize("form", ["tree", "dense"])
def test_the_encoding_is_the_same_to_the_last_bit(
    form: Form, hostile_columns: dict[str, Column], make_hostile_rows: Callable[..., pd.DataFrame]
) -> None:
    encoder = RowEncoder(hostile_columns, form).fit(make_hostile_rows(2000, 0, new_values=False))
    unseen = make_hostile_rows(2000, 1, new_values=True)
    expected = encoder.transform(unseen)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(encoded_by_onnx(encoder, unseen), expected)


@settings(max_examples=30)
@given(st.lists(st.integers(-(2**56), 2**56), min_size=1, max_size=200))
def test_the_calendar_is_right_in_every_year(microseconds: list[int]) -> None:
    times = pd.Series(np.array(microseconds)).astype("datetime64[us]")
    rows = pd.DataFrame({"time": times})
    encoder = RowEncoder({"time": Column(type="timestamp")}, "tree").fit(rows)
    encoded = encoded_by_onnx(encoder, rows)
    np.testing.assert_array_equal(encoded[:, 0], times.dt.hour * 60 + times.dt.minute)
    np.testing.assert_array_equal(encoded[:, 1], times.dt.day_of_week)


HOSTILE = st.sampled_from([np.inf, -np.inf, 1e39, -3.4e38, 3.4e38, 5e-324, 1e-45, -0.0, np.nan])
NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=1, max_size=20)


@settings(max_examples=40)
@given(NUMBERS, st.lists(st.floats() | HOSTILE, min_size=1, max_size=20))
def test_any_number_is_encoded_alike(fitted: list[float], asked: list[float]) -> None:
    columns = {"x": Column(type="number", nullable=True)}
    form: Form
    for form in ("tree", "dense"):
        encoder = RowEncoder(columns, form).fit(pd.DataFrame({"x": fitted}))
        rows = pd.DataFrame({"x": asked})
        expected = encoder.transform(rows)
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(encoded_by_onnx(encoder, rows), expected)


CODES = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [0, 2**24, 2**24 + 1, 2**53, 2**53 + 1, 2**60, 2**60 + 1, -(2**60), -(2**60) - 1]
)


@settings(max_examples=40)
@given(st.lists(CODES, min_size=1, max_size=12), st.lists(CODES, min_size=1, max_size=12))
def test_any_integer_code_is_encoded_alike(fitted: list[int], asked: list[int]) -> None:
    form: Form
    for nullable in (False, True):
        columns = {"code": Column(type="integer", categorical=True, nullable=nullable)}
        dtype: Any = "Int64" if nullable else "int64"
        known, rows = (pd.DataFrame({"code": pd.array(v, dtype)}) for v in (fitted, asked))
        for form in ("tree", "dense"):
            encoder = RowEncoder(columns, form).fit(known)
            expected = encoder.transform(rows)
            np.testing.assert_array_equal(encoded_by_onnx(encoder, rows), expected)


def test_integers_beyond_float32_are_the_same_float_to_both() -> None:
    rows = pd.DataFrame({"id": 2**24 + np.arange(8)})
    encoder = RowEncoder({"id": Column(type="integer")}, "tree").fit(rows)
    expected = encoder.transform(rows)
    assert len(np.unique(expected)) == 5, "float32 holds every other one"
    np.testing.assert_array_equal(encoded_by_onnx(encoder, rows), expected)


@pytest.mark.parametrize("form", ["tree", "dense"])
def test_ten_thousand_categories_are_encoded_alike(form: Form) -> None:
    rng = np.random.default_rng(0)
    names = [f"{int(share * 10_000):05d}" for share in rng.random(30_000) ** 3]
    rows = pd.DataFrame({"city": pd.Series(names, dtype="str")})
    encoder = RowEncoder({"city": Column(type="string")}, form).fit(rows)
    (encoding,) = encoder.encodings_
    assert isinstance(encoding, CategoryEncoding)
    np.testing.assert_array_equal(encoded_by_onnx(encoder, rows), encoder.transform(rows))
