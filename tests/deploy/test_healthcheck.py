"""The health check of the serving image, against real sockets."""

import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest


@pytest.fixture
def script(project: Path) -> Path:
    return project / "deploy" / "healthcheck.py"


class Health(BaseHTTPRequestHandler):
    """Answers what the test set, to the path of the protocol alone."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/v2/health/ready" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def exit_status(script: Path, port: int, **environment: str) -> int:
    command = [sys.executable, script]
    return subprocess.run(command, env={"HEALTH_PORT": str(port), **environment}).returncode


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1), (400, 1), (301, 1)])
def test_ready_is_what_the_server_says(
    script: Path, port: int, status: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Health, "status", status)

    assert exit_status(script, port) == expected


def test_a_proxy_of_the_environment_is_not_asked(script: Path, port: int) -> None:
    assert exit_status(script, port, http_proxy="http://127.0.0.1:9") == 0


def test_nobody_there_is_not_ready(script: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert exit_status(script, free.getsockname()[1]) == 1


def test_what_speaks_no_http_is_not_ready(script: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 smtp\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert exit_status(script, listener.getsockname()[1]) == 1
        thread.join()


def test_a_server_without_tls_is_not_ready_where_tls_is_expected(script: Path, port: int) -> None:
    is_ready = runpy.run_path(str(script))["is_ready"]

    assert is_ready(port, tls=False)
    assert not is_ready(port, tls=True)
