"""The server as its users start it: a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

STARTS_WITHIN = 60.0


@dataclass
class ServerProcess:
    """A server, its address, and the lines that it logs."""

    process: subprocess.Popen[bytes]
    url: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    ready: Event = field(default_factory=Event)
    waits_for: str = "ready"

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def end(self) -> int:
        """Ask it to end, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STARTS_WITHIN)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            record = json.loads(line)
            self.lines.append(record)
            if record["event"] == "listening":
                self.url = record["url"]
            if record["event"] == self.waits_for:
                self.ready.set()
        self.ready.set()


@contextmanager
def serving(
    root: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    waits_for: str = "ready",
) -> Iterator[ServerProcess]:
    """A server of ``root`` on a free port, from when it logs the event ``waits_for``."""
    command = [sys.executable, "-m", "mlops_assets.serving", str(root), "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})}
    )
    server = ServerProcess(process, waits_for=waits_for)
    reader = Thread(target=server.read, daemon=True)
    reader.start()
    try:
        server.ready.wait(STARTS_WITHIN)
        assert server.url and server.events(waits_for), server.lines
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()
