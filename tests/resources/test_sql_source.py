"""SQLite and DuckDB as sources: batches by period, what is not there, and nothing but reading."""

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from sql_sources import copied, sql_source

from mlops_assets.content_hash import file_md5
from mlops_assets.source_declaration import Period
from resources.sources.base import SourceError

KINDS = ["sqlite", "duckdb"]
ROWS = [
    (1, "2023-12-31", "a"),
    (2, "2024-01-01", "b"),
    (3, "2024-01-31", None),
    (4, "2024-06-14", "d"),
    (5, "2024-06-15", "e"),
    (6, "9999-12-31", "f"),
]
TABLE = "CREATE TABLE shop (id INTEGER PRIMARY KEY, day {date}, note TEXT)"

Make = Callable[..., str]


def _execute(kind: str, path: Path, statements: Iterable[str]) -> None:
    connection = sqlite3.connect(path) if kind == "sqlite" else duckdb.connect(str(path))
    for statement in statements:
        connection.execute(statement)
    if isinstance(connection, sqlite3.Connection):
        connection.commit()
    connection.close()


def _inserts(rows: Iterable[tuple[int, str | None, str | None]]) -> list[str]:
    quoted = [["NULL" if v is None else repr(v) for v in row] for row in rows]
    return [f"INSERT INTO shop VALUES ({', '.join(row)})" for row in quoted]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Runs statements on the shop's database, which is made with its table, and returns its URL."""
    kind = request.param

    def run(*statements: str, rows: Iterable[tuple[int, str | None, str | None]] = ROWS) -> str:
        path = tmp_path / f"shop.{kind}"
        if not path.exists():
            table = TABLE.format(date="TEXT" if kind == "sqlite" else "DATE")
            _execute(kind, path, [table, *_inserts(rows)])
        _execute(kind, path, statements)
        return f"{kind}:///shop.{kind}"

    return run


@pytest.mark.parametrize(
    ("period", "names", "first"),
    [
        ("day", ["2023-12-31", "2024-01-01", "2024-01-31", "2024-06-14"], [1]),
        ("week", ["2023-W52", "2024-W01", "2024-W05"], [1]),
        ("month", ["2023-12", "2024-01"], [1]),
        ("quarter", ["2023-Q4", "2024-Q1"], [1]),
        ("year", ["2023"], [1]),
    ],
)
def test_a_period_is_a_batch_when_it_is_over(
    make: Make, tmp_path: Path, period: Period, names: list[str], first: list[int]
) -> None:
    source = sql_source(make(), tmp_path, period=period, table="shop")

    assert [d.name for d in source.deliveries()] == names
    assert copied(source, names[0], tmp_path / "copy")["id"].to_pylist() == first
    for name in ("2024", "2024-06", "2024-Q2", "2024-W24", "9999-12-31", "2024-13", "../x", ""):
        with pytest.raises(SourceError, match="holds no batch"):
            source.copy(name, tmp_path)


def test_batches_share_out_the_rows(make: Make, tmp_path: Path) -> None:
    source = sql_source(make(), tmp_path, table="shop", today=date(2024, 7, 1))
    names = [d.name for d in source.deliveries()]
    tables = [copied(source, name, tmp_path / name) for name in names]
    assert [i for table in tables for i in table["id"].to_pylist()] == [1, 2, 3, 4, 5]
    assert tables[1]["note"].to_pylist() == ["b", None]


def test_a_copy_is_the_same_twice_and_its_delivery_is_listed(make: Make, tmp_path: Path) -> None:
    url = make()
    source = sql_source(url, tmp_path, table="shop", order_by=("day", "id"))
    copies, hashes = [], []
    for number in "12":
        folder = tmp_path / number
        folder.mkdir()
        copies.append(source.copy("2024-01", folder))
        hashes.append(file_md5(folder / "data.parquet"))

    assert copies[0] == copies[1]
    assert hashes[0] == hashes[1]
    assert copies[0].delivery in source.deliveries()
    assert copies[0].origin == {
        "database": url,
        "table": "shop",
        "order_by": ["day", "id"],
        "batch": {"column": "day", "period": "month"},
    }


def test_the_fingerprint_follows_rows_and_changes(make: Make, tmp_path: Path) -> None:
    url = make("ALTER TABLE shop ADD COLUMN version INTEGER", "UPDATE shop SET version = 9")
    source = sql_source(url, tmp_path, table="shop", changed_column="version")
    seen = [source.deliveries()]
    for change in (
        "UPDATE shop SET version = 10 WHERE id = 2",
        "DELETE FROM shop WHERE id = 3",
        "INSERT INTO shop VALUES (7, '2024-01-30', 'g', 1)",
    ):
        make(change)
        seen.append(source.deliveries())
    make("UPDATE shop SET note = 'x', version = 99 WHERE id = 5")

    assert len({january for _, january in seen}) == 4
    assert len({december for december, _ in seen}) == 1
    assert source.deliveries() == seen[-1], "of a month that is not over"


def test_a_column_may_name_the_batches(make: Make, tmp_path: Path) -> None:
    source = sql_source(make(), tmp_path, "note", "value", query=_noted(), order_by=("id",))
    assert [d.name for d in source.deliveries()] == ["a", "b", "d", "e", "f"]
    assert copied(source, "d", tmp_path / "copy")["id"].to_pylist() == [4]
    with pytest.raises(SourceError, match="holds no batch"):
        source.copy("zzz", tmp_path)


def _noted() -> str:
    return "SELECT * FROM shop WHERE note IS NOT NULL"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["9", "10"], "do not sort by time as text"),
        (["batch-9", "batch-10"], "do not sort by time as text"),
        (["01-2024", "02-2023"], "year first"),
        (["2024-Jan", "2024-Feb"], "year first"),
        (["Ann Onymous"], "cannot name batches"),
        (["../up"], "cannot name batches"),
        (["a", None, None], "2 rows have no value"),
    ],
)
def test_values_that_cannot_name_batches(
    make: Make, tmp_path: Path, values: list[str | None], said: str
) -> None:
    rows = [(i, "2024-01-01", value) for i, value in enumerate(values)]
    source = sql_source(make(rows=rows), tmp_path, "note", "value", table="shop")
    with pytest.raises(SourceError, match=said) as raised:
        source.deliveries()
    assert not any(value and len(value) > 2 and value in str(raised.value) for value in values)


def test_a_time_belongs_to_its_day(tmp_path: Path) -> None:
    rows: list[tuple[int, str | None, str | None]] = [
        (1, "2024-01-31T23:59:59.999Z", "x"),
        (2, "2024-02-01 00:00:00", "x"),
        (3, "2024-02-29", "x"),
    ]
    _execute("sqlite", tmp_path / "db", [TABLE.format(date="TIMESTAMP"), *_inserts(rows)])
    source = sql_source("sqlite:///db", tmp_path, table="shop")
    assert [d.name for d in source.deliveries()] == ["2024-01", "2024-02"]
    assert copied(source, "2024-02", tmp_path / "copy")["id"].to_pylist() == [2, 3]


def test_a_database_that_another_process_writes_to(tmp_path: Path) -> None:
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('CREATE TABLE shop (id "
        "INT)'); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(SourceError, match="is being written to"):
            sql_source("duckdb:///db", tmp_path, table="shop").deliveries()


@pytest.mark.parametrize("day", [None, "soon", "2024-02-30", "2024-1-5", 20240105, 1704412800.0])
def test_a_row_without_a_day_is_not_lost_silently(tmp_path: Path, day: str | float | None) -> None:
    written = "NULL" if day is None else repr(day)
    insert = f"INSERT INTO shop VALUES (7, {written}, 'x')"
    untyped = TABLE.format(date="")
    _execute("sqlite", tmp_path / "db", [untyped, *_inserts(ROWS), insert])
    source = sql_source("sqlite:///db", tmp_path, table="shop")
    with pytest.raises(SourceError, match="1 rows have no date in 'day'"):
        source.deliveries()


def test_a_source_without_a_batch(make: Make, tmp_path: Path) -> None:
    source = sql_source(make(rows=[]), tmp_path, table="shop")
    with pytest.raises(SourceError, match="it has no rows"):
        source.deliveries()
    make("INSERT INTO shop VALUES (1, '2024-06-01', 'x')")
    with pytest.raises(SourceError, match="no month is over yet"):
        source.deliveries()


def test_nothing_is_made_or_changed(make: Make, tmp_path: Path) -> None:
    url = make()
    path = tmp_path / url.rpartition("/")[2]
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    writes = "SELECT 1 AS id, '2024-01-01' AS day; DELETE FROM shop"
    breaks_out = f"SELECT 1) AS a; DELETE FROM shop; SELECT * FROM ({writes.partition(';')[0]}"
    for query in (writes, breaks_out, "DELETE FROM shop RETURNING id, day"):
        with pytest.raises(SourceError):
            sql_source(url, tmp_path, query=query, order_by=("id",)).deliveries()

    source = sql_source(url.replace("shop.", "shp."), tmp_path, table="shop")
    with pytest.raises(SourceError, match=r"does not exist.*did you mean 'shop\."):
        source.deliveries()

    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_what_is_not_there_is_named(make: Make, tmp_path: Path) -> None:
    url = make("CREATE VIEW seen AS SELECT * FROM shop")
    problems: dict[str, dict[str, object]] = {
        "no table 'shops'.*did you mean 'shop'": {"table": "shops"},
        "no schema 'sales'": {"table": "sales.shop"},
        "source.batches.column: .*'date'": {"table": "shop", "column": "date"},
        "no primary key.*sql.order_by": {"table": "seen"},
        "agree in all columns": {"table": "seen", "order_by": ("day",)},
        "one SELECT": {"query": "SELEC", "order_by": ("id",)},
    }
    make("INSERT INTO shop VALUES (8, '2024-01-31', 'x')")
    for said, fields in problems.items():
        with pytest.raises(SourceError, match=said) as raised:
            sql_source(url, tmp_path, **fields).copy("2024-01", tmp_path)  # type: ignore[arg-type]
        assert raised.value.__context__ is None


def test_a_slow_statement_is_ended(make: Make, tmp_path: Path) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) "
        "SELECT i AS id, '2024-01-01' AS day FROM n"
    )
    source = sql_source(make(), tmp_path, query=endless, order_by=("id",), timeout_seconds=1)
    with pytest.raises(SourceError, match=r"longer than sql\.timeout_seconds \(1\)"):
        source.deliveries()


def test_a_file_that_is_no_database(make: Make, tmp_path: Path) -> None:
    url = make()
    (tmp_path / url.rpartition("/")[2]).write_bytes(b"no database at all\n" * 500)
    with pytest.raises(SourceError, match=r"damaged, or no (sqlite|duckdb) database"):
        sql_source(url, tmp_path, table="shop").deliveries()


def test_an_uncommitted_write_is_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "db"
    _execute("sqlite", path, [TABLE.format(date="TEXT"), *_inserts(ROWS)])
    source = sql_source("sqlite:///db", tmp_path, table="shop", timeout_seconds=1)
    before = source.deliveries()
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM shop")
        assert source.deliveries() == before
        writer.execute("ROLLBACK")
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceError, match="is being written to"):
            source.deliveries()
        writer.execute("ROLLBACK")
    writer.close()


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "duckdb_engine", None)
    with pytest.raises(SourceError, match=r"not installed: pip install 'duckdb-engine'"):
        sql_source("duckdb:///db", tmp_path, table="shop").deliveries()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x", "nonsense"])
def test_an_address_that_is_no_file(url: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"sql\.database"):
        sql_source(url, tmp_path, table="shop").deliveries()
    assert not any(tmp_path.iterdir())
