"""Requests and answers of the Open Inference Protocol v2, in JSON and with its binary extension.

Belongs here: what is asked of a model and what it answers, for the server and for those who ask it.
Does not belong here: paths and status codes (``app.py``), input tensors (``request_tensors.py``),
one tensor's form (``json_tensors.py``, ``binary_tensors.py``), the short way for what nearly every
caller sends (``fast_json.py``). The protocol:
https://github.com/kserve/open-inference-protocol, version 2.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import orjson
from numpy.typing import NDArray

from mlops_assets.serving.binary_tensors import BinaryData, read_binary, write_binary
from mlops_assets.serving.inputs import Inputs
from mlops_assets.serving.json_tensors import (
    ProtocolError,
    datatype_of,
    from_tensor,
    parameters_of,
    tensor_datatype,
    tensor_name,
    tensor_shape,
    to_tensor,
)
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.message import Asked, WantedOutput, ids_of, read_json, request_id
from mlops_assets.serving.refusal import RefusalError
from mlops_assets.serving.request_tensors import RequestTensors

__all__ = [
    "Asked",
    "Inputs",
    "ProtocolError",
    "WantedOutput",
    "binary_request",
    "divided",
    "header_length_of",
    "read_answers",
    "read_columns",
    "read_infer",
    "request",
    "to_tensor",
    "write_infer",
]

HEADER_LENGTH = "Inference-Header-Content-Length"
"""The header field with the length of a message's JSON, in bytes, where binary data follows it."""
MOST_DIGITS = 12


def header_length_of(field: bytes | None) -> int | None:
    """What the header field ``HEADER_LENGTH`` says, ``None`` where it was not sent. Raises
    ``ProtocolError`` where it is no length."""
    if field is None:
        return None
    if not field.isdigit() or len(field) > MOST_DIGITS:
        raise ProtocolError(f"{HEADER_LENGTH} is no number of bytes")
    return int(field)


def read_infer(
    body: bytes, header_length: int | None, inputs: Inputs, limits: ServerLimits
) -> Asked:
    """What a request asks of the model that ``inputs`` describes.

    ``header_length`` is what ``header_length_of`` says. Memory is a small multiple of the body,
    whatever sizes it names. Raises ``RefusalError`` naming what is wrong, and of which tensor.
    """
    text, binary = divided(body, header_length)
    message = read_json(text)
    if not isinstance(message, dict):
        raise ProtocolError("the body is no JSON object")
    id_, outputs = request_id(message), _wanted(message, inputs)
    tensors = message.get("inputs")
    if type(tensors) is not list or not tensors:
        raise ProtocolError("'inputs' is no list of tensors")
    given = RequestTensors(inputs, limits, binary)
    given.read(tensors)
    return Asked(
        given.columns,
        given.rows,
        id_,
        ids_of(inputs.row_id, given.columns, given.beside),
        ids_of(inputs.entity_id, given.columns, given.beside),
        outputs,
    )


def write_infer(
    name: str, version: str, asked: Asked, answers: Mapping[str, NDArray[Any]]
) -> tuple[bytes, int | None]:
    """The body of the answer of release ``version`` of model ``name``, and the length of its JSON
    where binary data follows it.

    ``answers`` holds each wanted output. Raises ``RefusalError`` (internal) for a number that JSON
    has no form for; binary data says it as it is.
    """
    tensors, parts = [], []
    for wanted in asked.outputs:
        values = answers[wanted.name]
        if wanted.binary:
            parts.append(write_binary(values))
            tensors.append(_announced(wanted.name, values, parts[-1]))
        else:
            tensors.append(_answered(wanted.name, values))
    named = {} if asked.id is None else {"id": asked.id}
    message = {"model_name": name, "model_version": version, **named, "outputs": tensors}
    text = orjson.dumps(message)
    return (b"".join((text, *parts)), len(text)) if parts else (text, None)


def divided(body: bytes, header_length: int | None) -> tuple[bytes | memoryview, memoryview | None]:
    """The JSON of a body, and the binary data after it, if any. Raises ``ProtocolError`` where the
    body is shorter than its JSON."""
    if header_length is None:
        return body, None
    if not 0 <= header_length <= len(body):
        raise ProtocolError(f"{HEADER_LENGTH} is {header_length}, and the body {len(body)} bytes")
    view = memoryview(body)
    return view[:header_length], view[header_length:]


def request(columns: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The request that asks about ``columns``, ready to be written as JSON."""
    return {"inputs": [to_tensor(name, values) for name, values in columns.items()]}


def binary_request(columns: Mapping[str, NDArray[Any]]) -> tuple[bytes, int]:
    """The body that asks about ``columns`` in binary, and for all outputs so, and the length of its
    JSON."""
    parts = {name: write_binary(values) for name, values in columns.items()}
    message = {
        "inputs": [_announced(name, columns[name], data) for name, data in parts.items()],
        "parameters": {"binary_data_output": True},
    }
    text = orjson.dumps(message)
    return b"".join((text, *parts.values())), len(text)


def read_columns(message: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The columns of a request that is JSON alone, each as its tensor says. Raises
    ``ProtocolError`` naming what is wrong, and of which input."""
    inputs = message.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise ProtocolError("'inputs' is no list of tensors")
    return _by_name(inputs, "inputs", None)


def read_answers(
    message: Mapping[str, Any], binary: memoryview | None = None
) -> dict[str, NDArray[Any]]:
    """The outputs of a response by name, those in binary from what follows its JSON. Raises
    ``ProtocolError`` where it is none."""
    outputs = message.get("outputs")
    if not isinstance(outputs, list):
        raise ProtocolError("'outputs' is no list of tensors")
    return _by_name(outputs, "outputs", binary)


def _by_name(
    tensors: Sequence[Any], field: str, binary: memoryview | None
) -> dict[str, NDArray[Any]]:
    named: dict[str, NDArray[Any]] = {}
    rest = BinaryData(binary)
    for tensor in tensors:
        name = tensor_name(tensor, field)
        if name in named:
            raise ProtocolError(f"{name!r} is in {field!r} twice")
        data = rest.of(name, tensor)
        if data is None:
            named[name] = from_tensor(name, tensor)
        else:
            datatype, shape = tensor_datatype(name, tensor), tensor_shape(name, tensor)
            named[name] = read_binary(name, datatype, prod(shape), data).reshape(shape)
    rest.check_end()
    return named


def _wanted(message: Mapping[str, Any], inputs: Inputs) -> tuple[WantedOutput, ...]:
    parameters = parameters_of(message, "the request")
    binary = _is_true(parameters, "binary_data_output", "the request")
    outputs = message.get("outputs")
    if outputs is None or outputs == []:
        return tuple(WantedOutput(name, binary) for name in inputs.outputs)
    if type(outputs) is not list:
        raise ProtocolError("'outputs' is no list of outputs")
    wanted: dict[str, WantedOutput] = {}
    for output in outputs:
        name = tensor_name(output, "outputs")
        if name not in inputs.outputs:
            offered = [*inputs.outputs]
            raise ProtocolError(f"{name!r} is no output of the model, which are {offered}")
        if name in wanted:
            raise ProtocolError(f"{name!r} is in 'outputs' twice")
        asked = parameters_of(output, repr(name))
        for unspoken in ("classification", "shared_memory_region"):
            if unspoken in asked:
                raise ProtocolError(f"{name!r}: {unspoken!r} is not spoken here")
        wanted[name] = WantedOutput(name, _is_true(asked, "binary_data", repr(name), binary))
    return tuple(wanted.values())


def _is_true(parameters: Mapping[str, Any], field: str, of: str, otherwise: bool = False) -> bool:
    value = parameters.get(field, otherwise)
    if type(value) is not bool:
        raise ProtocolError(f"{of}: {field!r} is neither true nor false")
    return value


def _announced(name: str, values: NDArray[Any], data: bytes) -> dict[str, Any]:
    """The tensor whose data follows in binary."""
    return {
        "name": name,
        "datatype": datatype_of(name, values),
        "shape": [*values.shape],
        "parameters": {"binary_data_size": len(data)},
    }


def _answered(name: str, values: NDArray[Any]) -> dict[str, Any]:
    try:
        tensor = to_tensor(name, values)
    except ValueError:
        tensor = None
    if tensor is None or None in tensor["data"]:
        raise RefusalError("internal", f"the model's {name} is no number, which JSON cannot say")
    return tensor
