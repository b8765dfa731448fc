"""Requests over several connections at once, and how long each took to be answered.

Belongs here: sending ready bodies over HTTP/1.1 and timing the answers, in one thread. Does not
belong here: what the bodies say (``trial.py``), or what the times mean (``infra_check.py``).

A client in Python takes its share of the processor that the server runs on as well, so a time is
the server's and a little of this client's.
"""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

CONNECTIONS: Final = 4
WARM_UP_SECONDS: Final = 0.3
SECONDS: Final = 1.2
MOST: Final = 4_000
"""Timed requests, where they come to that before ``SECONDS`` are over."""
MOST_FAILED: Final = 20
PATIENCE_SECONDS: float = 5.0
"""Without any answer; then those that are waited for have failed."""
BLOCK: Final = 65_536
LARGEST_ANSWER: int = 2**20
"""Bytes."""


@dataclass
class Load:
    """Milliseconds of every timed answer, the number of requests that failed, the seconds that all
    timed ones took together, and the last answer to each body, by its place."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0
    answers: dict[int, bytes] = field(default_factory=dict)


class _Connection:
    """One connection with one request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.place = 0
        self.sent_at = 0.0

    def send(self, place: int, request: bytes) -> None:
        self.received.clear()
        self.place = place
        self.socket.sendall(request)
        self.sent_at = time.perf_counter()

    def receive(self) -> bytes | None:
        """The body of a whole answer, ``None`` before it is whole. Raises ``OSError`` or
        ``ValueError`` where it is closed, or the answer is none with the status 200."""
        block = self.socket.recv(BLOCK)
        if not block:
            raise ConnectionResetError
        self.received += block
        if len(self.received) > LARGEST_ANSWER:
            raise ValueError("an answer to one row is not as long")
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return None
        status, *lines = bytes(head).split(b"\r\n")
        if status.split()[1:2] != [b"200"]:
            raise ValueError("another status")
        fields = (line.partition(b":") for line in lines)
        [length] = [int(value) for name, _, value in fields if name.lower() == b"content-length"]
        if len(body) > length:
            raise ValueError("more than was announced")
        return bytes(body) if len(body) == length else None


def put_under_load(
    url: str,
    path: str,
    bodies: Sequence[bytes],
    *,
    connections: int = CONNECTIONS,
    warm_up_seconds: float = WARM_UP_SECONDS,
    seconds: float = SECONDS,
    most: int = MOST,
) -> Load:
    """Post ``bodies`` in turn to ``path`` of the server at ``url`` over ``connections``, each of
    which sends its next when it was answered: first to warm up, then ``most`` times or for
    ``seconds``, timed. What fails while warming up counts as failed, too."""
    where = urlsplit(url)
    address = (where.hostname or "", where.port or 80)
    requests = [_request(where.netloc, path, body) for body in bodies]
    driver = _Driver(address, requests, connections)
    if warm_up_seconds:
        driver.drive(warm_up_seconds, most)
        driver.load.latencies.clear()
    driver.load.seconds = driver.drive(seconds, most)
    return driver.load


class _Driver:
    """Keeps every connection busy, and the account of it."""

    def __init__(
        self, address: tuple[str, int], requests: Sequence[bytes], connections: int
    ) -> None:
        self.load = Load()
        self._address, self._requests, self._connections = address, requests, connections
        self._selector = selectors.DefaultSelector()
        self._sent = 0

    def drive(self, seconds: float, most: int) -> float:
        """Send for ``seconds``, but not more than ``most`` times; returns how long it took. The
        requests that are under way then are waited for, so that slow ones are counted."""
        began = time.perf_counter()
        self._sent = 0
        with selectors.DefaultSelector() as self._selector:
            for _ in range(self._connections):
                self._open()
            while self._selector.get_map() and self.load.failed < MOST_FAILED:
                ready = self._selector.select(PATIENCE_SECONDS)
                if not ready:
                    self.load.failed += len(self._selector.get_map())
                    break
                for key, _ in ready:
                    goes_on = self._sent < most and time.perf_counter() - began < seconds
                    self._take(key.data, goes_on)
            for key in [*self._selector.get_map().values()]:
                self._close(key.data)
        return time.perf_counter() - began

    def _open(self) -> None:
        try:
            connection = _Connection(self._address)
        except OSError:
            self.load.failed += 1
            return
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._send(connection)

    def _send(self, connection: _Connection) -> None:
        place = self._sent % len(self._requests)
        self._sent += 1
        try:
            connection.send(place, self._requests[place])
        except OSError:
            self.load.failed += 1
            self._close(connection)

    def _take(self, connection: _Connection, goes_on: bool) -> None:
        try:
            body = connection.receive()
        except (OSError, ValueError):
            self.load.failed += 1
            self._close(connection)
            if goes_on:
                self._open()
            return
        if body is None:
            return
        self.load.latencies.append(1000.0 * (time.perf_counter() - connection.sent_at))
        self.load.answers[connection.place] = body
        if goes_on:
            self._send(connection)
        else:
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()


def _request(host: str, path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body
