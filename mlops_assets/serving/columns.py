"""What may be asked of a model: columns as arrays, checked against its inputs.

Belongs here: the check of every column, and the error that names the one at fault. Does not belong
here: the same of values that were JSON (``column_values.py``), or columns as a protocol writes them
(``protocol.py``). No message holds a value of the data.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_assets.serving.refusal import RefusalError

TensorType = Literal["string", "double", "int64", "bool"]
BLOCK_ROWS = 65_536
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class InputError(RefusalError, ValueError):
    """Columns a model cannot be asked about; ``field`` is the column at fault."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__("invalid_input", f"column {field!r}: {problem}")
        self.field = field


def checked_columns(
    columns: Mapping[str, NDArray[Any]], signature: Mapping[str, TensorType]
) -> dict[str, NDArray[Any]]:
    """Every column of ``signature`` as the ``[n, 1]`` array that its tensor is made of; ``columns``
    holds each as ``[n]`` or ``[n, 1]``. Raises ``InputError`` for the first column at fault."""
    for name in columns:
        if name not in signature:
            raise InputError(name, f"is no input of the model, which are {[*signature]}")
    tensors: dict[str, NDArray[Any]] = {}
    for name, kind in signature.items():
        if name not in columns:
            raise InputError(name, f"is missing, and the model needs it as {kind} [n, 1]")
        tensors[name] = checked_column(name, kind, columns[name])
    first = next(iter(tensors))
    for name, tensor in tensors.items():
        if len(tensor) != len(tensors[first]):
            raise InputError(
                name, f"has {len(tensor)} rows, where {first!r} has {len(tensors[first])}"
            )
    return tensors


def checked_column(name: str, kind: TensorType, values: NDArray[Any]) -> NDArray[Any]:
    """``[n]`` or ``[n, 1]`` values as the ``[n, 1]`` array of their tensor. Raises ``InputError``
    where they are none."""
    return _CHECKS[kind](name, _as_column(name, values))


def _as_column(name: str, values: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2 or array.shape[1] != 1:
        raise InputError(name, f"has shape {list(array.shape)}, where [n] or [n, 1] is needed")
    return array


def _checked_strings(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "UT":
        values = values.astype(object)
    if values.dtype.kind != "O":
        raise InputError(name, f"is {values.dtype}, where strings are needed")
    for start in range(0, len(values), BLOCK_ROWS):
        _check_texts(name, values[start : start + BLOCK_ROWS, 0].tolist(), start)
    return values


def _check_texts(name: str, texts: list[Any], start: int) -> None:
    # ONNX Runtime would turn None into the text "None".
    for row, value in enumerate(texts, start):
        if not isinstance(value, str):
            kind = type(value).__name__
            raise InputError(name, f"row {row} is {kind}, where a string is needed; missing is ''")
    if not _is_utf8("".join(texts)):
        raise InputError(name, "holds half a surrogate pair, which is no text")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked_doubles(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "fiu":
        raise InputError(name, f"is {values.dtype}, where numbers are needed; missing is NaN")
    numbers = values.astype(np.float64, copy=False)
    # NaN, being missing, is larger than nothing.
    if (np.abs(numbers) > LARGEST_FLOAT32).any():
        raise InputError(name, f"holds a number beyond {LARGEST_FLOAT32:.4g}; missing is NaN")
    return numbers


def _checked_integers(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "iu":
        raise InputError(name, f"is {values.dtype}, where integers are needed")
    if values.dtype.kind == "u" and (values > np.iinfo(np.int64).max).any():
        raise InputError(name, "holds an integer beyond the range of int64")
    return values.astype(np.int64, copy=False)


def _checked_booleans(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind != "b":
        raise InputError(name, f"is {values.dtype}, where booleans are needed")
    return values


_CHECKS: dict[TensorType, Callable[[str, NDArray[Any]], NDArray[Any]]] = {
    "string": _checked_strings,
    "double": _checked_doubles,
    "int64": _checked_integers,
    "bool": _checked_booleans,
}
