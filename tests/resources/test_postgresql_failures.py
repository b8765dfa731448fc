"""What can go wrong with PostgreSQL, on a real server: each failure its own message, nothing
private in it, and no half batch."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgresql_server import Server, postgresql_server
from sql_sources import copied, sql_source

from resources.sources.base import SourceError, SourceLostError
from resources.sources.sql import SqlSource

SECRET = "hunter2-not-to-be-seen"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql_server() as running, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOP_USER", running.user)
        environment.setenv("SHOP_PASSWORD", running.password)
        environment.setenv("GUEST_USER", "guest")
        environment.setenv("GUEST_PASSWORD", SECRET)
        running.execute(
            "CREATE TABLE orders (id int PRIMARY KEY, day date, email text)",
            "INSERT INTO orders SELECT i, date '2024-01-01' + i % 90, 'ann@example.org' "
            "FROM generate_series(1, 900) AS i",
            "CREATE TABLE keyless AS SELECT * FROM orders",
            f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'",
        )
        yield running


def _source(server: Server, credentials: str | None = "SHOP", **fields: object) -> SqlSource:
    return sql_source(server.url, credentials=credentials, **fields)  # type: ignore[arg-type]


def _problem(source: SqlSource) -> str:
    """What ``deliveries`` says, without anything of the driver's error in it."""
    with pytest.raises(SourceError) as raised:
        source.deliveries()
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    message = str(raised.value)
    assert SECRET not in message
    assert "ann@" not in message
    return message


def test_credentials_that_are_not_set_are_named(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_USER", "ann")
    assert "set OTHER_PASSWORD" in _problem(_source(server, "OTHER", table="orders"))
    assert "set NONE_USER and NONE_PASSWORD" in _problem(_source(server, "NONE", table="orders"))


def test_refused_credentials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    message = _problem(_source(server, table="orders"))
    assert "refused the credentials: check the variables SHOP_USER and SHOP_PASSWORD" in message


def test_a_server_that_wants_credentials_where_none_are_declared(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGUSER", server.user)
    assert "with sql.credentials" in _problem(_source(server, None, table="orders"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((r":\d+/", ":1/"), "refused the connection: check host and port"),
        ((r"127\.0\.0\.1", "nowhere.invalid"), "the host's name is not known"),
        ((r"/postgres$", "/shop"), "there is no database of that name"),
        ((r"\+psycopg", "+asyncpg"), "postgresql\\+asyncpg cannot be read: use"),
        ((r":\d+/", ":port/"), "is no database URL"),
    ],
)
def test_a_database_that_cannot_be_connected_to(
    server: Server, change: tuple[str, str], said: str
) -> None:
    url = re.sub(*change, server.url)
    assert re.search(said, _problem(sql_source(url, credentials="SHOP", table="orders")))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"table": "oders"}, "no table 'oders' .*did you mean 'orders'"),
        ({"table": "sales.orders"}, "no schema 'sales'.*public"),
        ({"table": "orders", "column": "date"}, "source.batches.column: .*'date'.*day, email, id"),
        ({"table": "orders", "order_by": ("ID",)}, "sql.order_by: .*did you mean 'id'"),
        ({"table": "orders", "changed_column": "x"}, "sql.changed_column: there is no column 'x'"),
        ({"table": "orders", "column": "id"}, "source.batches.column is no date"),
        ({"query": "SELECT * FROM nix", "order_by": ("id",)}, 'relation "nix" does not exist'),
        ({"query": "SELECT nix FROM orders", "order_by": ("id",)}, 'column "nix" does not exist'),
        ({"query": "SELEC id", "order_by": ("id",)}, "sql.query is not one SELECT"),
        ({"query": "SELECT *, id FROM orders", "order_by": ("id",)}, "two columns 'id'"),
        ({"query": "SELECT email::int AS id, day FROM orders", "order_by": ("id",)}, None),
    ],
)
def test_what_is_not_there_is_named(
    server: Server, fields: dict[str, object], said: str | None
) -> None:
    if said is not None:
        assert re.search(said, _problem(_source(server, **fields)))
        return
    with pytest.raises(SourceError) as raised:
        _source(server, **fields).copy("2024-01", Path("/nowhere"))
    assert "ann@" not in str(raised.value)
    assert raised.value.__context__ is None


def test_a_table_without_key_needs_an_order(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no primary key.*sql\.order_by .columns: id, day, ema"):
        _source(server, table="keyless").copy("2024-01", tmp_path)
    with pytest.raises(SourceError, match=r"rows agree in all columns of sql\.order_by \(day\)"):
        _source(server, table="keyless", order_by=("day",)).copy("2024-01", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_permission_denied(server: Server) -> None:
    assert "permission denied: ask its owner" in _problem(_source(server, "GUEST", table="orders"))


def test_a_slow_statement_is_ended(server: Server, tmp_path: Path) -> None:
    query = "SELECT id, day, pg_sleep(0.1)::text AS s FROM orders"
    source = _source(server, query=query, order_by=("id",), timeout_seconds=1)
    with pytest.raises(SourceError, match=r"longer than sql\.timeout_seconds \(1\)"):
        source.copy("2024-01", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rows_without_a_day_are_counted(server: Server) -> None:
    query = (
        "SELECT id, CASE WHEN id = 1 THEN NULL WHEN id = 2 THEN 'infinity' "
        "WHEN id = 3 THEN date '10000-01-01' ELSE day END AS day FROM orders"
    )
    assert "3 rows have no date in 'day'" in _problem(
        _source(server, query=query, order_by=("id",))
    )


def test_a_value_that_arrow_cannot_hold_is_named_by_column(server: Server, tmp_path: Path) -> None:
    query = "SELECT id, day, timestamp 'infinity' AS until FROM orders"
    with pytest.raises(SourceError, match=r"column 'until' holds values that are no timestamp"):
        _source(server, query=query, order_by=("id",)).copy("2024-01", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_query_that_changes_from_run_to_run_is_no_batch(server: Server, tmp_path: Path) -> None:
    query = "SELECT * FROM orders WHERE random() < 0.5"
    with pytest.raises(SourceError, match="were counted and"):
        _source(server, query=query, order_by=("id",)).copy("2024-01", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data.parquet.partial").symlink_to("/dev/full")
    with pytest.raises(SourceError, match=r"No space left on device.*make room"):
        _source(server, table="orders").copy("2024-01", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_killed_in_mid_copy_leaves_no_half_batch(server: Server, tmp_path: Path) -> None:
    query = (
        "SELECT i AS id, date '2024-01-01' AS day, repeat('x', 200) AS fill "
        "FROM generate_series(1, 700000) AS i"
    )
    source = _source(server, query=query, order_by=("id",))
    partial = tmp_path / "data.parquet.partial"

    def kill_while_it_is_written() -> None:
        while not partial.exists() or partial.stat().st_size < 10_000:
            time.sleep(0.01)
        server.kill()

    killer = threading.Thread(target=kill_while_it_is_written)
    killer.start()
    with pytest.raises(SourceLostError, match="lost while the rows were read"):
        source.copy("2024-01", tmp_path)
    killer.join()

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SourceError, match="refused the connection"):
        source.deliveries()
    server.start()
    assert copied(_source(server, table="orders"), "2024-01", tmp_path).num_rows == 310


def test_one_moment_is_copied_though_rows_are_added_and_changed(
    server: Server, tmp_path: Path
) -> None:
    server.execute(
        "CREATE TABLE live (id int PRIMARY KEY, day date, changed timestamptz)",
        "INSERT INTO live SELECT i, date '2024-01-01', now() FROM generate_series(1, 10) AS i",
    )
    source = _source(server, table="live", changed_column="changed")
    before = source.deliveries()
    with psycopg.connect(server.conninfo) as writer:
        writer.execute("INSERT INTO live VALUES (11, '2024-01-02', now())")
        assert source.deliveries() == before, "not committed yet"
        first = source.copy("2024-01", tmp_path)
    after = source.deliveries()
    server.execute("UPDATE live SET changed = now() WHERE id = 1")

    assert (first.delivery,) == before
    assert [d.name for d in after] == ["2024-01"]
    assert len({before, after, source.deliveries()}) == 3


def test_what_is_counted_is_what_is_copied_while_others_write(
    server: Server, tmp_path: Path
) -> None:
    server.execute("CREATE TABLE busy (id serial PRIMARY KEY, day date DEFAULT '2024-01-01')")
    # There is a batch from the start, however late the writer comes to its first row.
    server.execute("INSERT INTO busy DEFAULT VALUES")
    done = threading.Event()

    def write() -> None:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            while not done.is_set():
                connection.execute("INSERT INTO busy DEFAULT VALUES")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        source = _source(server, table="busy")
        sizes = [copied(source, "2024-01", tmp_path / str(i)).num_rows for i in range(15)]
    finally:
        done.set()
        writer.join()
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_connections_are_closed(server: Server, tmp_path: Path) -> None:
    _source(server, table="orders").copy("2024-01", tmp_path)
    _problem(_source(server, table="oders"))
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        for _ in range(100):
            found = connection.execute(asked).fetchone()
            if found == (1,):
                break
            time.sleep(0.05)
    assert found == (1,)
