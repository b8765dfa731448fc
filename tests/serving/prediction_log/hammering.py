"""Starting and hearing the process of ``hammer.py``."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]


class Hammer:
    """A process that logs; ``said`` is what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    def listen(self) -> dict[str, Any] | None:
        """The next thing it says; ``None`` when it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            return None
        self.said.append(json.loads(line))
        return self.said[-1]

    def listen_to_the_end(self) -> None:
        while self.listen() is not None:
            pass


@contextmanager
def hammer(folder: Path, instance: str, *arguments: object) -> Iterator[Hammer]:
    """Runs while the block does; killed at its end where it still does."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "hammer.py"), str(folder), instance, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{HERE}"},
    )
    with process:
        try:
            yield Hammer(process)
        finally:
            process.kill()
