"""The parts of one server, put together, and kept running beside its application.

Belongs here: which part is told what by which. Does not belong here: any part's work.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mlops_assets.serving.alerting import Alerts
from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.app import ServerApp
from mlops_assets.serving.connection_watch import ConnectionWatch
from mlops_assets.serving.metrics import Metrics
from mlops_assets.serving.prediction_log.journal import new_instance
from mlops_assets.serving.prediction_log.log import PredictionLog
from mlops_assets.serving.prediction_log.plan import RETENTION_DAYS, plan_of, pseudonym_key
from mlops_assets.serving.refusal import Kind
from mlops_assets.serving.resource_samples import ResourceSamples, Serving
from mlops_assets.serving.router import Router
from mlops_assets.serving.settings import Settings
from mlops_assets.serving.structured_log import PROCESS_LOG, log
from mlops_assets.serving.tls import ServerTls
from mlops_assets.serving.tokens import Guard
from mlops_assets.serving.watcher import POLL_SECONDS, Watcher

LONGEST_STOP = 20.0
REFRESH_SECONDS = 1.0
NO_LOG = "off"


class ServingService:
    """One server. ``app`` is its application."""

    def __init__(self, settings: Settings) -> None:
        """Raises ``TokensError`` or ``TlsError`` where a file of these cannot be used."""
        self._settings = settings
        self.metrics = Metrics()
        self.alerts = Alerts(PROCESS_LOG, settings.root.name)
        self.guard = Guard(settings.tokens, lambda text: self.alerts.alert("tokens_refused", text))
        self.tls = self._server_tls()
        self.router = Router(settings.limits, self._observe, self._drop_shadow)
        self.watcher = Watcher(
            settings.root,
            self.router,
            settings.limits,
            settings.release,
            self.alerts.alert,
            self._changed,
        )
        self.app = ServerApp(self.router, settings.limits, self.guard, self.metrics, self)
        self.instance = new_instance(datetime.now(UTC))
        self.has_started = False
        self._started = time.time()
        self._dropped_shadow_rows = 0
        self._log: PredictionLog | None = None
        self._samples: ResourceSamples | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._url: str | None = None
        self._is_announced = False
        self._describe()

    async def start(self) -> None:
        """Load what should serve, and begin to look after it."""
        await self.watcher.look()
        if self._settings.log_folder is not None:
            await asyncio.to_thread(self._open_log)
        self._tasks = [
            asyncio.create_task(self._keep_at(self.watcher.look, POLL_SECONDS)),
            asyncio.create_task(self._keep_at(self._refresh_secrets, REFRESH_SECONDS)),
        ]
        self.has_started = True

    def announce(self, url: str) -> None:
        """Say where clients can connect, and once a release is served, that the server is ready."""
        self._url = url
        log("listening", url=url)
        if self.release is not None:
            self._say_ready()

    async def stop(self) -> None:
        """Let what waits be answered and logged."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        ends = time.monotonic() + LONGEST_STOP
        while self.router.pending_rows and time.monotonic() < ends:
            await asyncio.sleep(0.01)
        self.router.close()
        await asyncio.to_thread(self._close_log)
        self.alerts.close()

    def _say_ready(self) -> None:
        self._is_announced = True
        log("ready", url=self._url, release=self.release)

    def _changed(self) -> None:
        """Another release, or test, took over."""
        plan = self.router.plan
        log("serving", release=self.release, traffic=None if plan is None else asdict(plan))
        if self._url is not None and not self._is_announced:
            self._say_ready()

    def status(self) -> Mapping[str, Any]:
        """What an administrator is told."""
        plan = self.router.plan
        return {
            "instance": self.instance,
            "started": datetime.fromtimestamp(self._started, UTC).isoformat(),
            "champion": self.release,
            "traffic": None if plan is None else asdict(plan),
            "pending_rows": self.router.pending_rows,
            "releases_refused": self.watcher.refused,
            "log": {"state": NO_LOG} if self._log is None else asdict(self._log.counters()),
            "alerts": self.alerts.recent(),
        }

    def describe_connections(self, watch: ConnectionWatch) -> None:
        """Tell the metrics what is known of the connections."""
        metrics = self.metrics
        metrics.gauge("connections", "Open connections.", lambda: watch.open)
        metrics.gauge("requests_in_flight", "Requests being answered.", lambda: watch.in_flight)
        metrics.counter("connections_refused", "Connections refused.", lambda: watch.refused)
        metrics.counter(
            "connections_evicted",
            "Idle connections closed to make room for others.",
            lambda: watch.evicted,
        )

    def _open_log(self) -> None:
        folder = self._settings.log_folder
        assert folder is not None
        key = pseudonym_key()
        releases = self._settings.root / "releases"
        self._log = PredictionLog(
            folder,
            self.instance,
            lambda release: plan_of(releases / release, key),
            alert=lambda text: self.alerts.alert("prediction_log", text),
            database=self._settings.log_to_database,
            release=self.release,
        )
        self._samples = ResourceSamples(
            folder / "operations",
            self.instance,
            self.metrics,
            Serving(lambda: self.release, self._challenger, self._log.counters),
            self._retention_days(),
            lambda problem: self.alerts.alert("samples", f"no sample is kept: {problem.strerror}"),
        )
        self._samples.start()

    def _close_log(self) -> None:
        if self._samples is not None:
            self._samples.stop()
        if self._log is not None:
            self._log.close()

    def _server_tls(self) -> ServerTls | None:
        certificate, key = self._settings.tls_certificate, self._settings.tls_key
        if certificate is None or key is None:
            return None
        return ServerTls(certificate, key, lambda text: self.alerts.alert("tls_refused", text))

    async def _keep_at(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Do ``work`` again and again. Whatever goes wrong once must not end it for good: nobody
        would notice until the next promotion."""
        while True:
            try:
                await work()
            except Exception as problem:
                self.alerts.alert("housekeeping", f"{type(problem).__name__} while looking around")
            await asyncio.sleep(seconds)

    async def _refresh_secrets(self) -> None:
        if await asyncio.to_thread(self.guard.refresh):
            log("tokens_changed")
        if self.tls is not None and await asyncio.to_thread(self.tls.refresh):
            log("certificate_changed")

    def _observe(self, batch: AnsweredBatch, seconds: float) -> None:
        rows = sum(request.rows for request in batch.requests)
        self.metrics.batch(
            rows, len(batch.requests), batch.variant, batch.release, batch.answered, seconds
        )
        self.metrics.pending(self.router.pending_rows)
        if self._log is not None:
            self._log.add(batch)

    def refused(self, kind: Kind) -> None:
        """Count and log a request that was refused, by the application or before it was asked."""
        self.metrics.refused(kind)
        PROCESS_LOG.refused(kind)

    def _drop_shadow(self, rows: int) -> None:
        self._dropped_shadow_rows += rows

    @property
    def release(self) -> str | None:
        """The hash of the champion."""
        lanes = self.router.lanes
        return lanes[0].role.release if lanes else None

    def _challenger(self) -> str | None:
        lanes = self.router.lanes
        return lanes[1].role.release if len(lanes) > 1 else None

    def _log_state(self) -> str | None:
        return None if self._log is None else self._log.counters().state

    def _retention_days(self) -> int:
        lanes = self.router.lanes
        declared = lanes[0].model.declaration.get("serving", {}) if lanes else {}
        return int(declared.get("retention_days", RETENTION_DAYS))

    def _describe(self) -> None:
        """Tell the metrics what is known elsewhere."""
        metrics, router, watcher = self.metrics, self.router, self.watcher
        metrics.gauge("pending_rows", "Rows that wait to be scored.", lambda: router.pending_rows)
        metrics.gauge(
            "model_loaded_timestamp_seconds",
            "When the champion took over, in seconds since 1970.",
            lambda: watcher.loaded_at,
        )
        metrics.gauge("ready", "1 where a release is served.", lambda: float(router.is_ready))
        metrics.counter(
            "releases_refused", "Bundles that were not fit to serve.", lambda: watcher.refused
        )
        metrics.counter(
            "shadow_rows_dropped",
            "Rows that a shadow was not asked about, being too slow.",
            lambda: self._dropped_shadow_rows,
        )
        metrics.counter("alerts", "Alerts since the start.", lambda: self.alerts.total)
        for name, words in LOG_COUNTERS.items():
            metrics.counter(f"prediction_log_{name}_rows", words, partial(self._log_count, name))
        metrics.gauge(
            "prediction_log_queued_rows",
            "Rows that wait to be written.",
            lambda: self._log_count("queued"),
        )
        metrics.gauge(
            "prediction_log_writing",
            "1 where answers are being kept, 0 where the log has stopped or is off.",
            lambda: float(self._log_state() == "writing"),
        )

    def _log_count(self, name: str) -> float:
        return 0.0 if self._log is None else float(getattr(self._log.counters(), name))


LOG_COUNTERS = {
    "journalled": "Rows written to the journal.",
    "flushed": "Rows that survive the process and the machine.",
    "shipped": "Rows in answers or in the database.",
    "lost": "Rows that are gone for good.",
    "outside_envelope": "Rows outside the release's input envelope.",
}
