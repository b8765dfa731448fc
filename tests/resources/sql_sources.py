"""Sources of databases for tests, and what a copy of them holds."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.source_declaration import Batches, Period, Source, Sql
from resources.sources.sql import SqlSource

TODAY = date(2024, 6, 15)


def sql_source(
    database: str,
    folder: Path = Path("/nowhere"),
    column: str = "day",
    period: Period = "month",
    today: date = TODAY,
    **sql: Any,
) -> SqlSource:
    """A source of ``database``, whose file is relative to ``folder``; ``sql`` are fields of Sql."""
    declared = Source(
        sql=Sql(database=database, **sql),
        batches=Batches(column=column, period=period),
        licence="CC0-1.0",
        attribution="made up for the tests",
        terms="none",
        licence_expires="never",
    )
    return SqlSource(folder, declared, lambda: today)


def copied(source: SqlSource, batch: str, folder: Path) -> pa.Table:
    """What a copy of the batch holds. ``folder`` is made, and may be there."""
    folder.mkdir(exist_ok=True)
    copy = source.copy(batch, folder)
    assert [path.name for path in folder.iterdir()] == [copy.file]
    return pq.read_table(folder / copy.file)
