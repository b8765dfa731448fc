"""A model over HTTP: the Open Inference Protocol v2 as an ASGI application.

Belongs here: paths, status codes and the limit on a body. Does not belong here: what the messages
say (``protocol.py``), how an application is run (``server.py``), or how a model answers
(``predictor.py``).
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mlops_assets.serving.columns import InputError
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import BINARY, DTYPES, ProtocolError, read_request, to_tensor

Message = dict[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 16 * 2**20
INPUT_DATATYPES = {"string": "BYTES", "double": "FP64", "int64": "INT64", "bool": "BOOL"}
logger = logging.getLogger(__name__)


class HttpError(Exception):
    """An answer that is an error; its text is shown to who asked."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


@dataclass(frozen=True)
class Served:
    """A model under its name: its version is the release's hash."""

    predictor: Predictor
    name: str
    version: str
    signature: Mapping[str, Any]

    def infer(self, body: bytes) -> dict[str, Any]:
        """The response to a request. Raises ``HttpError`` with 400 where it cannot be answered."""
        try:
            asked = read_request(body)
            wanted = asked.outputs or self.predictor.outputs
            unknown = [name for name in wanted if name not in self.predictor.outputs]
            if unknown:
                offered = [*self.predictor.outputs]
                raise ProtocolError(
                    f"{unknown[0]!r} is no output of the model, which are {offered}"
                )
            answers = self.predictor.predict(asked.columns)
        except (ProtocolError, InputError) as problem:
            raise HttpError(400, str(problem)) from None
        response = {
            "model_name": self.name,
            "model_version": self.version,
            "outputs": [to_tensor(name, answers[name]) for name in dict.fromkeys(wanted)],
        }
        return response if asked.id is None else {**response, "id": asked.id}

    def metadata(self) -> dict[str, Any]:
        tensors = {
            side: [
                {field: tensor[field] for field in ("name", "datatype", "shape")}
                | {"parameters": {k: v for k, v in tensor.items() if k not in _TENSOR and v}}
                for tensor in self.signature[side]
            ]
            for side in ("inputs", "outputs")
        }
        return {"name": self.name, "versions": [self.version], "platform": "onnxruntime", **tensors}


_TENSOR = ("name", "datatype", "shape")


def make_app(
    predictor: Predictor,
    name: str,
    version: str,
    signature: Mapping[str, Any],
    max_body_bytes: int = MAX_BODY_BYTES,
) -> App:
    """The application that serves one model as ``/v2/models/NAME[/versions/VERSION]``.

    ``signature`` is the content of a release's ``signature.json``. Raises ``ValueError`` where the
    model's inputs and outputs are not what it says.
    """
    said = {tensor["name"]: tensor["datatype"] for tensor in signature["inputs"]}
    inputs = {column: INPUT_DATATYPES[kind] for column, kind in predictor.signature.items()}
    outputs = {tensor["name"]: tensor["datatype"] for tensor in signature["outputs"]}
    if (
        said != inputs
        or set(outputs) != set(predictor.outputs)
        or not {*outputs.values()} <= {*DTYPES}
    ):
        raise ValueError(
            f"the signature names {said} -> {outputs}, and the model has {inputs} -> "
            f"{[*predictor.outputs]}: they are not of one release"
        )
    served = Served(predictor, name, version, signature)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _answer(served, max_body_bytes, scope, receive, send)

    return app


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


async def _answer(
    served: Served, max_body_bytes: int, scope: Scope, receive: Receive, send: Send
) -> None:
    try:
        status, answer = 200, await _respond(served, max_body_bytes, scope, receive)
    except HttpError as problem:
        status, answer = problem.status, {"error": str(problem)}
    except ConnectionError:
        return
    except Exception as problem:
        # Its text may hold what was sent: the kind has to do.
        logger.error("a request ended with %s", type(problem).__name__)
        status, answer = 500, {"error": "the model could not answer"}
    body = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _respond(
    served: Served, max_body_bytes: int, scope: Scope, receive: Receive
) -> dict[str, Any]:
    action = _action(served, scope["path"])
    method = "POST" if action == "infer" else "GET"
    if scope["method"] != method and (scope["method"], method) != ("HEAD", "GET"):
        raise HttpError(405, f"use {method}")
    match action:
        case "server":
            return {"name": "mlops-assets", "version": _own_version(), "extensions": []}
        case "live":
            return {"live": True}
        case "ready":
            return {"ready": True}
        case "model ready":
            return {"name": served.name, "ready": True}
        case "metadata":
            return served.metadata()
    body = await _body(max_body_bytes, scope, receive)
    return await asyncio.to_thread(served.infer, body)


def _action(served: Served, path: str) -> str:
    match path.removesuffix("/").split("/")[1:]:
        case ["v2"]:
            return "server"
        case ["v2", "health", "live" | "ready" as state]:
            return state
        case ["v2", "models", name, "versions", asked, *rest]:
            if name == served.name and asked != served.version:
                raise HttpError(404, f"this version of {served.name} is not served here")
        case ["v2", "models", name, *rest]:
            pass
        case _:
            raise HttpError(404, "there is nothing at this path: see /v2")
    if name != served.name:
        raise HttpError(404, f"this model is not served here: {served.name} is")
    match rest:
        case []:
            return "metadata"
        case ["ready"]:
            return "model ready"
        case ["infer"]:
            return "infer"
    raise HttpError(404, "there is nothing at this path: see /v2")


async def _body(limit: int, scope: Scope, receive: Receive) -> bytes:
    """Raises ``HttpError`` for a body that is too long or not plain, ``ConnectionError`` where who
    asked has gone."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    too_long = HttpError(
        413, f"the body is longer than {limit} bytes: ask about fewer rows at once"
    )
    if b"inference-header-content-length" in headers:
        raise HttpError(400, BINARY)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise HttpError(415, "send the body as it is, without a content encoding")
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > limit:
        raise too_long
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionAbortedError
        body += event.get("body", b"")
        if len(body) > limit:
            raise too_long
        if not event.get("more_body", False):
            return bytes(body)


def _own_version() -> str:
    try:
        return version("mlops-assets")
    except PackageNotFoundError:
        return "unknown"
