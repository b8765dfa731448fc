"""Segments as rows of a table in PostgreSQL, each segment exactly once.

Belongs here: the table, copying a segment into it, and deleting what is too old. Does not belong
here: which segments, and when (``shipping.py``). A server's process never imports this.

A segment's rows and its name are committed in one transaction: one that is shipped again after a
crash is known by its name. Floats that are no numbers are null, for JSON has none; so are NUL
characters U+FFFD, for PostgreSQL has none.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import numpy as np
import orjson
import psycopg

from mlops_assets.serving.prediction_log.retention import first_day_kept
from mlops_assets.serving.prediction_log.segment import SegmentReader

CONNECTING_SECONDS = 10
SETUP_LOCK = 7_042_511
"""Of the advisory lock under which the tables are made: two at once would collide."""
TABLES: tuple[LiteralString, ...] = (
    """CREATE TABLE IF NOT EXISTS mlops_answers (
        time timestamptz NOT NULL,
        request_id text NOT NULL,
        "row" integer NOT NULL,
        row_id text,
        release text NOT NULL,
        variant text NOT NULL,
        answered boolean NOT NULL,
        experiment text,
        latency_ms double precision NOT NULL,
        instance text NOT NULL,
        sequence bigint NOT NULL,
        outside_envelope boolean,
        inputs jsonb NOT NULL,
        outputs jsonb NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS mlops_answers_time ON mlops_answers (time)",
    """CREATE TABLE IF NOT EXISTS mlops_answers_segments (
        name text PRIMARY KEY,
        rows bigint NOT NULL,
        shipped timestamptz NOT NULL DEFAULT now()
    )""",
)
COPY: LiteralString = """COPY mlops_answers (time, request_id, "row", row_id, release, variant,
    answered, experiment, latency_ms, instance, sequence, outside_envelope, inputs, outputs)
    FROM STDIN"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_NUL = str.maketrans({"\0": "\N{REPLACEMENT CHARACTER}"})


class DatabaseError(Exception):
    """A database that did not take what it was sent; the text holds nothing that was sent, nor how
    it was reached."""


class PostgresqlSink:
    """The tables ``mlops_answers`` and ``mlops_answers_segments``, made where they are not there.

    ``connection`` is what libpq takes. Raises ``DatabaseError``.
    """

    def __init__(self, connection: str) -> None:
        try:
            self._connection = psycopg.connect(connection, connect_timeout=CONNECTING_SECONDS)
            with self._connection.transaction():
                self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (SETUP_LOCK,))
                for statement in TABLES:
                    self._connection.execute(statement)
            self._connection.commit()
        except psycopg.Error as problem:
            raise _without_details(problem) from None

    def ship(self, segment: SegmentReader) -> int:
        """Copy the segment's rows, unless they are there; how many they are."""
        name = segment.header.name
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO mlops_answers_segments (name, rows) VALUES (%s, 0) "
                    "ON CONFLICT DO NOTHING",
                    (name,),
                )
                if not cursor.rowcount:
                    cursor.execute(
                        "SELECT rows FROM mlops_answers_segments WHERE name = %s", (name,)
                    )
                    known = cursor.fetchone()
                    return int(known[0]) if known else 0
                rows = 0
                with cursor.copy(COPY) as copy:
                    for row in _rows(segment):
                        copy.write_row(row)
                        rows += 1
                cursor.execute(
                    "UPDATE mlops_answers_segments SET rows = %s WHERE name = %s", (rows, name)
                )
            return rows
        except psycopg.Error as problem:
            raise _without_details(problem) from None

    def delete_expired(self, today: str, days: int) -> list[str]:
        """Delete the rows of the days that are over by more than ``days``; which they were."""
        first_kept = f"{first_day_kept(today, days)}T00:00:00Z"
        try:
            with self._connection.transaction():
                found = self._connection.execute(
                    "WITH gone AS (DELETE FROM mlops_answers WHERE time < %s RETURNING time) "
                    "SELECT DISTINCT to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM gone "
                    "ORDER BY 1",
                    (first_kept,),
                ).fetchall()
                self._connection.execute(
                    "DELETE FROM mlops_answers_segments WHERE shipped < %s", (first_kept,)
                )
            return [str(day) for (day,) in found]
        except psycopg.Error as problem:
            raise _without_details(problem) from None

    def close(self) -> None:
        self._connection.close()


def _without_details(problem: psycopg.Error) -> DatabaseError:
    state = f" ({problem.sqlstate})" if problem.sqlstate else ""
    return DatabaseError(f"the database of the log: {type(problem).__name__}{state}")


def _rows(segment: SegmentReader) -> Iterator[tuple[Any, ...]]:
    header = segment.header
    inputs = [name for name in header.kinds if name.startswith("input.")]
    outputs = [name for name in header.kinds if name.startswith("output.")]
    for columns in segment.lines():
        said, answers = _objects(columns, inputs), _objects(columns, outputs)
        for at in range(len(columns["sequence"])):
            yield (
                EPOCH + timedelta(microseconds=columns["time"][at]),
                columns["request_id"][at].translate(NO_NUL),
                columns["row"][at],
                _text(columns["row_id"][at]),
                header.release,
                columns["variant"][at],
                columns["answered"][at],
                columns["experiment"][at],
                float(columns["latency_ms"][at]),
                header.instance,
                columns["sequence"][at],
                columns["outside_envelope"][at],
                said[at],
                answers[at],
            )


def _objects(columns: Mapping[str, Any], names: list[str]) -> list[str]:
    """The named columns of each row as a JSON object, without their prefix."""
    lists = [
        values.tolist() if isinstance(values, np.ndarray) else values
        for values in (columns[name] for name in names)
    ]
    keys = [name.partition(".")[2] for name in names]
    objects = (dict(zip(keys, row, strict=True)) for row in zip(*lists, strict=True))
    return (
        [_without_nul(orjson.dumps(one).decode()) for one in objects] if lists else _none(columns)
    )


def _without_nul(json_text: str) -> str:
    if "\\u0000" not in json_text:
        return json_text
    # A backslash that is text is written as two: only an odd one begins an escape.
    return "\\\\".join(part.replace("\\u0000", "\\ufffd") for part in json_text.split("\\\\"))


def _none(columns: Mapping[str, Any]) -> list[str]:
    return ["{}"] * len(columns["sequence"])


def _text(value: str | None) -> str | None:
    return None if value is None else value.translate(NO_NUL)
