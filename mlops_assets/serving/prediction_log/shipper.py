"""Starting the process that ships, and hearing what came of it, without waiting for either.

Belongs here: the process's life. Does not belong here: what it does (``shipping.py``), or when
there is work for it (``log.py``).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from mlops_assets.serving.prediction_log.protection import KEY_VARIABLE
from mlops_assets.serving.prediction_log.shipping import Expiry, Outcome

MODULE = "mlops_assets.serving.prediction_log.shipping"
LONGEST_SECONDS = 900.0


class Shipper:
    """At most one shipping process at a time, for the answers below ``folder``."""

    def __init__(self, folder: Path, database: bool) -> None:
        self._folder, self._database = folder, database
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self.instance = ""

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(
        self, instance: str, lock: int, now: float, adopt: bool, expire: Expiry | None
    ) -> None:
        """Ship what ``instance`` closed; the process holds its ``lock`` as well. ``now`` is on any
        clock that only moves on. Raises ``OSError`` where no process can be started."""
        command = [sys.executable, "-m", MODULE, str(self._folder), instance]
        command += ["--adopt"] if adopt else []
        command += ["--database"] if self._database else []
        command += (
            ["--expire", expire[0], str(expire[1].days), expire[1].use_case] if expire else []
        )
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            # Whoever interrupts the server at a terminal does not mean this.
            start_new_session=True,
            env=_environment(),
        )
        self.instance, self._started = instance, now

    def poll(self, now: float) -> Outcome | None:
        """What came of it, once; ``None`` while it runs. One that takes longer than a quarter of an
        hour is ended: what it had not finished is shipped again."""
        process = self._process
        if process is None:
            return None
        if process.poll() is None:
            if now - self._started < LONGEST_SECONDS:
                return None
            process.kill()
        self._process = None
        said, _ = process.communicate()
        try:
            return Outcome(**json.loads(said))
        except (ValueError, TypeError):
            return Outcome(problem=f"the shipping process ended with {process.returncode}")

    def end(self) -> None:
        """End the process, if there is one: what it had not finished, the next server ships."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _environment() -> dict[str, str]:
    """Without the secret that shipping does not need; Arrow takes least memory with the system's
    own allocator."""
    inherited = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    return {**inherited, "ARROW_DEFAULT_MEMORY_POOL": "system"}
