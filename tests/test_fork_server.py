"""Commands in forks of one warm process: as if each had been started by itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_assets import fork_server
from mlops_assets.cli import LOADED_BY_STAGES

CLIENT = """
import sys
from mlops_assets.fork_server import run_in_fork
status = run_in_fork(sys.argv[1:])
print("not run" if status is None else f"status {status}")
"""
COMMANDS = """
import os, sys, time
from pathlib import Path

LOADED_BY_STAGES = ("json", "csv")

def run(arguments):
    verb, *rest = arguments
    if verb == "say":
        print(f"{os.getcwd()} {os.environ['DVC_STAGE']} {sorted(rest)}", flush=True)
        print(f"err {sys.stdin.read()}", file=sys.stderr)
    if verb == "parent":
        stat = Path(f"/proc/{os.getppid()}/stat").read_text()
        print(stat.split()[3])
    if verb == "exit":
        return int(rest[0])
    if verb == "raise":
        raise ValueError("as it should")
    if verb == "wait":
        Path(rest[0]).write_text(str(os.getpid()))
        time.sleep(600)
    return 0
"""


def heed_signals() -> None:
    """Tests that run in the background may have been started with these ignored."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a command of a project whose commands say what they see."""
    package = tmp_path / "mlops_assets"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(COMMANDS)
    source = Path(fork_server.__file__).read_text()
    (package / "fork_server.py").write_text(
        source.replace("IDLE_SECONDS = 5.0", "IDLE_SECONDS = 1.5")
    )

    def popen(*arguments: str, stage: str = "a stage") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", CLIENT, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "DVC_STAGE": stage},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,
        )

    return popen


Start = Callable[..., subprocess.Popen[str]]


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate("typed")[0].strip()


def wait_for(reached: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_streams_folder_and_environment_are_the_callers(start: Start, tmp_path: Path) -> None:
    process = start("say", "b", "a", stage="first")
    out, err = process.communicate("typed")
    assert out.splitlines() == [f"{tmp_path} first ['a', 'b']", "status 0"]
    assert err == "err typed\n"
    assert said(start("say", stage="second")).startswith(f"{tmp_path} second []")


def test_one_server_serves_one_command_after_the_other(start: Start) -> None:
    servers = {said(start("parent")).splitlines()[0] for _ in range(3)}
    assert len(servers) == 1


@pytest.mark.parametrize(("arguments", "status"), [(("exit", "0"), 0), (("exit", "3"), 3)])
def test_the_exit_status_is_the_commands(
    start: Start, arguments: tuple[str, ...], status: int
) -> None:
    assert said(start(*arguments)) == f"status {status}"


def test_an_exception_is_shown_and_fails(start: Start) -> None:
    out, err = start("raise").communicate("")
    assert out.strip() == "status 1"
    assert "ValueError: as it should" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_who_ends_the_caller_ends_the_worker(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("wait", str(tmp_path / "pid"))
    wait_for(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
    worker = int((tmp_path / "pid").read_text())
    assert is_running(worker)
    process.send_signal(number)
    process.communicate()
    wait_for(lambda: not is_running(worker))


def test_a_killed_worker_fails(start: Start, tmp_path: Path) -> None:
    process = start("wait", str(tmp_path / "pid"))
    wait_for(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert said(process) == f"status {128 + signal.SIGKILL}"


def test_the_server_ends_by_itself_and_leaves_no_socket(start: Start, tmp_path: Path) -> None:
    server = int(said(start("parent")).splitlines()[0])
    assert is_running(server)
    wait_for(lambda: not is_running(server))
    left = {path.name for path in (tmp_path / fork_server.FOLDER).iterdir()}
    assert left == {"lock"}


def test_changed_code_gets_another_server(start: Start, tmp_path: Path) -> None:
    before = said(start("parent"))
    (tmp_path / "mlops_assets" / "cli.py").write_text(COMMANDS.replace("as it should", "changed"))
    assert said(start("parent")) != before
    assert "ValueError: changed" in start("raise").communicate("")[1]


def test_a_server_that_cannot_start_runs_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mlops_assets" / "cli.py").write_text("raise RuntimeError")
    assert said(start("exit", "0")) == "not run"


def test_the_socket_is_the_owners_alone(start: Start, tmp_path: Path) -> None:
    said(start("exit", "0"))
    assert (tmp_path / fork_server.FOLDER).stat().st_mode & 0o077 == 0


def test_what_is_loaded_before_a_fork_holds_no_thread_that_a_fork_loses() -> None:
    program = (
        "import importlib, sys\n"
        f"for name in {LOADED_BY_STAGES!r}:\n"
        "    importlib.import_module(name)\n"
        "print('onnxruntime' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
