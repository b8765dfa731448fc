"""The journal of one instance: its folder, whose lock says that it lives, and its open segments.

Belongs here: when a segment begins and ends, and whose folder may be touched. Does not belong here:
a segment's content (``segment.py``), or turning closed ones into answers (``shipping.py``).

``journal/<instance>/`` is locked (flock) by the process that writes it, and by whoever ships what a
dead one left. The lock ends with its last holder, so nothing has to be cleaned up after a crash.
"""

import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from mlops_assets.serving.prediction_log.lines import Line, column_kinds
from mlops_assets.serving.prediction_log.plan import LogPlan
from mlops_assets.serving.prediction_log.segment import (
    CLOSED,
    OPEN,
    Header,
    SegmentWriter,
    Written,
    sync,
)

LOCK = "lock"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLAIMS, CLAIM_SECONDS = 10, 0.03
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class CutSettings:
    """When a segment ends, beside the end of its day: at so many bytes, or so long after it began.
    The answers appear a few seconds later."""

    bytes: int = 64 * 2**20
    seconds: float = 240.0


def new_instance(now: datetime) -> str:
    """A name for a server's process that no other has: when it started, and 48 random bits."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"


def day_name(day: int) -> str:
    """Days since 1970 as YYYY-MM-DD."""
    return f"{EPOCH + timedelta(days=day):%Y-%m-%d}"


class Synced(NamedTuple):
    """Rows that are durable now and were not, rows that could not be made so, and why not."""

    safe: int
    lost: int
    problem: OSError | None


class Journal:
    """The journal that this process writes. Raises ``OSError`` where its folder cannot be made, and
    ``FileExistsError`` where another process has the name."""

    def __init__(self, folder: Path, instance: str, cut: CutSettings, started: str) -> None:
        self.folder = folder / "journal" / instance
        self._instance, self._cut, self._started = instance, cut, started
        self._open: dict[tuple[int, str], tuple[SegmentWriter, float]] = {}
        self._ending: list[SegmentWriter] = []
        self._syncer = ThreadPoolExecutor(1, "prediction log sync")
        self._syncing: tuple[list[Written], Future[list[OSError | None]]] | None = None
        self._number = 0
        self.lock = self._claim()

    def _claim(self) -> int:
        for _ in range(CLAIMS):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = claim(self.folder)
            if lock is not None and not any(self.folder.glob("*.jsonl")):
                return lock
            if lock is not None:
                os.close(lock)
                break
            # Another server may be looking whether the new folder is one that was left behind.
            time.sleep(CLAIM_SECONDS)
        raise FileExistsError(f"{self.folder}: another process has or had this name")

    def append(self, day: int, plan: LogPlan, line: Line, now: float) -> None:
        """Write a line, in a new segment where there is none of its day and release. ``now`` is on
        any clock that only moves on. Raises ``OSError``: then the line is not there."""
        opened = self._open.get((day, plan.release))
        if opened is None:
            kinds = tuple(column_kinds(plan))
            header = Header(
                instance=self._instance,
                number=self._number,
                release=plan.release,
                day=day_name(day),
                started=self._started,
                columns=kinds,
                use_case=plan.use_case,
            )
            opened = SegmentWriter(self.folder, header), now
            self._open[day, plan.release] = opened
            self._number += 1
        opened[0].append(line.content, line.rows)

    def begin_sync(self) -> None:
        """Have all that is written by now made durable, by a thread of its own: a disk that is busy
        would hold up the queue otherwise. Nothing is begun while an earlier one is under way."""
        unsafe = [writer for writer in self._writers() if writer.unsafe_rows]
        if self._syncing is None and unsafe:
            written = [writer.written() for writer in unsafe]
            self._syncing = written, self._syncer.submit(sync, written)

    def end_sync(self, wait: bool = False) -> Synced:
        """What has become durable and what was lost since the last time; with ``wait``, of the sync
        that is under way."""
        if self._syncing is None or not (wait or self._syncing[1].done()):
            return Synced(0, 0, None)
        (written, syncing), self._syncing = self._syncing, None
        safe = lost = 0
        problem: OSError | None = None
        for one, failed in zip(written, syncing.result(), strict=True):
            if failed is None:
                safe += one.segment.mark_durable(one)
            else:
                lost += one.segment.discard_unsafe()
                problem = problem or failed
        return Synced(safe, lost, problem)

    def cut(self, now: float, everything: bool = False) -> int:
        """Let no more rows into the segments that are large or old enough, and close those of them
        that are durable by now; how many there are to ship. Raises ``OSError``."""
        for key, (writer, since) in [*self._open.items()]:
            if everything or writer.size >= self._cut.bytes or now - since >= self._cut.seconds:
                del self._open[key]
                self._ending.append(writer)
        for writer in [*self._ending]:
            if not writer.unsafe_rows:
                self._ending.remove(writer)
                writer.close()
        return len(closed_segments(self.folder))

    def end_all(self) -> None:
        """Let no more rows into any segment, so that what comes next begins new ones."""
        self._ending += [writer for writer, _ in self._open.values()]
        self._open.clear()

    def _writers(self) -> list[SegmentWriter]:
        return [*(writer for writer, _ in self._open.values()), *self._ending]

    def leave(self) -> None:
        """Give up the folder; what is still in it is the next server's to ship."""
        self._syncer.shutdown()
        abandon(self.folder, self.lock)


def claim(folder: Path) -> int | None:
    """The lock of an instance's folder; ``None`` where a living process has it, or the folder is
    gone."""
    path = folder / LOCK
    try:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between the two calls, who had it may have removed the file.
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def abandon(folder: Path, lock: int) -> None:
    """Let go of a folder, and remove it where nothing is left to ship."""
    if not any(folder.glob("*.jsonl")):
        shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def left_behind(folder: Path, own: str) -> Iterator[tuple[Path, int]]:
    """The folders of dead instances, each with its lock, which the caller has to let go of. Empty
    ones are removed."""
    journal = folder / "journal"
    for path in sorted(journal.iterdir()) if journal.is_dir() else ():
        if path.name == own or not path.is_dir():
            continue
        with suppress(OSError):
            lock = claim(path)
            if lock is not None and any(path.glob("*.jsonl")):
                yield path, lock
            elif lock is not None:
                abandon(path, lock)


def closed_segments(folder: Path) -> list[Path]:
    """The segments of an instance that nobody writes any more, in order."""
    return sorted(path for path in folder.glob(f"*{CLOSED}") if not path.name.endswith(OPEN))


def all_segments(folder: Path) -> list[Path]:
    """The segments of a dead instance: what it had open is closed as well, it only did not say."""
    return sorted(folder.glob(f"*{CLOSED}"))


def journal_bytes(folder: Path) -> int:
    """What all journals in ``folder`` take."""
    sizes = 0
    for path in (folder / "journal").glob("*/*.jsonl"):
        with suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return sizes
