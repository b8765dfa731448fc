"""One tensor of the Open Inference Protocol v2 as JSON.

Belongs here: its name, datatype, shape and data, to an array and back. Does not belong here: its
data in binary (``binary_tensors.py``), or the message around it (``protocol.py``).

JSON has no NaN, so a missing number is ``null``; a missing string is ``null`` or ``""``. Floats are
written with the fewest digits that give the same bits again. No message holds a value of the data.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from mlops_assets.serving.refusal import Kind, RefusalError

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
LARGEST_SIZE = np.iinfo(np.int32).max


class ProtocolError(RefusalError, ValueError):
    """A message that is not as the protocol wants it; the text may be shown to its sender."""

    def __init__(self, problem: str, kind: Kind = "malformed") -> None:
        super().__init__(kind, problem)


def tensor_name(tensor: Any, field: str) -> str:
    """The name of an element of the list ``field``. Raises ``ProtocolError`` where it has none."""
    name = tensor.get("name") if isinstance(tensor, dict) else None
    if type(name) is not str or not 0 < len(name) <= LONGEST_NAME:
        raise ProtocolError(
            f"{field!r} holds something without a name of 1 to {LONGEST_NAME} characters"
        )
    return name


def tensor_shape(name: str, tensor: Mapping[str, Any]) -> list[int]:
    """One or two sizes. Raises ``ProtocolError`` where there is something else."""
    shape: Any = tensor.get("shape")
    if type(shape) is list and 0 < len(shape) <= 2:
        for size in shape:
            if type(size) is not int or not 0 <= size <= LARGEST_SIZE:
                break
        else:
            return shape
    raise ProtocolError(f"{name!r}: 'shape' is no list of one or two sizes")


def tensor_datatype(name: str, tensor: Mapping[str, Any]) -> str:
    """Raises ``ProtocolError`` where it is none of ``DTYPES``."""
    datatype = tensor.get("datatype")
    if type(datatype) is not str or datatype not in DTYPES:
        raise ProtocolError(f"{name!r}: 'datatype' is none of {[*DTYPES]}")
    return datatype


def parameters_of(holder: Mapping[str, Any], of: str) -> dict[str, Any]:
    """The parameters of a tensor, an output or a request. Raises ``ProtocolError`` where they are
    no object."""
    parameters = holder.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise ProtocolError(f"{of}: 'parameters' is no object")
    return parameters


def tensor_values(name: str, tensor: Mapping[str, Any], shape: Sequence[int]) -> list[Any]:
    """The data of a tensor, flat. Raises ``ProtocolError`` where it is not as many values as its
    shape says."""
    data = tensor.get("data")
    if type(data) is not list:
        raise ProtocolError(f"{name!r}: 'data' is no list")
    if data and type(data[0]) is list and all(type(row) is list for row in data):
        data = [*chain.from_iterable(data)]
    if prod(shape) != len(data):
        raise ProtocolError(f"{name!r}: has {len(data)} values, and its shape is {[*shape]}")
    return data


def from_values(name: str, datatype: str, values: list[Any]) -> NDArray[Any]:
    """``[n]`` of the datatype's dtype. Raises ``ProtocolError`` for a value that it cannot hold."""
    dtype = np.dtype(DTYPES[datatype])
    allowed, needed = ALLOWED[dtype.kind]
    if not set(map(type, values)) <= allowed:
        raise ProtocolError(f"{name!r}: {needed} for {datatype}", "invalid_input")
    if datatype == "BYTES":
        values = ["" if text is None else text for text in values]
    try:
        with np.errstate(over="ignore"):
            return np.array(values, dtype=dtype)
    except OverflowError:
        raise ProtocolError(
            f"{name!r}: holds a number beyond {datatype}", "invalid_input"
        ) from None


def from_tensor(name: str, tensor: Mapping[str, Any]) -> NDArray[Any]:
    """The array that a tensor says, in its shape and of its datatype's dtype. Raises
    ``ProtocolError`` naming it where it says none."""
    datatype, shape = tensor_datatype(name, tensor), tensor_shape(name, tensor)
    values = from_values(name, datatype, tensor_values(name, tensor, shape))
    return values.reshape(shape)


def to_tensor(name: str, values: NDArray[Any]) -> dict[str, Any]:
    """An array of texts or of a dtype of ``DTYPES`` as a tensor, its data flat.

    Raises ``ValueError`` naming the tensor for another dtype, for infinity, and for a NaN that is
    no float64: only an input has a form for missing.
    """
    datatype = datatype_of(name, values)
    data = values.ravel()
    if values.dtype.kind == "f":
        unsayable = np.isinf(data) if datatype == "FP64" else ~np.isfinite(data)
        if unsayable.any():
            raise ValueError(f"{name!r} holds a value that is no number")
    listed: list[Any]
    if datatype == "FP32":
        listed = _shortest(data)
    elif datatype == "FP64":
        listed = [None if value != value else value for value in data.tolist()]
    else:
        listed = data.tolist()
    return {"name": name, "datatype": datatype, "shape": [*values.shape], "data": listed}


def datatype_of(name: str, values: NDArray[Any]) -> str:
    """The protocol's name of an array's dtype. Raises ``ValueError`` where it has none."""
    datatype = "BYTES" if values.dtype.kind in "UT" else DATATYPES.get(values.dtype)
    if datatype is None:
        raise ValueError(f"{name!r} is {values.dtype}, which the protocol has no name for")
    return datatype


def _shortest(values: NDArray[np.float32]) -> list[float]:
    """Doubles whose shortest decimal is that of ``values``, where a reader who parses a double and
    rounds it to float32 gets the same bits; else ``values`` themselves."""
    written = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    listed: list[float] = orjson.loads(written)
    short = np.array(listed, np.float64)
    same = short.astype(np.float32) == values
    return listed if same.all() else np.where(same, short, values.astype(np.float64)).tolist()
