"""Telling people that something is wrong with a server.

Belongs here: alerts, their channels and how often one is sent. Does not belong here: what is worth
an alert (the parts of the server that find it), or the same of the pipeline
(``resources/alerts.py``, which a server must not import).

An alert of a kind is an incident until nothing of that kind has happened for ``QUIET_SECONDS``: it
is logged, counted and sent once, at its beginning; what follows is only counted. Where an incident
goes on, it is said again every ``REMINDER_SECONDS``.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Full, Queue
from time import monotonic
from typing import Any

from mlops_assets.serving.alert_channels import CHANNELS_VARIABLE, notify
from mlops_assets.serving.structured_log import StructuredLog

QUIET_SECONDS = 300.0
REMINDER_SECONDS = 3600.0
MOST_RECENT = 50
MOST_WAITING = 100
"""Alerts that wait to be sent; more are logged and counted only."""
TITLE = "mlops serving"


@dataclass
class Incident:
    """Alerts of one kind, one after the other: when the first and the last were (RFC 3339), how
    many, and what the last said."""

    kind: str
    first: str
    last: str
    times: int
    text: str
    heard: float = field(repr=False)
    said: float = field(repr=False)


class Alerts:
    """The alerts of one server. ``alert`` may be called from any thread and never waits.

    ``use_case`` says in the title what it is about.
    """

    def __init__(
        self,
        log: StructuredLog,
        use_case: str = "",
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._log = log
        self._title = f"{TITLE}: {use_case}" if use_case else TITLE
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Incident] = {}
        self._recent: deque[Incident] = deque(maxlen=MOST_RECENT)
        self._urls = environment.get(CHANNELS_VARIABLE, "").split()
        self._waiting: Queue[tuple[str, str] | None] = Queue(MOST_WAITING)
        self._sender: threading.Thread | None = None
        self.total = 0
        """Alerts since the start, those that were not said included: for a counter of the
        metrics."""
        self.undelivered = 0
        """Those that a channel did not take."""

    def alert(self, kind: str, text: str, **fields: Any) -> None:
        """Say that something of this ``kind`` happened. ``text`` holds no value that was sent."""
        with self._lock:
            incident, is_news = self._heard(kind, text)
        if not is_news:
            return
        self._log.log("alert", "error", kind=kind, text=text, times=incident.times, **fields)
        if self._urls:
            self._send(kind, text)

    def recent(self) -> list[dict[str, Any]]:
        """The latest incidents, newest first, ready to be written as JSON."""
        with self._lock:
            return [
                {name: getattr(one, name) for name in ("kind", "first", "last", "times", "text")}
                for one in reversed(self._recent)
            ]

    def close(self, seconds: float = 5.0) -> None:
        """Wait at most ``seconds`` for what is to be sent."""
        if self._sender is not None:
            try:
                self._waiting.put_nowait(None)
            except Full:
                return
            self._sender.join(seconds)

    def _heard(self, kind: str, text: str) -> tuple[Incident, bool]:
        self.total += 1
        now = self._clock()
        moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        incident = self._open.get(kind)
        if incident is None or now - incident.heard >= QUIET_SECONDS:
            incident = Incident(kind, moment, moment, 1, text, now, now)
            self._open[kind] = incident
            self._recent.append(incident)
            return incident, True
        incident.times += 1
        incident.last, incident.text, incident.heard = moment, text, now
        is_reminder = now - incident.said >= REMINDER_SECONDS
        if is_reminder:
            incident.said = now
        return incident, is_reminder

    def _send(self, kind: str, text: str) -> None:
        with self._lock:
            if self._sender is None:
                self._sender = threading.Thread(target=self._work, name="alerts", daemon=True)
                self._sender.start()
        try:
            self._waiting.put_nowait((kind, text))
        except Full:
            self.undelivered += 1

    def _work(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            kind, text = waiting
            problem = None
            try:
                if notify(self._urls, f"{self._title}: {kind}", text):
                    continue
            except Exception as error:
                problem = error
            # The URL is not named: it may hold a secret.
            self._log.log(
                "alert_not_sent", "error", kind=kind, variable=CHANNELS_VARIABLE, error=problem
            )
            self.undelivered += 1
