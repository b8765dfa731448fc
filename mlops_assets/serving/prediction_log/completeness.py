"""Whether the log of a day is whole: gaps in the sequence of each instance.

Belongs here: finding rows that were lost. Does not belong here: judging how many may be (the checks
of ``mlops_assets/traffic/``). ``folder`` is the use case's ``served/``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.serving.prediction_log.reading import days, files

WINDOW_ROWS = 2**22
MOST_GAPS = 1_000
METADATA = b"mlops_assets"
"""The key of a file's metadata: JSON of what is known of the whole file."""


@dataclass(frozen=True)
class InstanceCompleteness:
    """What one instance logged on a day: ``rows`` with the sequences ``first`` to ``last``, and how
    many are ``missing``: before the first, from where the day before ended or the instance
    started, and in between. ``gaps`` are the first and last missing sequence of each gap, the first
    1,000 of them. ``unshipped``: its journal is still there, so that missing rows may yet come."""

    instance: str
    rows: int
    first: int
    last: int
    missing: int
    gaps: tuple[tuple[int, int], ...]
    unshipped: bool


def completeness(folder: Path, day: str) -> list[InstanceCompleteness]:
    """Of each instance with answers of the day, in order. Rows received around midnight are looked
    for in the days beside it. Memory is bounded, whatever the number of rows."""
    known = days(folder)
    named = {each: _by_instance(files(folder, each)) for each in known}
    return [
        _of_instance(
            folder, day, instance, [(each, named[each].get(instance, [])) for each in known]
        )
        for instance in sorted(named.get(day, {}))
    ]


def _of_instance(
    folder: Path, day: str, instance: str, parts: list[tuple[str, list[Path]]]
) -> InstanceCompleteness:
    own = [path for each, paths in parts if each == day for path in paths]
    before = [paths for each, paths in parts if each < day and paths][-1:]
    after = [paths for each, paths in parts if each > day and paths][:1]
    ranges = [each for path in own for each in _ranges(path)]
    first, last = min(low for low, _, _ in ranges), max(high for _, high, _ in ranges)
    start = min(first, _start(day, own[0], first, before))
    beside = [path for paths in (*before, *after) for path in paths]
    missing, gaps = 0, list[tuple[int, int]]()
    for low, high in _gaps([*own, *beside], start, last):
        missing += high - low + 1
        if gaps and gaps[-1][1] == low - 1:
            gaps[-1] = (gaps[-1][0], high)
        elif len(gaps) < MOST_GAPS:
            gaps.append((low, high))
    return InstanceCompleteness(
        instance=instance,
        rows=sum(rows for _, _, rows in ranges),
        first=first,
        last=last,
        missing=missing,
        gaps=tuple(gaps),
        unshipped=any((folder / "journal" / instance).glob("*.jsonl")),
    )


def _start(day: str, file: Path, first: int, before: list[list[Path]]) -> int:
    """The sequence that the day is expected to begin with."""
    if before:
        return max(high for path in before[0] for _, high, _ in _ranges(path)) + 1
    # Where its earlier days were deleted, nobody knows what they ended with.
    return 0 if str(file_facts(file).get("started", ""))[:10] == day else first


def file_facts(path: Path) -> dict[str, Any]:
    """What was written into an answers file about the whole of it."""
    metadata = pq.read_schema(path).metadata or {}
    facts: dict[str, Any] = json.loads(metadata.get(METADATA, b"{}"))
    return facts


def _gaps(paths: list[Path], start: int, last: int) -> Iterator[tuple[int, int]]:
    """First and last of each run of sequences from ``start`` to ``last`` that is in no file."""
    for low in range(start, last + 1, WINDOW_ROWS):
        seen = np.zeros(min(WINDOW_ROWS, last + 1 - low), np.bool_)
        for path in paths:
            _mark(seen, low, path)
        edges = np.flatnonzero(np.diff(np.concatenate(([True], seen, [True])).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2).tolist():
            yield low + begin, low + end - 1


def _mark(seen: NDArray[np.bool_], low: int, path: Path) -> None:
    with pq.ParquetFile(path) as file:
        for group, (least, most, _) in enumerate(_group_ranges(file)):
            if least >= low + len(seen) or most < low:
                continue
            values = file.read_row_group(group, columns=["sequence"])["sequence"].to_numpy() - low
            seen[values[(values >= 0) & (values < len(seen))]] = True


def _ranges(path: Path) -> list[tuple[int, int, int]]:
    with pq.ParquetFile(path) as file:
        return _group_ranges(file)


def _group_ranges(file: pq.ParquetFile) -> list[tuple[int, int, int]]:
    """The least and the largest sequence of each row group, and its rows."""
    position = file.schema_arrow.names.index("sequence")
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    found = [(group.column(position).statistics, group.num_rows) for group in groups]
    return [(statistics.min, statistics.max, rows) for statistics, rows in found]


def _by_instance(paths: list[Path]) -> dict[str, list[Path]]:
    named: dict[str, list[Path]] = {}
    for path in paths:
        named.setdefault(path.stem.rpartition("-")[0], []).append(path)
    return named
