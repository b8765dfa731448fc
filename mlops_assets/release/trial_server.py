"""A server of a candidate in a process of its own, for as long as it is tried.

Belongs here: starting it, waiting until it takes traffic, its memory, and ending it whatever
happens. Does not belong here: what it is asked (``trial.py``), or what it serves (``serving/``).
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import mlops_assets

CODE_ROOT = Path(mlops_assets.__file__).resolve().parents[1]
MODULE = "mlops_assets.serving"
RUN = """
import os, runpy, sys, threading
def end_with_parent():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module as ``python -m`` does, and ends when the process that started it is gone: its end
of the pipe closes however it ended."""
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""Of this process's environment: no other variable, which may hold a secret, is passed on."""
ADDRESS = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}")
"""Nothing but this machine is asked, whatever the process writes."""
LONGEST_LINE = 65_536
LINES_KEPT = 20
END_SECONDS = 5.0
MEGABYTE = 1e6


class TrialError(Exception):
    """A server that could not be tried to the end. The text holds no figure that another run would
    measure otherwise."""


def serving_command(root: Path, release: str) -> list[str]:
    """What starts a server of ``release``, of the releases below ``root``, on a free port."""
    arguments = [str(root), "--release", release, "--port", "0", "--no-log"]
    return [sys.executable, "-c", RUN, MODULE, *arguments]


class TrialServer:
    """A server's process. ``url`` and ``start_seconds`` are known once it is ready."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.url: str | None = None
        self.start_seconds: float | None = None
        self._said: deque[str] = deque(maxlen=LINES_KEPT)
        self._settled = threading.Event()
        self._started = time.perf_counter()
        self.process = subprocess.Popen(
            [*command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    @property
    def said(self) -> list[str]:
        """The last lines that it wrote."""
        return [*self._said]

    def wait_until_ready(self, seconds: float) -> None:
        """Raises ``TrialError`` where it is not within ``seconds``."""
        in_time = self._settled.wait(seconds)
        if self.url is None:
            ended = "ended before it was ready" if in_time else "was not ready in time"
            raise TrialError(f"the server {ended}")

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def peak_megabytes(self) -> float | None:
        """The largest resident memory so far of the process and those that it started, together;
        ``None`` where it is gone. Where the system keeps no peak, it is that of now."""
        import psutil

        try:
            process = psutil.Process(self.process.pid)
            found = [process, *process.children(recursive=True)]
            return sum(_peak_bytes(one.pid, one.memory_info()) for one in found) / MEGABYTE
        except psutil.Error:
            return None

    def end(self) -> None:
        """End the process and wait until it has."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            # A child that it left behind may hold the other end.
            self._reader.join(END_SECONDS)
            if stream is not None:
                stream.close()

    def _read(self, stream: IO[bytes]) -> None:
        try:
            while line := stream.readline(LONGEST_LINE):
                self._take(line.decode("utf-8", errors="replace").strip())
        except ValueError:
            # Closed while it was read.
            pass
        finally:
            self._settled.set()

    def _take(self, line: str) -> None:
        self._said.append(line)
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict) or event.get("event") != "ready" or self.url is not None:
            return
        if ADDRESS.fullmatch(str(event.get("url"))):
            self.start_seconds = time.perf_counter() - self._started
            self.url = str(event["url"])
            self._settled.set()


@contextmanager
def running_server(command: Sequence[str]) -> Iterator[TrialServer]:
    """A server that is ended at the end of the block, however that comes."""
    server = TrialServer(command, bare_environment())
    try:
        yield server
    finally:
        server.end()


def bare_environment() -> dict[str, str]:
    """What the server has to know of this process's environment, and where the program is."""
    passed_on = {name: os.environ[name] for name in INHERITED if name in os.environ}
    paths = [str(CODE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**passed_on, "PYTHONPATH": os.pathsep.join(paths)}


def _peak_bytes(pid: int, now: object) -> float:
    """Linux keeps the peak as ``VmHWM``, Windows as ``peak_wset``."""
    kept = getattr(now, "peak_wset", None)
    if kept is None:
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
            [line] = [one for one in status.splitlines() if one.startswith("VmHWM:")]
            kept = int(line.split()[1]) * 1024
        except (OSError, ValueError, IndexError):
            kept = getattr(now, "rss", 0)
    return float(kept or 0)
