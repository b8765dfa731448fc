"""What a database's failure means, and what to do about it.

Belongs here: reading error codes. Does not belong here: how a driver's own message is shown: it is
not, for it may hold a row's values or the password.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from mlops_assets.source_declaration import Sql
from resources.sources.base import SourceError, SourceLostError

Result = TypeVar("Result")

DRIVER_MODULES = frozenset(
    {"sqlalchemy", "psycopg", "sqlite3", "duckdb", "_duckdb", "duckdb_engine"}
)
SHOWN_NAMES = 20

LOST_STATES = ("08", "57P", "40")
"""SQLSTATE classes: connection gone, server stopped or not yet up, transaction to be repeated."""


def explained(sql: Sql, read: Callable[[], Result]) -> Result:
    """What ``read`` returns. What a driver raises becomes a ``SourceError`` that carries nothing of
    it, neither its message nor itself as cause or context: a log would show these."""
    try:
        return read()
    except SourceError as error:
        problem = type(error)(*error.args)
    except Exception as error:
        if not _is_of_a_driver(error):
            raise
        problem = _reading_error(getattr(error, "orig", None) or error, sql)
    raise problem


@contextmanager
def connecting(sql: Sql) -> Iterator[None]:
    """Turns what a driver raises in a block that connects into a ``SourceError``."""
    try:
        yield
    except Exception as error:
        if not _is_of_a_driver(error):
            raise
        raise _connecting_error(getattr(error, "orig", None) or error, sql) from None


def did_you_mean(name: str, existing: Iterable[str], what: str) -> str:
    """The end of a message that says which names there are, the likeliest first."""
    names = sorted(existing)
    if not names:
        return f" (there are no {what})"
    by_lower = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    meant = f"; did you mean {by_lower[close[0]]!r}?" if close else ""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f" ({what}: {', '.join(names[:SHOWN_NAMES])}{more}{meant})"


def _is_of_a_driver(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in DRIVER_MODULES


def _connecting_error(error: Any, sql: Sql) -> SourceError:
    place, text = sql.database, str(error).lower()
    if _module(error) != "psycopg":
        return _file_error(error, sql)
    if "does not exist" in text and "database" in text and "role" not in text:
        return SourceError(f"{place}: there is no database of that name: correct sql.database")
    if any(word in text for word in ("password", "authentication", "role", "pg_hba")):
        todo = (
            f"check the variables {sql.credentials}_USER and {sql.credentials}_PASSWORD"
            if sql.credentials
            else "name the environment variables that hold user and password with sql.credentials"
        )
        return SourceError(f"{place} refused the credentials: {todo}")
    if "permission denied" in text:
        return SourceError(f"{place}: the user may not connect to it: ask its owner for CONNECT")
    if "resolve host" in text or "translate host" in text:
        return SourceError(f"{place}: the host's name is not known: correct it, or the network")
    if "connection refused" in text:
        return SourceError(
            f"{place} refused the connection: check host and port, and that the server runs"
        )
    if "too many" in text or "starting up" in text or "shutting down" in text:
        return SourceError(f"{place} takes no connection now: try again later")
    if "timeout" in text or "unreachable" in text or "no route" in text:
        return SourceError(f"{place} does not answer: check host, port and network")
    return SourceError(
        f"{place} cannot be connected to ({type(error).__name__}): check host, port, name and "
        "what the server's log says"
    )


def _reading_error(error: Any, sql: Sql) -> SourceError:
    if isinstance(error, MemoryError):
        return SourceError(f"{sql.database}: a row is too large for the memory")
    return _postgresql_error(error, sql) if _module(error) == "psycopg" else _file_error(error, sql)


def _postgresql_error(error: Any, sql: Sql) -> SourceError:
    place, state = sql.database, error.sqlstate or ""
    if not state and type(error).__name__ != "OperationalError":
        return SourceError(f"{place} cannot be read as declared ({type(error).__name__})")
    if not state or state.startswith(LOST_STATES):
        return SourceLostError(
            f"{place}: the connection was lost while the rows were read: it is tried again, or "
            "look at the server"
        )
    if state in ("42P01", "42703", "3F000"):
        # These name a table, a column or a schema, never a row's value.
        return SourceError(f"{place}: {error.diag.message_primary}: correct source.sql")
    todo = {
        "57014": _timeout(sql),
        "42501": "permission denied: ask its owner for SELECT on what source.sql reads",
        "25006": "sql.query writes, and may only read",
        "42601": "sql.query is not one SELECT: a syntax error, or several statements",
        "42846": "source.batches.column is no date: correct it, or cast it to one in sql.query",
    }.get(state, f"the database refused the statement ({type(error).__name__}): check source.sql")
    return SourceError(f"{place}: {todo}")


def _file_error(error: Any, sql: Sql) -> SourceError:
    place, kind = sql.database, getattr(error, "sqlite_errorname", None) or type(error).__name__
    text = str(error)
    if kind in ("SQLITE_INTERRUPT", "InterruptException"):
        return SourceError(f"{place}: {_timeout(sql)}")
    if kind.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or "lock on file" in text:
        return SourceError(f"{place} is being written to: try again when that is done")
    if kind in ("SQLITE_NOTADB", "SQLITE_CORRUPT") or "not a valid DuckDB" in text:
        return SourceError(f"{place} is damaged, or no {place.partition(':')[0]} database")
    if kind.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM")) or "Permission denied" in text:
        return SourceError(
            f"{place} may not be opened: give permission to read it, and for SQLite with a "
            "write-ahead log to write in its folder"
        )
    if kind.startswith("SQLITE_IOERR"):
        return SourceLostError(f"{place}: the file could not be read further: look at the disk")
    if kind.startswith("SQLITE_READONLY") or "read-only" in text:
        return SourceError(
            f"{place}: sql.query writes, and may only read; or the database needs to be recovered "
            "by its owner after a crash"
        )
    if "decode to UTF-8" in text:
        return SourceError(f"{place} holds text that is not UTF-8: cast it to BLOB in sql.query")
    if kind == "OutOfMemoryException":
        return SourceError(f"{place}: sorting needs too much memory: add an index on sql.order_by")
    return SourceError(
        f"{place}: the database refused the statement ({kind}): check source.sql: one SELECT of "
        "tables, columns and functions that are there"
    )


def _timeout(sql: Sql) -> str:
    return (
        f"a statement took longer than sql.timeout_seconds ({sql.timeout_seconds}), or was "
        "cancelled: raise it, or add an index on source.batches.column"
    )


def _module(error: Any) -> str:
    return type(error).__module__.partition(".")[0]
