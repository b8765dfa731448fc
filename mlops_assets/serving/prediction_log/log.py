"""The prediction log: what is answered is kept, and no answer waits for it.

Belongs here: the queue between the path of an answer and the one thread that writes. Does not
belong here: what that thread does with it (``recorder.py``, ``housekeeping.py``), or reading the
log (``reading.py``).
"""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread

from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.prediction_log.counters import LogCounters
from mlops_assets.serving.prediction_log.housekeeping import Housekeeping
from mlops_assets.serving.prediction_log.incidents import Incidents
from mlops_assets.serving.prediction_log.journal import Journal
from mlops_assets.serving.prediction_log.pieces import LINE_ROWS, row_count
from mlops_assets.serving.prediction_log.plan import LogPlan
from mlops_assets.serving.prediction_log.recorder import Queued, Recorder
from mlops_assets.serving.prediction_log.settings import LogSettings
from mlops_assets.serving.prediction_log.shipper import Shipper

RECORDING_SECONDS = 0.2
POLL_SECONDS = 0.02
ARRAY_BYTES, VALUE_BYTES = 250, 30
"""About what an array takes in a queue, and a value in it: measured, with texts."""


class PredictionLog:
    """The log of one server's process, below ``folder``, the use case's ``served/``.

    ``instance`` is a name that no other process has or had (``journal.new_instance``). ``plan``
    gives a release's plan by its hash, and is asked by the log's own thread. With ``database``,
    rows go to the PostgreSQL that ``MLOPS_LOG_DATABASE`` in the environment names; else into
    Parquet files. ``alert`` is told, from the log's own thread, what people should know.
    ``release`` is what is served at first: its days of retention hold before anything is answered.

    Raises ``OSError`` where the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        instance: str,
        plan: Callable[[str], LogPlan],
        *,
        alert: Callable[[str], None],
        database: bool = False,
        release: str | None = None,
        settings: LogSettings | None = None,
    ) -> None:
        self._settings = settings or LogSettings()
        self._queue: deque[Queued] = deque()
        self._numbering = Lock()
        self._bound = self._settings.queue_bytes
        self._received = self._refused = self._accepted = 0
        self._closing = Event()
        self._closed = False
        self._dropped_until = 0.0
        self._told = 0
        started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._journal = Journal(folder, instance, self._settings.cut, started)
        self._incidents = Incidents(alert)
        self._recorder = Recorder(self._journal, plan, self._incidents, self._settings)
        self._shipper = Shipper(folder, database)
        self._housekeeping = Housekeeping(
            folder,
            self._journal,
            self._recorder,
            self._shipper,
            self._incidents,
            self._settings,
        )
        if release is not None:
            self._recorder.plan(release)
        self._thread = Thread(target=self._run, name="prediction log", daemon=True)
        self._thread.start()

    def add(self, batch: AnsweredBatch) -> bool:
        """Queue what was answered; whether there was room. From any thread; never waits for the
        log, and never raises."""
        try:
            rows = row_count(batch)
            arrays = len(batch.columns) + len(batch.outputs)
            taken = arrays * (ARRAY_BYTES + rows * VALUE_BYTES)
            with self._numbering:
                sequence = self._received
                self._received = sequence + rows
                waiting = self._accepted - self._recorder.freed
                if self._closed or (waiting and waiting + taken > self._bound):
                    self._refused += rows
                    return False
                self._accepted += taken
                self._queue.append(Queued(sequence, rows, taken, batch))
            return True
        except Exception:
            return False

    def counters(self) -> LogCounters:
        """What happened so far; from any thread."""
        recorder, housekeeping = self._recorder, self._housekeeping
        refused, taken = self._refused, recorder.taken
        return LogCounters(
            received=self._received,
            journalled=recorder.journalled,
            flushed=recorder.flushed,
            shipped=housekeeping.shipped,
            adopted=housekeeping.adopted,
            lost=recorder.lost + refused,
            queued=max(0, self._received - refused - taken),
            outside_envelope=recorder.outside,
            journal_bytes=housekeeping.journal_bytes,
            shipping_failures=housekeeping.failures,
            state="closed" if self._closed and not self._thread.is_alive() else recorder.state,
        )

    def close(self) -> None:
        """Write and ship what there is; what cannot be shipped in time is kept for the next server.
        What is added from now on is lost. May be repeated."""
        with self._numbering:
            self._closed = True
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        flush_at = look_at = 0.0
        settings = self._settings
        while not self._closing.wait(0.0 if self._is_behind else settings.write_seconds):
            now = time.monotonic()
            self._recorder.record(self._queue, RECORDING_SECONDS)
            self._recorder.hear()
            if now >= flush_at:
                self._recorder.flush()
                flush_at = now + settings.flush_seconds - settings.write_seconds
            self._tell_of_refusals(now)
            if now >= look_at:
                self._look(now)
                look_at = now + settings.housekeeping_seconds
        self._finish()

    @property
    def _is_behind(self) -> bool:
        """Whether enough waits for a line or more: it is not waited for others then."""
        return len(self._queue) >= LINE_ROWS

    def _look(self, now: float) -> None:
        try:
            self._housekeeping.look(now)
        except OSError as problem:
            self._incidents.begin(
                "housekeeping", f"the journals cannot be looked after ({problem.errno})"
            )
        else:
            self._incidents.end("housekeeping", "the journals are looked after again")

    def _tell_of_refusals(self, now: float) -> None:
        """An incident is over when the queue had room for a while."""
        refused = self._refused
        if refused > self._told:
            self._told, self._dropped_until = refused, now + self._settings.calm_seconds
            self._incidents.begin(
                "queue", "answers are not logged: they come faster than they can be written"
            )
        elif now >= self._dropped_until:
            self._incidents.end(
                "queue", f"all answers are logged again; {refused} rows were lost until now"
            )

    def _finish(self) -> None:
        end = time.monotonic() + self._settings.closing_seconds
        while self._queue:
            self._recorder.record(self._queue, RECORDING_SECONDS)
        self._recorder.flush_all()
        with suppress(OSError):
            while time.monotonic() < end and not self._housekeeping.finish(time.monotonic()):
                time.sleep(POLL_SECONDS)
        with suppress(OSError):
            self._shipper.end()
            self._journal.leave()
