"""The plain door: rows as JSON objects, and an answer that a person can read.

Belongs here: what ``POST /v1/predict`` takes and answers. Does not belong here: the Open Inference
Protocol (``protocol.py``), or what a column may hold (``column_values.py``).

A request is ``{"rows": [{"column": value, ...}, ...], "id": "..."}``, or the list of rows alone. A
value that is missing is ``null``; of a column that may be missing it may be left out. A timestamp
is ISO 8601 text without zone, or microseconds since 1970. No message holds a value of the data.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from numpy.typing import NDArray

from mlops_assets.serving.column_values import checked_texts, column_of
from mlops_assets.serving.columns import InputError
from mlops_assets.serving.inputs import InputColumn, Inputs
from mlops_assets.serving.json_tensors import ProtocolError, to_tensor
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.message import (
    Asked,
    WantedOutput,
    id_text,
    ids_of,
    read_json,
    request_id,
)
from mlops_assets.serving.refusal import RefusalError

FIELDS = frozenset({"rows", "id"})
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the columns' times have no zone
MICROSECOND = timedelta(microseconds=1)
LONGEST_NAME = 100
LONGEST_TIME = 40


def read_rows(body: bytes, inputs: Inputs, limits: ServerLimits) -> Asked:
    """What a request of the plain door asks of the model that ``inputs`` describes.

    Raises ``RefusalError`` naming the field and the first row that is wrong.
    """
    message = read_json(body)
    id_ = None
    if isinstance(message, dict):
        if not message.keys() <= FIELDS:
            raise ProtocolError("the body holds something else than 'rows' and 'id'")
        id_, message = request_id(message), message.get("rows")
    if not isinstance(message, list) or not message:
        raise ProtocolError('the body is neither {"rows": [{...}]} nor a list of rows')
    rows: list[Any] = message
    if len(rows) > limits.rows:
        raise RefusalError(
            "too_large", f"has {len(rows)} rows, where a request may have {limits.rows}"
        )
    _check_fields(rows, inputs)
    columns = {
        name: _column(name, column, rows, limits.text_length)
        for name, column in inputs.columns.items()
    }
    return Asked(
        columns,
        len(rows),
        id_,
        _ids(inputs.row_id, rows, columns, limits.text_length),
        _ids(inputs.entity_id, rows, columns, limits.text_length),
        tuple(WantedOutput(name, False) for name in inputs.outputs),
    )


def write_rows(
    release: str, asked: Asked, answers: Mapping[str, NDArray[Any]], inputs: Inputs
) -> bytes:
    """The answer of a release: for each row its label and the probability of each class, or its
    prediction and interval, with the row's own id where that was sent.

    Raises ``RefusalError`` (internal) where the model answered something that is no number.
    """
    listed = {name: _listed(name, answers[name]) for name in inputs.outputs}
    predictions: list[dict[str, Any]]
    if "probabilities" in listed:
        classes = inputs.classes
        predictions = [
            {"label": label, "probabilities": dict(zip(classes, chances, strict=True))}
            for label, chances in zip(listed["label"], listed["probabilities"], strict=True)
        ]
    else:
        predictions = [
            {"prediction": number, "interval": interval}
            for number, interval in zip(listed["prediction"], listed["interval"], strict=True)
        ]
    if asked.row_ids is not None:
        for prediction, row_id in zip(predictions, asked.row_ids, strict=True):
            prediction["row_id"] = row_id
    answer: dict[str, Any] = {"release": release, "predictions": predictions}
    if asked.id is not None:
        answer["id"] = asked.id
    return orjson.dumps(answer)


def write_row(
    release: str, id_: str | None, row_id: str | None, outputs: bytes, inputs: Inputs
) -> bytes:
    """As ``write_rows``, of one row whose answer was written as the protocol's ``outputs``."""
    tensors = orjson.loads(b"{%b}" % outputs)["outputs"]
    listed = {tensor["name"]: tensor["data"] for tensor in tensors}
    prediction: dict[str, Any]
    if "probabilities" in listed:
        chances = dict(zip(inputs.classes, listed["probabilities"], strict=True))
        prediction = {"label": listed["label"][0], "probabilities": chances}
    else:
        prediction = {"prediction": listed["prediction"][0], "interval": listed["interval"]}
    if row_id is not None:
        prediction["row_id"] = row_id
    answer: dict[str, Any] = {"release": release, "predictions": [prediction]}
    if id_ is not None:
        answer["id"] = id_
    return orjson.dumps(answer)


def _listed(name: str, values: NDArray[Any]) -> list[Any]:
    try:
        flat: list[Any] = to_tensor(name, values)["data"]
    except ValueError:
        raise RefusalError("internal", f"the model's {name} is no number") from None
    if values.ndim == 1:
        return flat
    width = values.shape[1]
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def _check_fields(rows: Sequence[Any], inputs: Inputs) -> None:
    known = inputs.columns.keys() | inputs.id_columns
    for number, row in enumerate(rows):
        if type(row) is not dict:
            raise ProtocolError(f"row {number} is no object of columns")
        if not row.keys() <= known:
            name = next(name for name in row if name not in known)
            shown = name[:LONGEST_NAME]
            raise InputError(
                shown, f"row {number}: is no input of the model, which are {[*inputs.columns]}"
            )


def _column(
    name: str, column: InputColumn, rows: Sequence[dict[str, Any]], text_length: int
) -> NDArray[Any]:
    values = [row.get(name) for row in rows]
    if None in values and not (column.nullable and column.has_missing):
        for number, row in enumerate(rows):
            if name not in row:
                raise InputError(name, f"row {number}: is left out, and never missing")
    if column.declared == "timestamp":
        values = [
            _microseconds(name, number, value) if type(value) is str else value
            for number, value in enumerate(values)
        ]
    if column.kind == "int64":
        # JSON Schema, and who has missing integers elsewhere, calls 3.0 an integer.
        values = [int(v) if type(v) is float and v.is_integer() else v for v in values]
    elif column.declared == "boolean" and column.kind == "double":
        values = _numbered(name, values)
    return column_of(name, column.kind, values, text_length)


def _numbered(name: str, values: list[Any]) -> list[Any]:
    """True as 1 and false as 0, for a boolean column that may be missing, and so is of numbers."""
    for number, value in enumerate(values):
        if not (value is None or type(value) is bool or value in (0, 1)):
            raise InputError(name, f"row {number} is neither true, false nor null")
    return [None if value is None else float(value) for value in values]


def _microseconds(name: str, number: int, text: str) -> int:
    moment = None
    if len(text) <= LONGEST_TIME:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
    if moment is None or moment.tzinfo is not None:
        raise InputError(
            name, f"row {number} is no time as 2026-01-31T13:45:00, without zone, in the calendar"
        )
    return (moment - EPOCH) // MICROSECOND


def _ids(
    name: str | None,
    rows: Sequence[dict[str, Any]],
    columns: Mapping[str, NDArray[Any]],
    text_length: int,
) -> list[str] | None:
    """The text of each row's id, ``None`` where no row has one; a row without is named by the empty
    text."""
    if name is None or name in columns or not any(name in row for row in rows):
        return ids_of(name, columns, {})
    ids = []
    for number, row in enumerate(rows):
        value = row.get(name)
        whole = type(value) is float and value.is_integer()
        if not (value is None or whole or type(value) in (str, int)):
            raise InputError(name, f"row {number} is neither a string nor an integer")
        ids.append("" if value is None else id_text(value))
    checked_texts(name, ids, text_length)
    return ids
