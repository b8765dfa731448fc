"""The requests of a day, as its log tells them.

Belongs here: counting requests and rows by hour, release and variant, with how long they took. Does
not belong here: what the servers said of themselves (``day_samples.py``), or the report
(``operations.py``).

A request has one row 0, and one row 1 unless it asked about a single row; all its rows carry its
time and its latency. So requests are counted at row 0, and those of a single row are the ones that
are left when row 1 is subtracted, in whatever files the rows are. What was scored and never
answered counts as no request.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.data.parquet_files import read_chunks
from mlops_assets.traffic.latencies import BINS, Counts, count_latencies

HOURS = 24
MINUTES = 24 * 60
MICROSECONDS_A_MINUTE = 60_000_000
COLUMNS = ("time", "row", "release", "variant", "answered", "latency_ms")


def _no_counts(*shape: int) -> Counts:
    return np.zeros(shape, np.int64)


@dataclass
class DayRequests:
    """``latencies`` are the counts of all requests by hour (``[24, BINS]``), ``single`` of those
    of one row; ``by_minute`` the number of requests in each minute; ``parts`` the latency counts by
    release and variant."""

    latencies: Counts = field(default_factory=lambda: _no_counts(HOURS, BINS))
    single: Counts = field(default_factory=lambda: _no_counts(HOURS, BINS))
    by_minute: Counts = field(default_factory=lambda: _no_counts(MINUTES))
    parts: dict[tuple[str, str], Counts] = field(
        default_factory=lambda: defaultdict(lambda: _no_counts(BINS))
    )

    @property
    def requests(self) -> int:
        return int(self.by_minute.sum())


def read_requests(files: Iterable[Path]) -> DayRequests:
    """The requests of a day's log ``files``; memory is bounded by a chunk of rows."""
    found = DayRequests()
    for path in files:
        for chunk in read_chunks(path, COLUMNS):
            _add(found, chunk.filter(chunk.column("answered")))
    # A row that was lost would leave its request counted as one of a single row, or less than none.
    np.maximum(found.single, 0, out=found.single)
    return found


def _add(found: DayRequests, rows: pa.Table) -> None:
    position = rows.column("row").to_numpy()
    times = rows.column("time").cast(pa.int64()).to_numpy()
    minutes = times // MICROSECONDS_A_MINUTE % MINUTES
    latency = rows.column("latency_ms").to_numpy()
    first, second = position == 0, position == 1
    found.by_minute += np.bincount(minutes[first], minlength=MINUTES)
    for hour in np.unique(minutes // 60).tolist():
        of_hour = minutes // 60 == hour
        counted = count_latencies(latency[first & of_hour])
        found.latencies[hour] += counted
        found.single[hour] += counted - count_latencies(latency[second & of_hour])
    for release, variant, chosen in _parts(rows):
        found.parts[release, variant] += count_latencies(latency[first & chosen])


def _parts(rows: pa.Table) -> Iterable[tuple[str, str, NDArray[np.bool_]]]:
    pairs = rows.group_by(["release", "variant"], use_threads=False).aggregate([]).to_pylist()
    for pair in pairs:
        chosen = pc.and_(
            *(pc.equal(rows.column(name), pair[name]) for name in ("release", "variant"))
        )
        yield pair["release"], pair["variant"], chosen.to_numpy()
