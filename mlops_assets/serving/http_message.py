"""A request's header and body, and an answer, as ASGI carries them.

Belongs here: reading the few header fields that matter, a body within its limit, and sending an
answer. Does not belong here: paths (``app.py``), or what a body says (``protocol.py``).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from mlops_assets.serving.compression import accepts_gzip, compressed, decompressed
from mlops_assets.serving.refusal import RefusalError

Message = dict[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
JSON = b"application/json"
OCTETS = b"application/octet-stream"


class Header(NamedTuple):
    """The fields of a request's header that decide anything."""

    host: bytes
    origin: bytes | None
    authorization: bytes | None
    accept_encoding: bytes
    content_encoding: bytes
    inference_header_length: bytes | None


class Answer(NamedTuple):
    """What is sent: ``fields`` are added to the header."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    fields: tuple[tuple[bytes, bytes], ...] = ()


def read_header(scope: Scope) -> Header:
    """Names come in lower case; of a field that is there twice, the last one counts."""
    authorization = length = origin = None
    accept = encoding = host = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"origin":
            origin = value
        elif name == b"authorization":
            authorization = value
        elif name == b"accept-encoding":
            accept = value
        elif name == b"content-encoding":
            encoding = value
        elif name == b"inference-header-content-length":
            length = value
    return Header(host, origin, authorization, accept, encoding, length)


async def read_body(limit: int, receive: Receive) -> bytes:
    """The body as it was sent. Raises ``RefusalError`` for one above ``limit`` bytes, and
    ``ConnectionError`` where who asked has gone."""
    event = await receive()
    if event["type"] == "http.request" and not event.get("more_body", False):
        body: bytes = event.get("body", b"")
        if len(body) <= limit:
            return body
    collected = bytearray()
    while True:
        if event["type"] == "http.disconnect":
            raise ConnectionAbortedError
        collected += event.get("body", b"")
        if len(collected) > limit:
            raise RefusalError(
                "too_large", f"the body is longer than {limit} bytes: ask about fewer rows at once"
            )
        if not event.get("more_body", False):
            return bytes(collected)
        event = await receive()


def decoded(body: bytes, header: Header, limit: int) -> bytes:
    """The body without its content encoding. Raises ``RefusalError`` as ``compression`` does."""
    if not header.content_encoding:
        return body
    return decompressed(body, header.content_encoding.decode("latin-1"), limit)


async def send_answer(
    answer: Answer, header: Header, send: Send, *, with_body: bool = True
) -> None:
    """Send an answer, compressed where who asked takes that and it is worth it; without its
    body to a HEAD request."""
    content, fields = answer.body, answer.fields
    if accepts_gzip(header.accept_encoding.decode("latin-1"), len(content)):
        content = compressed(content)
        fields = (*fields, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))
    length = (b"content-length", b"%d" % len(content))
    headers = [(b"content-type", answer.content_type), length, *fields]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": content if with_body else b""})
