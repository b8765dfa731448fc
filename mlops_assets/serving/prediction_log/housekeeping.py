"""What is done about the journals now and then: cutting, shipping, adopting, deleting.

Belongs here: when each is due, and what a failure means. Does not belong here: the work itself
(``journal.py``, ``shipper.py``).
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from mlops_assets.serving.prediction_log.incidents import Incidents
from mlops_assets.serving.prediction_log.journal import (
    Journal,
    closed_segments,
    journal_bytes,
    left_behind,
)
from mlops_assets.serving.prediction_log.recorder import Recorder
from mlops_assets.serving.prediction_log.settings import LogSettings
from mlops_assets.serving.prediction_log.shipper import Shipper
from mlops_assets.serving.prediction_log.shipping import Expiry, Outcome

LONGEST_RETRY_SECONDS = 300.0


class Housekeeping:
    """Used by one thread; its counters may be read by any."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        recorder: Recorder,
        shipper: Shipper,
        incidents: Incidents,
        settings: LogSettings,
    ) -> None:
        self._folder, self._journal, self._recorder = folder, journal, recorder
        self._shipper, self._incidents, self._settings = shipper, incidents, settings
        self._ship_at = self._adopt_at = self._expire_at = 0.0
        self._expiring = False
        self.shipped = self.adopted = self.damaged = self.failures = self.journal_bytes = 0

    def look(self, now: float) -> None:
        """Do what is due; ``now`` is on any clock that only moves on. Raises ``OSError``."""
        to_ship = self._journal.cut(now)
        self._look_at_room(now)
        self.hear(now)
        if self._shipper.is_running or now < self._ship_at:
            return
        retention = self._recorder.retention
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        expire = (today, retention) if retention and now >= self._expire_at else None
        if to_ship or expire:
            self._start(now, expire)
        elif now >= self._adopt_at:
            self._adopt(now)

    def finish(self, now: float) -> bool:
        """Ship what is left of this instance; whether nothing is. To be asked again until then."""
        self._journal.cut(now, everything=True)
        self.hear(now)
        if self._shipper.is_running:
            return False
        left = bool(closed_segments(self._journal.folder))
        if left and now >= self._ship_at:
            self._start(now, None)
        return not left

    def hear(self, now: float) -> None:
        """Take in what came of the process that ships, where it has ended."""
        own = self._shipper.instance == self._journal.folder.name
        outcome = self._shipper.poll(now)
        if outcome is None:
            return
        if own:
            self.shipped += outcome.rows
        else:
            self.adopted += outcome.rows
        if outcome.damaged:
            self.damaged += outcome.damaged
            self._incidents.say(f"{outcome.damaged} lines of the journal cannot be read")
        self._judge(outcome, own, now)

    def _judge(self, outcome: Outcome, own: bool, now: float) -> None:
        if outcome.problem is None:
            self.failures, self._ship_at = 0, 0.0
            if self._expiring:
                self._expire_at = now + self._settings.expiry_seconds
            self._incidents.end("shipping", "what was logged is shipped again")
            return
        wait = self._settings.retry_seconds * 2.0 ** min(self.failures, 10)
        again = now + min(wait, LONGEST_RETRY_SECONDS)
        if own:
            self._ship_at = again
        else:
            self._adopt_at = again
        self.failures += 1
        self._incidents.begin(
            "shipping", f"what is logged cannot be shipped, and is kept: {outcome.problem}"
        )

    def _start(self, now: float, expire: Expiry | None) -> None:
        self._expiring = expire is not None
        self._shipper.start(self._journal.folder.name, self._journal.lock, now, False, expire)

    def _adopt(self, now: float) -> None:
        for folder, lock in left_behind(self._folder, self._journal.folder.name):
            self._expiring = False
            try:
                self._shipper.start(folder.name, lock, now, True, None)
            finally:
                # The process has the lock now; the folder is removed when there is nothing in it.
                os.close(lock)
            return
        self._adopt_at = now + self._settings.adoption_seconds

    def _look_at_room(self, now: float) -> None:
        """Stop before the disk or the journal's bound is reached, and go on when there is room."""
        recorder, settings = self._recorder, self._settings
        self.journal_bytes = journal_bytes(self._folder)
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < settings.free_bytes:
            recorder.retry_at = now + 2.0 * settings.housekeeping_seconds
            recorder.stop("stopped: disk full", "the prediction log has stopped: the disk is full")
        elif self.journal_bytes >= settings.journal_bytes:
            recorder.retry_at = now + 2.0 * settings.housekeeping_seconds
            recorder.stop(
                "stopped: journal full",
                "the prediction log has stopped: its journal is full, for what is logged cannot be "
                "shipped",
            )
        elif recorder.state == "stopped: journal full":
            recorder.resume()
