"""The statements that are put to a database: what columns there are, what is in each period, the
rows of a batch.

Belongs here: building SELECTs, with every name quoted and every value bound. Does not belong here:
what is made of their rows (``sql.py``, ``sql_rows.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from mlops_assets.data.periods import period_end, period_start
from mlops_assets.source_declaration import Batches, Period, Sql
from resources.sources.base import SourceError
from resources.sources.sql_errors import did_you_mean


@dataclass(frozen=True)
class SqlColumn:
    """A column as the database describes it: ``kind`` is its driver's code for the type."""

    name: str
    kind: Any


def column_named(name: str) -> sa.ColumnElement[Any]:
    """The column, in quotes whatever its name: what a word is reserved for differs by version."""
    return sa.column(sa.quoted_name(name, True))


def relation(sql: Sql) -> sa.FromClause:
    """The table, or the query as a subquery: whatever is written in it, it can only deliver rows
    to the SELECT around it."""
    if sql.table is not None:
        schema, _, name = sql.table.rpartition(".")
        return sa.table(sa.quoted_name(name, True), schema=schema or None)
    # Colons are no parameters here; the line break ends a comment in the query's last line.
    written = (sql.query or "").strip().rstrip(";").replace(":", "\\:")
    return sa.text(f"\n{written}\n").columns().subquery("delivered")


def require_table(connection: sa.Connection, sql: Sql) -> None:
    """Raise ``SourceError`` where the declared table or view is not there."""
    if sql.table is None:
        return
    schema, _, name = sql.table.rpartition(".")
    inspector = sa.inspect(connection)
    if schema and schema not in _schemas(inspector):
        raise SourceError(
            f"{sql.database} has no schema {schema!r}: correct sql.table"
            + did_you_mean(schema, _schemas(inspector), "schemas")
        )
    there = {
        *inspector.get_table_names(schema or None),
        *inspector.get_view_names(schema or None),
    }
    if name not in there and not inspector.has_table(name, schema or None):
        raise SourceError(
            f"{sql.database} has no table {sql.table!r} that the user may see: correct sql.table"
            + did_you_mean(name, there, "tables")
        )


def _schemas(inspector: sa.Inspector) -> set[str]:
    """DuckDB says them with the database before a dot, which a user need not write."""
    names = inspector.get_schema_names()
    return {*names, *(name.rpartition(".")[2].strip('"') for name in names)}


def columns_of(connection: sa.Connection, sql: Sql) -> tuple[SqlColumn, ...]:
    """The columns of the table or query.

    Raises ``SourceError`` where two have the same name, and the driver's error where the query is
    not one SELECT.
    """
    _require_one_select(connection, sql)
    # The bound limit makes PostgreSQL take one statement only, and so refuse any more in a query.
    statement = sa.select(sa.text("*")).select_from(relation(sql)).limit(0)
    with connection.execute(statement) as result:
        assert result.cursor is not None
        columns = tuple(SqlColumn(c[0], c[1]) for c in result.cursor.description or ())
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"sql.query has two columns {twice[0]!r}: name them apart with AS")
    return columns


def _require_one_select(connection: sa.Connection, sql: Sql) -> None:
    """DuckDB runs several statements in one go, and would take the end of the subquery from one."""
    if sql.query is not None and connection.dialect.name == "duckdb":
        raw: Any = connection.connection.dbapi_connection
        kinds = [statement.type.name for statement in raw.extract_statements(sql.query)]
        if kinds != ["SELECT"]:
            raise SourceError("sql.query is not one SELECT: remove the other statements")


def require_columns(columns: Sequence[SqlColumn], named: Mapping[str, Sequence[str]]) -> None:
    """Raise ``SourceError`` where a field of the YAML names a column that is not there."""
    there = [column.name for column in columns]
    for field, names in named.items():
        for name in names:
            if name not in there:
                raise SourceError(
                    f"{field}: there is no column {name!r}: correct it"
                    + did_you_mean(name, there, "columns")
                )


def primary_key(connection: sa.Connection, sql: Sql) -> tuple[str, ...]:
    """Names of the primary key's columns, in its order; none for a query, view or keyless table."""
    if sql.table is None:
        return ()
    schema, _, name = sql.table.rpartition(".")
    if connection.dialect.name != "duckdb":
        key = sa.inspect(connection).get_pk_constraint(name, schema or None)
        return tuple(key["constrained_columns"])
    # duckdb-engine asks for keys as PostgreSQL keeps them, which DuckDB does not.
    found = connection.execute(
        sa.text(
            "SELECT constraint_column_names FROM duckdb_constraints() WHERE table_name = :name "
            "AND schema_name = coalesce(:schema, current_schema()) "
            "AND database_name = current_database() AND constraint_type = 'PRIMARY KEY'"
        ),
        {"name": name, "schema": schema or None},
    ).scalar()
    return tuple(found or ())


def group_of(column: str, period: Period, dialect: str) -> sa.ColumnElement[Any]:
    """What rows are counted by, as text: the calendar day (null where there is none), in UTC for
    times with a zone; for the period ``value``, what stands there."""
    value: sa.ColumnElement[Any] = column_named(column)
    if period == "value":
        return sa.cast(value, sa.Text)
    if dialect == "sqlite":
        is_text = sa.func.typeof(value) == sa.literal_column("'text'")
        return sa.case(
            (is_text, sa.func.substr(value, sa.literal_column("1"), sa.literal_column("10")))
        )
    if dialect == "duckdb":
        return sa.cast(sa.try_cast(value, sa.Date), sa.Text)
    return sa.cast(sa.cast(value, sa.Date), sa.Text)


def within(column: str, batch: str, period: Period, dialect: str) -> sa.ColumnElement[bool]:
    """The condition that a row is of the batch. It leaves the column bare where it can, so that an
    index on it serves."""
    if period == "value":
        return group_of(column, period, dialect) == sa.bindparam("batch", batch, sa.Text)
    start, end = period_start(batch, period), period_end(batch, period)
    value: sa.ColumnElement[Any] = column_named(column)
    if dialect == "sqlite":
        is_text = sa.func.typeof(value) == sa.literal_column("'text'")
        return sa.and_(is_text, *_between(value, start.isoformat(), end.isoformat(), sa.Text()))
    if dialect == "duckdb":
        value = sa.try_cast(value, sa.Date)
    return sa.and_(*_between(value, start, end, sa.Date()))


def _between(
    value: sa.ColumnElement[Any], start: date | str, end: date | str, kind: Any
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return value >= sa.bindparam("start", start, kind), value < sa.bindparam("end", end, kind)


def counts(sql: Sql, batches: Batches, dialect: str, batch: str | None = None) -> sa.Select[Any]:
    """For each group its text, the number of its rows and the largest value of the column that
    rises on changes (null where none is declared); of all rows, or of one batch's."""
    group = group_of(batches.column, batches.period, dialect)
    changed: sa.ColumnElement[Any] = sa.null()
    if sql.changed_column is not None:
        changed = sa.func.max(column_named(sql.changed_column))
        if dialect != "sqlite":  # SQLite would round a number, and Python has its values as text
            changed = sa.cast(changed, sa.Text)
    statement = sa.select(group, sa.func.count(), changed).select_from(relation(sql))
    if batch is not None:
        statement = statement.where(within(batches.column, batch, batches.period, dialect))
    return statement.group_by(sa.text("1"))


def rows_of(
    sql: Sql,
    batches: Batches,
    batch: str,
    dialect: str,
    selected: Sequence[sa.ColumnElement[Any]],
) -> sa.Select[Any]:
    """``selected`` of a batch's rows."""
    condition = within(batches.column, batch, batches.period, dialect)
    return sa.select(*selected).select_from(relation(sql)).where(condition)
