"""Every column type becomes the tensor it is said to travel as."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.column_declaration import Column
from mlops_assets.export.tensors import tensor_type, to_tensors


def test_every_column_type_and_its_missing_values() -> None:
    columns = {
        "text": Column(type="string", nullable=True),
        "number": Column(type="number", nullable=True),
        "integer": Column(type="integer"),
        "nullable_integer": Column(type="integer", nullable=True),
        "flag": Column(type="boolean"),
        "nullable_flag": Column(type="boolean", nullable=True),
        "time": Column(type="timestamp"),
    }
    rows = pd.DataFrame(
        {
            "text": ["a", None],
            "number": pd.array([0.5, None], dtype="Float64"),
            "integer": [2**62, -1],
            "nullable_integer": pd.array([3, None], dtype="Int64"),
            "flag": [True, False],
            "nullable_flag": pd.array([None, True], dtype="boolean"),
            "time": pd.to_datetime(["1969-12-31 23:59:59.999999", "2013-01-01 00:00:00.0"]),
            "other": [0, 0],
        }
    )
    tensors = to_tensors(rows, columns)
    assert list(tensors) == list(columns)
    assert tensors["text"].tolist() == [["a"], [""]]
    assert tensors["text"].dtype == object
    np.testing.assert_array_equal(tensors["number"], [[0.5], [np.nan]])
    assert tensors["integer"].tolist() == [[2**62], [-1]]
    np.testing.assert_array_equal(tensors["nullable_integer"], [[3.0], [np.nan]])
    assert tensors["flag"].tolist() == [[True], [False]]
    np.testing.assert_array_equal(tensors["nullable_flag"], [[np.nan], [1.0]])
    assert tensors["time"].tolist() == [[-1], [1_356_998_400_000_000]]
    kinds = {"string": "object", "double": "float64", "int64": "int64", "bool": "bool"}
    assert {n: str(t.dtype) for n, t in tensors.items()} == {
        name: kinds[tensor_type(column)] for name, column in columns.items()
    }


@pytest.mark.parametrize("dtype", ["object", "str", "string", "category"])
def test_strings_in_every_dtype(dtype: str) -> None:
    rows = pd.DataFrame({"text": pd.Series(["b", None, "", "é"], dtype=dtype)})
    tensors = to_tensors(rows, {"text": Column(type="string", nullable=True)})
    assert tensors["text"].tolist() == [["b"], [""], [""], ["é"]]


def test_small_dtypes_are_widened() -> None:
    rows = pd.DataFrame({"a": np.array([1], np.int8), "b": np.array([0.1], np.float32)})
    tensors = to_tensors(rows, {"a": Column(type="integer"), "b": Column(type="number")})
    assert tensors["a"].dtype == np.int64
    assert tensors["b"][0, 0] == np.float64(np.float32(0.1))


def test_a_missing_integer_that_was_not_declared_is_named() -> None:
    rows = pd.DataFrame({"size": pd.array([1, None], dtype="Int64")})
    with pytest.raises(ValueError, match="'size' has missing values"):
        to_tensors(rows, {"size": Column(type="integer")})


def test_no_rows() -> None:
    rows = pd.DataFrame({"a": pd.Series([], dtype="str"), "b": pd.Series([], dtype="int64")})
    tensors = to_tensors(rows, {"a": Column(type="string"), "b": Column(type="integer")})
    assert [t.shape for t in tensors.values()] == [(0, 1), (0, 1)]
