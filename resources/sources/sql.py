"""Databases as sources: a table or a query, cut into batches by a column.

Belongs here: the batches that a database holds now, and the copy of one. Does not belong here: how
it is opened (``sql_connection.py``), asked (``sql_statements.py``), read (``sql_rows.py``), written
(``sql_parquet.py``), or what a failure means (``sql_errors.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mlops_assets.content_hash import json_md5
from mlops_assets.data.periods import is_over, period_name, period_start
from mlops_assets.data.raw_copy import DATA_FILE
from mlops_assets.source_declaration import Batches, Source, Sql
from resources.sources.base import Copy, Delivery, SourceError, utc_today
from resources.sources.batch_names import require_names
from resources.sources.sql_connection import connected, time_limit
from resources.sources.sql_errors import explained
from resources.sources.sql_parquet import told_apart, write_rows
from resources.sources.sql_rows import read_rows
from resources.sources.sql_statements import (
    SqlColumn,
    columns_of,
    counts,
    primary_key,
    require_columns,
    require_table,
    rows_of,
)

Count = tuple[str, int, str | None]
"""A day or a value, its number of rows, and the largest value of the column that rises on
changes."""


@dataclass(frozen=True)
class SqlSource:
    """A database of which each period, or each value of a column, is a batch. A relative file of a
    database is relative to ``folder``. Periods are of UTC, and so is ``today``."""

    folder: Path
    source: Source
    today: Callable[[], date] = utc_today

    def deliveries(self) -> tuple[Delivery, ...]:
        """The batches that are there now and whose period is over, oldest first.

        The fingerprint is of each day's number of rows and largest ``changed_column``. Raises
        ``SourceError`` where the database cannot be read as declared, where a row is in no period
        or the values of the column cannot name batches, and where no period is over.
        """
        return explained(self._sql, self._deliveries)

    def _deliveries(self) -> tuple[Delivery, ...]:
        with self._reading() as (connection, _):
            found = self._counts(connection, None)
        batches: dict[str, list[Count]] = {}
        for count in found:
            batches.setdefault(self._name(count[0]), []).append(count)
        if self._batches.period == "value":
            require_names(batches, self._batches.column, self._what, "with sql.query")
        over = sorted(n for n in batches if is_over(n, self._batches.period, self.today()))
        if not over:
            raise SourceError(
                f"{self._what} holds no batch: "
                + (f"no {self._batches.period} is over yet" if batches else "it has no rows")
            )
        return tuple(Delivery(name, json_md5(batches[name])) for name in over)

    def copy(self, batch: str, folder: Path) -> Copy:
        """Copy a batch's rows into ``folder``, in the order of ``sql.order_by``; they and the
        delivery are what the database held at one moment.

        Raises ``SourceError`` and ``SourceLostError`` as the protocol says.
        """
        return explained(self._sql, lambda: self._copy(batch, folder))

    def _copy(self, batch: str, folder: Path) -> Copy:
        if not self._is_batch(batch):
            raise SourceError(f"{self._what} holds no batch {batch!r}")
        with self._reading() as (connection, columns):
            order_by = self._order(connection, columns)
            found = self._counts(connection, batch)
            expected = sum(rows for _, rows, _ in found)
            if not expected:
                raise SourceError(f"{self._what} holds no batch {batch!r} (any more)")
            self._write(connection, columns, order_by, batch, folder / DATA_FILE, expected)
        return Copy(DATA_FILE, Delivery(batch, json_md5(found)), self._origin(order_by))

    @property
    def _sql(self) -> Sql:
        assert self.source.sql is not None
        return self.source.sql

    @property
    def _batches(self) -> Batches:
        assert self.source.batches is not None
        return self.source.batches

    @property
    def _what(self) -> str:
        return f"{self._sql.table or 'sql.query'} of {self._sql.database}"

    @contextmanager
    def _reading(self) -> Iterator[tuple[sa.Connection, tuple[SqlColumn, ...]]]:
        """A connection, and the columns of what is read, among which the declared ones are."""
        sql = self._sql
        with connected(sql, self.folder) as connection:
            with time_limit(connection, sql.timeout_seconds):
                require_table(connection, sql)
                columns = columns_of(connection, sql)
            changed = [sql.changed_column] if sql.changed_column else []
            named: Mapping[str, Sequence[str]] = {
                "source.batches.column": [self._batches.column],
                "sql.order_by": sql.order_by,
                "sql.changed_column": changed,
            }
            require_columns(columns, named)
            yield connection, columns

    def _counts(self, connection: sa.Connection, batch: str | None) -> list[Count]:
        """Raises ``SourceError`` where rows have no day, or no value."""
        statement = counts(self._sql, self._batches, connection.dialect.name, batch)
        with time_limit(connection, self._sql.timeout_seconds):
            found = [tuple(row) for row in connection.execute(statement)]
        outside = sum(rows for group, rows, _ in found if not self._is_group(group))
        if outside:
            wanted = "value" if self._batches.period == "value" else "date"
            raise SourceError(
                f"{self._what}: {outside} rows have no {wanted} in {self._batches.column!r} and "
                "would be in no batch: correct them, choose another source.batches.column, or "
                "leave them out with WHERE in sql.query"
            )
        return sorted((group, rows, _text(changed)) for group, rows, changed in found)

    def _is_group(self, group: str | None) -> bool:
        if self._batches.period == "value":
            return bool(group)
        try:
            return group is not None and date.fromisoformat(group).isoformat() == group
        except ValueError:
            return False

    def _name(self, group: str) -> str:
        if self._batches.period == "value":
            return group
        return period_name(date.fromisoformat(group), self._batches.period)

    def _is_batch(self, name: str) -> bool:
        period = self._batches.period
        if period == "value":
            return True
        try:
            period_start(name, period)
        except ValueError:
            return False
        return is_over(name, period, self.today())

    def _order(self, connection: sa.Connection, columns: Sequence[SqlColumn]) -> tuple[str, ...]:
        order_by = self._sql.order_by or primary_key(connection, self._sql)
        if not order_by:
            raise SourceError(
                f"{self._what} has no primary key: name columns that tell its rows apart with "
                f"sql.order_by (columns: {', '.join(c.name for c in columns)})"
            )
        return order_by

    def _write(
        self,
        connection: sa.Connection,
        columns: Sequence[SqlColumn],
        order_by: Sequence[str],
        batch: str,
        path: Path,
        expected: int,
    ) -> None:
        sql, what = self._sql, f"batch {batch} of {self._what}"
        select = partial(rows_of, sql, self._batches, batch, connection.dialect.name)
        with time_limit(connection, sql.timeout_seconds):
            rows = read_rows(connection, columns, order_by, select)
            # A stream that is left open would hold the connection for ever.
            with closing(rows.pieces):
                all_columns = set(order_by) == set(rows.schema.names)
                pieces = rows.pieces if all_columns else told_apart(rows.pieces, order_by, what)
                written = write_rows(pieces, rows.schema, path, expected, what)
        if written != expected:
            path.unlink()
            raise SourceError(
                f"{what}: {expected} rows were counted and {written} delivered: a query must "
                "deliver the same rows each time (random() and now() do not)"
            )

    def _origin(self, order_by: Sequence[str]) -> dict[str, Any]:
        sql = self._sql
        read = {"table": sql.table} if sql.table else {"query": sql.query}
        return {
            "database": sql.database,
            **read,
            "order_by": list(order_by),
            "batch": {"column": self._batches.column, "period": self._batches.period},
        }


def _text(changed: Any) -> str | None:
    return (
        changed.hex() if isinstance(changed, bytes) else None if changed is None else str(changed)
    )
