"""Raw columns in, label and probabilities out: an exported model and nothing else.

Belongs here: loading an ONNX model, checking what is asked of it, and scoring in chunks. Does not
belong here: protocols and HTTP (``app.py``), frames as tensors (``export/tensors.py``); numpy and
ONNX Runtime are all this module may need.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

CHUNK_ROWS = 65_536
"""Rows scored at a time: memory is bounded by a chunk, whatever is asked."""
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
TENSOR_TYPES = {
    "tensor(string)": "string",
    "tensor(double)": "double",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
OUTPUTS = ["label", "probabilities"]


class InputError(ValueError):
    """Columns a model cannot be asked about; ``field`` is the column at fault."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"column {field!r}: {problem}")
        self.field = field


@dataclass(frozen=True)
class Prediction:
    """``label`` is int64 ``[n]``, 0 or 1; ``probabilities`` is float32 ``[n, 2]``: negative,
    positive class."""

    label: NDArray[np.int64]
    probabilities: NDArray[np.float32]


class Predictor:
    """A loaded model, safe to be asked from several threads.

    ``threads`` chunks are scored at once, each on one thread with its operators in order. A row's
    answer depends on that row alone: not on the chunk it is in, nor on the number of threads.

    Raises ``ValueError`` where ``model`` (a path, or the bytes of a model) is no model of raw
    columns with the outputs ``label`` and ``probabilities``.
    """

    def __init__(
        self, model: str | Path | bytes, threads: int = 1, chunk_rows: int = CHUNK_ROWS
    ) -> None:
        self._session = open_session(model if isinstance(model, bytes) else str(model))
        self._threads = threads
        self._chunk_rows = chunk_rows
        self._signature = _signature(self._session)

    @property
    def signature(self) -> dict[str, str]:
        """The tensor type of every input (string, double, int64 or bool) by column name."""
        return dict(self._signature)

    def predict(self, columns: Mapping[str, NDArray[Any]]) -> Prediction:
        """Answers for ``n`` rows, given as one array a column, each ``[n]`` or ``[n, 1]``.

        Missing is the empty string or NaN; a timestamp is int64 microseconds since 1970. A number
        may come in any dtype that its tensor type holds. Raises ``InputError`` naming the column
        that is missing, unknown, of another length or dtype, or holds an impossible value.
        """
        tensors = self._checked(columns)
        rows = len(next(iter(tensors.values())))
        starts = range(0, rows, self._chunk_rows)
        if self._threads == 1 or len(starts) < 2:
            return _joined(self._run(tensors, start) for start in starts)
        with ThreadPoolExecutor(self._threads) as pool:
            return _joined(pool.map(lambda start: self._run(tensors, start), starts))

    def _run(self, tensors: Mapping[str, NDArray[Any]], start: int) -> list[NDArray[Any]]:
        chunk = {name: tensor[start : start + self._chunk_rows] for name, tensor in tensors.items()}
        answers: list[NDArray[Any]] = self._session.run(OUTPUTS, chunk)
        return answers

    def _checked(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        for name in columns:
            if name not in self._signature:
                raise InputError(name, f"is no input of the model, which are {[*self._signature]}")
        tensors: dict[str, NDArray[Any]] = {}
        for name, kind in self._signature.items():
            if name not in columns:
                raise InputError(name, f"is missing, and the model needs it as {kind} [n, 1]")
            tensors[name] = _CHECKS[kind](name, _as_column(name, columns[name]))
        first = next(iter(tensors))
        for name, tensor in tensors.items():
            if len(tensor) != len(tensors[first]):
                raise InputError(
                    name, f"has {len(tensor)} rows, where {first!r} has {len(tensors[first])}"
                )
        return tensors


def open_session(model: str | bytes) -> ort.InferenceSession:
    """A session on the CPU with one thread, which runs operators one after the other."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _signature(session: ort.InferenceSession) -> dict[str, str]:
    outputs = [output.name for output in session.get_outputs()]
    if not set(OUTPUTS) <= set(outputs):
        raise ValueError(f"not a model of mlops-assets: its outputs are {outputs}, not {OUTPUTS}")
    inputs = session.get_inputs()
    unknown = [(tensor.name, tensor.type) for tensor in inputs if tensor.type not in TENSOR_TYPES]
    if unknown or not inputs:
        raise ValueError(f"not a model of raw columns: inputs {unknown}")
    return {tensor.name: TENSOR_TYPES[tensor.type] for tensor in inputs}


def _joined(chunks: Iterator[list[NDArray[Any]]]) -> Prediction:
    answers = [*chunks] or [[np.empty(0, np.int64), np.empty((0, 2), np.float32)]]
    if len(answers) == 1:
        return Prediction(*answers[0])
    return Prediction(*(np.concatenate(parts) for parts in zip(*answers, strict=True)))


def _as_column(name: str, values: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2 or array.shape[1] != 1:
        raise InputError(name, f"has shape {list(array.shape)}, where [n] or [n, 1] is needed")
    return array


def _checked_strings(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "UT":
        return values.astype(object)
    if values.dtype.kind != "O":
        raise InputError(name, f"is {values.dtype}, where strings are needed")
    # ONNX Runtime would turn None into the text "None".
    for row, value in enumerate(values[:, 0]):
        if not isinstance(value, str):
            problem = f"row {row} holds {value!r}, where a string is needed; missing is ''"
            raise InputError(name, problem)
    return values


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


_CHECKS = {
    "string": _checked_strings,
    "double": _checked_doubles,
    "int64": _checked_integers,
    "bool": _checked_booleans,
}
