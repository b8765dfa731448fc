"""The tables of answers in PostgreSQL: what is in them, reaching them, and deleting from them.

Belongs here: what writing (``postgresql_sink.py``) and reading (``postgresql_answers.py``) have in
common. Does not belong here: either. A server's process never imports this.

``mlops_answers`` has a row for each answer, ``mlops_answers_segments`` one for each segment of a
journal that was shipped: its ``day``, whose rows are all of it, when its instance ``started``, and
the ``columns`` of its rows with their kinds, in order, as JSON, and the least and the largest
number of its rows.
"""

from typing import Any, LiteralString

import psycopg

CONNECTING_SECONDS = 10
SETUP_LOCK = 7_042_511
"""Of the advisory lock under which the tables are made: two at once would collide."""
TABLES: tuple[LiteralString, ...] = (
    """CREATE TABLE IF NOT EXISTS mlops_answers (
        use_case text NOT NULL,
        day date NOT NULL,
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
    """CREATE INDEX IF NOT EXISTS mlops_answers_in_order
        ON mlops_answers (use_case, day, release, time)""",
    """CREATE TABLE IF NOT EXISTS mlops_answers_segments (
        name text PRIMARY KEY,
        use_case text NOT NULL,
        day date NOT NULL,
        release text NOT NULL,
        instance text NOT NULL,
        started text NOT NULL,
        columns jsonb NOT NULL,
        rows bigint NOT NULL,
        first_sequence bigint,
        last_sequence bigint,
        shipped timestamptz NOT NULL DEFAULT now()
    )""",
    """CREATE INDEX IF NOT EXISTS mlops_answers_segments_of_day
        ON mlops_answers_segments (use_case, day)""",
)
KEPT_BEFORE: LiteralString = """
    SELECT DISTINCT day::text FROM mlops_answers WHERE use_case = %(use_case)s AND day < %(first)s
    UNION SELECT DISTINCT day::text FROM mlops_answers_segments
    WHERE use_case = %(use_case)s AND day < %(first)s ORDER BY 1"""

Connection = psycopg.Connection[tuple[Any, ...]]


class DatabaseError(Exception):
    """A database that did not take what it was sent, or does not give what it was asked for; the
    text holds nothing that was sent, nor how it was reached."""


class DatabaseAwayError(DatabaseError):
    """One that may well answer when it is asked again, as it is."""


def connect(connection: str) -> Connection:
    """A connection to what libpq takes. Raises ``psycopg.Error``."""
    return psycopg.connect(connection, connect_timeout=CONNECTING_SECONDS)


def make_tables(connection: Connection) -> None:
    """Make the tables, where they are not there. Raises ``psycopg.Error``."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (SETUP_LOCK,))
        for statement in TABLES:
            connection.execute(statement)


def are_there(connection: Connection) -> bool:
    """Whether anything was ever shipped to this database."""
    found = connection.execute("SELECT to_regclass('mlops_answers_segments')").fetchone()
    return found is not None and found[0] is not None


def kept_before(connection: Connection, use_case: str, first_kept: str) -> list[str]:
    """The days before ``first_kept`` of which something is there, in order."""
    given = {"use_case": use_case, "first": first_kept}
    return [str(day) for (day,) in connection.execute(KEPT_BEFORE, given).fetchall()]


def delete_before(connection: Connection, use_case: str, first_kept: str) -> list[str]:
    """Delete what there is of the days before ``first_kept``, all or nothing; which they were."""
    given = {"use_case": use_case, "first": first_kept}
    with connection.transaction():
        days = kept_before(connection, use_case, first_kept)
        for table in ("mlops_answers", "mlops_answers_segments") if days else ():
            connection.execute(
                f"DELETE FROM {table} WHERE use_case = %(use_case)s AND day < %(first)s", given
            )
    return days


def without_details(problem: psycopg.Error) -> DatabaseError:
    """What may be said of a problem: its kind."""
    state = f" ({problem.sqlstate})" if problem.sqlstate else ""
    passes = isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError)
    kind = DatabaseAwayError if passes else DatabaseError
    return kind(f"the database of the log: {type(problem).__name__}{state}")
