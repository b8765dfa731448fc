"""Queued answers into the journal, many rows at a time.

Belongs here: grouping rows into lines, writing and flushing them, and stopping where there is no
room. Does not belong here: the queue and the thread (``log.py``), or what happens to closed
segments (``housekeeping.py``).
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.prediction_log.counters import State
from mlops_assets.serving.prediction_log.incidents import Incidents
from mlops_assets.serving.prediction_log.journal import NO_ROOM, Journal
from mlops_assets.serving.prediction_log.lines import write_line
from mlops_assets.serving.prediction_log.pieces import LINE_ROWS, Piece, pieces
from mlops_assets.serving.prediction_log.plan import LogPlan
from mlops_assets.serving.prediction_log.retention import Retention
from mlops_assets.serving.prediction_log.settings import LogSettings

MOST_PLANS = 16
PLAN_RETRY_SECONDS = 10.0
YIELD_SECONDS = 0.0002
"""After a line, given to the threads that answer: they wait for the interpreter otherwise."""
Groups = dict[tuple[int, str], list[Piece]]


class Queued(NamedTuple):
    """A batch with the number of its first row, and about how many bytes it takes."""

    sequence: int
    rows: int
    bytes: int
    batch: AnsweredBatch


class Recorder:
    """Used by one thread; its counters may be read by any. ``taken`` are the rows that left the
    queue, each of which is journalled or lost, and ``freed`` the bytes that they took there."""

    def __init__(
        self,
        journal: Journal,
        plan: Callable[[str], LogPlan],
        incidents: Incidents,
        settings: LogSettings,
    ) -> None:
        self._journal, self._plan, self._incidents = journal, plan, incidents
        self._settings = settings
        self._stopped_at = 0.0
        self._plans: dict[str, LogPlan] = {}
        self._no_plan_until: dict[str, float] = {}
        self.taken = self.freed = self.journalled = self.flushed = self.lost = self.outside = 0
        self.state: State = "writing"
        self.retry_at = 0.0
        self.retention: Retention | None = None

    def record(self, queue: deque[Queued], seconds: float) -> None:
        """Write what is queued, at most for so long."""
        end = time.monotonic() + seconds
        groups: Groups = {}
        sizes: dict[tuple[int, str], int] = {}
        taken = freed = 0
        while queue and time.monotonic() < end:
            queued = queue.popleft()
            taken += queued.rows
            freed += queued.bytes
            for piece in self._pieces(queued):
                key = piece.day, piece.batch.release
                if sizes.get(key, 0) + piece.rows > LINE_ROWS:
                    self._write(groups.pop(key))
                    sizes[key] = 0
                    time.sleep(YIELD_SECONDS)
                groups.setdefault(key, []).append(piece)
                sizes[key] = sizes.get(key, 0) + piece.rows
            if len(groups) > MOST_PLANS or taken >= LINE_ROWS:
                # Rows leave the queue when they are written: those at hand are bounded as well.
                self._write_all(groups)
                sizes.clear()
                self.taken += taken
                self.freed += freed
                taken = freed = 0
        self._write_all(groups)
        self.taken += taken
        self.freed += freed

    def flush(self) -> None:
        """Have made durable what is written by now."""
        self._journal.begin_sync()

    def flush_all(self) -> None:
        """Make durable all that is written, however long that takes."""
        self.hear(wait=True)
        self._journal.begin_sync()
        self.hear(wait=True)

    def hear(self, wait: bool = False) -> None:
        """Count what has become durable, or could not."""
        safe, lost, problem = self._journal.end_sync(wait)
        self.flushed += safe
        self.lost += lost
        self.journalled -= lost
        if problem is not None:
            self._stop(problem)
        calm = time.monotonic() - self._stopped_at >= self._settings.calm_seconds
        if self.state == "writing" and calm:
            self._incidents.end(
                "stopped", f"the prediction log goes on; {self.lost} rows were lost until now"
            )

    def stop(self, state: State, text: str) -> None:
        """Lose what comes, until ``resume``; said once."""
        self.state = state
        self._stopped_at = time.monotonic()
        self._incidents.begin("stopped", text)

    def resume(self) -> None:
        """Write again; it is said when that has gone well for a while."""
        self.state = "writing"

    def plan(self, release: str) -> LogPlan | None:
        """The release's plan; ``None`` where it cannot be had, which is said once."""
        known = self._plans.get(release)
        if known is not None or time.monotonic() < self._no_plan_until.get(release, 0.0):
            return known
        try:
            plan = self._plan(release)
        except Exception as problem:
            self._no_plan_until[release] = time.monotonic() + PLAN_RETRY_SECONDS
            kind = type(problem).__name__
            self._incidents.begin(
                f"plan {release}", f"answers of release {release} cannot be logged: {kind}"
            )
            return None
        if len(self._plans) >= MOST_PLANS:
            del self._plans[next(iter(self._plans))]
        self._plans[release] = plan
        self.retention = Retention(plan.use_case, plan.retention_days)
        if plan.left_out:
            named = ", ".join(plan.left_out)
            self._incidents.begin(
                f"key {named}",
                f"column(s) {named} are to be pseudonymised, and there is no key: they are not "
                "logged; set MLOPS_PSEUDONYM_KEY",
            )
        return plan

    def _pieces(self, queued: Queued) -> Sequence[Piece]:
        if self.state == "writing" or time.monotonic() >= self.retry_at:
            try:
                return [*pieces(queued.sequence, queued.batch, queued.rows)]
            except Exception as problem:
                self._cannot_be_logged(problem)
        self.lost += queued.rows
        return ()

    def _write_all(self, groups: Groups) -> None:
        for group in groups.values():
            self._write(group)
        groups.clear()

    def _write(self, group: Sequence[Piece]) -> None:
        """One line; where that cannot be, a line for each piece, so that one that is not what its
        release's plan says costs no other."""
        plan = self.plan(group[0].batch.release)
        rows = sum(piece.rows for piece in group)
        if plan is None or (self.state != "writing" and time.monotonic() < self.retry_at):
            self.lost += rows
            return
        try:
            line = write_line(group, plan)
        except Exception as problem:
            if len(group) > 1:
                for piece in group:
                    self._write([piece])
                return
            self._cannot_be_logged(problem)
            self.lost += rows
            return
        try:
            self._journal.append(group[0].day, plan, line, time.monotonic())
        except OSError as failed:
            self.lost += rows
            self._stop(failed)
            return
        self.journalled += rows
        self.outside += line.outside
        self.resume()

    def _stop(self, problem: OSError) -> None:
        full = problem.errno in NO_ROOM
        self.retry_at = time.monotonic() + self._settings.housekeeping_seconds
        self._journal.end_all()
        self.stop(
            "stopped: disk full" if full else "stopped: disk error",
            "the prediction log has stopped: the disk is full"
            if full
            else f"the prediction log has stopped: writing failed ({problem.errno})",
        )

    def _cannot_be_logged(self, problem: Exception) -> None:
        # What it says may hold a value.
        self._incidents.begin(
            "unloggable",
            f"answers that are not what their release says are not logged: "
            f"{type(problem).__name__}",
        )
