"""Reading what servers logged into PostgreSQL: its days, segments, rows, and their numbers.

Belongs here: looking at the tables of answers, and deleting what has expired. Does not belong here:
writing them (``postgresql_sink.py``), files (``reading.py``), or what is made of a day
(``mlops_assets/traffic/``).

Rows come as files have them. A float that JSON has as null is NaN: so a value that was missing is
what it is in a file, and one that was infinite is NaN; -0.0 is 0.0, for PostgreSQL's JSON has one
zero. A column that a server left out is null.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import Any, LiteralString, NamedTuple, Self

import numpy as np
import orjson
import psycopg
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.serving.prediction_log.completeness import Numbered, Numbers
from mlops_assets.serving.prediction_log.lines import BASE_COLUMNS
from mlops_assets.serving.prediction_log.parquet_sink import TYPES, arrow_array
from mlops_assets.serving.prediction_log.postgresql_tables import (
    are_there,
    connect,
    delete_before,
    kept_before,
    without_details,
)

Runs = NDArray[np.int64]
RUNS_AT_ONCE = 65_536
CHUNK_ROWS = 16_384
"""Rows of a table that is read; about 40 MB of Python's objects with 30 columns."""
OF_A_DAY: LiteralString = "use_case = %(use_case)s AND day = %(day)s"
SEGMENTS: LiteralString = f"""SELECT release, name, rows FROM mlops_answers_segments
    WHERE {OF_A_DAY} AND rows > 0 ORDER BY release COLLATE "C", name COLLATE "C" """
COLUMNS: LiteralString = f"""SELECT columns FROM mlops_answers_segments
    WHERE {OF_A_DAY} AND release = %(release)s AND rows > 0
    GROUP BY columns ORDER BY min(name COLLATE "C")"""
BASE: LiteralString = """(extract(epoch FROM time) * 1000000)::bigint, request_id, "row", row_id,
    release, variant, answered, experiment, latency_ms, instance, sequence, outside_envelope"""
ROWS: LiteralString = f"""SELECT {BASE}, inputs::text, outputs::text FROM mlops_answers
    WHERE {OF_A_DAY} AND release = %(release)s ORDER BY time"""
INSTANCES: LiteralString = """SELECT day::text, instance, min(started), min(first_sequence),
    max(last_sequence) FROM mlops_answers_segments
    WHERE use_case = %(use_case)s AND rows > 0 GROUP BY 1, 2"""
# Rows without a gap have the same difference between their number and their place.
RUNS: LiteralString = f"""SELECT instance, min(sequence), max(sequence), count(*) FROM
    (SELECT instance, sequence, sequence - dense_rank() OVER
        (PARTITION BY instance ORDER BY sequence) AS run FROM mlops_answers WHERE {OF_A_DAY}) runs
    GROUP BY instance, run ORDER BY 1, 2"""


class Segment(NamedTuple):
    """A part of a day's answers that was shipped at once, and does not change."""

    release: str
    name: str
    rows: int


class PostgresqlAnswers:
    """The use case's answers in the database that ``connection`` (what libpq takes) names, as they
    were when it was first asked; nothing where no server ever shipped to it. To be used in a
    ``with`` block. Everything raises ``DatabaseError`` where the database is away."""

    def __init__(self, connection: str, use_case: str) -> None:
        self._use_case = use_case
        self._runs: dict[str, dict[str, Runs]] = {}
        with _said_without_details():
            self._connection = connect(connection)
            # What is read belongs together, whatever is shipped meanwhile.
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            try:
                self._is_there = are_there(self._connection)
            except psycopg.Error:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(psycopg.Error):
            self._connection.close()

    def days(self) -> list[str]:
        """The days there are answers of, in order."""
        return sorted({found[0] for found in self._ask(INSTANCES)})

    def segments(self, day: str) -> list[Segment]:
        """The day's segments that hold rows, in order of release and name."""
        return [Segment(*found) for found in self._ask(SEGMENTS, day=day)]

    def schema(self, day: str, release: str) -> pa.Schema:
        """The columns of the release's answers on the day, as of files of the same segments."""
        found = self._ask(COLUMNS, day=day, release=release)
        schemas = [pa.schema([(name, TYPES[kind]) for name, kind in one]) for (one,) in found]
        unified: pa.Schema = pa.unify_schemas([pa.schema([]), *schemas])
        return unified

    def tables(self, day: str, release: str, chunk_rows: int = CHUNK_ROWS) -> Iterator[pa.Table]:
        """The release's answers on the day in the order of time, with the columns of ``schema``."""
        schema = self.schema(day, release)
        for rows in self._stream(ROWS, chunk_rows, day=day, release=release):
            yield _table(rows, schema)

    def numbers(self) -> Numbers:
        """What there is of all days; the rows of one are looked at when it is asked about."""
        found: dict[str, dict[str, list[Numbered]]] = defaultdict(dict)
        for day, instance, started, first, last in self._ask(INSTANCES):
            found[day][instance] = [_Kept(self, day, instance, started, (first, last))]
        return found

    def runs(self, day: str, instance: str) -> Runs:
        """The first and the last sequence of each run without a gap, and how many rows it has,
        int64 ``[n, 3]``, in order."""
        if day not in self._runs:
            parts: dict[str, list[Runs]] = defaultdict(list)
            for rows in self._stream(RUNS, RUNS_AT_ONCE, day=day):
                for name, group in groupby(rows, key=lambda row: row[0]):
                    parts[str(name)].append(np.array([row[1:] for row in group], np.int64))
            self._runs[day] = {name: np.concatenate(runs) for name, runs in parts.items()}
        return self._runs[day].get(instance, np.empty((0, 3), np.int64))

    def kept_before(self, first_kept: str) -> list[str]:
        """The days before ``first_kept`` of which something is there, in order."""
        with _said_without_details():
            there = self._is_there
            return kept_before(self._connection, self._use_case, first_kept) if there else []

    def delete_before(self, first_kept: str) -> list[str]:
        """Delete what there is of the days before ``first_kept``, all or nothing; which they were.
        What was read before is not read again."""
        with _said_without_details():
            self._connection.rollback()
            # A server may delete the same, which is no conflict.
            self._connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            there = self._is_there
            return delete_before(self._connection, self._use_case, first_kept) if there else []

    def _ask(self, query: LiteralString, **given: str) -> list[tuple[Any, ...]]:
        return [row for rows in self._stream(query, CHUNK_ROWS, **given) for row in rows]

    def _stream(
        self, query: LiteralString, at_once: int, **given: str
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Rows by the cursor of the server, which keeps those that are not asked for yet."""
        if not self._is_there:
            return
        with _said_without_details(), self._connection.cursor("answers") as cursor:
            cursor.execute(query, {"use_case": self._use_case, **given})
            while rows := cursor.fetchmany(at_once):
                yield rows


@dataclass(frozen=True)
class _Kept:
    """What the database has of an instance and day; ``shipped`` are the least and the largest
    sequence that it was sent."""

    answers: PostgresqlAnswers
    day: str
    instance: str
    since: str
    shipped: tuple[int, int]

    def started(self) -> str:
        return self.since

    def ranges(self) -> list[tuple[int, int, int]]:
        runs = self.answers.runs(self.day, self.instance)
        return [(*self.shipped, 0), *((low, high, rows) for low, high, rows in runs.tolist())]

    def mark(self, seen: NDArray[np.bool_], low: int) -> None:
        runs = self.answers.runs(self.day, self.instance)
        near = runs[(runs[:, 1] >= low) & (runs[:, 0] < low + len(seen))] - low
        for first, last, _ in near.tolist():
            seen[max(first, 0) : last + 1] = True


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    *base, inputs, outputs = zip(*rows, strict=True)
    columns: dict[str, Any] = dict(zip(BASE_COLUMNS, base, strict=True))
    objects = {
        "input": [orjson.loads(text) for text in inputs],
        "output": [orjson.loads(text) for text in outputs],
    }
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else _column(field, objects[field.name.partition(".")[0]])
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _column(field: pa.Field, objects: Sequence[Mapping[str, Any]]) -> pa.Array:
    """A column of JSON: null where an object does not have it."""
    name = field.name.partition(".")[2]
    held = np.array([name in one for one in objects], np.bool_)
    if not held.all():
        if not held.any():
            return pa.nulls(len(objects), field.type)
        where = pa.array(np.where(held, np.cumsum(held) - 1, 0), mask=~held)
        return _values(field.type, [one[name] for one in objects if name in one]).take(where)
    return _values(field.type, [one[name] for one in objects])


def _values(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if pa.types.is_floating(kind) or pa.types.is_list(kind):
        return arrow_array(np.array(values, np.float64), kind)
    return arrow_array(values, kind)


@contextmanager
def _said_without_details() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as problem:
        raise without_details(problem) from None
