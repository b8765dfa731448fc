"""What the servers said of themselves over a day, added up.

Belongs here: the samples of all instances by hour and by instance. Does not belong here: what the
log tells of requests (``requests.py``), the form of a sample
(``serving/resource_samples.py``), or the report (``operations.py``).
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mlops_assets.data.batch_error import BatchError
from mlops_assets.serving.resource_samples import Sample, read_samples

HOURS = 24
BYTES_A_MEGABYTE = 1e6


@dataclass
class InstanceDay:
    """One server over a day: ``first`` and ``last`` are the moments (ISO 8601, UTC) between which
    it is known to have run, ``seconds`` how many of them the samples cover."""

    instance: str
    cores: int
    first: str
    last: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    highest_cpu_share: float = 0.0
    resident_bytes: int | None = None
    """The most there was, ``None`` where the system does not say."""


@dataclass
class DaySamples:
    """The samples of a day. ``answers`` counts requests by class of status, ``errors`` by kind,
    ``rows`` by ``(release, variant, answered)``, ``log`` as the servers counted; ``log_states`` is
    in seconds. The lists have one number an hour: seconds covered, of processor, and the most
    memory of one server."""

    instances: list[InstanceDay] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    rows: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    log: Counter[str] = field(default_factory=Counter)
    log_states: Counter[str] = field(default_factory=Counter)
    pending_rows_high: int = 0
    seconds: list[float] = field(default_factory=lambda: [0.0] * HOURS)
    cpu_seconds: list[float] = field(default_factory=lambda: [0.0] * HOURS)
    resident_bytes: list[int | None] = field(default_factory=lambda: [None] * HOURS)
    refused: list[int] = field(default_factory=lambda: [0] * HOURS)


def read_day_samples(served: Path, day: str) -> DaySamples:
    """The samples of all instances on ``day`` below ``served/operations``, in the order of their
    names; none where no server ran. Raises ``BatchError`` naming a file that cannot be read."""
    found = DaySamples()
    for path in sorted((served / "operations" / day).glob("*.jsonl")):
        instance: InstanceDay | None = None
        try:
            for sample in read_samples(path):
                instance = instance or _begin(sample)
                _add_to_instance(instance, sample)
                _add_to_day(found, sample)
        except (ValueError, TypeError, KeyError) as error:
            raise BatchError(
                f"served/operations/{day}/{path.name}: not as samples are "
                f"({type(error).__name__}): they were written by another version"
            ) from error
        if instance is not None:
            found.instances.append(instance)
    return found


def _begin(sample: Sample) -> InstanceDay:
    first = sample.time - timedelta(seconds=sample.seconds)
    return InstanceDay(sample.instance, sample.cores, _moment(first), _moment(sample.time))


def _moment(time: object) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _add_to_instance(instance: InstanceDay, sample: Sample) -> None:
    instance.last = _moment(sample.time)
    instance.seconds += sample.seconds
    instance.cpu_seconds += sample.cpu_seconds
    if sample.seconds > 0.0:
        share = sample.cpu_seconds / sample.seconds
        instance.highest_cpu_share = max(instance.highest_cpu_share, share)
    instance.resident_bytes = _most(
        instance.resident_bytes, sample.resident_bytes, sample.peak_resident_bytes
    )


def _most(*sizes: int | None) -> int | None:
    """The largest of those that are known."""
    return max((size for size in sizes if size is not None), default=None)


def _add_to_day(found: DaySamples, sample: Sample) -> None:
    hour = sample.time.hour
    for classes in sample.requests.values():
        found.answers.update(classes)
    found.errors.update(sample.errors)
    for part in sample.rows:
        found.rows[part["release"], part["variant"], part["answered"]] += part["rows"]
    found.log.update(sample.log or {})
    found.log_states[sample.log_state or "off"] += round(sample.seconds)
    found.pending_rows_high = max(found.pending_rows_high, sample.pending_rows_high)
    found.seconds[hour] += sample.seconds
    found.cpu_seconds[hour] += sample.cpu_seconds
    found.resident_bytes[hour] = _most(found.resident_bytes[hour], sample.resident_bytes)
    found.refused[hour] += sum(sample.errors.values())
