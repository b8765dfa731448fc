"""What a server did and took, every ten seconds, as lines of JSON.

Belongs here: writing the samples, reading them again, deleting old ones. Does not belong here:
counting (``metrics.py``), or what a day of samples says (the operations report in ``traffic/``).

**Format.** ``served/operations/<day>/<instance>.jsonl``, ``day`` being ``YYYY-MM-DD`` in UTC. One
JSON object a line. A server begins a file, and goes on with one that it finds, with a header::

    {"kind": "header", "format": 1, "instance": "a1b2", "every_seconds": 10.0,
     "latency_bounds": [0.0005, ..., 10.0], "cores": 2}

and each line after it is a sample of the seconds before ``time``::

    {"kind": "sample", "time": "2026-03-01T10:00:10.000Z", "seconds": 10.0,
     "requests": {"infer": {"2xx": 900, "4xx": 1}},     by endpoint and class of status
     "errors": {"malformed": 1},                        by kind (refusal.Kind), where not 0
     "latency": {"infer": [0, 512, ..., 0]},            by endpoint: requests by seconds taken
     "rows": [{"variant": "champion", "release": "<hash>", "answered": true,
               "rows": 930, "batches": 310, "seconds": 0.9}],
     "cpu_seconds": 1.73, "resident_bytes": 98000000, "peak_resident_bytes": 99000000,
     "pending_rows_high": 64,
     "log": {"received": 930, "journalled": 930, "flushed": 930, "shipped": 0, "lost": 0,
             "outside_envelope": 2},                    null where no log is kept
     "log_state": "writing", "release": "<hash>", "challenger": null}

Every number is of these seconds alone, so that samples are added up, but for ``resident_bytes`` (at
``time``) and ``peak_resident_bytes`` (since the process began), both null where the system does not
say, and ``pending_rows_high`` (the most rows that waited). ``latency`` has one more number than
there are bounds: number ``i`` counts the requests that took more than ``latency_bounds[i - 1]`` and
at most ``latency_bounds[i]`` seconds, the last those that took longer. ``cpu_seconds`` are the
user's and the system's, of all threads. ``seconds`` of ``rows`` is the time that scoring took. A
sample belongs to the day of its ``time``. A line that was cut short by a crash is no sample, and
its seconds are missing: the ``seconds`` of a day say how much of it is known. Nothing here names a
client or holds a value of the data.
"""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic, time
from typing import Any

from mlops_assets.serving.metrics import LATENCY_BOUNDS, Counted, Metrics
from mlops_assets.serving.prediction_log.counters import LogCounters

EVERY_SECONDS = 10.0
FORMAT = 1
LOG_COUNTERS = ("received", "journalled", "flushed", "shipped", "lost", "outside_envelope")


@dataclass(frozen=True)
class Sample:
    """A sample and what its header says: see the module."""

    instance: str
    cores: int
    latency_bounds: tuple[float, ...]
    time: datetime
    seconds: float
    requests: Mapping[str, Mapping[str, int]]
    errors: Mapping[str, int]
    latency: Mapping[str, Sequence[int]]
    rows: Sequence[Mapping[str, Any]]
    cpu_seconds: float
    resident_bytes: int | None
    peak_resident_bytes: int | None
    pending_rows_high: int
    log: Mapping[str, int] | None
    log_state: str | None
    release: str | None
    challenger: str | None


@dataclass(frozen=True)
class Serving:
    """What a sample asks of the other parts of the server, at any moment and from another thread:
    the releases that answer (hashes), and what the prediction log has counted."""

    release: Callable[[], str | None]
    challenger: Callable[[], str | None] = lambda: None
    log: Callable[[], LogCounters | None] = lambda: None


class ResourceSamples:
    """Writes a sample of ``metrics`` every ten seconds from a thread of its own, so that neither a
    slow disk holds up an answer nor a busy server a sample.

    ``folder`` is ``served/operations``; days of it that are older than ``retention_days`` are
    deleted. Where a sample cannot be written, ``failed`` is told why and the server goes on.
    """

    def __init__(
        self,
        folder: Path,
        instance: str,
        metrics: Metrics,
        serving: Serving,
        retention_days: int,
        failed: Callable[[OSError], None],
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._folder = folder
        self._instance = instance
        self._metrics = metrics
        self._serving = serving
        self._retention_days = retention_days
        self._failed = failed
        self._every_seconds = every_seconds
        self._before = self._reading()
        self._path: Path | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="resource samples", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write a last, shorter sample and end."""
        self._stop.set()
        self._thread.join()

    def write(self, now: float) -> None:
        """Write the sample that ends at ``now`` (seconds since 1970). Raises ``OSError``."""
        before, after = self._before, self._reading()
        moment = datetime.fromtimestamp(now, UTC)
        lines = [self._sample(moment, before, after)]
        path = self._folder / moment.date().isoformat() / f"{self._instance}.jsonl"
        if path != self._path:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines.insert(0, self._header())
        _append(path, lines)
        # A sample that could not be written is part of the next one.
        self._before = after
        self._metrics.forget_high_water()
        if path != self._path:
            self._path = path
            forget_days(self._folder, moment.date(), self._retention_days)

    def _run(self) -> None:
        while not self._stop.wait(self._every_seconds):
            self._try_to_write()
        self._try_to_write()

    def _try_to_write(self) -> None:
        try:
            self.write(time())
        except OSError as problem:
            self._failed(problem)

    def _reading(self) -> "_Reading":
        return _Reading(monotonic(), _cpu_seconds(), self._metrics.counted(), self._serving.log())

    def _header(self) -> dict[str, Any]:
        return {
            "kind": "header",
            "format": FORMAT,
            "instance": self._instance,
            "every_seconds": self._every_seconds,
            "latency_bounds": [*LATENCY_BOUNDS],
            "cores": os.cpu_count() or 1,
        }

    def _sample(self, moment: datetime, before: "_Reading", after: "_Reading") -> dict[str, Any]:
        return {
            "kind": "sample",
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "seconds": round(after.at - before.at, 3),
            **after.counted.since(before.counted),
            "cpu_seconds": round(after.cpu_seconds - before.cpu_seconds, 3),
            "resident_bytes": _memory("VmRSS:"),
            "peak_resident_bytes": _memory("VmHWM:"),
            "pending_rows_high": self._metrics.pending_rows_high,
            "log": _log_since(before.log, after.log),
            "log_state": after.log.state if after.log else None,
            "release": self._serving.release(),
            "challenger": self._serving.challenger(),
        }


@dataclass(frozen=True)
class _Reading:
    """What had been counted at one moment."""

    at: float
    cpu_seconds: float
    counted: Counted
    log: LogCounters | None


def read_samples(path: Path) -> Iterator[Sample]:
    """The samples of a file in their order. Lines cut short by a crash are passed over. Raises
    ``ValueError`` naming the file where its header is of another format."""
    header: dict[str, Any] | None = None
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            record = _record(line)
            if record.get("kind") == "header":
                header = _checked_header(record, path, number)
            elif record.get("kind") == "sample" and header is not None:
                yield _parsed(record, header)


def forget_days(folder: Path, today: date, retention_days: int) -> list[str]:
    """Delete the days of ``folder`` (``served/operations``) of which more than ``retention_days``
    whole days have passed on ``today``; which they were."""
    first = today - timedelta(days=retention_days)
    gone = []
    for path in sorted(folder.iterdir()):
        with suppress(ValueError):
            if date.fromisoformat(path.name) < first:
                shutil.rmtree(path)
                gone.append(path.name)
    return gone


def _append(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """With one write, so that another reader sees whole lines, after the torn one of a crash."""
    content = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = ("\n" * torn + content).encode()
        if os.write(descriptor, data) != len(data):
            os.ftruncate(descriptor, size)
            raise OSError(f"{path}: the disk took only part of a sample")
    finally:
        os.close(descriptor)


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _checked_header(record: dict[str, Any], path: Path, number: int) -> dict[str, Any]:
    if record["format"] != FORMAT:
        raise ValueError(
            f"{path}, line {number}: samples of format {record['format']}; this version reads "
            f"format {FORMAT}"
        )
    return record


def _parsed(record: Mapping[str, Any], header: Mapping[str, Any]) -> Sample:
    fields = {name: value for name, value in record.items() if name not in ("kind", "time")}
    return Sample(
        instance=header["instance"],
        cores=header["cores"],
        latency_bounds=tuple(header["latency_bounds"]),
        time=datetime.fromisoformat(record["time"]),
        **fields,
    )


def _log_since(before: LogCounters | None, after: LogCounters | None) -> dict[str, int] | None:
    if after is None:
        return None
    return {
        name: getattr(after, name) - (getattr(before, name) if before else 0)
        for name in LOG_COUNTERS
    }


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system


def _memory(field: str) -> int | None:
    """Bytes, as the kernel says: ``getrusage`` would answer with the peak of the program that
    started this one, where that was higher."""
    with suppress(OSError), Path("/proc/self/status").open(encoding="ascii") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return None
