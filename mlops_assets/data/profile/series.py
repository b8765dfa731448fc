"""What is counted of a column: its series, their levels and bins.

Belongs here: reading a chunk of an Arrow column as codes into its distinct values, which series it
makes, and the counts of each. Does not belong here: the counts' bounded form
(``tally.py``), or what concerns several columns (``summary.py``).

A column is one series, and each part of a timestamp is another. A column that ``Column.personal``
protects is counted by hashes alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.data.profile.tally import (
    Distinct,
    Floats,
    Hashes,
    Integers,
    Tally,
    coarse_edges,
    hashes,
    sum_by,
    table,
)
from mlops_assets.monitoring.histograms import PART_BINS

BUCKETS = 64
"""Coarse bins of levels that are not declared: by their hash."""
LONGEST_LEVEL = 80

ARROW_TYPES = {
    "string": pa.large_string(),
    "integer": pa.float64(),
    "number": pa.float64(),
    "boolean": pa.float64(),
    "timestamp": pa.timestamp("us"),
}


@dataclass(frozen=True)
class CodedColumn:
    """A chunk of a column: a code a row into its ``distinct`` values ``[n]``, of which those that
    are not ``present`` count as missing. Distinct values need not occur, nor differ."""

    codes: Integers
    distinct: Distinct
    present: NDArray[np.bool_]

    @property
    def missing(self) -> NDArray[np.bool_] | None:
        """Which rows have no value; ``None`` where all have one."""
        return None if self.present.all() else ~self.present[self.codes]

    def count(self, labels: Integers) -> Integers:
        """The ``count_codes`` of the distinct values."""
        return count_codes(self.codes, labels, len(self.distinct))


class ColumnCounts:
    """The series of one column, chunk by chunk."""

    def __init__(self, name: str, column: Column) -> None:
        self._name, self._column = name, column
        layouts = _layouts(name, column)
        self.series = {
            key: SeriesCounts(layout, is_part=key != name) for key, layout in layouts.items()
        }

    def add(self, chunk: CodedColumn, counts: Integers) -> dict[str, Integers]:
        """Count a chunk, of which ``counts`` are the ``count``. Returns by series the coarse bin of
        each distinct value, one beyond the last for those that count as missing."""
        missing = counts[~chunk.present].sum(axis=0)
        distinct, counts = chunk.distinct[chunk.present], counts[chunk.present]
        bins = {}
        for key, one in self.series.items():
            bins[key] = np.full(len(chunk.distinct), one.bins, dtype=np.int64)
            if key == self._name:
                bins[key][chunk.present] = one.add(self._values(distinct), counts, missing)
                continue
            places = part_places(distinct, key.removeprefix(f"{self._name}."))
            one.add(one.levels, sum_by(places, counts, len(one.levels)), missing)
            bins[key][chunk.present] = places
        return bins

    def _values(self, distinct: Distinct) -> Distinct:
        """The distinct values as the series of the whole column counts them."""
        kind = self.series[self._name].layout["kind"]
        if kind == "hidden":
            texts = [f"{self._name}:{value!r}" for value in distinct.tolist()]
            return hashes(np.array(texts, dtype=object))
        if self._column.type == "boolean":
            return np.array(["false", "true"], dtype=object)[distinct.astype(np.int64)]
        if kind == "category":
            return np.array([level_name(value) for value in distinct.tolist()], dtype=object)
        return distinct


class SeriesCounts:
    """The counts of one series: by value, in coarse bins, and of what is missing."""

    def __init__(self, layout: dict[str, Any], is_part: bool) -> None:
        self.layout = layout
        self.levels = np.array(layout["levels"] or (), dtype=object)
        self._is_part = is_part
        self._edges = coarse_edges(layout["range"])
        self._places = {level: place for place, level in enumerate(self.levels.tolist())}
        self._tally = Tally(layout["kind"], (layout["range"] or [0.0])[0])
        self._coarse = np.zeros((self.bins, 3), np.int64)
        self._missing = np.zeros(3, np.int64)
        self._ends: list[Any] = []

    @property
    def bins(self) -> int:
        """How many coarse bins there are."""
        if self.layout["kind"] == "number":
            return len(self._edges) + 1
        return BUCKETS if self.layout["levels"] is None else len(self.levels) + 1

    def add(self, values: Distinct, counts: Integers, missing: Integers) -> Integers:
        """Count distinct values, and rows that are missing; returns each value's coarse bin."""
        hashed = hashes(values)
        bins = self._coarse_bins(values, hashed)
        occurs = counts[:, 0] > 0
        self._missing += missing
        self._coarse += sum_by(bins, counts, self.bins)
        self._tally.add(values[occurs], hashed[occurs], counts[occurs])
        if self.layout["kind"] in ("number", "time") and occurs.any():
            found = values[occurs]
            ends = [*self._ends, found.min().item(), found.max().item()]
            self._ends = [min(ends), max(ends)]
        return bins

    def to_dict(self) -> dict[str, Any]:
        """The series as a summary holds it."""
        bins = np.flatnonzero(self._coarse[:, 0])
        if self._is_part:  # all hours and weekdays, also those without a row
            bins = np.arange(len(self.levels))
        return {
            **self.layout,
            "missing": self._missing.tolist(),
            "minimum": self._ends[0] if self._ends else None,
            "maximum": self._ends[1] if self._ends else None,
            **self._tally.tables(),
            "coarse": table([str(i) for i in bins.tolist()], self._coarse[bins]),
        }

    def _coarse_bins(self, values: Distinct, hashed: Hashes) -> Integers:
        if self.layout["kind"] == "number":
            return np.searchsorted(self._edges, values, side="right")
        if self.layout["levels"] is None:
            return (hashed % np.uint64(BUCKETS)).astype(np.int64)
        other = len(self._places)
        return np.array([self._places.get(v, other) for v in values.tolist()], dtype=np.int64)


def code_column(values: pa.ChunkedArray, column: Column) -> CodedColumn:
    """A chunk of a column as codes; infinite numbers count as missing."""
    wanted = ARROW_TYPES[column.type]
    if pa.types.is_null(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(wanted)
    if pa.types.is_dictionary(values.type):
        values = values.unify_dictionaries()
    array = values.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], values.type)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    dictionary = array.dictionary
    codes = array.indices.fill_null(len(dictionary)).to_numpy(zero_copy_only=False)
    distinct, present = _distinct(dictionary, column, wanted)
    return CodedColumn(codes.astype(np.int64), distinct, present)


def count_codes(codes: Integers, labels: Integers, size: int) -> Integers:
    """``[size, 3]``: rows, labelled and positives of each code; ``labels`` are ``label_codes``."""
    by_label = np.bincount(codes * 3 + labels, minlength=3 * size).reshape(size, 3)
    labelled = by_label[:, 1] + by_label[:, 2]
    return np.stack([by_label.sum(axis=1), labelled, by_label[:, 2]], axis=1)


def label_codes(target: CodedColumn, *, is_binary: bool) -> Integers:
    """0 for each row without a label, 1 for one with a label, 2 for a positive one of a binary
    target."""
    positive = (target.distinct == 1.0) if is_binary else np.zeros(len(target.distinct), bool)
    outcomes = np.where(target.present, 1 + positive, 0)
    return outcomes.astype(np.int64)[target.codes]


def part_places(times: Integers, part: str) -> Integers:
    """Which of ``PART_BINS[part]`` each time, in microseconds since 1970, belongs to."""
    if part == "minute_of_day":
        return times // 3_600_000_000 % 24
    return (times // 86_400_000_000 + 3) % 7  # 1970 began on a Thursday


def _distinct(
    dictionary: pa.Array, column: Column, wanted: pa.DataType
) -> tuple[Distinct, NDArray[np.bool_]]:
    """The values of a dictionary and which of them are any; the last stands for no value."""
    if column.type == "string":
        texts = [*dictionary.cast(wanted).to_pylist(), None]
        present = np.array([text is not None for text in texts], dtype=bool)
        return np.array([text or "" for text in texts], dtype=object), present
    if column.type == "timestamp":
        times = dictionary.cast(wanted, safe=False).cast(pa.int64())
        present = np.append(times.is_valid().to_numpy(zero_copy_only=False), False)
        return np.append(times.fill_null(0).to_numpy().astype(np.int64), 0), present
    numbers: Floats = dictionary.cast(wanted, safe=False).to_numpy(zero_copy_only=False)
    numbers = np.append(numbers, np.nan)
    present = np.isfinite(numbers)
    # Minus zero equals zero, but has other bits to hash and another text.
    return np.where(present, numbers, 0.0) + 0.0, present


def _layouts(name: str, column: Column) -> dict[str, dict[str, Any]]:
    """What each series of a column is, whatever its rows: column, kind, range, levels."""
    layout = {"column": name, "kind": "category", "range": None, "levels": None}
    if column.personal not in (None, "keep"):
        return {name: {**layout, "kind": "hidden"}}
    if column.type == "timestamp":
        parts = {
            f"{name}.{part}": {**layout, "levels": [*PART_BINS[part]]} for part in column.parts
        }
        return {name: {**layout, "kind": "time"}, **parts}
    if column.is_category or column.type == "boolean":
        levels = ("false", "true") if column.type == "boolean" else column.values
        shown = [level_name(value) for value in levels or ()]
        return {name: {**layout, "levels": shown if 0 < len(shown) < BUCKETS else None}}
    low, high = column.minimum, column.maximum
    limits = [low, high] if low is not None and high is not None and low < high else None
    return {name: {**layout, "kind": "number", "range": limits}}


def level_name(value: Any) -> str:
    """What a level is called; a long text by its beginning and its hash."""
    if isinstance(value, float):
        return str(int(value))
    text = str(value)
    if len(text) <= LONGEST_LEVEL:
        return text
    return f"{text[: LONGEST_LEVEL - 18]}… {hashes(np.array([text], dtype=object))[0]:016x}"
