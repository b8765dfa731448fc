"""Dagster's own programs on a small project: started as a user starts them, ended with all they
started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
LIMIT_SECONDS = 240.0
GRACE_SECONDS = 20.0


@contextmanager
def running(root: Path, program: str, *arguments: str, **environment: str) -> Iterator[None]:
    """A program of Dagster with the project in ``root``. Its log is printed where the block
    fails, and nothing of it runs after the block."""
    log = root / f"{program}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PROGRAMS / program), *arguments, "-f", "definitions.py"],
            cwd=root,
            env={
                **os.environ,
                "DAGSTER_HOME": str(root / ".dagster"),
                "DAGSTER_DISABLE_TELEMETRY": "yes",
                **environment,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        except BaseException:
            print(f"the end of {log.name}:", *_tail(log), sep="\n")  # noqa: T201 - pytest shows it
            raise
        finally:
            _end(process)


def wait_until(reached: Callable[[], object], what: str) -> None:
    """Ask every half second, until a limit that only a standstill reaches."""
    end = time.monotonic() + LIMIT_SECONDS
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {LIMIT_SECONDS:.0f} s in vain for {what}")
        time.sleep(0.5)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and everything it started: code servers and runs share its group."""
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], which: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, which)


def _tail(log: Path, lines: int = 60) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
