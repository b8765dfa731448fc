"""A server's process: waited for, measured, told little, and ended whatever happens."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from stand_ins import CHATTERS, ELSEWHERE, ENDS, NOBODY, SILENT, STUBBORN, program

from mlops_assets.release import trial_server
from mlops_assets.release.trial_server import (
    RUN,
    TrialError,
    bare_environment,
    running_server,
    serving_command,
)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def waited_until_gone(pid: int) -> bool:
    for _ in range(200):
        if is_gone(pid):
            return True
        time.sleep(0.05)
    return False


def test_it_is_ready_when_it_says_so_and_its_start_is_measured() -> None:
    with running_server(NOBODY) as server:
        server.wait_until_ready(30.0)
        assert server.url == "http://127.0.0.1:1"
        assert server.start_seconds is not None and 0.0 < server.start_seconds < 30.0
        assert (server.peak_megabytes() or 0.0) > 1.0
        assert not server.has_ended
    assert is_gone(server.process.pid)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (SILENT, "the server was not ready in time"),
        (CHATTERS, "the server was not ready in time"),
        (ELSEWHERE, "the server was not ready in time"),
        (ENDS, "the server ended before it was ready"),
    ],
    ids=["silent", "chatters", "elsewhere", "ends"],
)
def test_one_that_does_not_start_is_an_error_with_words(command: list[str], said: str) -> None:
    with pytest.raises(TrialError, match=said), running_server(command) as server:
        server.wait_until_ready(0.7 if command is not ENDS else 30.0)
    assert is_gone(server.process.pid)
    assert sum(map(len, server.said)) < 20 * 65_536


def test_what_it_wrote_last_is_kept() -> None:
    with running_server(ENDS) as server, pytest.raises(TrialError):
        server.wait_until_ready(30.0)
    assert server.said == ["a reason that nobody reads"]
    assert server.peak_megabytes() is None


def test_one_that_ignores_to_be_ended_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_server, "END_SECONDS", 0.3)
    with running_server(STUBBORN) as server:
        server.wait_until_ready(30.0)
    assert is_gone(server.process.pid)


def test_it_is_ended_where_the_trial_breaks() -> None:
    started: list[int] = []

    def broken_off() -> None:
        with running_server(NOBODY) as server:
            started.append(server.process.pid)
            server.wait_until_ready(30.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert is_gone(started[0])


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Even where that is killed, and can end nothing itself."""
    (tmp_path / "lasting.py").write_text("import time; time.sleep(600)")
    starts = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {RUN!r}, "lasting"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    parent = subprocess.Popen(program(starts), stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not is_gone(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert waited_until_gone(child)


def test_no_secret_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLOPS_KEY_PASSPHRASE", "MLOPS_PSEUDONYM_KEY", "DAGSTER_HOME", "AWS_SECRET"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    passed_on = bare_environment()
    assert "secret" not in passed_on.values()
    assert set(passed_on) <= {*trial_server.INHERITED, "PYTHONPATH"}
    assert passed_on["PYTHONPATH"].endswith("/somewhere/else")
    shows = program("import os; print(sorted(os.environ))")
    with running_server(shows) as server, pytest.raises(TrialError):
        server.wait_until_ready(30.0)
    assert "SECRET" not in server.said[0] and "PASSPHRASE" not in server.said[0]


def test_the_command_is_the_servers_own(tmp_path: Path) -> None:
    command = serving_command(tmp_path, "h.dir")
    assert command[:2] == [sys.executable, "-c"]
    assert command[3:] == [
        "mlops_assets.serving",
        str(tmp_path),
        *("--release", "h.dir", "--port", "0", "--no-log"),
    ]
