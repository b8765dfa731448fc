"""The input tensors of one request, as the columns that a model takes.

Belongs here: which tensors a request may hold, their datatypes, and the rows they agree on. Does
not belong here: the rest of the request (``protocol.py``), or one tensor's form
(``json_tensors.py``, ``binary_tensors.py``). No message holds a value of the data.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from mlops_assets.serving.binary_tensors import BinaryData, read_binary
from mlops_assets.serving.column_values import checked_texts, column_of, text_column
from mlops_assets.serving.columns import InputError, TensorType, checked_column
from mlops_assets.serving.inputs import DATATYPES, Inputs
from mlops_assets.serving.json_tensors import (
    ProtocolError,
    from_values,
    tensor_datatype,
    tensor_name,
    tensor_shape,
    tensor_values,
)
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.refusal import RefusalError

INTEGERS = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
TAKEN: dict[TensorType, tuple[frozenset[str], str]] = {
    "string": (frozenset({"BYTES"}), "strings are needed"),
    "double": (INTEGERS | {"FP32", "FP64"}, "numbers are needed; missing is NaN"),
    "int64": (INTEGERS, "integers are needed"),
    "bool": (frozenset({"BOOL"}), "booleans are needed"),
}
"""The datatypes that each tensor type may be sent as, and how to say so."""
IDS_TAKEN = INTEGERS | {"BYTES"}


class RequestTensors:
    """Reads the tensors of a request: those of the model's inputs into ``columns``, and what names
    its rows into ``beside``."""

    def __init__(self, inputs: Inputs, limits: ServerLimits, binary: memoryview | None) -> None:
        self.columns: dict[str, NDArray[Any]] = {}
        self.beside: dict[str, list[str]] = {}
        self.rows = 0
        self._inputs, self._limits = inputs, limits
        self._binary = BinaryData(binary)

    def read(self, tensors: Sequence[Any]) -> None:
        """Read them all. Raises ``RefusalError`` naming the tensor at fault."""
        columns, beside = self._inputs.columns, self._inputs.id_columns
        first = ""
        for tensor in tensors:
            name = tensor_name(tensor, "inputs")
            if name in self.columns or name in self.beside:
                raise ProtocolError(f"{name!r} is in 'inputs' twice")
            if name not in columns and name not in beside:
                raise InputError(name, f"is no input of the model, which are {[*columns]}")
            rows = self._rows_of(name, tensor)
            first = first or name
            if name == first:
                self.rows = rows
            elif rows != self.rows:
                raise InputError(name, f"has {rows} rows, where {first!r} has {self.rows}")
            if name in columns:
                self.columns[name] = self._column(name, columns[name].kind, tensor)
            else:
                self.beside[name] = self._ids(name, tensor)
        self._binary.check_end()
        for name, column in columns.items():
            if name not in self.columns:
                raise InputError(
                    name, f"is missing, and the model needs it as {column.kind} [n, 1]"
                )

    def _rows_of(self, name: str, tensor: Mapping[str, Any]) -> int:
        shape = tensor_shape(name, tensor)
        if len(shape) == 2 and shape[1] != 1:
            raise InputError(name, f"has shape {shape}, where [n] or [n, 1] is needed")
        if shape[0] > self._limits.rows:
            raise RefusalError(
                "too_large",
                f"column {name!r}: has {shape[0]} rows, where a request may have "
                f"{self._limits.rows}",
            )
        return shape[0]

    def _column(self, name: str, kind: TensorType, tensor: Mapping[str, Any]) -> NDArray[Any]:
        datatype = tensor_datatype(name, tensor)
        taken, needed = TAKEN[kind]
        if datatype not in taken:
            raise InputError(name, f"is {datatype}, where {needed}")
        data = self._binary.of(name, tensor)
        if data is None:
            values = tensor_values(name, tensor, (self.rows,))
            if datatype == DATATYPES[kind]:
                return column_of(name, kind, values, self._limits.text_length)
            return checked_column(name, kind, from_values(name, datatype, values))
        array = read_binary(name, datatype, self.rows, data)
        if kind == "string":
            checked_texts(name, array.tolist(), self._limits.text_length)
            return array[:, None]
        # A copy is aligned, as ONNX Runtime wants it, and what is kept of it keeps no body.
        return checked_column(name, kind, array.copy())

    def _ids(self, name: str, tensor: Mapping[str, Any]) -> list[str]:
        datatype = tensor_datatype(name, tensor)
        if datatype not in IDS_TAKEN:
            raise InputError(name, f"is {datatype}, where strings or integers are needed")
        data = self._binary.of(name, tensor)
        if data is not None:
            values = read_binary(name, datatype, self.rows, data).tolist()
        else:
            values = tensor_values(name, tensor, (self.rows,))
            if datatype != "BYTES":
                values = from_values(name, datatype, values).tolist()
        if datatype != "BYTES":
            return [str(value) for value in values]
        texts: list[str] = text_column(name, values, self._limits.text_length)[:, 0].tolist()
        return texts
