"""A table of a database as the beginning of a use case, on SQLite and DuckDB."""

import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_assets.scaffolding import database_sample
from mlops_assets.scaffolding.batch_files import Located, ScaffoldError
from mlops_assets.scaffolding.database_sample import is_database, read_database
from mlops_assets.scaffolding.source_sample import Sample, spread
from resources.sources.base import SourceError

RANDOM = np.random.default_rng(5)
N = 4800
Made = Callable[..., str]


def moments(rows: int = N, days: int = 365, start: str = "2020-01-01") -> list[str]:
    begin = dt.datetime.fromisoformat(start)
    return [str(begin + dt.timedelta(days=days * i / rows)) for i in range(rows)]


def columns(**more: list[Any]) -> dict[str, list[Any]]:
    return {
        "x": RANDOM.random(N).tolist(),
        "y": [("yes", "no")[i % 3 > 0] for i in range(N)],
        **more,
    }


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Makes a table of a SQLite file; returns its ``--source``."""

    def make(values: dict[str, list[Any]], declared: str = "") -> str:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" for _ in values)
        with sqlite3.connect(tmp_path / "shop.db") as connection:
            connection.execute(f"CREATE TABLE sales ({declared or names})")
            rows = zip(*values.values(), strict=True)
            connection.executemany(f"INSERT INTO sales ({names}) VALUES ({marks})", rows)
        connection.close()
        return "sqlite:///shop.db#sales"

    return make


def read(source: str, folder: Path, credentials: str | None = None) -> tuple[Located, Sample]:
    return read_database(source, "y", credentials, folder)


def test_a_table_is_cut_by_its_time_and_all_of_it_read(made: Made, tmp_path: Path) -> None:
    source = made(columns(sold_at=moments()), "id INTEGER PRIMARY KEY, x REAL, y TEXT, sold_at")
    located, sample = read(source, tmp_path)
    assert located.cut is not None and located.database is not None
    assert (located.cut.column, located.cut.period) == ("sold_at", "quarter")
    assert located.batches == ("2020-Q1", "2020-Q2", "2020-Q3", "2020-Q4")
    assert located.database.order_by == ()
    assert (located.database.address, located.database.table) == ("sqlite:///shop.db", "sales")
    assert sample.rows == sample.table.num_rows == N
    assert sample.looked_at == ()
    of_batch = [sample.table.column("sold_at").to_pylist()[i][:7] for i in range(0, N, 100)]
    assert [located.batches[sample.batch_of[i]][-1] for i in range(0, N, 100)] == [
        str((int(month[5:]) + 2) // 3) for month in of_batch
    ]


def test_rows_without_a_key_are_ordered_by_what_tells_them_apart(
    made: Made, tmp_path: Path
) -> None:
    days = [moment[:10] for moment in moments()]
    shop = [i % 20 for i in range(N)]
    source = made(columns(sold_at=days, shop=shop))
    located, _ = read(source, tmp_path)
    assert located.database is not None
    assert located.database.order_by == ("sold_at", "shop")
    assert located.database.order_why == "no primary key: these tell all 4,800 rows apart"


def test_equal_rows_are_ordered_by_all_columns(made: Made, tmp_path: Path) -> None:
    days = [moment[:10] for moment in moments()]
    given = {"sold_at": days, "x": [1, 2] * (N // 2), "y": columns()["y"]}
    located, _ = read(made(given), tmp_path)
    assert located.database is not None and located.database.order_by == ("sold_at", "x", "y")


def test_of_many_batches_the_oldest_and_some_others_are_read(made: Made, tmp_path: Path) -> None:
    given = columns(sold_at=moments(days=30 * 365, start="1990-01-01"))
    located, sample = read(made(given), tmp_path)
    assert len(located.batches) == 30 and located.batches[0] == "1990"
    assert sample.looked_at == (0, 1, 2, 3, 4, 7, 11, 14, 18, 21, 25, 29)
    assert sample.batches_up_to(2) == 2 and sample.batches_up_to(12) == 30
    assert int(sample.batch_of.max()) == 11


def test_of_large_batches_some_days_are_read(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_sample, "LARGE_BATCH", 1000)
    located, sample = read(made(columns(sold_at=moments())), tmp_path)
    assert len(located.batches) == 4
    assert len({text[:10] for text in sample.table.column("sold_at").to_pylist()}) == 12
    assert sorted(set(sample.batch_of.tolist())) == [0, 1, 2, 3]


def test_a_year_cuts_by_its_value(made: Made, tmp_path: Path) -> None:
    located, _ = read(made(columns(year=[2011 + i * 5 // N for i in range(N)])), tmp_path)
    assert located.cut is not None and located.cut.period == "value"
    assert located.batches == ("2011", "2012", "2013", "2014", "2015")


def test_what_could_cut_is_told_where_nothing_can(made: Made, tmp_path: Path) -> None:
    gaps: list[Any] = [None, *moments()[1:]]
    late: list[Any] = [*moments()[:-1], None]
    births = moments(days=9000, start="1960-01-01")
    given = columns(sold_at=gaps, paid_at=late, birth_date=births, day=[20200101] * N)
    with pytest.raises(ScaffoldError) as error:
        read(made(given), tmp_path)
    assert "no column to cut batches by: a date or a time that no row lacks" in str(error.value)
    assert "x double, y string, sold_at string, paid_at string" in str(error.value)
    assert "1960" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("sqlite:///shop.db", "names no table"),
        ("sqlite:///shop.db#sale", "did you mean 'sales'"),
        ("sqlite:///shops.db#sales", "did you mean 'shop.db'"),
    ],
)
def test_what_is_not_there_is_said(made: Made, tmp_path: Path, source: str, message: str) -> None:
    made(columns(sold_at=moments()))
    with pytest.raises((ScaffoldError, SourceError), match=message):
        read(source, tmp_path)


def test_an_empty_table_is_said(made: Made, tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="table sales has no rows"):
        read(made({"x": [], "y": []}), tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "postgresql+psycopg://ann:hunter2@host/sales#orders",
        "postgresql+psycopg://ann@host/sales#orders",
        "postgresql+psycopg://host/sales?password=hunter2#orders",
    ],
)
def test_a_password_is_refused_and_not_repeated(source: str, tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="--credentials NAME") as error:
        read(source, tmp_path)
    assert "hunter2" not in str(error.value) and "ann" not in str(error.value)


def test_credentials_are_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOP_USER", "SHOP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SourceError, match="set SHOP_USER and SHOP_PASSWORD"):
        read("postgresql+psycopg://127.0.0.1:1/sales#orders", tmp_path, "SHOP")


def test_duckdb(tmp_path: Path) -> None:
    import duckdb

    connection = duckdb.connect(str(tmp_path / "shop.duckdb"))
    connection.execute(
        "CREATE TABLE sales AS SELECT i AS id, random() AS x, i % 3 = 0 AS y, "
        "TIMESTAMP '2021-01-01' + INTERVAL (i * 2) HOUR AS sold_at, {'a': i} AS nested "
        "FROM range(4380) r(i)"
    )
    connection.close()
    located, sample = read("duckdb:///shop.duckdb#sales", tmp_path)
    assert located.cut is not None and located.cut.period == "quarter"
    assert located.database is not None and located.database.order_by == ("id",)
    assert sample.table.num_rows == 4380


def test_databases_are_told_from_files_and_folders() -> None:
    assert is_database("sqlite:///a.db#t") and is_database("postgresql+psycopg://h/d#s.t")
    assert not any(map(is_database, ("s3://bucket/a", "memory://a", "data/sqlite", "/a/b.csv")))


def test_the_sample_is_spread_over_the_batches() -> None:
    assert spread(3) == (0, 1, 2) and spread(12) == tuple(range(12))
    for batches in (13, 14, 100, 5000):
        positions = spread(batches)
        assert positions[:4] == (0, 1, 2, 3) and positions[-1] == batches - 1
        assert list(positions) == sorted(set(positions)) and len(positions) == 12
