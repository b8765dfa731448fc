"""Whether rows are cut into batches by a date of theirs, by which, and into how long ones.

Belongs here: choosing column and period from the sample. Does not belong here: finding files
(``batch_files.py``), asking a database (``database_sample.py``), or what else a column is
(``column_guess.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_assets.data.periods import period_end, period_name, period_names
from mlops_assets.scaffolding.batch_files import PERIODS, Cut, Located
from mlops_assets.scaffolding.column_names import names_event_time, names_other_time, words
from mlops_assets.scaffolding.source_sample import Sample
from mlops_assets.source_declaration import Period

LONGEST_FIRST: tuple[Period, ...] = ("year", "quarter", "month", "week", "day")
ENOUGH = ((6, 1000), (4, 300))
"""Batches, and rows of each, that a period must give: what is wished for, and what will do."""
FEWEST_VALUES = 4
"""Values of a column that names the period itself."""
MAX_VALUES = 400
ORDERED = 0.99
"""Share of rows that may not be older (or newer) than the row before, in a column in order."""
_YEARS = (1900, 2100)

Names = NDArray[np.str_]


@dataclass(frozen=True)
class Candidate:
    """A column that may cut the rows: ``values`` are times, or, where ``is_period``, names of
    periods; none is missing. ``finest`` is the shortest period of each."""

    name: str
    values: pa.ChunkedArray
    is_period: bool
    finest: Names

    @cached_property
    def ordered(self) -> bool:
        """Whether it rises, or falls, with the rows."""
        codes = pd.factorize(self.finest, sort=True)[0]
        rises, falls = np.mean(codes[1:] >= codes[:-1]), np.mean(codes[1:] <= codes[:-1])
        return bool(max(rises, falls) >= ORDERED)

    @property
    def named(self) -> bool:
        return names_event_time(self.name)

    @property
    def why(self) -> str:
        said = [
            "in the order of the rows" if self.ordered else "",
            "named like the time of an event" if self.named else "",
        ]
        return " and ".join(filter(None, said)) or "a time that no row lacks"


def cut_by_date(located: Located, sample: Sample, target: str) -> tuple[Located, Sample]:
    """The same where each file is a batch or no column has enough periods; otherwise with the rows
    cut into batches, oldest first."""
    # Where files differ in their columns, each is a delivery of its own; and a cut needs them all.
    if located.named_by_period or sample.since or sample.partial or sample.looked_at:
        return located, sample
    for candidate in candidates(sample, target):
        for wanted in ENOUGH:
            for period, names in periods(candidate):
                if _enough(names, sample.rows / sample.table.num_rows, *wanted):
                    return cut(located, sample, candidate, period, names)
    return located, sample


def cut(
    located: Located, sample: Sample, candidate: Candidate, period: Period, names: Names
) -> tuple[Located, Sample]:
    """Both with the rows in batches by the ``names`` of their periods."""
    batch_of, batches = pd.factorize(names, sort=True)
    by = Cut(candidate.name, period, tuple(str(name) for name in batches), candidate.why)
    return replace(located, cut=by), replace(sample, batch_of=batch_of.astype(np.int64))


def candidates(sample: Sample, target: str) -> Sequence[Candidate]:
    """The columns that may cut the rows, the likeliest first."""
    found = [
        candidate
        for name in sample.table.column_names
        if name != target and name not in sample.with_missing and name not in sample.since
        for candidate in [_candidate(name, sample.table.column(name))]
        if candidate is not None
    ]
    # A time says more than a year, and what is in order and named so is likeliest.
    return sorted(found, key=lambda one: (-one.ordered - one.named, one.is_period))


def _candidate(name: str, column: pa.ChunkedArray) -> Candidate | None:
    kind = cuts_by(name, column)
    if kind is None:
        return None
    names = period_names(column, "value" if kind == "period" else "day")
    fewest = FEWEST_VALUES if kind == "period" else 2
    if not fewest <= pc.count_distinct(names).as_py():
        return None
    finest = names.to_numpy(zero_copy_only=False).astype(str)
    return Candidate(name, column, kind == "period", finest)


def cuts_by(name: str, column: pa.ChunkedArray) -> Literal["time", "period"] | None:
    """Whether all values say when something came about, or name periods themselves."""
    if names_other_time(name) or column.null_count or len(column) == 0:
        return None
    if _names_periods(name, column):
        return "period"
    readable = _may_be_times(name, column) and not period_names(column, "day").null_count
    return "time" if readable else None


def _may_be_times(name: str, column: pa.ChunkedArray) -> bool:
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return True
    if pa.types.is_integer(kind):  # such as 20130131
        return names_event_time(name)
    return _is_text(kind) and (names_event_time(name) or "-" in str(column[0].as_py()))


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _names_periods(name: str, column: pa.ChunkedArray) -> bool:
    """Whether the column is of years and called so, or of texts such as ``2013-Q1``."""
    if not (pa.types.is_integer(column.type) or _is_text(column.type)):
        return False
    distinct = column.unique()
    if len(distinct) > MAX_VALUES:
        return False
    texts = pd.Series(distinct.cast(pa.string()).to_pylist(), dtype="str")
    if texts.str.fullmatch(PERIODS[-1]).all() and "year" in words(name):
        return bool(texts.astype("int64").between(*_YEARS).all())
    return any(bool(texts.str.fullmatch(period).all()) for period in PERIODS[1:-1])


def periods(candidate: Candidate) -> Iterator[tuple[Period, Names]]:
    """The ways to cut by the column, longest periods first, each with the name a row gets."""
    if candidate.is_period:
        yield "value", candidate.finest
        return
    for period in LONGEST_FIRST:
        names = period_names(candidate.values, period)
        yield period, names.to_numpy(zero_copy_only=False).astype(str)


def _enough(names: Names, scale: float, batches: int, rows: int) -> bool:
    """Whether the cut gives so many batches of so many rows. The first and the last period may have
    been delivered in part."""
    counts = np.unique(names, return_counts=True)[1] * scale
    return bool((counts[1:-1] >= rows).all() and (counts >= rows).sum() >= batches)


def period_of_span(first: date, last: date, rows: int) -> Period:
    """The period for so many rows, evenly spread from one day to another, where there must be one:
    the longest that gives enough batches of enough rows, or enough batches at least."""
    there = {period: _periods_between(first, last, period) for period in LONGEST_FIRST}
    for batches, fewest in (*ENOUGH, (ENOUGH[-1][0], 0), (2, 0)):
        for period, number in there.items():
            if number >= batches and rows >= fewest * number:
                return period
    return "day"


def _periods_between(first: date, last: date, period: Period) -> int:
    number, day = 1, first
    while (day := period_end(period_name(day, period), period)) <= last:
        number += 1
    return number
