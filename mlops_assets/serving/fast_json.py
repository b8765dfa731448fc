"""The common request, one row as JSON, read and answered without an array.

Belongs here: a short way for what nearly every caller sends. Does not belong here: what a request
may be (``protocol.py``): whatever is not read here, valid or not, is read there, so that this
module refuses nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from mlops_assets.serving.columns import LARGEST_FLOAT32, TensorType
from mlops_assets.serving.inputs import DATATYPES, Inputs

ONE_ROW = ([1, 1], [1])
PLAIN = frozenset({"inputs", "id"})
OBJECTS = frozenset({"rows", "id"})
FLAGS = (None, 0, 1)
"""What a boolean that may be missing may be, where it is a number."""
SMALLEST_INT64, LARGEST_INT64 = -(2**63), 2**63 - 1
NAN = float("nan")
LONGEST_ID = 256
ID_FORMS = (("BYTES", str), ("INT64", int))


class Row(NamedTuple):
    """One row's values by the kind of their tensors, each in the order of the model's inputs."""

    doubles: list[float]
    integers: list[int]
    texts: list[str]
    booleans: list[bool]


class FastRequest(NamedTuple):
    """What was asked: the row, the sender's name for the request, the ids of the row and of the
    entity it is about, where they were sent."""

    row: Row
    id: str | None
    row_id: str | None
    entity_id: str | None


class FastJson:
    """Reads and answers one-row requests to a model with ``inputs``; texts of more than
    ``text_length`` characters are left to others."""

    def __init__(self, inputs: Inputs, text_length: int) -> None:
        types = inputs.types
        self._names = {
            kind: [name for name, of in types.items() if of == kind] for kind in DATATYPES
        }
        self._expected = {name: DATATYPES[kind] for name, kind in types.items()}
        self._ids = {name for name in inputs.id_columns if name not in types}
        self._row_id, self._entity_id = inputs.row_id, inputs.entity_id
        self._outputs = {name: datatype for name, (datatype, _) in inputs.outputs.items()}
        self._flags = [
            name
            for name, column in inputs.columns.items()
            if column.declared == "boolean" and column.kind == "double"
        ]
        self._text_length = text_length

    def read(self, body: bytes) -> FastRequest | None:
        """The request, ``None`` where it is not a valid one of one row in its plainest form."""
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if type(message) is not dict or not message.keys() <= PLAIN:
            return None
        id_, tensors = message.get("id"), message.get("inputs")
        if type(tensors) is not list or not _is_id(id_):
            return None
        found = self._values(tensors)
        return None if found is None else self._request(found, id_)

    def read_object(self, body: bytes) -> FastRequest | None:
        """As ``read``, of a row that is sent as an object (``row_objects.py``)."""
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        id_ = None
        if type(message) is dict and message.keys() <= OBJECTS:
            id_, message = message.get("id"), message.get("rows")
        if type(message) is not list or len(message) != 1 or not _is_id(id_):
            return None
        found = message[0]
        if type(found) is not dict or any(found.get(name) not in FLAGS for name in self._flags):
            return None
        if not all(type(found[name]) in (str, int) for name in self._ids if name in found):
            return None
        return self._request(found, id_)

    def _request(self, found: dict[str, Any], id_: str | None) -> FastRequest | None:
        sent = found.keys() & self._ids
        if found.keys() != self._expected.keys() | sent:
            return None
        if any(type(found[name]) is str and len(found[name]) > self._text_length for name in sent):
            return None
        row = self._row(found)
        return None if row is None else FastRequest(row, id_, *self._ids_of(found))

    def _values(self, tensors: list[Any]) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        expected, ids = self._expected, self._ids
        for tensor in tensors:
            try:
                name, datatype, (value,) = tensor["name"], tensor["datatype"], tensor["data"]
                shape = tensor["shape"]
            except (TypeError, KeyError, ValueError):
                return None
            if type(name) is not str or len(tensor) != 4 or not _is_one_row(shape):
                return None
            if expected.get(name) != datatype and not (
                name in ids and (datatype, type(value)) in ID_FORMS
            ):
                return None
            found[name] = value
        return found if len(found) == len(tensors) else None

    def _row(self, found: dict[str, Any]) -> Row | None:
        doubles: list[float] = []
        for name in self._names["double"]:
            value = found[name]
            if value is None:
                value = NAN
            elif type(value) not in (float, int) or not (
                -LARGEST_FLOAT32 <= value <= LARGEST_FLOAT32
            ):
                return None
            doubles.append(value)
        integers = [found[name] for name in self._names["int64"]]
        for value in integers:
            if type(value) is not int or not SMALLEST_INT64 <= value <= LARGEST_INT64:
                return None
        given = [found[name] for name in self._names["string"]]
        texts = ["" if value is None else value for value in given]
        for value in texts:
            if type(value) is not str or len(value) > self._text_length:
                return None
        booleans = [found[name] for name in self._names["bool"]]
        if not all(type(value) is bool for value in booleans):
            return None
        return Row(doubles, integers, texts, booleans)

    def _ids_of(self, found: dict[str, Any]) -> tuple[str | None, str | None]:
        row_id = found.get(self._row_id) if self._row_id else None
        entity_id = found.get(self._entity_id) if self._entity_id else None
        return (
            None if row_id is None else str(row_id),
            None if entity_id is None else str(entity_id),
        )

    def columns(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        """The model's inputs, ``[n, 1]`` each. One array a kind is made, and cut into columns."""
        columns: dict[str, NDArray[Any]] = {}
        kinds: tuple[tuple[TensorType, int, type[Any]], ...] = (
            ("double", 0, np.float64),
            ("int64", 1, np.int64),
            ("string", 2, np.object_),
            ("bool", 3, np.bool_),
        )
        for kind, position, dtype in kinds:
            names = self._names[kind]
            if names:
                values = np.array([row[position] for row in rows], dtype)
                by_column = np.ascontiguousarray(values.T)
                for name, column in zip(names, by_column, strict=True):
                    columns[name] = column[:, None]
        return {name: columns[name] for name in self._expected}

    def write(self, outputs: Mapping[str, NDArray[Any]]) -> list[bytes | None]:
        """For each row, the ``"outputs": [...]`` of its answer; ``None`` where that holds something
        that is no number, for which JSON has no form."""
        parts = []
        for name, datatype in self._outputs.items():
            values = outputs[name]
            shape = b"[1]" if values.ndim == 1 else b"[1,%d]" % values.shape[1]
            head = b'{"name":%b,"datatype":"%b","shape":%b,"data":[' % (
                orjson.dumps(name),
                datatype.encode(),
                shape,
            )
            parts.append([head + row + b"]}" for row in _row_texts(values)])
        written = [b'"outputs":[' + b",".join(row) + b"]" for row in zip(*parts, strict=True)]
        unsayable = np.zeros(len(written), np.bool_)
        for values in outputs.values():
            if values.dtype.kind == "f":
                unsayable |= ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not unsayable.any():
            return [*written]
        return [None if no else text for text, no in zip(written, unsayable, strict=True)]


def _is_id(id_: Any) -> bool:
    return id_ is None or (type(id_) is str and 0 < len(id_) <= LONGEST_ID)


def _is_one_row(shape: Any) -> bool:
    # To Python, true and 1.0 are equal to 1.
    return shape in ONE_ROW and type(shape[0]) is int and type(shape[-1]) is int


def _row_texts(values: NDArray[Any]) -> list[bytes]:
    """Each row's values in JSON, floats with the fewest digits that give the same bits again."""
    if values.dtype.kind == "O":
        return [orjson.dumps(value) for value in values.tolist()]
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].split(b",") if values.ndim == 1 else text[2:-2].split(b"],[")
