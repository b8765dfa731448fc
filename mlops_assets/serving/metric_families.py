"""The counts of a server in the form that Prometheus reads.

Belongs here: names, help texts, labels and histograms. Does not belong here: counting
(``metrics.py``). Names and units are as https://prometheus.io/docs/practices/naming/ asks; of a
release the first 12 characters of its hash are said.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mlops_assets.serving.counted import (
    BATCH_SECONDS,
    FIRST_LATENCY,
    FIRST_SIZE,
    LATENCY_BOUNDS,
    ROW_BOUNDS,
    ROWS,
    SECONDS,
    Counted,
    add_up,
    status_class,
)

PREFIX = "mlops_serving_"
RELEASE_CHARACTERS = 12


@dataclass(frozen=True)
class Callback:
    """A metric that is read when it is asked for: its values by those of its label, or that of
    ``""`` where it has none."""

    name: str
    help: str
    kind: str
    label: str | None
    read: Callable[[], Mapping[str, float]]

    @property
    def full_name(self) -> str:
        return self.name if self.name.startswith(PREFIX) else PREFIX + self.name

    def family(self) -> Metric:
        try:
            values = self.read()
        # Whatever ails one part of the server, the others are still to be seen.
        except Exception:
            values = {} if self.label else {"": math.nan}
        labels = [self.label] if self.label else []
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.full_name, self.help, labels=labels)
        for name, value in values.items():
            family.add_metric([name] if self.label else [], float(value))
        return family


class Families(Collector):
    """All metrics of a server, made anew for each who asks."""

    def __init__(self, counted: Callable[[], Counted], callbacks: Mapping[str, Callback]) -> None:
        self._counted = counted
        self._callbacks = callbacks

    def describe(self) -> list[Metric]:
        """Nothing: the registry would otherwise call the callbacks before they work."""
        return []

    def collect(self) -> Iterator[Metric]:
        counted = self._counted()
        yield from _of_requests(counted)
        yield from _of_batches(counted)
        for callback in [*self._callbacks.values()]:
            yield callback.family()


def _of_requests(counted: Counted) -> Iterator[Metric]:
    requests: dict[tuple[str, ...], float] = {}
    latency: dict[str, list[float]] = {}
    for (endpoint, status), counts in counted.requests.items():
        key = (endpoint, status_class(status))
        requests[key] = requests.get(key, 0) + sum(counts[FIRST_LATENCY:])
        latency[endpoint] = add_up(latency.get(endpoint, [0] * len(counts)), counts)
    yield _counter("requests", "Requests answered or refused.", ["endpoint", "status"], requests)
    errors: dict[tuple[str, ...], float] = {(kind,): n for kind, n in counted.errors.items()}
    yield _counter("errors", "Requests and connections refused, by reason.", ["kind"], errors)
    seconds = HistogramMetricFamily(
        PREFIX + "request_duration_seconds",
        "From a request's last byte to its answer.",
        labels=["endpoint"],
    )
    for endpoint, counts in latency.items():
        buckets = _buckets(LATENCY_BOUNDS, counts[FIRST_LATENCY:])
        seconds.add_metric([endpoint], buckets, sum_value=counts[SECONDS])
    yield seconds


def _of_batches(counted: Counted) -> Iterator[Metric]:
    answered: dict[tuple[str, ...], float] = {}
    shadow: dict[tuple[str, ...], float] = {}
    scoring: dict[tuple[str, ...], float] = {}
    sizes: list[float] = [0] * (FIRST_SIZE + len(ROW_BOUNDS) + 1)
    for (variant, release, was_answered), counts in counted.batches.items():
        key = (variant, release[:RELEASE_CHARACTERS])
        rows = answered if was_answered else shadow
        rows[key] = rows.get(key, 0) + counts[ROWS]
        scoring[key] = scoring.get(key, 0) + counts[BATCH_SECONDS]
        sizes = add_up(sizes, counts)
    by = ["variant", "release"]
    yield _counter("rows_answered", "Rows that were answered.", by, answered)
    yield _counter("rows_shadow", "Rows scored without anybody being told.", by, shadow)
    yield _counter("scoring_seconds", "Time that the models took.", by, scoring)
    family = HistogramMetricFamily(PREFIX + "batch_rows", "Rows that were scored together.")
    buckets = _buckets(ROW_BOUNDS, sizes[FIRST_SIZE:])
    family.add_metric([], buckets, sum_value=sizes[ROWS])
    yield family


def _counter(
    name: str, help: str, labels: list[str], values: Mapping[tuple[str, ...], float]
) -> Metric:
    family = CounterMetricFamily(PREFIX + name, help, labels=labels)
    for key, value in values.items():
        family.add_metric([*key], value)
    return family


def _buckets(bounds: Sequence[float], counts: Sequence[float]) -> list[tuple[str, float]]:
    """Cumulative, as the format wants them."""
    total, buckets = 0.0, []
    for bound, count in zip((*bounds, math.inf), counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound == math.inf else repr(float(bound)), total))
    return buckets
