"""Where batches come from, as a use case declares it: files or a database, and how they are cut.

Belongs here: every field below ``source`` in ``defs.yaml``. Does not belong here: reading a source
(``resources/sources``), or its columns (``column_declaration.py``).
"""

import re
from datetime import date
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from mlops_assets.specification import Specification

Period = Literal["day", "week", "month", "quarter", "year", "value"]


class Delimited(Specification):
    """How delimited text is written; what is not said is detected in every file."""

    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Between two fields of a line."""
    decimal: Literal[".", ","] | None = None
    """Between a number's whole and its fraction."""
    encoding: str | None = None
    """Name of the character encoding, such as utf-8 or cp1252."""


class Sql(Specification):
    """A table or query of a database. It is read in a read-only transaction."""

    database: str
    """SQLAlchemy URL without user and password: ``postgresql+psycopg://host/name``, or
    ``sqlite:///file`` and ``duckdb:///file`` with the file relative to this YAML file."""
    credentials: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """What the environment variables ``<credentials>_USER`` and ``<credentials>_PASSWORD`` begin
    with, which hold user and password; without it, the database is asked without either."""
    table: str | None = None
    """The table or view to read, with its schema where it needs one: ``sales.orders``."""
    query: str | None = None
    """The SELECT to read instead of a table."""
    order_by: tuple[str, ...] = ()
    """Columns that tell the rows apart and give them their order, without which a database may
    deliver the same rows in another order. A table's primary key is the default."""
    changed_column: str | None = None
    """Column whose largest value rises when rows are changed (a time or a version); without it,
    a change that leaves the number of rows the same goes unnoticed."""
    timeout_seconds: Annotated[int, Field(ge=1)] = 600
    """Longest time a statement may take."""

    @model_validator(mode="after")
    def _says_what_to_read(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("sql needs a table or a query, and not both")
        if self.query is not None and not self.order_by:
            raise ValueError("sql.order_by is missing: name columns that tell the rows apart")
        address = urlsplit(self.database)
        if "@" in address.netloc or "password" in address.query.lower():
            raise ValueError(
                "sql.database must hold neither user nor password: name environment variables "
                "with sql.credentials"
            )
        return self


class Batches(Specification):
    """How rows are cut into batches by a column of theirs, where not each file is a batch."""

    column: str
    """A date, a time, or a column that names the period itself (``period: value``)."""
    period: Period
    """Length of a batch: its name is ``2024-03-31``, ``2024-W13``, ``2024-03``, ``2024-Q1`` or
    ``2024``; with ``value`` it is what stands in the column. A period is a batch when it is
    over."""


class Source(Specification):
    """Where batches come from and what may be done with them."""

    folder: str | None = None
    """Folder of the batch files: relative to this YAML file, absolute, or any URL that fsspec knows
    (``s3://bucket/flights``); credentials are fsspec's own, from the environment."""
    pattern: str = "*.parquet"
    """Which files of the folder are read; ``**/*.csv`` also looks into folders below it."""
    batch_name: str | None = None
    """Regular expression that the name of a batch, a file's stem, must match in full. Batches are
    ordered by name. Not with ``batches``, which names them."""
    batches: Batches | None = None
    """How rows are cut into batches; without it, each file is one."""
    sql: Sql | None = None
    """A database instead of a folder; needs ``batches``."""
    delimited: Delimited = Delimited()
    """How text files (``.csv``, ``.tsv``, ``.txt``, each also ``.gz``) are written."""
    owner: str = ""
    """Who delivers the data and answers for it; where it is empty, the owner of the use case."""
    licence: Annotated[str, Field(min_length=1)]
    """Licence of the data, SPDX identifier where there is one."""
    attribution: str
    """Credit that must accompany the data."""
    terms: Annotated[str, Field(min_length=1)]
    """What else its owner asks of those who use it; ``none`` where nothing is."""
    licence_expires: date | Literal["never"]
    """Last day on which the data may be used."""
    update_days: Annotated[int, Field(ge=1)] | None = None
    """Days between two batches. When more have gone by, Dagster shows the raw copy as overdue."""

    @model_validator(mode="after")
    def _combination_makes_sense(self) -> Self:
        if (self.folder is None) == (self.sql is None):
            raise ValueError("source needs a folder or sql, and not both")
        if self.sql is not None and self.batches is None:
            raise ValueError("source.batches is missing: name the column that cuts the batches")
        if (self.batch_name is None) == (self.batches is None):
            raise ValueError(
                "source needs batch_name where each file is a batch, or batches where rows are cut "
                "by a column, and not both"
            )
        try:
            re.compile(self.batch_name or "")
        except re.error as error:
            raise ValueError(f"source.batch_name is not a regular expression: {error}") from error
        return self
