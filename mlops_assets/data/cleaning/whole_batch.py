"""The first look at a batch: what rows can be held against only once all are known.

Belongs here: the time zone of its texts, the fences beyond which values are outliers, and which
rows repeat an earlier one. Does not belong here: what follows for a row (``validation.py``).

What it keeps of a row is 8 bytes for each column whose outliers are looked for, 17 bytes where rows
must be unique, and nothing else.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.data.cleaning.corrected_rows import CorrectedRows
from mlops_assets.data.cleaning.local_times import accepted_zones, count_zones
from mlops_assets.data.cleaning.plain_values import kind_of, plain
from mlops_assets.data.cleaning.row_keys import later_copies, row_keys
from mlops_assets.data.cleaning.rules import declared_columns
from mlops_assets.data.cleaning.typed_rows import Mask, TypedRows, readings, slices, typed_rows
from mlops_assets.data.cleaning.validation import BatchFacts, Fences
from mlops_assets.use_case import UseCase

Read = Callable[[Sequence[str] | None], Iterator[pa.Table]]
"""Yields the chunks of a raw batch anew: of the named columns, or of all."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Survey:
    """What a first look finds: the zones of the columns of times that are texts, and the facts of
    the batch as it was delivered and as it is with a person's corrections."""

    zones: Mapping[str, frozenset[str]]
    delivered: BatchFacts
    corrected: BatchFacts


def survey(
    read: Read, schema: pa.Schema, use_case: UseCase, corrections: CorrectedRows | None
) -> Survey:
    """Look at the columns that need it; a batch that needs none is not read."""
    zones = _zones(read, schema, use_case)
    declared = declared_columns(use_case)
    fenced = {name: column.outliers for name, column in declared.items() if column.outliers}
    unique_by = use_case.rows.unique_by
    keys = tuple(declared) if unique_by == "all" else unique_by
    wanted = {*fenced, *keys}
    if not wanted:
        return Survey(zones, BatchFacts(), BatchFacts())
    used = {n: one for n, one in readings(use_case, zones).items() if n in wanted}
    # Without any of them in the batch, another column still says how many rows there are.
    columns = [name for name in schema.names if name in wanted] or schema.names[:1]
    values = {name: _Values() for name in fenced}
    row_hashes = _Keys()
    for first, raw in slices(read(columns)):
        before = typed_rows(raw, used)
        after = corrections.applied(before, raw, first, used) if corrections else None
        places = after.places if after else np.zeros(0, dtype=np.int64)
        changed = after.rows if after else before
        for name, found in values.items():
            found.add(before.table.column(name), changed.table.column(name), places)
        if keys:
            row_hashes.add(first, before, changed, places, keys)
    fences = {name: found.fences(fenced[name].beyond) for name, found in values.items()}
    duplicates = row_hashes.duplicates() if keys else (None, None)
    delivered, corrected = (
        BatchFacts({n: ends[i] for n, ends in fences.items() if ends[i]}, duplicates[i])  # type: ignore[misc]
        for i in (0, 1)
    )
    return Survey(zones, delivered, corrected)


def _zones(read: Read, schema: pa.Schema, use_case: UseCase) -> dict[str, frozenset[str]]:
    declared = declared_columns(use_case)
    names = [
        field.name
        for field in schema
        if field.name in declared
        and declared[field.name].type == "timestamp"
        and kind_of(field.type) == "text"
    ]
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for _, chunk in slices(read(names)) if names else ():
        for name in names:
            count_zones(plain(chunk.column(name)), counts[name])
    return {name: accepted_zones(found) for name, found in counts.items()}


class _Values:
    """The readable values of a column, apart those of rows that a person corrects."""

    def __init__(self) -> None:
        self._kept: list[Numbers] = []
        self._replaced: list[Numbers] = []
        self._corrected: list[Numbers] = []

    def add(
        self, before: pa.ChunkedArray, after: pa.ChunkedArray, places: NDArray[np.int64]
    ) -> None:
        if len(places) == 0:
            self._kept.append(_present(before))
            return
        kept = np.ones(len(before), dtype=np.bool_)
        kept[places] = False
        self._kept.append(_present(before.filter(pa.array(kept))))
        self._replaced.append(_present(before.take(pa.array(places))))
        self._corrected.append(_present(after.take(pa.array(places))))

    def fences(self, beyond: float) -> tuple[Fences | None, Fences | None]:
        """Of the values as delivered, and as corrected. What is held of them is let go."""
        parts = self._kept, self._replaced, self._corrected
        self._kept = self._replaced = self._corrected = []
        delivered = _fences([*parts[0], *parts[1]], beyond)
        if not parts[2]:
            return delivered, delivered
        return delivered, _fences([*parts[0], *parts[2]], beyond)


def _present(values: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = pc.drop_null(values).to_numpy().astype(np.float64)
    return numbers


def _fences(parts: list[Numbers], beyond: float) -> Fences | None:
    values = np.concatenate(parts) if parts else np.zeros(0)
    if len(values) == 0:
        return None
    first, third = np.quantile(values, (0.25, 0.75), overwrite_input=True).tolist()
    reach = beyond * (third - first)
    return (first - reach, third + reach) if third > first else None


class _Keys:
    """The keys of all rows as delivered, and anew those of rows that a person corrects."""

    def __init__(self) -> None:
        self._first: list[NDArray[np.uint64]] = []
        self._second: list[NDArray[np.uint64]] = []
        self._readable: list[Mask] = []
        self._corrected: list[
            tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64], Mask]
        ] = []

    def add(
        self,
        start: int,
        before: TypedRows,
        after: TypedRows,
        places: NDArray[np.int64],
        names: Sequence[str],
    ) -> None:
        first, second = row_keys(before.table, names)
        self._first.append(first)
        self._second.append(second)
        self._readable.append(_readable(before, names))
        if len(places):
            first, second = row_keys(after.table.take(pa.array(places)), names)
            readable = _readable(after, names)[places]
            self._corrected.append((start + places, first, second, readable))

    def duplicates(self) -> tuple[Mask | None, Mask | None]:
        """Which rows repeat an earlier one, as delivered and as corrected."""
        if not self._first:
            return None, None
        first, second = _joined(self._first), _joined(self._second)
        readable: Mask = np.concatenate(self._readable)
        delivered = later_copies(first, second, readable)
        for rows, *keys in self._corrected:
            first[rows], second[rows], readable[rows] = keys
        corrected = later_copies(first, second, readable) if self._corrected else delivered
        return delivered, corrected


def _joined(parts: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    joined = np.concatenate(parts)
    parts.clear()
    return joined


def _readable(rows: TypedRows, names: Sequence[str]) -> Mask:
    """A row whose key cannot be read is no copy of another, and none is a copy of it."""
    readable = np.ones(rows.table.num_rows, dtype=np.bool_)
    for name in names:
        if name in rows.unreadable:
            readable &= ~rows.unreadable[name]
    return readable
