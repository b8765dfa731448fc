"""One warm process for the commands of one ``dvc repro``: each is a fork of it, and starts at once.

DVC starts a process for every stage, and loading Dagster, pandas and scikit-learn takes longer
than most stages do. The first command leaves a server behind that has them loaded; it ends by
itself when no command came for a few seconds. Where it cannot be had, a command runs in its own
process.

Belongs here: starting processes. Does not belong here: what a command does and loads (``cli.py``).
"""

import gc
import hashlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import chdir, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = Path(".dagster", "fork_server")
"""Of the sockets, below the project; relative, for a socket's path may have 100 characters only."""

IDLE_SECONDS = 5.0


@dataclass(frozen=True)
class Command:
    """A call of ``mlops``: its arguments, its working folder and its environment."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


def run_in_fork(arguments: list[str]) -> int | None:
    """Run ``mlops`` with ``arguments`` in a fork of this project's server, with the streams, folder
    and environment of this process, which passes on the signals that would end it.

    Returns the exit status, or ``None`` where it could not be started and nothing has run.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    command = Command(arguments, str(Path.cwd()), dict(os.environ))
    try:
        connection = _connect()
        socket.send_fds(connection, [b" "], [0, 1, 2])
        connection.sendall(json.dumps(asdict(command)).encode() + b"\n")
        answers = connection.makefile("rb")
        group = answers.readline()
    except OSError:
        return None
    if not group:
        return None
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: os.killpg(int(group), received))
    status = answers.readline()
    return int(status) if status else 128 + signal.SIGKILL


def _connect() -> socket.socket:
    """A connection to the server, which is started where nobody answers."""
    import fcntl  # not on every system on which commands run

    with chdir(PROJECT):
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _connect_or_start(str(FOLDER / _state()))


def _connect_or_start(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        _start(path)
        connection.connect(path)
    return connection


def _state() -> str:
    """What a server is good for: this code, under this interpreter, in this environment."""
    environment = {name: v for name, v in os.environ.items() if name != "DVC_STAGE"}
    files = sorted(
        path
        for package in ("mlops_assets", "resources", "sensors")
        for path in Path(package).rglob("*.*")
        if path.suffix in (".py", ".html")
    )
    code = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    state = json.dumps([sys.executable, sorted(environment.items()), code])
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def _start(path: str) -> None:
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(listener.fileno()), path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )


def serve(listener: socket.socket) -> Command | None:
    """Fork a worker for each command that comes. Returns in every worker its command; in the server
    ``None``, when none came for a while."""
    from mlops_assets.cli import LOADED_BY_STAGES

    unloaded = list(LOADED_BY_STAGES)
    importlib.import_module(unloaded.pop(0))
    supervisors = 0
    while True:
        came, _, _ = select.select([listener], [], [], 0 if unloaded else IDLE_SECONDS)
        supervisors -= _reap()
        if came:
            connection, _ = listener.accept()
            gc.freeze()  # what is loaded is never collected, so its memory stays shared
            if os.fork() == 0:
                listener.close()
                return _supervise(connection)
            supervisors += 1
            connection.close()
        elif unloaded:
            importlib.import_module(unloaded.pop(0))
        elif not supervisors:
            return None


def _reap() -> int:
    """How many supervisors ended since the last call."""
    ended = 0
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            ended += 1
    return ended


def _supervise(connection: socket.socket) -> Command:
    """Fork the worker of one command, say how it ended, and end. A worker whose client has gone is
    killed, as the client would have been. Returns in the worker: its command."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as lines:
        command = Command(**json.loads(lines.readline()))
    worker = os.fork()
    with suppress(OSError):  # both do it, and one of them comes too late
        os.setpgid(worker, worker)
    if worker == 0:
        connection.close()
        _become(command, streams)
        return command
    connection.sendall(f"{worker}\n".encode())
    ended = os.pidfd_open(worker)
    ready, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in ready:
        os.killpg(worker, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    with suppress(OSError):
        connection.sendall(f"{status if status >= 0 else 128 - status}\n".encode())
    os._exit(0)


def _become(command: Command, streams: list[int]) -> None:
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode) for n, mode in enumerate("rww"))
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)


def main() -> None:
    command = serve(socket.socket(fileno=int(sys.argv[1])))
    if command is None:
        # Before the listener is closed: who comes later starts another server, with this path.
        Path(sys.argv[2]).unlink(missing_ok=True)
        return
    from mlops_assets.cli import run

    sys.exit(run(command.arguments))


if __name__ == "__main__":
    main()
