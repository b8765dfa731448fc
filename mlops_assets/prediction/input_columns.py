"""Columns of a Parquet file as the tensors of a released model's inputs.

Belongs here: what a column must be, and the tensor it becomes, without pandas: the same to the bit
as ``export/tensors.py`` makes of a frame. Does not belong here: asking the model (``scoring.py``),
or what it checks of the values (``serving/columns.py``).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError
from mlops_assets.serving.columns import InputError


@dataclass(frozen=True)
class ModelInput:
    """One input of a released model: its column, the type that was declared for it, and that of its
    tensor as the Open Inference Protocol v2 names it (BYTES, FP64, INT64 or BOOL)."""

    name: str
    type: str
    datatype: str

    @property
    def is_text(self) -> bool:
        return self.datatype == "BYTES"

    @property
    def may_be_missing(self) -> bool:
        """Only strings and doubles have a value for missing: the empty string, NaN."""
        return self.datatype in ("BYTES", "FP64")


def model_inputs(bundle: Path) -> tuple[ModelInput, ...]:
    """The inputs of the model in the release folder ``bundle``."""
    signature = json.loads((bundle / "signature.json").read_bytes())
    columns = json.loads((bundle / "declaration.json").read_bytes())["columns"]
    return tuple(
        ModelInput(entry["name"], columns[entry["name"]]["type"], entry["datatype"])
        for entry in signature["inputs"]
    )


def require_inputs(schema: pa.Schema, inputs: Sequence[ModelInput], file: str) -> None:
    """Raise ``BatchError`` naming ``file`` and the first column that is missing, there twice, or of
    a type that its input is not made from."""
    for given in inputs:
        places = schema.get_all_field_indices(given.name)
        wanted, fits = _WANTED[given.type]
        if not places:
            raise BatchError(f"{file}: column {given.name!r} is missing: add it, as {wanted}")
        if len(places) > 1:
            raise BatchError(f"{file}: {len(places)} columns are called {given.name!r}: keep one")
        found = schema.field(places[0]).type
        values = found.value_type if pa.types.is_dictionary(found) else found
        may_be_float = given.datatype == "FP64" and pa.types.is_floating(values)
        is_empty = given.may_be_missing and pa.types.is_null(values)
        if not (fits(values) or may_be_float or is_empty):
            raise BatchError(f"{file}: column {given.name!r} is {found}: cast it to {wanted}")


def to_tensors(
    table: pa.Table | pa.RecordBatch, inputs: Sequence[ModelInput]
) -> dict[str, NDArray[Any]]:
    """Each input as an array ``[n]`` of its tensor's dtype: objects of ``str``, float64, int64 or
    bool. A missing string is the empty one, a missing number NaN; a timestamp is int64 microseconds
    since 1970. The columns are such as ``require_inputs`` lets through.

    Raises ``InputError`` naming the column where a value is missing that may not be, a text is not
    UTF-8, or an integer is beyond int64.
    """
    return {given.name: _tensor(given, _array(table.column(given.name))) for given in inputs}


def distinct_values(
    table: pa.Table | pa.RecordBatch, given: ModelInput
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The values ``[u]`` of an input as ``to_tensors`` gives them, each once, and which of them
    each row has, int64 ``[n]``. Raises ``InputError`` as ``to_tensors`` does."""
    values = _array(table.column(given.name))
    if pa.types.is_null(values.type):
        values = values.cast(pa.string() if given.is_text else pa.float64())
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    distinct = coded.dictionary
    if coded.indices.null_count:
        distinct = pa.concat_arrays([distinct, pa.nulls(1, distinct.type)])
    codes = coded.indices.cast(pa.int64()).fill_null(len(distinct) - 1).to_numpy()
    return _tensor(given, distinct), np.asarray(codes)


def _array(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _tensor(given: ModelInput, values: pa.Array) -> NDArray[Any]:
    if given.is_text:
        return _texts(given, values)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if given.datatype == "FP64":
        return _doubles(values)
    if values.null_count:
        raise InputError(
            given.name,
            "has missing values, for which the model's input has no value: fill them, or leave "
            "these rows out",
        )
    if given.type == "timestamp":
        times = values.to_numpy(zero_copy_only=False)
        return np.asarray(times.astype("datetime64[us]").astype(np.int64))
    if given.datatype == "INT64":
        return _integers(given.name, values)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _integers(name: str, values: pa.Array) -> NDArray[np.int64]:
    try:
        return np.asarray(values.cast(pa.int64()).to_numpy(), np.int64)
    except pa.ArrowInvalid:
        raise InputError(name, "holds an integer beyond the range of int64") from None


def _doubles(values: pa.Array) -> NDArray[np.float64]:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    # An integer beyond 2**53 becomes the nearest double, as it does in a frame.
    numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float64)


def _texts(given: ModelInput, values: pa.Array) -> NDArray[Any]:
    if pa.types.is_dictionary(values.type):
        # Each distinct text is made once: a thousand rows share the few objects of a category.
        distinct, codes = distinct_values(pa.table({given.name: values}), given)
        return np.asarray(distinct[codes])
    try:
        texts = values.to_pylist()
    except UnicodeDecodeError:
        raise InputError(given.name, "holds text that is not UTF-8") from None
    return np.array(["" if text is None else text for text in texts], object)


def _is_local_time(found: pa.DataType) -> bool:
    return pa.types.is_timestamp(found) and found.tz is None


def is_text(found: pa.DataType) -> bool:
    """Whether a type of Arrow is one of texts, be they held once each."""
    if pa.types.is_dictionary(found):
        return is_text(found.value_type)
    return bool(
        pa.types.is_string(found)
        or pa.types.is_large_string(found)
        or pa.types.is_string_view(found)
    )


def _is_number(found: pa.DataType) -> bool:
    return bool(pa.types.is_integer(found) or pa.types.is_floating(found))


_WANTED: Mapping[str, tuple[str, Callable[[pa.DataType], bool]]] = {
    "string": ("text (UTF-8)", is_text),
    "number": ("a number (double)", _is_number),
    "integer": ("an integer (int64)", pa.types.is_integer),
    "boolean": ("a boolean", pa.types.is_boolean),
    "timestamp": ("a timestamp (microseconds) without a time zone", _is_local_time),
}
"""What a column of each declared type is read from: in words, and as a test of its Arrow type."""
