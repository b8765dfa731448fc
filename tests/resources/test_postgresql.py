"""PostgreSQL as a source, on a real server: batches, types, and nothing but reading."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import psycopg
import pyarrow.compute as pc
import pytest
from postgresql_server import Server, postgresql_server
from sql_sources import copied, sql_source

from mlops_assets.content_hash import file_md5
from resources.sources.base import SourceError
from resources.sources.sql import SqlSource

ROWS = 1_000_000
MILLION = f"""
CREATE TABLE events AS
SELECT i AS id, timestamp '2024-01-01' + make_interval(mins => (i % 216000)::int) AS day,
       (i * 7 % 1000)::int AS amount, CASE WHEN i % 3 > 0 THEN 'row, "' || i || '"' END AS note
FROM generate_series(1, {ROWS}) AS i
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql_server() as running, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOP_USER", running.user)
        environment.setenv("SHOP_PASSWORD", running.password)
        running.execute(MILLION, "ALTER TABLE events ADD PRIMARY KEY (id)")
        yield running


def _source(server: Server, **fields: object) -> SqlSource:
    return sql_source(server.url, credentials="SHOP", **fields)  # type: ignore[arg-type]


def test_a_million_rows_by_month_are_copied_whole(server: Server, tmp_path: Path) -> None:
    source = _source(server, table="events")
    with psycopg.connect(server.conninfo) as connection:
        counted = dict(
            connection.execute(
                "SELECT to_char(day, 'YYYY-MM'), count(*) FROM events GROUP BY 1 ORDER BY 1"
            ).fetchall()
        )

    deliveries = source.deliveries()

    assert [d.name for d in deliveries] == list(counted) == [f"2024-0{m}" for m in range(1, 6)]
    ids = []
    for delivery in deliveries:
        table = copied(source, delivery.name, tmp_path / delivery.name)
        assert table.num_rows == counted[delivery.name]
        assert set(pc.strftime(table["day"], "%Y-%m").unique().to_pylist()) == {delivery.name}
        assert table["id"].to_pylist() == sorted(table["id"].to_pylist())
        ids.append(table["id"])
        expected = [f'row, "{i}"' if i % 3 else None for i in table["id"].to_pylist()]
        assert table["note"].to_pylist() == expected
    assert len(set(chain.from_iterable(column.to_pylist() for column in ids))) == ROWS


def test_the_same_batch_has_the_same_bytes_and_delivery(server: Server, tmp_path: Path) -> None:
    source = _source(server, table="events")
    copies = [tmp_path / "first", tmp_path / "second"]
    for folder in copies:
        folder.mkdir()

    first, second = (source.copy("2024-02", folder) for folder in copies)

    assert first == second
    assert first.delivery in source.deliveries()
    assert file_md5(copies[0] / first.file) == file_md5(copies[1] / first.file)
    assert server.password not in str(first.origin)
    assert first.origin["database"] == server.url
    assert first.origin["order_by"] == ["id"]


TYPES = """
CREATE TYPE mood AS ENUM ('glad');
CREATE TABLE kinds (
  id int PRIMARY KEY, day date, flag bool, small int2, big int8, real4 float4, real8 float8,
  exact numeric, at timestamp, at_zone timestamptz, txt text, vc varchar(9), ch char(5), u uuid,
  j jsonb, raw bytea, span interval, tod time, many int[], m mood, "we""ird, %s :name" text);
INSERT INTO kinds VALUES (1, '2024-01-31', true, -32768, 9223372036854775807, 1.5, 0.1,
  12345678901234567890.123456789012345678900, '2024-01-31 23:59:59.123456',
  '2024-01-31 23:59:59.123456-05', E'a,"b"\\n\\\\N\\r\\n', '007', 'ab',
  '00000000-0000-0000-0000-000000000001', '{"a": [1, null]}', '\\x00ff', '1 day 2 hours',
  '12:34:56', '{1,NULL}', 'glad', 'percent % and : colon');
INSERT INTO kinds (id, day) VALUES (2, '2024-01-31');
INSERT INTO kinds (id, day, real4, real8, exact, txt, vc, raw)
VALUES (3, '2024-01-31', 'Infinity', 'NaN', 'NaN', '', 'NULL', '');
INSERT INTO kinds (id, day, real8, txt) VALUES (4, '2024-01-31', '-Infinity', 'NaN');
"""


def test_nothing_is_lost_of_any_type(server: Server, tmp_path: Path) -> None:
    server.execute(*(part for part in TYPES.split(";\n") if part.strip()))

    table = copied(_source(server, table="kinds"), "2024-01", tmp_path)

    assert [str(kind) for kind in table.schema.types[2:10]] == [
        *("bool", "int64", "int64", "double", "double", "string"),
        *("timestamp[us]", "timestamp[us, tz=UTC]"),
    ]
    full, empty, special, minus = table.to_pylist()
    assert set(list(empty.values())[2:]) == {None}
    assert (full["flag"], full["small"], full["big"]) == (True, -32768, 2**63 - 1)
    assert (full["real4"], full["real8"]) == (1.5, 0.1)
    assert full["exact"] == "12345678901234567890.123456789012345678900"
    assert str(full["at"]) == "2024-01-31 23:59:59.123456"
    assert str(full["at_zone"]) == "2024-02-01 04:59:59.123456+00:00"
    assert full["txt"] == 'a,"b"\n\\N\r\n'
    assert (full["vc"], full["ch"], full["j"]) == ("007", "ab   ", '{"a": [1, null]}')
    assert full["u"] == "00000000-0000-0000-0000-000000000001"
    assert (full["raw"], special["raw"]) == (b"\x00\xff", b"")
    assert (full["span"], full["tod"], full["many"]) == ("1 day 02:00:00", "12:34:56", "{1,NULL}")
    assert full['we"ird, %s :name'] == "percent % and : colon"
    assert (special["real4"], minus["real8"]) == (float("inf"), -float("inf"))
    assert special["real8"] != special["real8"]
    assert (special["exact"], special["txt"], special["vc"]) == ("NaN", "", "NULL")
    assert minus["txt"] == "NaN"


def test_a_time_with_zone_is_of_its_day_in_utc(server: Server, tmp_path: Path) -> None:
    server.execute(
        "ALTER ROLE owner SET TimeZone = 'Asia/Tokyo'",
        "ALTER ROLE owner SET DateStyle = 'German'",
        "CREATE TABLE zoned (id int PRIMARY KEY, day timestamptz)",
        "INSERT INTO zoned VALUES (1, '2024-01-31 23:30+00'), (2, '2024-02-01 00:30+01'), "
        "(3, '2024-02-01 00:00+00')",
    )
    source = _source(server, table="zoned")

    names = [d.name for d in source.deliveries()]

    assert names == ["2024-01", "2024-02"]
    assert [copied(source, name, tmp_path)["id"].to_pylist() for name in names] == [[1, 2], [3]]
    server.execute("ALTER ROLE owner RESET ALL")


def test_rows_that_are_the_same_in_all_columns_are_all_kept(server: Server, tmp_path: Path) -> None:
    server.execute(
        "CREATE TABLE narrow (day text)", "INSERT INTO narrow VALUES ('2024'), ('2024'), ('2025')"
    )
    source = _source(server, table="narrow", period="value", order_by=("day",))

    assert [d.name for d in source.deliveries()] == ["2024", "2025"]
    assert copied(source, "2024", tmp_path).to_pylist() == [{"day": "2024"}] * 2


@pytest.mark.parametrize(
    "query",
    [
        "SELECT written() AS id, date '2024-01-01' AS day",
        "INSERT INTO victim VALUES (1) RETURNING 1 AS id, date '2024-01-01' AS day",
        "WITH w AS (DELETE FROM victim RETURNING 1) SELECT 1 AS id, date '2024-01-01' AS day",
        "SELECT 1 AS id, date '2024-01-01' AS day; DROP TABLE victim",
        "SELECT 1) AS a; COMMIT; SET default_transaction_read_only = off; DELETE FROM victim; "
        "SELECT * FROM (SELECT 1 AS id, date '2024-01-01' AS day",
        "SELECT 1 AS id, date '2024-01-01' AS day) AS a) TO PROGRAM 'true' --",
        "SELECT set_config('transaction_read_only', 'off', false), written() AS id, "
        "date '2024-01-01' AS day",
    ],
)
def test_a_query_cannot_write(server: Server, tmp_path: Path, query: str) -> None:
    server.execute(
        "DROP TABLE IF EXISTS victim",
        "CREATE TABLE victim AS SELECT 7 AS x",
        "CREATE OR REPLACE FUNCTION written() RETURNS int LANGUAGE plpgsql AS "
        "$$BEGIN INSERT INTO victim VALUES (8); RETURN 1; END$$",
    )
    source = _source(server, query=query, order_by=("id",))

    with pytest.raises(SourceError):
        source.deliveries()
    with pytest.raises(SourceError):
        source.copy("2024-01", tmp_path)

    with psycopg.connect(server.conninfo) as connection:
        assert connection.execute("SELECT x FROM victim").fetchall() == [(7,)]
    assert list(tmp_path.iterdir()) == []


def test_a_query_may_hold_colons_percents_comments_and_an_end(
    server: Server, tmp_path: Path
) -> None:
    query = "SELECT id, day::date, '5%' || ':id' AS t FROM kinds WHERE txt LIKE 'N%' -- all\n;"
    table = copied(_source(server, query=query, order_by=("id",)), "2024-01", tmp_path)
    assert table["t"].to_pylist() == ["5%:id"]
