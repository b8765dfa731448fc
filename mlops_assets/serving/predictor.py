"""Raw columns in, answers out: an exported model and nothing else.

Belongs here: loading an ONNX model of any task and scoring in chunks. Does not belong here: what is
checked of the columns (``columns.py``), protocols and HTTP (``protocol.py``, ``app.py``), frames as
tensors (``export/tensors.py``); numpy and ONNX Runtime are all this module may need.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from mlops_assets.serving.columns import InputError, TensorType, checked_columns

__all__ = ["InputError", "Predictor", "open_session"]

CHUNK_ROWS = 2_048
"""Rows scored at a time: memory is bounded by a chunk, whatever is asked. More are slower: what
a layer hands to the next would leave the processor's cache."""
INPUT_TYPES: dict[str, TensorType] = {
    "tensor(string)": "string",
    "tensor(double)": "double",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
OUTPUT_TYPES: dict[str, type[Any]] = {
    "tensor(string)": np.object_,
    "tensor(int64)": np.int64,
    "tensor(float)": np.float32,
}
CLASS_OUTPUTS = ("label", "probabilities")
NUMBER_OUTPUTS = ("prediction", "interval")


class Predictor:
    """A loaded model, safe to be asked from several threads.

    ``threads`` chunks are scored at once, each on one thread with its operators in order. A row's
    answer depends on that row alone: not on the chunk it is in, nor on the number of threads.

    Raises ``ValueError`` where ``model`` (a path, or the bytes of a model) is no model of raw
    columns with the outputs ``label`` and ``probabilities``, or ``prediction`` and ``interval``.
    """

    def __init__(
        self, model: str | Path | bytes, threads: int = 1, chunk_rows: int = CHUNK_ROWS
    ) -> None:
        self._session = open_session(model if isinstance(model, bytes) else str(model))
        self._threads = threads
        self._chunk_rows = chunk_rows
        self._signature = _signature(self._session)
        self._no_rows = _no_rows(self._session)

    @property
    def signature(self) -> dict[str, TensorType]:
        """The tensor type of every input (string, double, int64 or bool) by column name."""
        return dict(self._signature)

    @property
    def outputs(self) -> tuple[str, ...]:
        """``label`` and ``probabilities`` of a classification, ``prediction`` and ``interval`` of a
        regression."""
        return tuple(self._no_rows)

    def predict(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Answers for ``n`` rows, given as one array a column, each ``[n]`` or ``[n, 1]``.

        Missing is the empty string or NaN; a timestamp is int64 microseconds since 1970. A number
        may come in any dtype that its tensor type holds. ``label`` is ``[n]``, int64 or an object
        array of ``str``; ``probabilities`` float32 ``[n, classes]``; ``prediction`` float32 ``[n]``
        and ``interval`` float32 ``[n, 2]``, its lower and upper bound.

        Raises ``InputError`` naming the column that is missing, unknown, of another length or
        dtype, or holds an impossible value.
        """
        return self.score(checked_columns(columns, self._signature))

    def score(self, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """As ``predict``, of columns that ``checked_columns`` made, or that are as it makes them:
        nothing is checked."""
        rows = len(next(iter(tensors.values())))
        starts = range(0, rows, self._chunk_rows)
        if self._threads == 1 or len(starts) < 2:
            return self._joined(self._run(tensors, start) for start in starts)
        with ThreadPoolExecutor(self._threads) as pool:
            return self._joined(pool.map(lambda start: self._run(tensors, start), starts))

    def _run(self, tensors: Mapping[str, NDArray[Any]], start: int) -> list[NDArray[Any]]:
        chunk = {name: tensor[start : start + self._chunk_rows] for name, tensor in tensors.items()}
        answers: list[NDArray[Any]] = self._session.run([*self._no_rows], chunk)
        return answers

    def _joined(self, chunks: Iterator[list[NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        answers = [*chunks] or [[*self._no_rows.values()]]
        joined = answers[0]
        if len(answers) > 1:
            joined = [np.concatenate(parts) for parts in zip(*answers, strict=True)]
        return dict(zip(self._no_rows, joined, strict=True))


def open_session(model: str | bytes) -> ort.InferenceSession:
    """A session on the CPU with one thread, which runs operators one after the other."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _signature(session: ort.InferenceSession) -> dict[str, TensorType]:
    inputs = session.get_inputs()
    unknown = [(tensor.name, tensor.type) for tensor in inputs if tensor.type not in INPUT_TYPES]
    if unknown or not inputs:
        raise ValueError(f"not a model of raw columns: inputs {unknown}")
    return {tensor.name: INPUT_TYPES[tensor.type] for tensor in inputs}


def _no_rows(session: ort.InferenceSession) -> dict[str, NDArray[Any]]:
    """What the model answers where it is asked about no row."""
    given = {output.name: output for output in session.get_outputs()}
    for names in (CLASS_OUTPUTS, NUMBER_OUTPUTS):
        if set(names) <= set(given):
            break
    else:
        raise ValueError(
            f"not a model of mlops-assets: its outputs are {[*given]}, neither "
            f"{[*CLASS_OUTPUTS]} nor {[*NUMBER_OUTPUTS]}"
        )
    unknown = [(name, given[name].type) for name in names if given[name].type not in OUTPUT_TYPES]
    if unknown or not all(isinstance(size, int) for n in names for size in given[n].shape[1:]):
        raise ValueError(
            f"not a model of mlops-assets: outputs {unknown or given} of no known form"
        )
    return {
        name: np.empty((0, *given[name].shape[1:]), OUTPUT_TYPES[given[name].type])
        for name in names
    }
