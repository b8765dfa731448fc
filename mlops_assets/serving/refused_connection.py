"""What is left of a connection whose client was refused.

Belongs here: the answer it is given, its place behind earlier answers, and ignoring what still
comes. Does not belong here: why and when a client is refused (``connection.py``).
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any


def refusal_message(status: int, problem: str, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The whole answer, as it is sent; ``fields`` go into every header."""
    body = json.dumps({"error": problem}).encode()
    all_fields = [
        *fields,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        all_fields.append((b"retry-after", b"1"))
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return line + b"".join(b"%b: %b\r\n" % field for field in all_fields) + b"\r\n" + body


class QueuedRefusal:
    """Stands in a connection's queue of requests for the answer that ends it."""

    def __init__(self, tell: Callable[[bytes], None], message: bytes) -> None:
        self._tell = tell
        self._message = message

    async def run_asgi(self, _: Any) -> None:
        self._tell(self._message)


class Lingering(asyncio.Protocol):
    """Takes over from ``refused``: what comes is not looked at. ``client_is_done`` is asked what to
    do once nothing more will come."""

    def __init__(
        self, refused: asyncio.Protocol, client_is_done: Callable[[], bool | None]
    ) -> None:
        self._refused = refused
        self._client_is_done = client_is_done

    def data_received(self, _: bytes) -> None:
        pass

    def eof_received(self) -> bool | None:
        return self._client_is_done()

    def connection_lost(self, exc: Exception | None) -> None:
        self._refused.connection_lost(exc)

    def pause_writing(self) -> None:
        self._refused.pause_writing()

    def resume_writing(self) -> None:
        self._refused.resume_writing()
