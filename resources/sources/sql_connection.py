"""How a database is opened: one connection, one read-only snapshot, a limit on each statement.

Belongs here: URLs, drivers, credentials, and what makes a connection unable to write. Does not
belong here: what is asked (``sql_statements.py``) or what a failure means (``sql_errors.py``).
"""

import importlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from mlops_assets.source_declaration import Sql
from resources.sources.base import SourceError
from resources.sources.sql_errors import connecting, did_you_mean

DRIVERS = {
    "postgresql": ("psycopg", "psycopg[binary]"),
    "sqlite": ("sqlite3", "Python with sqlite3"),
    "duckdb": ("duckdb_engine", "duckdb-engine"),
}
"""For each kind of database the module that talks to it, and the package that has it."""

CONNECT_SECONDS = 10
LONGEST_TIMEOUT = 2_000_000  # PostgreSQL counts milliseconds in 32 bits
LONGEST_WAIT_FOR_WRITER = 30

POSTGRESQL_SESSION = {
    "default_transaction_read_only": "on",
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
"""Read-only, and the same text for the same value whatever server and role are set to."""

# A peer that vanished without a word is noticed after a minute, not after the system's two hours.
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}

DUCKDB_SETTINGS = {
    "memory_limit": "1GB",
    "autoinstall_known_extensions": "false",
    "TimeZone": "UTC",
}


@contextmanager
def connected(sql: Sql, folder: Path) -> Iterator[sa.Connection]:
    """A connection to the database in a read-only transaction that sees one state of it. Files are
    relative to ``folder``. It is closed at the end of the block, and all its memory with it.

    Raises ``SourceError`` where there is no driver, no credentials, or no such database.
    """
    url = _url(sql)
    _require_driver(sql, url)
    kind = url.get_backend_name()
    with _spill_folder(kind) as spill:
        if kind == "postgresql":
            engine = _postgresql(sql, url)
        elif kind == "sqlite":
            engine = _sqlite(sql, url, folder)
        else:
            engine = _duckdb(sql, url, folder, spill)
        try:
            with connecting(sql):
                connection = engine.connect()
            with connection:
                with connecting(sql):
                    _begin_snapshot(connection)
                yield connection
        finally:
            engine.dispose()


@contextmanager
def time_limit(connection: sa.Connection, seconds: int) -> Iterator[None]:
    """Interrupts what runs on the connection when the block takes longer. PostgreSQL was told its
    limit when it was connected to, and keeps it itself."""
    if connection.dialect.name == "postgresql":
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    timer = threading.Timer(min(seconds, LONGEST_TIMEOUT), raw.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _spill_folder(kind: str) -> Iterator[str]:
    """Where DuckDB sorts what its memory does not hold: by default that is beside its file."""
    if kind != "duckdb":
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="sql_source_") as folder:
        yield folder


def _url(sql: Sql) -> sa.URL:
    try:
        url = sa.make_url(sql.database)
        known = url.get_backend_name() in DRIVERS
        _port = url.port
    except (sa.exc.ArgumentError, ValueError):
        raise SourceError(
            f"sql.database {sql.database!r} is no database URL: write "
            "postgresql+psycopg://host/name, sqlite:///file or duckdb:///file"
        ) from None
    if not known or url.drivername not in (*DRIVERS, "postgresql+psycopg", "sqlite+pysqlite"):
        raise SourceError(
            f"sql.database: {url.drivername} cannot be read: use postgresql+psycopg, sqlite or "
            "duckdb"
        )
    return url


def _require_driver(sql: Sql, url: sa.URL) -> None:
    module, package = DRIVERS[url.get_backend_name()]
    try:
        importlib.import_module(module)
    except ImportError:
        raise SourceError(
            f"the driver for {sql.database} is not installed: pip install {package!r}"
        ) from None


def _postgresql(sql: Sql, url: sa.URL) -> sa.Engine:
    settings = {
        **POSTGRESQL_SESSION,
        "statement_timeout": f"{min(sql.timeout_seconds, LONGEST_TIMEOUT)}s",
    }
    engine = sa.create_engine(
        _with_credentials(sql, url).set(drivername="postgresql+psycopg"),
        poolclass=sa.NullPool,
        isolation_level="REPEATABLE READ",
        connect_args={"connect_timeout": CONNECT_SECONDS, **KEEPALIVE},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(raw: Any, _record: Any) -> None:
        raw.autocommit = True
        for name, value in settings.items():
            raw.execute("SELECT set_config(%s, %s, false)", (name, value))
        raw.autocommit = False
        raw.read_only = True

    return engine


def _with_credentials(sql: Sql, url: sa.URL) -> sa.URL:
    if sql.credentials is None:
        return url
    names = f"{sql.credentials}_USER", f"{sql.credentials}_PASSWORD"
    user, password = (os.environ.get(name) for name in names)
    if user is None or password is None:
        missing = " and ".join(name for name in names if os.environ.get(name) is None)
        raise SourceError(
            f"the credentials of {sql.database} are not in the environment: set {missing}"
        )
    return url.set(username=user, password=password)


def _sqlite(sql: Sql, url: sa.URL, folder: Path) -> sa.Engine:
    path = _database_file(sql, url, folder)

    def connect() -> sqlite3.Connection:
        # isolation_level=None: the module begins no transaction of its own, and read-write ones.
        raw = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=min(sql.timeout_seconds, LONGEST_WAIT_FOR_WRITER),
            check_same_thread=False,
        )
        raw.execute("PRAGMA query_only = ON")
        return raw

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)


def _duckdb(sql: Sql, url: sa.URL, folder: Path, spill: str) -> sa.Engine:
    path = _database_file(sql, url, folder)
    return sa.create_engine(
        sa.URL.create("duckdb", database=str(path)),
        poolclass=sa.NullPool,
        connect_args={
            "read_only": True,
            "config": {**DUCKDB_SETTINGS, "temp_directory": spill},
        },
    )


def _database_file(sql: Sql, url: sa.URL, folder: Path) -> Path:
    """Opening a file that is not there would make it."""
    if not url.database or url.database.startswith((":", "file:")) or url.host or url.query:
        raise SourceError(
            f"sql.database {sql.database!r} names no file: write {url.get_backend_name()}:///file"
        )
    path = folder.resolve() / url.database
    if not path.is_file():
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SourceError(
            f"the file of {sql.database} does not exist: correct sql.database"
            + did_you_mean(path.name, there, "files there")
        )
    if not os.access(path, os.R_OK):
        raise SourceError(f"the file of {sql.database} may not be read: give permission to read it")
    return path


def _begin_snapshot(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    # Some databases look at a file, or take their snapshot, with the first statement only.
    connection.exec_driver_sql(
        "SELECT 1" if connection.dialect.name != "sqlite" else "SELECT count(*) FROM sqlite_master"
    )
