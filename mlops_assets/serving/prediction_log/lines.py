"""One line of the journal: rows of one release as JSON, a list for each column.

Belongs here: writing a line and reading it again, to the bit. Does not belong here: files of lines
(``segment.py``), or what a column may hold (``plan.py``).

A column is written as a list of its values, or as one value where all rows have the same. A float
that is missing is null; what is infinite is null as well, and named in ``infinite``. Lists, and not
an object for each row, for the names of the columns are half of such an object, and its making
would cost the server's interpreter three times as much.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from mlops_assets.serving.envelope import PreparedEnvelope
from mlops_assets.serving.prediction_log.pieces import Piece
from mlops_assets.serving.prediction_log.plan import LoggedColumn, LogPlan
from mlops_assets.serving.prediction_log.protection import (
    generalise_numbers,
    protect_row_id,
    protect_texts,
)

BASE_COLUMNS: dict[str, str] = {
    "time": "timestamp",
    "request_id": "string",
    "row": "int32",
    "row_id": "string",
    "release": "string",
    "variant": "string",
    "answered": "bool",
    "experiment": "string",
    "latency_ms": "float64",
    "instance": "string",
    "sequence": "int64",
    "outside_envelope": "bool",
}
OF_THE_SEGMENT = ("release", "instance")
"""Columns that are the same in a whole segment, and so in its header."""
DTYPES: dict[str, Any] = {
    "float64": np.float64,
    "float32": np.float64,
    "list<float32>": np.float64,
    "int64": np.int64,
    "bool": np.bool_,
}
"""As written: a float32 as the double that it is, for its shortest decimal is not always read back
to the same bits."""
MICROSECONDS = 1_000_000


class Line(NamedTuple):
    """``outside`` counts the rows outside the envelope."""

    content: bytes
    rows: int
    outside: int


def column_kinds(plan: LogPlan) -> list[tuple[str, str]]:
    """The columns of a release's answers and their kinds, in order."""
    inputs = [(f"input.{column.name}", column.kind) for column in plan.inputs]
    outputs = [(f"output.{column.name}", column.kind) for column in plan.outputs]
    return [*BASE_COLUMNS.items(), *inputs, *outputs]


def write_line(pieces: Sequence[Piece], plan: LogPlan) -> Line:
    """The line that holds ``pieces``, all of the plan's release. Raises ``ValueError``,
    ``KeyError`` or ``TypeError`` where they are not what the plan says."""
    rows = sum(piece.rows for piece in pieces)
    inputs = _inputs(pieces, plan, rows)
    envelope = plan.prepared_envelope
    outside = None if envelope is None else _outside(envelope, inputs, rows)
    content: dict[str, Any] = {
        "rows": rows,
        **_of_requests(pieces, plan),
        **_of_batches(pieces),
        "outside_envelope": outside,
    }
    outputs = [piece.outputs for piece in pieces]
    infinite: dict[str, Any] = {}
    for column in plan.inputs:
        values = _writable(inputs[column.name], column, plan.key)
        _put(f"input.{column.name}", values, content, infinite)
    for column in plan.outputs:
        joined = _joined(column.name, outputs, rows, column.kind == "list<float32>")
        _put(f"output.{column.name}", _writable(joined, column, None), content, infinite)
    if infinite:
        content["infinite"] = infinite
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    written = orjson.dumps(content, option=options)
    return Line(written, rows, 0 if outside is None else int(outside.sum()))


def read_line(content: bytes, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The columns of a line: floats as float64 ``[n]`` or ``[n, k]``, others as lists with ``None``
    for what is not there. Raises ``ValueError`` where the content is no whole line."""
    read = orjson.loads(content)
    if not isinstance(read, dict) or type(read.get("rows")) is not int:
        raise ValueError("not a line of a journal")
    rows, infinite = read["rows"], read.get("infinite", {})
    columns: dict[str, Any] = {}
    for name, kind in kinds.items():
        if name in OF_THE_SEGMENT:
            continue
        values = read.get(name, ...)
        columns[name] = values = values if isinstance(values, list) else [values] * rows
        if len(values) != rows or ... in values[:1]:
            raise ValueError(f"{name!r} has not the rows of its line")
        if kind in ("float64", "float32", "list<float32>"):
            columns[name] = _floats(values, infinite.get(name))
    return columns


def _floats(values: list[Any], infinite: list[list[int]] | None) -> NDArray[np.float64]:
    floats = np.array(values, np.float64)
    for places, sign in zip(infinite or (), (np.inf, -np.inf), strict=False):
        floats.reshape(-1)[places] = sign
    return floats


def _of_requests(pieces: Sequence[Piece], plan: LogPlan) -> dict[str, Any]:
    times: list[int] = []
    ids: list[str] = []
    positions: list[int] = []
    latencies: list[float] = []
    row_ids: list[str | None] = []
    sequences: list[int] = []
    named = False
    for piece in pieces:
        sequences.extend(range(piece.sequence, piece.sequence + piece.rows))
        for (request_id, _, sent, received, latency), first, rows in piece.spans:
            times += [round(received * MICROSECONDS)] * rows
            ids += [request_id] * rows
            positions += range(first, first + rows)
            latencies += [latency * 1e3] * rows
            if sent is None or plan.row_id is None:
                row_ids += [None] * rows
            else:
                named = True
                row_ids += sent[first : first + rows]
    return {
        "time": times,
        "request_id": ids,
        "row": positions,
        "row_id": _row_ids(row_ids, plan) if named else None,
        "latency_ms": latencies,
        "sequence": sequences,
    }


def _of_batches(pieces: Sequence[Piece]) -> dict[str, Any]:
    first = pieces[0].batch
    same = (first.variant, first.answered, first.experiment)
    if all((p.batch.variant, p.batch.answered, p.batch.experiment) == same for p in pieces):
        return dict(zip(("variant", "answered", "experiment"), same, strict=True))
    return {
        "variant": [piece.batch.variant for piece in pieces for _ in range(piece.rows)],
        "answered": [piece.batch.answered for piece in pieces for _ in range(piece.rows)],
        "experiment": [piece.batch.experiment for piece in pieces for _ in range(piece.rows)],
    }


def _row_ids(sent: list[str | None], plan: LogPlan) -> list[str | None]:
    column = plan.row_id
    how = None if column is None else column.protection
    if column is None or how is None or how == "drop":
        return sent if how is None else [None] * len(sent)
    return [
        None if text is None else protect_row_id(text, how, column.declared, plan.key)
        for text in sent
    ]


def _put(name: str, values: Any, content: dict[str, Any], infinite: dict[str, Any]) -> None:
    content[name] = values
    if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
        infinite[name] = [np.flatnonzero(values == sign) for sign in (np.inf, -np.inf)]


def _inputs(pieces: Sequence[Piece], plan: LogPlan, rows: int) -> dict[str, NDArray[Any]]:
    """What is logged, and what the envelope looks at."""
    names = [column.name for column in plan.inputs]
    if plan.prepared_envelope is not None:
        names += plan.prepared_envelope.names
    columns = [piece.columns for piece in pieces]
    return {name: _joined(name, columns, rows, False) for name in dict.fromkeys(names)}


def _joined(
    name: str, parts: Sequence[Mapping[str, NDArray[Any]]], rows: int, wide: bool
) -> NDArray[Any]:
    values = parts[0][name] if len(parts) == 1 else np.concatenate([part[name] for part in parts])
    values = values.reshape(len(values), -1) if wide else values.reshape(-1)
    if len(values) != rows:
        raise ValueError(f"{name!r} has not one value for each row")
    return values


def _writable(values: NDArray[Any], column: LoggedColumn, key: bytes | None) -> Any:
    how = column.protection
    if column.kind == "string":
        texts: list[str] = values.tolist()
        return protect_texts(texts, how, key) if how in ("pseudonymise", "generalise") else texts
    if how == "generalise":
        values = generalise_numbers(values, column.declared)
    return np.ascontiguousarray(values, DTYPES[column.kind])


def _outside(
    envelope: PreparedEnvelope, inputs: Mapping[str, NDArray[Any]], rows: int
) -> NDArray[np.bool_]:
    if not envelope.names:
        return np.zeros(rows, np.bool_)
    return np.ascontiguousarray(envelope.outside(inputs))
