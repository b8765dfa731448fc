"""The counts of a server at one moment, and what was added between two.

Belongs here: the shape that counts are read in. Does not belong here: counting (``metrics.py``),
showing them to Prometheus (``metric_families.py``), or keeping them (``resource_samples.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_assets.serving.answered import Variant

LATENCY_BOUNDS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0),
)
"""Seconds: a request is counted at the first bound that it did not exceed, or after the last."""
ROW_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096, 16384, 65536)
"""Rows of a batch, counted in the same way."""

RequestKey = tuple[str, int]
"""Endpoint and status."""
BatchKey = tuple[Variant, str, bool]
"""Variant, release (hash), and whether the rows were answered or are a shadow's."""
SECONDS, FIRST_LATENCY = 0, 1
"""Of the counts of requests: the sum of their seconds; then one count for each bound, and one."""
ROWS, BATCH_REQUESTS, BATCH_SECONDS, FIRST_SIZE = 0, 1, 2, 3
"""Of the counts of batches: their rows, their requests, the seconds of scoring them; then one count
for each bound, and one."""


@dataclass(frozen=True)
class Counted:
    """All counts since the start, as lists that the constants of this module index."""

    requests: Mapping[RequestKey, Sequence[float]]
    batches: Mapping[BatchKey, Sequence[float]]
    errors: Mapping[str, int]

    def since(self, before: "Counted") -> dict[str, Any]:
        """What was added after ``before``: the fields of a sample (``resource_samples.py``)."""
        requests = _added(self.requests, before.requests)
        by_class: dict[str, dict[str, int]] = {}
        latency: dict[str, list[int]] = {}
        for (endpoint, status), counts in requests.items():
            seen = [int(count) for count in counts[FIRST_LATENCY:]]
            classes = by_class.setdefault(endpoint, {})
            name = status_class(status)
            classes[name] = classes.get(name, 0) + sum(seen)
            latency[endpoint] = add_up(latency.get(endpoint, [0] * len(seen)), seen)
        errors = {kind: n - before.errors.get(kind, 0) for kind, n in self.errors.items()}
        return {
            "requests": by_class,
            "errors": {kind: n for kind, n in errors.items() if n},
            "latency": latency,
            "rows": [
                _rows(key, counts) for key, counts in _added(self.batches, before.batches).items()
            ],
        }


def status_class(status: int) -> str:
    return f"{status // 100}xx"


def add_up(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    return [a + b for a, b in zip(one, other, strict=True)]


def _added(
    after: Mapping[Any, Sequence[float]], before: Mapping[Any, Sequence[float]]
) -> dict[Any, list[float]]:
    """The counts that changed. Counts never fall, but where those of a release were added to
    others they are gone."""
    added = {}
    for key, counts in after.items():
        old = before.get(key) or [0] * len(counts)
        if any(new != was for new, was in zip(counts, old, strict=True)):
            added[key] = [new - was for new, was in zip(counts, old, strict=True)]
    return added


def _rows(key: BatchKey, counts: Sequence[float]) -> dict[str, Any]:
    variant, release, answered = key
    return {
        "variant": variant,
        "release": release,
        "answered": answered,
        "rows": int(counts[ROWS]),
        "batches": int(sum(counts[FIRST_SIZE:])),
        "seconds": round(counts[BATCH_SECONDS], 6),
    }
