"""Turning the closed segments of one instance into answers: a short-lived process of its own.

Belongs here: its command line, and the order of its work. Does not belong here: what a sink does
(``parquet_sink.py``, ``postgresql_sink.py``), or when the process is started (``shipper.py``).

A process of its own, so that a server needs neither the memory nor the interpreter's time of it:
what it takes ends with it. It holds the instance's lock as its server does, and so goes on alone
where that dies. It prints one line, ``Outcome`` as JSON.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from mlops_assets.serving.prediction_log.journal import NO_ROOM, all_segments, closed_segments
from mlops_assets.serving.prediction_log.retention import Retention
from mlops_assets.serving.prediction_log.segment import (
    DamagedSegmentError,
    SegmentReader,
    is_empty,
)

DATABASE_VARIABLE = "MLOPS_LOG_DATABASE"
NICENESS = 10
DAMAGED = "damaged"
Expiry = tuple[str, Retention]
"""The day that it is (YYYY-MM-DD), and what is kept on it."""


class Sink(Protocol):
    """Where answers are kept. ``ship`` and ``delete_expired`` may be repeated."""

    def ship(self, segment: SegmentReader) -> int: ...

    def delete_expired(self, today: str, retention: Retention) -> list[str]: ...

    def close(self) -> None: ...


@dataclass
class Outcome:
    """``rows`` and ``segments`` shipped, the lines that were ``damaged``, the days deleted
    (``expired``), and what ended the work early, if anything did."""

    rows: int = 0
    segments: int = 0
    damaged: int = 0
    expired: list[str] = field(default_factory=list)
    problem: str | None = None


def ship_all(segments: Sequence[Path], sink: Sink, outcome: Outcome) -> None:
    """Ship segments and remove them, in order. Raises ``OSError`` or the sink's error at the first
    that cannot be; those before it are done."""
    for path in segments:
        if is_empty(path):
            path.unlink()
            continue
        try:
            segment = SegmentReader(path)
        except DamagedSegmentError:
            _put_aside(path)
            outcome.damaged += 1
            continue
        outcome.rows += sink.ship(segment)
        outcome.segments += 1
        outcome.damaged += segment.damaged
        path.unlink()


def _put_aside(path: Path) -> None:
    """Keep what cannot be read for people to look at: ``damaged/`` beside ``journal/``."""
    kept = path.parents[2] / DAMAGED
    kept.mkdir(exist_ok=True)
    shutil.move(path, kept / f"{path.parent.name}-{path.name}")


def open_sink(folder: Path, database: bool) -> Sink:
    """Raises ``KeyError`` where a database is asked for and the environment names none."""
    if database:
        from mlops_assets.serving.prediction_log.postgresql_sink import PostgresqlSink

        return PostgresqlSink(os.environ[DATABASE_VARIABLE])
    from mlops_assets.serving.prediction_log.parquet_sink import ParquetSink

    return ParquetSink(folder)


def run(
    folder: Path,
    instance: str,
    adopt: bool = False,
    database: bool = False,
    expire: Expiry | None = None,
) -> Outcome:
    """Ship what ``instance`` closed, with ``adopt`` also what it had open when it died; then delete
    what is older than ``expire`` says. Never raises: what went wrong is in the outcome."""
    outcome = Outcome()
    journal = folder / "journal" / instance
    try:
        sink = open_sink(folder, database)
        try:
            ship_all((all_segments if adopt else closed_segments)(journal), sink, outcome)
            if expire:
                outcome.expired = sink.delete_expired(*expire)
        finally:
            sink.close()
    except KeyError as missing:
        outcome.problem = f"the environment variable {missing} is not set"
    except OSError as failed:
        full = failed.errno in NO_ROOM
        outcome.problem = "disk full" if full else f"{type(failed).__name__} ({failed.errno})"
    except Exception as failed:
        # Its text may hold what was sent, but for the sink's own.
        own = type(failed).__module__.startswith("mlops_assets.")
        outcome.problem = str(failed) if own else type(failed).__name__
    return outcome


def main(arguments: Sequence[str]) -> int:
    """Run as ``shipping FOLDER INSTANCE [--adopt] [--database] [--expire TODAY DAYS USE_CASE]``."""
    parser = argparse.ArgumentParser(prog="shipping")
    parser.add_argument("folder", type=Path)
    parser.add_argument("instance")
    parser.add_argument("--adopt", action="store_true")
    parser.add_argument("--database", action="store_true")
    parser.add_argument("--expire", nargs=3, metavar=("TODAY", "DAYS", "USE_CASE"))
    asked = parser.parse_args(arguments)
    with suppress(OSError):
        os.nice(NICENESS)
    expire = None
    if asked.expire:
        today, days, use_case = asked.expire
        expire = today, Retention(use_case, int(days))
    outcome = run(asked.folder, asked.instance, asked.adopt, asked.database, expire)
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    return 0 if outcome.problem is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
