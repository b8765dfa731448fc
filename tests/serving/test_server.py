"""Where a server listens, who may reach it, and how it ends."""

import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from raw_http import LAST, ONE, Echo, answers, connect, read_all, talk

from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.server import (
    ServerError,
    allow_open_files,
    is_loopback,
    running,
    serve,
)

SERVER = """
import asyncio, sys
from mlops_assets.serving.server import serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shut down", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    print("asked", flush=True)
    while scope["path"] == "/wait" and not stopping:
        await asyncio.sleep(0.01)
    while scope["path"] == "/ever":
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    length = (b"content-length", b"2")
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": b"42"})

stopping = []
serve(
    app,
    port=0,
    on_ready=lambda url: print(url, flush=True),
    on_stopping=lambda: stopping.append(True),
    drain_seconds=float(sys.argv[1]),
    stop_seconds=1.0,
)
print("returned", flush=True)
"""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVER, str(getattr(request, "param", 0.0))],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_request_in_flight_is_finished_when_the_server_is_told_to_stop(
    server: subprocess.Popen[str],
) -> None:
    url = said(server)
    with connect(url) as client, connect(url) as idle:
        client.sendall(ONE.replace(b"/one", b"/wait"))
        assert said(server) == "asked"
        server.send_signal(signal.SIGTERM)
        (told,) = answers(read_all(client))
        assert (told.status, told.body) == (200, 42)
        assert read_all(idle) == b""
    assert [said(server), said(server), server.wait(20)] == ["shut down", "returned", 0]
    address = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


def test_the_end_does_not_wait_for_ever(server: subprocess.Popen[str]) -> None:
    with connect(said(server)) as client:
        client.sendall(ONE.replace(b"/one", b"/ever"))
        assert said(server) == "asked"
        server.send_signal(signal.SIGTERM)
        assert [said(server), said(server), server.wait(20)] == ["shut down", "returned", 0]


@pytest.mark.parametrize("server", [1.0], indirect=True)
def test_new_clients_are_answered_while_the_server_drains(server: subprocess.Popen[str]) -> None:
    url = said(server)
    server.send_signal(signal.SIGINT)
    assert [(one.status, one.body) for one in talk(url, LAST)] == [(200, 42)]
    assert [said(server) for _ in range(3)] == ["asked", "shut down", "returned"]
    assert server.wait(20) == 0


def test_a_host_that_others_reach_needs_tokens() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(ServerError, match=r"other machines can reach .*mlops new-token"):
            serve(Echo(), host)
    assert is_loopback("127.0.0.1") and is_loopback("127.8.9.1") and is_loopback("::1")
    assert is_loopback("localhost") and not is_loopback("")


def test_an_address_in_use_is_named() -> None:
    with running(Echo()) as url:
        port = urlsplit(url).port
        assert port is not None
        with pytest.raises(ServerError, match=f"cannot listen on 127.0.0.1:{port}: .*--port"):
            serve(Echo(), port=port)


def test_open_files_are_allowed_as_far_as_the_system_does() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 500), hard))
    try:
        allow_open_files(400)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500
        allow_open_files(700)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 700
        with pytest.raises(ServerError, match=f"at most {hard}: lower --limit-connections"):
            serve(Echo(), limits=ServerLimits(connections=hard))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_server_does_not_say_what_it_is_made_of() -> None:
    with running(Echo()) as url:
        (told,) = talk(url, LAST)
    assert {*told.fields} == {"date", "content-length", "connection"}


def test_a_server_that_has_ended_leaves_no_open_file() -> None:
    with running(Echo()) as url:
        talk(url, LAST)
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(3):
        with running(Echo()) as url:
            talk(url, LAST)
    assert len([*Path("/proc/self/fd").iterdir()]) <= before
