"""Rows as Arrow: what was written to SQLite or DuckDB comes back equal, whatever it is."""

import math
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sql_sources import copied, sql_source

from resources.sources.base import SourceError
from resources.sources.sql_parquet import told_apart, write_rows

INT64 = st.integers(-(2**63), 2**63 - 1)
REAL = st.floats(allow_nan=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BLOB = st.binary(max_size=20)
COLUMN = st.one_of(
    *(
        st.lists(st.none() | value, min_size=4, max_size=4)
        for value in (INT64, REAL, TEXT, BLOB, INT64 | REAL, INT64 | TEXT, st.one_of(REAL, TEXT))
    )
)


def _from_sqlite(columns: list[list[Any]]) -> pa.Table:
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder, "db"))
        names = ", ".join(f"c{i}" for i in range(len(columns)))
        connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, day, {names})")
        marks = ", ".join("?" * (len(columns) + 2))
        for number, row in enumerate(zip(*columns, strict=True)):
            connection.execute(f"INSERT INTO t VALUES ({marks})", (number, "2024-01-01", *row))
        connection.commit()
        connection.close()
        return copied(
            sql_source("sqlite:///db", Path(folder), table="t"), "2024-01", Path(folder, "copy")
        )


def _as_stored(value: Any, kind: pa.DataType) -> Any:
    """What a column of the type holds for a value of SQLite."""
    if value is None or kind in (pa.int64(), pa.float64()):
        return value
    text = value if isinstance(value, str | bytes) else repr(value)
    return text.encode() if kind == pa.binary() and isinstance(text, str) else text


@settings(max_examples=60)
@given(st.lists(COLUMN, min_size=1, max_size=3))
@example([[2**53 + 1, 0.5, None, 1]])
@example([[1, 2.5, None, -(2**53)]])
@example([["1", 1, None, "01"]])
@example([[math.inf, -math.inf, 5e-324, -0.0]])
@example([[b"\x00\xff", "text", 1.5, 7]])
@example([["", "\x00", "'\";--", " NULL "]])
def test_what_sqlite_holds_comes_back_equal(columns: list[list[Any]]) -> None:
    table = _from_sqlite(columns)

    for position, written in enumerate(columns):
        read = table[f"c{position}"]
        assert read.to_pylist() == [_as_stored(value, read.type) for value in written]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 2, 3], pa.int64()),
        ([1, 2.5, None, 3], pa.float64()),
        ([2**53 + 1, 2.5, None, 3], pa.string()),
        (["1", "2", None, "3"], pa.string()),
        ([1, "2", None, 3], pa.string()),
        ([b"1", "2", None, 3], pa.binary()),
        ([None] * 4, pa.string()),
    ],
)
def test_a_column_of_sqlite_has_the_type_that_holds_its_values(
    values: list[Any], kind: pa.DataType
) -> None:
    assert _from_sqlite([values]).schema.field("c0").type == kind


def test_text_of_sqlite_that_is_not_utf8_is_an_error_without_it(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, day, x)")
    connection.execute("INSERT INTO t VALUES (1, '2024-01-01', CAST(x'736563726574ff' AS TEXT))")
    connection.commit()
    connection.close()
    with pytest.raises(SourceError, match="text that is not UTF-8") as raised:
        sql_source("sqlite:///db", tmp_path, table="t").copy("2024-01", tmp_path)
    assert "secret" not in str(raised.value)


DUCKDB = """
CREATE TABLE t AS SELECT 1 AS id, DATE '2024-01-31' AS day, true AS flag, (-128)::TINYINT AS tiny,
  4294967295::UINTEGER AS uint, 18446744073709551615::UBIGINT AS ubig,
  170141183460469231731687303715884105727::HUGEINT AS huge,
  1234567890123456789.123456789::DECIMAL(38, 9) AS exact, 'NaN'::DOUBLE AS nan,
  '-Infinity'::FLOAT AS inf, TIMESTAMP '2024-01-31 23:59:59.123456' AS at,
  TIMESTAMP_NS '2024-01-31 23:59:59.123456789' AS at_ns,
  TIMESTAMPTZ '2024-01-31 23:59:59+02' AS at_zone, '\\x00\\xFF'::BLOB AS raw,
  '007' AS digits, '' AS nothing, [1, NULL] AS many, TIME '12:34:56' AS tod,
  'text' AS "we""ird, %s :name $1", 10 AS ccccccccccccccccccc0
"""


def test_nothing_is_lost_of_any_type_of_duckdb(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "db"))
    connection.execute(DUCKDB)
    connection.execute("INSERT INTO t (id, day) VALUES (2, '2024-01-30')")
    connection.close()

    table = copied(
        sql_source("duckdb:///db", tmp_path, table="t", order_by=("id",)), "2024-01", tmp_path / "c"
    )

    full, empty = table.to_pylist()
    assert set(list(empty.values())[2:]) == {None}
    assert (full["flag"], full["tiny"], full["uint"]) == (True, -128, 2**32 - 1)
    assert (full["ubig"], full["huge"]) == (str(2**64 - 1), str(2**127 - 1))
    assert full["exact"] == "1234567890123456789.123456789"
    assert math.isnan(full["nan"])
    assert full["inf"] == -math.inf
    assert str(full["at"]) == "2024-01-31 23:59:59.123456"
    assert table.schema.field("at_ns").type == pa.timestamp("ns")
    assert table["at_ns"].cast(pa.int64())[0].as_py() % 1000 == 789
    assert str(full["at_zone"]) == "2024-01-31 21:59:59+00:00"
    assert (full["raw"], full["digits"], full["nothing"]) == (b"\x00\xff", "007", "")
    assert (full["many"], full["tod"]) == ("[1, NULL]", "12:34:56")
    assert full['we"ird, %s :name $1'] == "text"


def test_duckdb_sorts_by_values_not_by_their_text(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "db"))
    connection.execute(
        "CREATE TABLE t AS SELECT i::DECIMAL(9, 1) AS id, DATE '2024-01-01' AS day, "
        "-i AS cccc0 FROM range(40000) AS r(i)"
    )
    connection.close()
    source = sql_source("duckdb:///db", tmp_path, table="t", order_by=("id",))
    table = copied(source, "2024-01", tmp_path / "copy")
    assert table["id"].to_pylist() == [f"{i}.0" for i in range(40_000)]


def _pieces(*sizes: int) -> list[pa.Table]:
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [
        pa.table({"id": range(start, start + size)})
        for start, size in zip(starts, sizes, strict=True)
    ]


def test_the_file_does_not_depend_on_how_its_rows_came(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int64())])
    contents = set()
    for sizes in ((150_000,), (16_384,) * 9 + (2_544,), (1, 149_999)):
        written = write_rows(_pieces(*sizes), schema, tmp_path / "data.parquet", 150_000, "it")
        assert written == 150_000
        contents.add((tmp_path / "data.parquet").read_bytes())

    assert len(contents) == 1
    groups = pq.read_metadata(tmp_path / "data.parquet")
    assert [groups.row_group(i).num_rows for i in range(2)] == [131_072, 18_928]


def test_a_disk_without_room_is_seen_before_the_copy(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int64())])
    path = tmp_path / "data.parquet"
    with pytest.raises(SourceError, match=r"batch 1: a copy needs .* GB of disk"):
        write_rows(_pieces(10_000), schema, path, 10**16, "batch 1")
    assert not any(tmp_path.iterdir())


@given(st.lists(st.tuples(*[st.none() | st.integers(0, 2)] * 2), max_size=12), st.integers(1, 5))
def test_rows_that_agree_are_found_across_pieces(
    rows: list[tuple[int | None, int | None]], size: int
) -> None:
    rows = sorted(rows, key=lambda row: [(-1 if value is None else value) for value in row])
    columns = {n: pa.array([row[i] for row in rows], pa.int64()) for i, n in enumerate("ab")}
    table = pa.table({**columns, "rest": range(len(rows))})
    pieces = [table.slice(start, size) for start in range(0, len(rows), size)]
    if len(set(rows)) == len(rows):
        assert sum(map(len, told_apart(pieces, ["a", "b"], "it"))) == len(rows)
    else:
        with pytest.raises(SourceError, match=r"agree in all columns of sql\.order_by \(a, b\)"):
            list(told_apart(pieces, ["a", "b"], "it"))
