"""Segments as rows of a table in PostgreSQL, each segment exactly once.

Belongs here: copying a segment into the tables, and deleting what is too old. Does not belong here:
the tables (``postgresql_tables.py``), reading them (``postgresql_answers.py``), or which segments,
and when (``shipping.py``). A server's process never imports this.

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

from mlops_assets.serving.prediction_log.postgresql_tables import (
    connect,
    delete_before,
    make_tables,
    without_details,
)
from mlops_assets.serving.prediction_log.retention import Retention, first_day_kept
from mlops_assets.serving.prediction_log.segment import Header, SegmentReader

COPY: LiteralString = """COPY mlops_answers (use_case, day, time, request_id, "row", row_id,
    release, variant, answered, experiment, latency_ms, instance, sequence, outside_envelope,
    inputs, outputs) FROM STDIN"""
BEGIN: LiteralString = """INSERT INTO mlops_answers_segments
    (name, use_case, day, release, instance, started, columns, rows) VALUES (%(name)s,
    %(use_case)s, %(day)s, %(release)s, %(instance)s, %(started)s, %(columns)s, 0)
    ON CONFLICT DO NOTHING"""
END: LiteralString = """UPDATE mlops_answers_segments
    SET rows = %s, first_sequence = %s, last_sequence = %s WHERE name = %s"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_NUL = str.maketrans({"\0": "\N{REPLACEMENT CHARACTER}"})


class PostgresqlSink:
    """The tables ``mlops_answers`` and ``mlops_answers_segments``, made where they are not there.

    ``connection`` is what libpq takes. Raises ``DatabaseError``.
    """

    def __init__(self, connection: str) -> None:
        try:
            self._connection = connect(connection)
            make_tables(self._connection)
            self._connection.commit()
        except psycopg.Error as problem:
            raise without_details(problem) from None

    def ship(self, segment: SegmentReader) -> int:
        """Copy the segment's rows, unless they are there; how many they are."""
        name = segment.header.name
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.execute(BEGIN, _facts(segment.header))
                if not cursor.rowcount:
                    cursor.execute(
                        "SELECT rows FROM mlops_answers_segments WHERE name = %s", (name,)
                    )
                    known = cursor.fetchone()
                    return int(known[0]) if known else 0
                rows, ends = 0, list[int]()
                with cursor.copy(COPY) as copy:
                    for columns in segment.lines():
                        for row in _rows(columns, segment.header):
                            copy.write_row(row)
                        ends = _ends([*ends, *columns["sequence"]])
                        rows += len(columns["sequence"])
                cursor.execute(END, (rows, *(ends or (None, None)), name))
            return rows
        except psycopg.Error as problem:
            raise without_details(problem) from None

    def delete_expired(self, today: str, retention: Retention) -> list[str]:
        """Delete the rows of the days that are over by more than is declared; which they were."""
        first_kept = first_day_kept(today, retention.days)
        try:
            return delete_before(self._connection, retention.use_case, first_kept)
        except psycopg.Error as problem:
            raise without_details(problem) from None

    def close(self) -> None:
        self._connection.close()


def _facts(header: Header) -> dict[str, Any]:
    names = ("name", "use_case", "day", "release", "instance", "started")
    columns = orjson.dumps(header.columns).decode()
    return {**{name: getattr(header, name) for name in names}, "columns": columns}


def _ends(sequences: list[int]) -> list[int]:
    return [min(sequences), max(sequences)] if sequences else []


def _rows(columns: Mapping[str, Any], header: Header) -> Iterator[tuple[Any, ...]]:
    inputs = [name for name in header.kinds if name.startswith("input.")]
    outputs = [name for name in header.kinds if name.startswith("output.")]
    said, answers = _objects(columns, inputs), _objects(columns, outputs)
    for at in range(len(columns["sequence"])):
        yield (
            header.use_case,
            header.day,
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
