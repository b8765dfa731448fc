"""Whether the log of a day is whole: gaps in the sequence of each instance.

Belongs here: finding rows that were lost, and the numbers in files. Does not belong here: the
numbers in a database (``postgresql_answers.py``), or judging how many rows may be lost (the checks
of ``mlops_assets/traffic/``). ``folder`` is the use case's ``served/``.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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


class Numbered(Protocol):
    """Rows of one instance and day that are kept together."""

    def started(self) -> str:
        """When the instance did (ISO 8601); empty where nobody knows."""
        ...

    def ranges(self) -> list[tuple[int, int, int]]:
        """The least and the largest sequence of some of the rows, and how many these are, for all
        of them; at least one."""
        ...

    def mark(self, seen: NDArray[np.bool_], low: int) -> None:
        """Set ``seen[n]`` where there is the sequence ``low + n``."""
        ...


Numbers = Mapping[str, Mapping[str, Sequence[Numbered]]]
"""By day and instance."""


def completeness(folder: Path, day: str) -> list[InstanceCompleteness]:
    """As ``completeness_of``, of files alone."""
    return completeness_of([numbers_in_files(folder)], day, folder)


def completeness_of(kept: Iterable[Numbers], day: str, folder: Path) -> list[InstanceCompleteness]:
    """Of each instance with answers of the day, in order, wherever they are kept. Rows received
    around midnight are looked for in the days beside it. Memory is bounded, whatever the number of
    rows."""
    named: dict[str, dict[str, list[Numbered]]] = defaultdict(lambda: defaultdict(list))
    for numbers in kept:
        for each, instances in numbers.items():
            for instance, parts in instances.items():
                named[instance][each] += parts
    return [
        _of_instance(folder, day, instance, sorted(days_of.items()))
        for instance, days_of in sorted(named.items())
        if day in days_of
    ]


def numbers_in_files(folder: Path) -> Numbers:
    """What the files of all days hold."""
    return {each: _by_instance(files(folder, each)) for each in days(folder)}


def _of_instance(
    folder: Path, day: str, instance: str, parts: list[tuple[str, list[Numbered]]]
) -> InstanceCompleteness:
    own = [part for each, kept in parts if each == day for part in kept]
    before = [kept for each, kept in parts if each < day][-1:]
    after = [kept for each, kept in parts if each > day][:1]
    ranges = [each for part in own for each in part.ranges()]
    first, last = min(low for low, _, _ in ranges), max(high for _, high, _ in ranges)
    start = min(first, _start(day, own[0], first, before))
    beside = [part for kept in (*before, *after) for part in kept]
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


def _start(day: str, own: Numbered, first: int, before: list[list[Numbered]]) -> int:
    """The sequence that the day is expected to begin with."""
    if before:
        return max(high for part in before[0] for _, high, _ in part.ranges()) + 1
    # Where its earlier days were deleted, nobody knows what they ended with.
    return 0 if own.started()[:10] == day else first


def _gaps(parts: list[Numbered], start: int, last: int) -> Iterator[tuple[int, int]]:
    """First and last of each run of sequences from ``start`` to ``last`` that is in no part."""
    for low in range(start, last + 1, WINDOW_ROWS):
        seen = np.zeros(min(WINDOW_ROWS, last + 1 - low), np.bool_)
        for part in parts:
            part.mark(seen, low)
        edges = np.flatnonzero(np.diff(np.concatenate(([True], seen, [True])).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2).tolist():
            yield low + begin, low + end - 1


@dataclass(frozen=True)
class _File:
    path: Path

    def started(self) -> str:
        return str(file_facts(self.path).get("started", ""))

    def ranges(self) -> list[tuple[int, int, int]]:
        with pq.ParquetFile(self.path) as file:
            return _group_ranges(file)

    def mark(self, seen: NDArray[np.bool_], low: int) -> None:
        with pq.ParquetFile(self.path) as file:
            for group, (least, most, _) in enumerate(_group_ranges(file)):
                if least >= low + len(seen) or most < low:
                    continue
                read = file.read_row_group(group, columns=["sequence"])["sequence"]
                values = read.to_numpy() - low
                seen[values[(values >= 0) & (values < len(seen))]] = True


def file_facts(path: Path) -> dict[str, Any]:
    """What was written into an answers file about the whole of it."""
    metadata = pq.read_schema(path).metadata or {}
    facts: dict[str, Any] = json.loads(metadata.get(METADATA, b"{}"))
    return facts


def _group_ranges(file: pq.ParquetFile) -> list[tuple[int, int, int]]:
    """The least and the largest sequence of each row group, and its rows."""
    position = file.schema_arrow.names.index("sequence")
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    found = [(group.column(position).statistics, group.num_rows) for group in groups]
    return [(statistics.min, statistics.max, rows) for statistics, rows in found]


def _by_instance(paths: list[Path]) -> dict[str, list[Numbered]]:
    named: dict[str, list[Numbered]] = defaultdict(list)
    for path in paths:
        named[path.stem.rpartition("-")[0]].append(_File(path))
    return named
