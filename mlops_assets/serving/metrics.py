"""What a server counts while it answers.

Belongs here: counting on the hot path. Does not belong here: how Prometheus reads the counts
(``metric_families.py``), what the operations report keeps of them (``resource_samples.py``), or
when somebody is told (``alerting.py``).

Nothing on the hot path takes a lock. A count is ``counts[i] += n`` on a list: CPython up to 3.13
changes threads only at calls and at jumps backwards, and such a statement has neither, so no count
is lost between threads. Labels are bounded: endpoints are the routes of the application, and the
oldest releases of a process that saw very many are added up as ``other``.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import islice

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from mlops_assets.serving.answered import Variant
from mlops_assets.serving.counted import (
    BATCH_REQUESTS,
    BATCH_SECONDS,
    FIRST_LATENCY,
    FIRST_SIZE,
    LATENCY_BOUNDS,
    ROW_BOUNDS,
    ROWS,
    SECONDS,
    BatchKey,
    Counted,
    RequestKey,
    add_up,
)
from mlops_assets.serving.metric_families import Callback, Families
from mlops_assets.serving.refusal import STATUS, Kind

__all__ = ["CONTENT_TYPE", "LATENCY_BOUNDS", "ROW_BOUNDS", "Counted", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""Of what ``Metrics.render`` gives."""
MOST_ENDPOINTS = 64
MOST_RELEASES = 32
OTHER = "other"


class Metrics:
    """The counts of one server. ``request``, ``refused``, ``batch`` and ``pending`` may be called
    from any thread; ``gauge``, ``counter`` and ``labelled`` before it takes traffic."""

    def __init__(self) -> None:
        self._requests: dict[RequestKey, list[float]] = {}
        self._batches: dict[BatchKey, list[float]] = {}
        self._errors: dict[str, list[int]] = {kind: [0] for kind in STATUS}
        self._callbacks: dict[str, Callback] = {}
        self._registry = CollectorRegistry()
        self.pending_rows = 0
        self.pending_rows_high = 0
        """The most since ``forget_high_water``."""
        self._registry.register(Families(self.counted, self._callbacks))
        ProcessCollector(registry=self._registry)

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request that was answered or refused after ``seconds``."""
        counts = self._requests.get((endpoint, status)) or self._request_counts(endpoint, status)
        counts[SECONDS] += seconds
        place = FIRST_LATENCY + bisect_left(LATENCY_BOUNDS, seconds)
        counts[place] += 1

    def refused(self, kind: Kind) -> None:
        """Count a request that was refused, or a connection that was before it had asked."""
        counts = self._errors[kind]
        counts[0] += 1

    def batch(
        self,
        rows: int,
        requests: int,
        variant: Variant,
        release: str,
        answered: bool,
        seconds: float,
    ) -> None:
        """Count rows of ``requests`` that were scored together in ``seconds``."""
        key = (variant, release, answered)
        counts = self._batches.get(key) or self._batch_counts(key)
        counts[ROWS] += rows
        counts[BATCH_REQUESTS] += requests
        counts[BATCH_SECONDS] += seconds
        place = FIRST_SIZE + bisect_left(ROW_BOUNDS, rows)
        counts[place] += 1

    def pending(self, rows: int) -> None:
        """Say how many rows wait to be scored now."""
        self.pending_rows = rows
        if rows > self.pending_rows_high:
            self.pending_rows_high = rows

    def forget_high_water(self) -> None:
        self.pending_rows_high = self.pending_rows

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """Show what ``read`` answers when Prometheus asks. ``name`` gets the prefix
        ``mlops_serving_`` where it lacks it; where ``read`` raises, the value is NaN."""
        self._add(Callback(name, help, "gauge", None, lambda: {"": read()}))

    def counter(self, name: str, help: str, read: Callable[[], float]) -> None:
        """The same of a number that only grows, with ``_total`` at the end of its name."""
        self._add(Callback(name, help, "counter", None, lambda: {"": read()}))

    def labelled(
        self,
        name: str,
        help: str,
        label: str,
        read: Callable[[], Mapping[str, float]],
        kind: str = "gauge",
    ) -> None:
        """The same of several numbers by the values of one label, which must be few: ``kind`` is
        ``gauge`` or ``counter``."""
        self._add(Callback(name, help, kind, label, read))

    def counted(self) -> Counted:
        """All counts as they are now."""
        return Counted(
            {key: [*counts] for key, counts in [*self._requests.items()]},
            {key: [*counts] for key, counts in [*self._batches.items()]},
            {kind: counts[0] for kind, counts in self._errors.items()},
        )

    def render(self) -> bytes:
        """Everything in Prometheus's text format, of type ``CONTENT_TYPE``."""
        return generate_latest(self._registry)

    def _add(self, callback: Callback) -> None:
        if callback.full_name in self._callbacks:
            raise ValueError(f"the metric {callback.full_name} is there already")
        self._callbacks[callback.full_name] = callback

    def _request_counts(self, endpoint: str, status: int) -> list[float]:
        known = {name for name, _ in [*self._requests]}
        if endpoint not in known and len(known) >= MOST_ENDPOINTS:
            endpoint = OTHER
        return self._requests.setdefault(
            (endpoint, status), [0.0, *([0] * (len(LATENCY_BOUNDS) + 1))]
        )

    def _batch_counts(self, key: BatchKey) -> list[float]:
        counts = self._batches.setdefault(key, [0, 0, 0.0, *([0] * (len(ROW_BOUNDS) + 1))])
        releases = dict.fromkeys(release for _, release, _ in self._batches if release != OTHER)
        for release in islice(releases, max(0, len(releases) - MOST_RELEASES)):
            self._add_to_other(release)
        return counts

    def _add_to_other(self, release: str) -> None:
        for key in [key for key in self._batches if key[1] == release]:
            variant, _, answered = key
            old = self._batches.pop(key)
            other = (variant, OTHER, answered)
            self._batches[other] = add_up(self._batches.get(other, [0] * len(old)), old)
