"""Columns and answers as the Open Inference Protocol v2 writes them in JSON.

Belongs here: tensors to and from JSON, requests and responses, for the server and for those who ask
it. Does not belong here: paths and status codes (``app.py``), what a column may hold
(``columns.py``). The protocol: https://github.com/kserve/open-inference-protocol, version 2.

JSON has no NaN, so a missing number is ``null``; the token ``NaN``, which many clients write, is
read as well. A missing string is ``null`` or ``""``. No message holds a value of the data.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES: dict[str, type[Any]] = {
    "BYTES": np.object_,
    "BOOL": np.bool_,
    "FP64": np.float64,
    "FP32": np.float32,
    "INT64": np.int64,
    "INT32": np.int32,
    "INT16": np.int16,
    "INT8": np.int8,
    "UINT64": np.uint64,
    "UINT32": np.uint32,
    "UINT16": np.uint16,
    "UINT8": np.uint8,
}
DATATYPES = {np.dtype(dtype): datatype for datatype, dtype in DTYPES.items()}
ALLOWED: dict[str, tuple[set[type[Any]], str]] = {
    "O": ({str, type(None)}, "strings, or null for missing, are needed"),
    "b": ({bool}, "true or false is needed"),
    "f": ({int, float, type(None)}, "numbers, or null for missing, are needed"),
    "i": ({int}, "integers are needed"),
    "u": ({int}, "integers are needed"),
}
"""The values that JSON may hold for a numpy kind, and how to say so."""
LONGEST_NAME = 100
BINARY = "the binary tensor extension is not spoken here: send the data as JSON"


class ProtocolError(ValueError):
    """A message that is not as the protocol wants it; the text may be shown to its sender."""


@dataclass(frozen=True)
class InferenceRequest:
    """The columns asked about, the sender's name for the request, and the outputs wanted: all where
    there are none."""

    columns: dict[str, NDArray[Any]]
    id: str | None
    outputs: tuple[str, ...]


def read_request(body: bytes) -> InferenceRequest:
    """Raises ``ProtocolError`` naming what is wrong, and of which input."""
    message = _object(body)
    wanted, id_ = message.get("outputs"), message.get("id")
    if not (wanted is None or isinstance(wanted, list)):
        raise ProtocolError("'outputs' is no list of outputs")
    if not (id_ is None or isinstance(id_, str)):
        raise ProtocolError("'id' is no string")
    outputs = tuple(_name(output, "outputs") for output in wanted or ())
    return InferenceRequest(read_columns(message), id_, outputs)


def request(columns: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The request that asks about ``columns``, ready to be written as JSON."""
    return {"inputs": [to_tensor(name, values) for name, values in columns.items()]}


def read_columns(message: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The columns of a request that was read already. Raises ``ProtocolError`` as that does."""
    inputs = message.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise ProtocolError("'inputs' is no list of tensors")
    return _by_name(inputs, "inputs")


def read_answers(message: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The outputs of a response by name. Raises ``ProtocolError`` where it is none."""
    outputs = message.get("outputs")
    if not isinstance(outputs, list):
        raise ProtocolError("'outputs' is no list of tensors")
    return _by_name(outputs, "outputs")


def to_tensor(name: str, values: NDArray[Any]) -> dict[str, Any]:
    """An array of texts or of a dtype of ``DTYPES`` as the protocol's tensor, its data flat. Floats
    are written with the fewest digits that give the same bits again.

    Raises ``ValueError`` naming the tensor for another dtype, for infinity, and for a NaN that is
    no float64: only an input has a form for missing.
    """
    datatype = "BYTES" if values.dtype.kind in "UT" else DATATYPES.get(values.dtype)
    if datatype is None:
        raise ValueError(f"{name!r} is {values.dtype}, which the protocol has no name for")
    data = values.ravel()
    if values.dtype.kind == "f":
        unsayable = np.isinf(data) if datatype == "FP64" else ~np.isfinite(data)
        if unsayable.any():
            raise ValueError(f"{name!r} holds a value that is no number")
    if datatype == "FP32":
        data = _shortest(data)
    listed = [None if value != value else value for value in data.tolist()]
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": listed}


def _shortest(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Doubles whose shortest decimal is that of ``values``, where a reader who parses a double and
    rounds it to float32 gets the same bits; else ``values`` themselves."""
    short = values.astype("U32").astype(np.float64)
    return np.where(short.astype(np.float32) == values, short, values.astype(np.float64))


def _by_name(tensors: Sequence[Any], field: str) -> dict[str, NDArray[Any]]:
    named: dict[str, NDArray[Any]] = {}
    for tensor in tensors:
        name = _name(tensor, field)
        if name in named:
            raise ProtocolError(f"{name!r} is in {field!r} twice")
        named[name] = _from_tensor(name, tensor)
    return named


def _name(tensor: Any, field: str) -> str:
    name = tensor.get("name") if isinstance(tensor, dict) else None
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise ProtocolError(
            f"{field!r} holds something without a name of at most {LONGEST_NAME} characters"
        )
    return name


def _from_tensor(name: str, tensor: Mapping[str, Any]) -> NDArray[Any]:
    datatype, data = tensor.get("datatype"), tensor.get("data")
    shape: Any = tensor.get("shape")
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise ProtocolError(f"{name!r}: 'datatype' is none of {[*DTYPES]}")
    if not _is_shape(shape):
        raise ProtocolError(f"{name!r}: 'shape' is no list of one or two sizes")
    parameters = tensor.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ProtocolError(f"{name!r}: 'parameters' is no object")
    if "binary_data_size" in parameters:
        raise ProtocolError(f"{name!r}: {BINARY}")
    if not isinstance(data, list):
        raise ProtocolError(f"{name!r}: 'data' is no list")
    values = _array(name, datatype, _flat(data))
    if prod(shape) != len(values):
        raise ProtocolError(f"{name!r}: has {len(values)} values, and its shape is {shape}")
    return values.reshape(shape)


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) in (1, 2)
        and all(type(size) is int and 0 <= size <= np.iinfo(np.int32).max for size in shape)
    )


def _flat(data: list[Any]) -> list[Any]:
    nested = data and all(type(row) is list for row in data)
    return [*chain.from_iterable(data)] if nested else data


def _array(name: str, datatype: str, data: list[Any]) -> NDArray[Any]:
    dtype = np.dtype(DTYPES[datatype])
    allowed, needed = ALLOWED[dtype.kind]
    if not {type(value) for value in data} <= allowed:
        raise ProtocolError(f"{name!r}: {needed} for {datatype}")
    if datatype == "BYTES":
        data = ["" if text is None else text for text in data]
    try:
        with np.errstate(over="ignore"):
            return np.array(data, dtype=dtype)
    except OverflowError:
        raise ProtocolError(f"{name!r}: holds a number beyond {datatype}") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    # Nesting a million deep, and integers of a million digits.
    except (ValueError, RecursionError):
        raise ProtocolError("the body is no JSON in UTF-8 that can be read") from None
    if not isinstance(message, dict):
        raise ProtocolError("the body is no JSON object")
    return message
