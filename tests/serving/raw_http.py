"""Talking to a server in bytes, and a small application to be talked to."""

import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mlops_assets.serving.limits import ServerLimits

PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.01
PART_SECONDS = 0.01
"""Between parts of a request, so that they arrive one by one."""
ONE = b"GET /one HTTP/1.1\r\nHost: here\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
SHORT = ServerLimits(
    header_bytes=1000,
    body_bytes=5000,
    header_seconds=0.2,
    body_seconds=0.2,
    idle_seconds=0.2,
    connections=50,
)
PATIENT = ServerLimits(header_bytes=1000, body_bytes=5000, connections=50)


class Answered(NamedTuple):
    status: int
    fields: dict[str, str]
    body: Any


class Echo:
    """Answers with the path, the size of the body and the header that came. ``gone`` counts the
    requests whose client went away, ``asked`` all of them."""

    def __init__(self) -> None:
        self.asked = 0
        self.gone = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.asked += 1
        size = 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                self.gone += 1
                return
            size += len(event["body"])
            if not event["more_body"]:
                break
        fields = [name.decode() for name, _ in scope["headers"]]
        content = {"path": scope["path"], "size": size, "fields": fields}
        body = json.dumps(content).encode()
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


def connect(url: str, context: ssl.SSLContext | None = None) -> socket.socket:
    address = urlsplit(url)
    assert address.hostname and address.port
    plain = socket.create_connection((address.hostname, address.port), PATIENCE_SECONDS)
    return context.wrap_socket(plain, server_hostname="localhost") if context else plain


def send_parts(client: socket.socket, *parts: bytes) -> None:
    for place, part in enumerate(parts):
        if place:
            time.sleep(PART_SECONDS)
        try:
            client.sendall(part)
        except OSError:
            return


def read_all(client: socket.socket) -> bytes:
    """All bytes until the server ends the connection, and what had come where it broke it off."""
    received = bytearray()
    while True:
        try:
            part = client.recv(65536)
        except TimeoutError:
            raise AssertionError("the server neither answered nor ended the connection") from None
        except OSError:
            return bytes(received)
        if not part:
            return bytes(received)
        received += part


def answers(content: bytes) -> list[Answered]:
    """The answers in ``content``, each of an announced length."""
    found = []
    while content:
        head, _, content = content.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        fields = dict(field.split(": ", 1) for field in lines)
        size = int(fields["content-length"])
        body, content = content[:size], content[size:]
        status = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", line)
        assert status and len(body) == size
        found.append(Answered(int(status[1]), fields, json.loads(body)))
    return found


def talk(url: str, *parts: bytes, context: ssl.SSLContext | None = None) -> list[Answered]:
    """Every answer that the server gives to a client that sends ``parts`` and then only reads."""
    with connect(url, context) as client:
        send_parts(client, *parts)
        return answers(read_all(client))


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True
