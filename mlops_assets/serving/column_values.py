"""Columns made of values that were JSON, checked on the way.

Belongs here: a list of Python values to the array a model takes, and the error that names column
and row. Does not belong here: arrays that are there already (``columns.py``), or where the values
were found (``protocol.py``, ``row_objects.py``). No message holds a value of the data.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.serving.columns import LARGEST_FLOAT32, InputError, TensorType

NAN = float("nan")
SMALLEST_INT64, LARGEST_INT64 = -(2**63), 2**63 - 1
Types = set[type[Any]]
STRING_TYPES: Types = {str}
STRING_OR_NULL: Types = {str, type(None)}
FLOAT_TYPES: Types = {float}
NUMBER_TYPES: Types = {float, int, type(None)}
INTEGER_TYPES: Types = {int}
BOOLEAN_TYPES: Types = {bool}
DOUBLE, INT64, OBJECT, BOOL = (np.dtype(kind) for kind in ("f8", "i8", "O", "?"))


def column_of(name: str, kind: TensorType, values: list[Any], text_length: int) -> NDArray[Any]:
    """The values of a column as the ``[n, 1]`` array of its tensor; ``None`` is missing, where the
    type has a form for that: the empty string, or NaN.

    Raises ``InputError`` naming the column and the first row whose value is of another type, out of
    range, no Unicode text, or longer than ``text_length`` characters.
    """
    return _COLUMNS[kind](name, values, text_length)


def text_column(name: str, values: list[Any], text_length: int) -> NDArray[Any]:
    found = set(map(type, values))
    if not found <= STRING_TYPES:
        if not found <= STRING_OR_NULL:
            _refuse(name, values, STRING_OR_NULL, "a string is needed, or null for missing")
        values = ["" if text is None else text for text in values]
    checked_texts(name, values, text_length)
    return _array(values, OBJECT)


def checked_texts(name: str, texts: Sequence[str], text_length: int) -> None:
    """Raises ``InputError`` for a text that is too long, or that no UTF-8 can write."""
    if max(map(len, texts), default=0) > text_length:
        row = next(row for row, text in enumerate(texts) if len(text) > text_length)
        raise InputError(name, f"row {row} has more than {text_length} characters")
    for row, text in enumerate(texts):
        if not text.isascii() and not _is_utf8(text):
            raise InputError(name, f"row {row} holds half a surrogate pair, which is no text")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _doubles(name: str, values: list[Any], _: int) -> NDArray[Any]:
    found = set(map(type, values))
    if not found <= FLOAT_TYPES:
        if not found <= NUMBER_TYPES:
            _refuse(name, values, NUMBER_TYPES, "a number is needed, or null for missing")
        values = [NAN if value is None else value for value in values]
    for row, value in enumerate(values):
        # NaN, being missing, is larger than nothing.
        if value > LARGEST_FLOAT32 or value < -LARGEST_FLOAT32:
            raise InputError(name, f"row {row} is a number beyond {LARGEST_FLOAT32:.4g}")
    return _array(values, DOUBLE)


def _integers(name: str, values: list[Any], _: int) -> NDArray[Any]:
    if not set(map(type, values)) <= INTEGER_TYPES:
        _refuse(name, values, INTEGER_TYPES, "an integer is needed")
    try:
        return _array(values, INT64)
    except OverflowError:
        row = next(row for row, v in enumerate(values) if not SMALLEST_INT64 <= v <= LARGEST_INT64)
        raise InputError(name, f"row {row} is an integer beyond the range of int64") from None


def _booleans(name: str, values: list[Any], _: int) -> NDArray[Any]:
    if not set(map(type, values)) <= BOOLEAN_TYPES:
        _refuse(name, values, BOOLEAN_TYPES, "true or false is needed")
    return _array(values, BOOL)


def _array(values: list[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.empty((len(values), 1), dtype)
    array[:, 0] = values
    return array


def _refuse(name: str, values: list[Any], allowed: Types, needed: str) -> None:
    row = next(row for row, value in enumerate(values) if type(value) not in allowed)
    raise InputError(name, f"row {row} is {_json_name(values[row])}, where {needed}")


def _json_name(value: Any) -> str:
    """What JSON calls the value's type."""
    return _JSON_NAMES.get(type(value), "of another type")


_JSON_NAMES = {
    type(None): "null",
    bool: "true or false",
    int: "an integer",
    float: "a number with a point",
    str: "a string",
    list: "a list",
    dict: "an object",
}
_COLUMNS: dict[TensorType, Callable[[str, list[Any], int], NDArray[Any]]] = {
    "string": text_column,
    "double": _doubles,
    "int64": _integers,
    "bool": _booleans,
}
