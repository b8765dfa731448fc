"""Tensors come back from JSON as they went, and what is no tensor is refused by name."""

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from handmade_models import columns
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mlops_assets.serving.protocol import (
    ProtocolError,
    read_answers,
    read_columns,
    read_request,
    request,
    to_tensor,
)


def sent(message: dict[str, Any]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(json.dumps(message, allow_nan=False))
    return parsed


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.int64, np.bool_, np.uint8, np.int16]),
        st.integers(0, 20).map(lambda rows: (rows, 1)),
        elements=None,
    )
)
def test_columns_come_back_to_the_last_bit(values: NDArray[Any]) -> None:
    if values.dtype.kind == "f":
        values = np.where(np.isinf(values), np.nan, values)
    read = read_columns(sent(request({"x": values})))["x"]
    assert read.dtype == values.dtype and read.shape == values.shape
    np.testing.assert_array_equal(read, values)
    if values.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(read), np.signbit(values) & ~np.isnan(values))


@given(hnp.arrays(np.uint32, st.integers(1, 60)))
def test_answers_come_back_to_the_last_bit(bits: NDArray[np.uint32]) -> None:
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    tensor = to_tensor("p", values)
    read = read_answers(sent({"outputs": [tensor]}))["p"]
    np.testing.assert_array_equal(read.view(np.uint32), values.view(np.uint32))
    # A reader that knows doubles only rounds to the same float32.
    as_doubles = np.array(tensor["data"], dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(as_doubles.view(np.uint32), values.view(np.uint32))


def test_a_float32_is_written_with_few_digits() -> None:
    assert json.dumps(to_tensor("p", np.array([0.1, 1 / 3], np.float32))["data"]) == (
        "[0.1, 0.33333334]"
    )


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=20))
def test_texts_come_back(texts: list[str]) -> None:
    values = np.array(texts, dtype=object)
    np.testing.assert_array_equal(read_columns(sent(request({"t": values})))["t"], values)


def test_missing_is_null() -> None:
    asked = sent(request({"x": np.array([1.5, np.nan])}))
    assert asked["inputs"][0]["data"] == [1.5, None]
    np.testing.assert_array_equal(read_columns(asked)["x"], [1.5, np.nan])
    token = b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [NaN, 2]}]}'
    np.testing.assert_array_equal(read_request(token).columns["x"], [np.nan, 2])
    texts = {"name": "t", "shape": [2], "datatype": "BYTES", "data": [None, "a"]}
    assert read_columns({"inputs": [texts]})["t"].tolist() == ["", "a"]


def test_arrays_of_texts_of_every_kind_are_written() -> None:
    for dtype in ("U3", object, np.dtypes.StringDType()):
        assert to_tensor("t", np.array(["a", "ö"], dtype=dtype))["data"] == ["a", "ö"]
    with pytest.raises(ValueError, match="'t' is datetime64"):
        to_tensor("t", np.array(["2020-01-01"], dtype="datetime64[us]"))


def test_data_may_be_nested_as_its_shape_is() -> None:
    nested = {"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [[1], [2]]}
    assert read_columns({"inputs": [nested]})["x"].tolist() == [[1.0], [2.0]]


def test_an_answer_that_is_no_number_is_not_written() -> None:
    for values in (np.array([np.nan], np.float32), np.array([np.inf]), np.array([-np.inf])):
        with pytest.raises(ValueError, match="'p' holds a value that is no number"):
            to_tensor("p", values)


X = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}
BIG = "9" * 400


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"datatype": "FP65"}, "'x': 'datatype' is none of"),
        ({"datatype": ["FP64"]}, "'x': 'datatype' is none of"),
        ({"shape": [-1]}, "'x': 'shape'"),
        ({"shape": [True]}, "'x': 'shape'"),
        ({"shape": []}, "'x': 'shape'"),
        ({"shape": [1, 1, 1]}, "'x': 'shape'"),
        ({"shape": [10**30]}, "'x': 'shape'"),
        ({"shape": 1}, "'x': 'shape'"),
        ({"shape": [2]}, r"'x': has 1 values, and its shape is \[2\]"),
        ({"data": "1.0"}, "'x': 'data' is no list"),
        ({"data": ["1.0"]}, "'x': numbers, or null for missing, are needed for FP64"),
        ({"data": [True]}, "'x': numbers"),
        ({"data": [[[1.0]]]}, "'x': numbers"),
        ({"data": [int(BIG)]}, "'x': holds a number beyond FP64"),
        ({"datatype": "INT64"}, "'x': integers are needed for INT64"),
        ({"datatype": "INT64", "data": [None]}, "'x': integers are needed"),
        ({"datatype": "INT64", "data": [2**63]}, "'x': holds a number beyond INT64"),
        ({"datatype": "UINT8", "data": [-1]}, "'x': holds a number beyond UINT8"),
        ({"datatype": "BOOL", "data": [1]}, "'x': true or false is needed"),
        ({"datatype": "BYTES", "data": [1]}, "'x': strings, or null"),
        ({"name": 7}, "'inputs' holds something without a name"),
        ({"name": "x" * 101}, "without a name of at most 100 characters"),
        ({"parameters": {"binary_data_size": 8}}, "'x': the binary tensor extension"),
        ({"parameters": 3}, "'x': 'parameters' is no object"),
    ],
)
def test_what_is_wrong_with_a_tensor_is_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        read_request(json.dumps({"inputs": [X | changes]}).encode())


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"{", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b'{"inputs": [' + b"9" * 5000 + b"]}", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "'inputs' is no list"),
        (b'{"inputs": []}', "'inputs' is no list"),
        (b'{"inputs": [3]}', "'inputs' holds something without a name"),
        (json.dumps({"inputs": [X, X]}).encode(), "'x' is in 'inputs' twice"),
        (json.dumps({"inputs": [X], "outputs": "label"}).encode(), "'outputs' is no list"),
        (json.dumps({"inputs": [X], "outputs": ["label"]}).encode(), "'outputs' holds something"),
        (json.dumps({"inputs": [X], "id": 7}).encode(), "'id' is no string"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(body: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        read_request(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda c: (
            st.lists(c, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["inputs", "name", "shape", "datatype", "data", "parameters", "id"]
                ),
                c,
            )
        ),
    )
)
def test_nothing_but_a_protocol_error_comes_of_anything(message: Any) -> None:
    with suppress(ProtocolError):
        read_request(json.dumps({"inputs": [message]}).encode())


def test_a_request_is_read_whole() -> None:
    asked = request(columns()) | {"id": "r-1", "outputs": [{"name": "label"}]}
    read = read_request(json.dumps(asked).encode())
    assert (read.id, read.outputs, [*read.columns]) == ("r-1", ("label",), [*columns()])
