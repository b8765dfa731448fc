"""Many connections at a real server: who makes room, and that a good client is always answered."""

import asyncio
import resource
import socket
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from raw_http import (
    LAST,
    ONE,
    PATIENT,
    SHORT,
    Echo,
    answers,
    connect,
    eventually,
    read_all,
    send_parts,
    talk,
)

from mlops_assets.serving.connection import limited_protocol
from mlops_assets.serving.connection_watch import BODIES_HELD
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.server import allow_open_files, running

IDLE_CONNECTIONS = 10_000
ROUND = 500


def test_ten_thousand_idle_connections_keep_no_good_client_out() -> None:
    limits = ServerLimits(connections=200)
    protocol = limited_protocol(limits)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    holdable = min(IDLE_CONNECTIONS, most_files - 1000)
    allow_open_files(holdable + 1000)
    with running(Echo(), limits=limits, protocol=protocol) as url, ExitStack() as opened:
        idle: deque[socket.socket] = deque()
        opened.callback(lambda: [client.close() for client in idle])
        for _ in range(IDLE_CONNECTIONS // ROUND):
            for place in range(ROUND):
                idle.append(connect(url))
                if place % 2:
                    idle[-1].sendall(ONE)
                if len(idle) > holdable:
                    idle.popleft().close()
            assert [one.status for one in talk(url, LAST)] == [200]
            assert protocol.watch.open <= limits.connections
        assert protocol.watch.evicted >= IDLE_CONNECTIONS - limits.connections
        assert protocol.watch.refused == 0


def test_the_connection_that_is_idle_longest_makes_room() -> None:
    limits = replace(PATIENT, connections=3)
    protocol = limited_protocol(limits)
    with running(Echo(), limits=limits, protocol=protocol) as url, ExitStack() as opened:
        first, second, third = (opened.enter_context(connect(url)) for _ in range(3))
        for client in (second, third, first):
            client.sendall(ONE)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        second.sendall(ONE)
        assert second.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert [one.status for one in talk(url, LAST)] == [200]
        assert protocol.watch.evicted == 1
        assert read_all(third) == b""
        for client in (first, second):
            client.sendall(LAST)
            assert [one.status for one in answers(read_all(client))] == [200]


def test_half_a_request_makes_room_too() -> None:
    limits = replace(PATIENT, connections=30)
    protocol = limited_protocol(limits)
    with running(Echo(), limits=limits, protocol=protocol) as url, ExitStack() as opened:
        for place in range(30):
            body = b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\na"
            opened.enter_context(connect(url)).sendall(body if place % 2 else b"GET / HT")
        for _ in range(40):
            assert [one.status for one in talk(url, LAST)] == [200]
        assert protocol.watch.evicted == 1


def test_unfinished_bodies_are_held_to_a_sum() -> None:
    limits = replace(PATIENT, body_bytes=100_000)
    protocol, most = limited_protocol(limits), BODIES_HELD * 100_000
    head = b"POST /%d HTTP/1.1\r\nConnection: close\r\nContent-Length: 90001\r\n\r\n"
    with running(Echo(), limits=limits, protocol=protocol) as url, ExitStack() as opened:
        clients = [opened.enter_context(connect(url)) for _ in range(12)]
        for place, client in enumerate(clients):
            send_parts(client, head % place, b"x" * 45_000, b"x" * 45_000)
            expected = (90_000 * min(place + 1, 8), max(0, place - 7))
            assert eventually(lambda e=expected: (protocol.watch.held, protocol.watch.evicted) == e)
            assert protocol.watch.held <= most
        told = [read_all(client) for client in clients[:4]]
        assert [answers(one)[0].status for one in told] == [503] * 4
        for client in clients[4:]:
            client.sendall(b"x")
            (one,) = answers(read_all(client))
            assert (one.status, one.body["size"]) == (200, 90_001)
        assert eventually(lambda: protocol.watch.open == 0) and protocol.watch.held == 0


class Stuck(Echo):
    """Answers ``/stuck`` only once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while scope.get("path") == "/stuck" and not self.let_go:
            await asyncio.sleep(0.005)
        await super().__call__(scope, receive, send)


def test_where_all_are_at_work_a_new_client_is_told_to_come_again() -> None:
    limits, app, refused = replace(PATIENT, connections=2), Stuck(), []
    protocol = limited_protocol(limits, refused.append)
    with running(app, limits=limits, protocol=protocol) as url, ExitStack() as opened:
        busy = [opened.enter_context(connect(url)) for _ in range(2)]
        for client in busy:
            client.sendall(LAST.replace(b"/last", b"/stuck"))
        assert eventually(lambda: protocol.watch.in_flight == 2)
        (told,) = talk(url, LAST)
        assert (told.status, told.fields["retry-after"], refused) == (503, "1", ["overloaded"])
        app.let_go = True
        assert [answers(read_all(client))[0].status for client in busy] == [200, 200]
        assert eventually(lambda: [one.status for one in talk(url, LAST)] == [200])


def test_a_client_that_takes_no_answer_is_let_go() -> None:
    async def talkative(scope: Any, _: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(1000):
                await send({"type": "http.response.body", "body": b"x" * 10**6, "more_body": True})

    protocol = limited_protocol(SHORT)
    with running(talkative, limits=SHORT, protocol=protocol) as url, connect(url) as client:
        client.sendall(ONE)
        assert eventually(lambda: protocol.watch.open == 1)
        assert eventually(lambda: protocol.watch.open == 0)


def test_a_refused_client_that_never_leaves_is_let_go() -> None:
    limits = replace(PATIENT, connections=4)
    protocol = limited_protocol(limits)
    with running(Echo(), limits=limits, protocol=protocol) as url, ExitStack() as opened:
        for _ in range(8):
            client = opened.enter_context(connect(url))
            client.sendall(b"garbage\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert protocol.watch.open <= 4
        assert [one.status for one in talk(url, LAST)] == [200]
