"""A column of a file becomes the very tensor that a frame's column becomes."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.data.batch_error import BatchError
from mlops_assets.export import tensors
from mlops_assets.prediction.input_columns import ModelInput, require_inputs, to_tensors
from mlops_assets.release.bundle import datatype
from mlops_assets.serving.columns import InputError

TYPES = {
    "string": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    "number": st.floats(allow_infinity=False),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "timestamp": st.datetimes(
        datetime.fromisoformat("1700-01-01"), datetime.fromisoformat("2200-01-01")
    ),
}


@st.composite
def columns(draw: st.DrawFn) -> tuple[Column, pa.Array]:
    kind = draw(st.sampled_from(sorted(TYPES)))
    nullable = kind != "timestamp" and draw(st.booleans())
    values = VALUES[kind]
    if nullable:
        values = st.none() | values
    column = Column(type=kind, nullable=nullable)  # type: ignore[arg-type]
    return column, pa.array(draw(st.lists(values, min_size=1, max_size=30)), TYPES[kind])


def input_of(column: Column, name: str = "x") -> ModelInput:
    return ModelInput(name, column.type, datatype(column))


@given(columns(), st.booleans())
def test_it_is_the_tensor_of_the_frame_to_the_bit(
    made: tuple[Column, pa.Array], coded: bool
) -> None:
    column, values = made
    table = pa.table({"x": values})
    frame = table.to_pandas()
    expected = tensors.to_tensors(frame, {"x": column})["x"][:, 0]
    if coded and column.type == "string":
        table = pa.table({"x": values.dictionary_encode()})
    require_inputs(table.schema, [input_of(column)], "rows.parquet")
    found = to_tensors(table, [input_of(column)])["x"]
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape == (len(values),)
    if column.type == "string":
        assert found.tolist() == expected.tolist()
    else:
        missing = pd.isna(expected)
        assert (pd.isna(found) == missing).all()
        assert found[~missing].tobytes() == expected[~missing].tobytes()


def test_what_cleaning_stores_reads_the_same_as_a_batch_and_as_a_file(tmp_path: Path) -> None:
    table = pa.table({"x": ["a", None, "ä" * 300, ""] * 50})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=30)
    given_input = [ModelInput("x", "string", "BYTES")]
    expected = ["a", "", "ä" * 300, ""] * 50
    file = pq.ParquetFile(tmp_path / "x.parquet", read_dictionary=["x"])
    found = [to_tensors(batch, given_input)["x"] for batch in file.iter_batches(64)]
    assert np.concatenate(found).tolist() == expected


@pytest.mark.parametrize(
    ("kind", "datatype", "values", "expected"),
    [
        ("integer", "INT64", pa.array([1, 2], pa.int8()), np.array([1, 2])),
        ("integer", "FP64", pa.array([1.0, None]), np.array([1.0, np.nan])),
        ("integer", "FP64", pa.nulls(2), np.array([np.nan, np.nan])),
        ("number", "FP64", pa.array([1, None], pa.int32()), np.array([1.0, np.nan])),
        ("number", "FP64", pa.array([0.5, 1.5], pa.float32()), np.array([0.5, 1.5])),
        ("boolean", "FP64", pa.array([True, None]), np.array([1.0, np.nan])),
        ("string", "BYTES", pa.nulls(2), np.array(["", ""], object)),
        ("string", "BYTES", pa.array(["a", None], pa.large_string()), np.array(["a", ""], object)),
        (
            "timestamp",
            "INT64",
            pa.array([1, -1], pa.timestamp("s")),
            np.array([1_000_000, -1_000_000]),
        ),
        ("timestamp", "INT64", pa.array([-1, 2_999], pa.timestamp("ns")), np.array([-1, 2])),
    ],
)
def test_other_tools_write_other_types(
    kind: str, datatype: str, values: pa.Array, expected: Any
) -> None:
    table, wanted = pa.table({"x": values}), [ModelInput("x", kind, datatype)]
    require_inputs(table.schema, wanted, "rows.parquet")
    found = to_tensors(table, wanted)["x"]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("kind", "datatype", "found", "said"),
    [
        ("string", "BYTES", pa.binary(), "'x' is binary: cast it to text"),
        ("number", "FP64", pa.string(), "'x' is string: cast it to a number"),
        ("integer", "INT64", pa.float64(), "'x' is double: cast it to an integer"),
        ("integer", "INT64", pa.null(), "'x' is null: cast it to an integer"),
        ("boolean", "BOOL", pa.int64(), "'x' is int64: cast it to a boolean"),
        ("timestamp", "INT64", pa.int64(), "'x' is int64: cast it to a timestamp"),
        ("timestamp", "INT64", pa.timestamp("us", "UTC"), "without a time zone"),
    ],
)
def test_a_column_of_another_type_is_refused(
    kind: str, datatype: str, found: pa.DataType, said: str
) -> None:
    schema = pa.schema([("x", found)])
    with pytest.raises(BatchError, match=f"^rows.parquet: column .*{said}"):
        require_inputs(schema, [ModelInput("x", kind, datatype)], "rows.parquet")


def test_a_column_is_there_once() -> None:
    wanted = [ModelInput("x", "number", "FP64")]
    with pytest.raises(BatchError, match="'x' is missing: add it, as a number"):
        require_inputs(pa.schema([("y", pa.float64())]), wanted, "rows.parquet")
    twice = pa.schema([("x", pa.float64()), ("x", pa.float64())])
    with pytest.raises(BatchError, match="2 columns are called 'x'"):
        require_inputs(twice, wanted, "rows.parquet")


def test_no_message_holds_a_value() -> None:
    big = pa.table({"x": pa.array([2**64 - 1], pa.uint64())})
    with pytest.raises(InputError, match=r"'x'.*beyond the range of int64") as raised:
        to_tensors(big, [ModelInput("x", "integer", "INT64")])
    assert str(2**64 - 1) not in str(raised.value)
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]
    )
    with pytest.raises(InputError, match=r"'x'.*not UTF-8"):
        to_tensors(pa.table({"x": bad}), [ModelInput("x", "string", "BYTES")])
