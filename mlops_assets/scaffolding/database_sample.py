"""A table of a database as the beginning of a use case: what cuts it into batches, and a sample of
its rows over time.

Belongs here: asking the database, always through the code of the SQL source. Does not belong here:
what the rows mean (``use_case_guess.py``), or files (``batch_files.py``, ``source_sample.py``).
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from mlops_assets.data.periods import period_name, period_names
from mlops_assets.scaffolding.batch_files import Cut, Database, Located, ScaffoldError
from mlops_assets.scaffolding.batch_guess import cuts_by, period_of_span
from mlops_assets.scaffolding.column_names import names_event_time
from mlops_assets.scaffolding.row_order import identifying_columns
from mlops_assets.scaffolding.source_sample import Sample, read_sample, spread
from mlops_assets.source_declaration import Batches, Period, Source, Sql
from resources.sources.sql import SqlSource
from resources.sources.sql_connection import connected, time_limit
from resources.sources.sql_errors import explained
from resources.sources.sql_statements import columns_of, primary_key, require_table

SCHEMES = ("sqlite", "duckdb", "postgresql", "postgresql+psycopg")
HEAD_ROWS = 1000
SLICES = 3
"""Days of a batch that are read instead of all of it, where it is large."""
LARGE_BATCH = 50_000

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Found:
    """A table: its columns that can be sorted by, its primary key, its number of rows, and by which
    column and period it is cut, and why."""

    sortable: tuple[str, ...]
    key: tuple[str, ...]
    rows: int
    batches: Batches
    why: str


def is_database(source: str) -> bool:
    """Whether ``--source`` names a database."""
    return source.partition(":")[0].lower() in SCHEMES and "://" in source


def read_database(
    source: str, target: str, credentials: str | None, folder: Path
) -> tuple[Located, Sample]:
    """The table after ``#`` in ``source``, cut into batches by a date of its own, with a sample.

    ``folder`` is what a file's name is relative to. Raises ``ScaffoldError`` where the table cannot
    cut, and the ``SourceError`` of the SQL source where it cannot be read.
    """
    sql = _declared(source, credentials)
    found = _asked(sql, folder, lambda connection: _look(connection, sql, target))
    if not found.key:
        sql = sql.model_copy(update={"order_by": tuple(found.sortable)})
    located, sample = _sampled(found, sql, folder)
    database = Database(sql.database, str(sql.table), credentials)
    if not found.key:
        order_by, why = _order(found, sql, sample, folder)
        database = replace(database, order_by=order_by, order_why=why)
    return replace(located, database=database), sample


def _asked(sql: Sql, folder: Path, ask: Callable[[sa.Connection], Answer]) -> Answer:
    """What ``ask`` makes of a connection. Statements end in time; failures are ``SourceError``."""

    def read() -> Answer:
        with (
            connected(sql, folder) as connection,
            time_limit(connection, sql.timeout_seconds),
        ):
            return ask(connection)

    return explained(sql, read)


def _order(found: Found, sql: Sql, sample: Sample, folder: Path) -> tuple[tuple[str, ...], str]:
    """Columns that tell the rows of a table without a primary key apart: a guess from the sample
    that all its rows agree to, or else all columns, whose equal rows have no order to lose."""
    names = identifying_columns(sample.table, found.batches.column)
    if names and len(names) < len(found.sortable):
        apart: Any = sa.select(*_table(sql, names).c).distinct().subquery()
        number = sa.select(sa.func.count()).select_from(apart)
        if _asked(sql, folder, lambda connection: connection.scalar(number)) == found.rows:
            return names, f"no primary key: these tell all {found.rows:,} rows apart"
    return found.sortable, "no primary key, and no few columns tell all rows apart"


def _table(sql: Sql, columns: Sequence[str]) -> sa.TableClause:
    schema, _, name = str(sql.table).rpartition(".")
    return sa.table(name, *map(sa.column, columns), schema=schema or None)


def _declared(source: str, credentials: str | None) -> Sql:
    address, _, table = source.partition("#")
    parts = urlsplit(address)
    if "@" in parts.netloc or "password" in parts.query.lower():
        raise ScaffoldError(
            "--source holds a user or a password, which would stand in the YAML: leave it out, "
            "give --credentials NAME, and set NAME_USER and NAME_PASSWORD in the environment"
        )
    if not table:
        raise ScaffoldError("--source names no table of the database: add it after '#'")
    return Sql(database=address, credentials=credentials, table=table)


def _look(connection: sa.Connection, sql: Sql, target: str) -> Found:
    require_table(connection, sql)
    columns = tuple(column.name for column in columns_of(connection, sql))
    table = _table(sql, columns)
    rows = int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
    if rows == 0:
        raise ScaffoldError(f"--source: table {sql.table} has no rows: choose another")
    head = _head(connection, table)
    batches, why = _cut(connection, table, head, rows, target)
    sortable = tuple(name for name, values in head.items() if _is_sortable(values))
    return Found(sortable, primary_key(connection, sql), rows, batches, why)


def _head(connection: sa.Connection, table: sa.TableClause) -> dict[str, pa.ChunkedArray | None]:
    """The first values of each column; ``None`` where Arrow has no type for them."""
    rows = [tuple(row) for row in connection.execute(sa.select(table).limit(HEAD_ROWS))]
    return {
        column.name: _array([row[position] for row in rows])
        for position, column in enumerate(table.c)
    }


def _is_sortable(values: pa.ChunkedArray | None) -> bool:
    """Not every database can sort JSON, lists and their like."""
    return values is not None and not pa.types.is_nested(values.type)


def _cut(
    connection: sa.Connection,
    table: sa.TableClause,
    head: Mapping[str, pa.ChunkedArray | None],
    rows: int,
    target: str,
) -> tuple[Batches, str]:
    """The column and period that cut the table: a time named so is the likeliest."""
    kinds = {
        name: cuts_by(name, array)
        for name, array in head.items()
        # A whole number such as 20130131 is a date in a file, and none to every database.
        if name != target and array is not None and not _is_whole(name, array)
    }
    likely = [name for name, kind in kinds.items() if kind]
    for name in sorted(likely, key=lambda one: (not names_event_time(one), kinds[one] != "time")):
        period = _period(connection, table, name, rows, kinds[name] == "period")
        if period is not None:
            said = "named like the time of an event" if names_event_time(name) else "a time"
            return Batches(column=name, period=period), f"{said}; no row lacks it"
    there = (f"{name} {'other' if array is None else array.type}" for name, array in head.items())
    raise ScaffoldError(
        f"--source: table {table.name} has no column to cut batches by: a date or a time that no "
        "row lacks, as DATE, TIMESTAMP or text like 2013-01-31, is needed; it has "
        + ", ".join(there)
    )


def _is_whole(name: str, values: pa.ChunkedArray) -> bool:
    return pa.types.is_integer(values.type) and cuts_by(name, values) == "time"


def _array(values: list[Any]) -> pa.ChunkedArray | None:
    try:
        return pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, TypeError, OverflowError):
        return None


def _period(
    connection: sa.Connection, table: sa.TableClause, name: str, rows: int, is_period: bool
) -> Period | None:
    """``None`` where a row lacks the value, or its first and last are no days."""
    column = table.c[name]
    asked = sa.select(sa.func.count(column), sa.func.min(column), sa.func.max(column))
    said, first, last = connection.execute(asked.select_from(table)).one()
    if said < rows:
        return None
    if is_period:
        return "value"
    ends = _array([first, last])
    days = [] if ends is None else period_names(ends, "day").drop_null().to_pylist()
    if len(days) < 2:
        return None
    return period_of_span(date.fromisoformat(days[0]), date.fromisoformat(days[1]), rows)


def _sampled(found: Found, sql: Sql, folder: Path) -> tuple[Located, Sample]:
    column, period = found.batches.column, found.batches.period
    names = [one.name for one in _source(sql, found.batches, folder).deliveries()]
    wanted = spread(len(names))
    by_day = found.rows > LARGE_BATCH * len(names) and period not in ("day", "value")
    cut = Batches(column=column, period="day") if by_day else found.batches
    source = _source(sql, cut, folder)
    if by_day:
        days = [one.name for one in source.deliveries()]
        slices = [day for at in wanted for day in _days_of(days, names[at], period)]
    else:
        slices = [names[at] for at in wanted]
    with tempfile.TemporaryDirectory(prefix="scaffold_") as scratch:
        files = tuple(_copied(source, name, Path(scratch) / name) for name in slices)
        copies = Located(files, tuple(slices), None, ".parquet", "")
        sample = read_sample(copies, _no_text)
    batch_of = [
        names.index(period_name(date.fromisoformat(name), period) if by_day else name)
        for name in slices
    ]
    positions, in_sample = np.unique(batch_of, return_inverse=True)
    located = replace(copies, files=(), names=(), cut=Cut(column, period, tuple(names), found.why))
    return located, replace(
        sample,
        batch_of=in_sample[sample.batch_of].astype(np.int64),
        rows=found.rows,
        looked_at=tuple(int(at) for at in positions) if len(positions) < len(names) else (),
    )


def _days_of(days: Sequence[str], batch: str, period: Period) -> list[str]:
    """A few days of the batch, spread over it."""
    own = [day for day in days if period_name(date.fromisoformat(day), period) == batch]
    at = np.unique(np.linspace(0, len(own) - 1, SLICES).astype(int))
    return [own[position] for position in at]


def _source(sql: Sql, batches: Batches, folder: Path) -> SqlSource:
    """What a source needs to say besides is for a person to say."""
    source = Source(
        sql=sql,
        batches=batches,
        licence="unknown",
        attribution="",
        terms="unknown",
        licence_expires="never",
    )
    return SqlSource(folder, source)


def _copied(source: SqlSource, batch: str, folder: Path) -> Path:
    folder.mkdir()
    return folder / source.copy(batch, folder).file


def _no_text(*_: Any) -> Any:
    raise TypeError("a database delivers no text files")
