"""Requests over several connections at once: each is timed, and each failure is counted."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from mlops_assets.release import load as load_module
from mlops_assets.release.load import Load, put_under_load

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
FEW: dict[str, Any] = {"warm_up_seconds": 0.05, "seconds": 30.0, "most": 40}


@contextmanager
def answering(*pieces: bytes, closes: bool = False, waits: bool = False) -> Iterator[str]:
    """A server that answers each request with ``pieces`` in turn, one packet each."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def converse(connection: socket.socket) -> None:
        try:
            while connection.recv(65_536):
                if waits:
                    continue
                for piece in pieces:
                    connection.sendall(piece)
                if closes:
                    break
        except OSError:
            pass
        finally:
            connection.close()

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            Thread(target=converse, args=(connection,), daemon=True).start()

    Thread(target=listen, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            connection.close()


def put(url: str, **changes: Any) -> Load:
    return put_under_load(url, "/v2", [b"one", b"two"], **{**FEW, **changes})


def test_every_request_is_answered_and_timed() -> None:
    with answering(OK) as url:
        load = put(url)
    assert (len(load.latencies), load.failed) == (40, 0)
    assert all(0.0 < latency < 30_000.0 for latency in load.latencies)
    assert load.answers == {0: b"ok", 1: b"ok"}
    assert load.seconds > 0.0


def test_an_answer_in_pieces_is_one_answer() -> None:
    with answering(OK[:10], OK[10:40], OK[40:]) as url:
        load = put(url)
    assert (len(load.latencies), load.failed) == (40, 0)


def test_it_ends_in_time_and_what_is_under_way_is_waited_for() -> None:
    with answering(OK) as url:
        load = put(url, seconds=0.05, most=10**9)
    assert load.failed == 0 and len(load.latencies) >= 4


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nok",
        b"\r\n\r\n",
        b"220 mail.example ready\r\n\r\n",
        b"\xff" * 1000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_answer_with_status_200_has_failed(answer: bytes) -> None:
    with answering(answer) as url:
        load = put(url)
    assert load.failed >= 4 and load.latencies == []


def test_an_answer_without_end_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "LARGEST_ANSWER", 100_000)
    with answering(*[b"x" * 60_000] * 3) as url:
        load = put(url)
    assert load.failed >= 4 and load.latencies == []


def test_a_connection_that_is_closed_is_opened_again_and_counted() -> None:
    with answering(OK, closes=True) as url:
        load = put(url, most=8)
    assert load.failed > 0
    assert len(load.latencies) > 0


def test_one_that_never_answers_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "PATIENCE_SECONDS", 0.2)
    with answering(waits=True) as url:
        load = put(url)
    assert (load.latencies, load.failed) == ([], 8)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    load = put(f"http://127.0.0.1:{port}")
    assert load.latencies == [] and load.failed == 8
