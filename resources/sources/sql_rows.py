"""A database's rows as Arrow tables, piece by piece, with nothing lost.

Belongs here: reading a SELECT's rows from each kind of database, and which Arrow type each of its
types becomes. Does not belong here: writing them (``sql_parquet.py``).

A type that Arrow's few do not hold exactly (a decimal, a time of day, a list, JSON) becomes the
text that the database writes for it.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa

from resources.sources.base import SourceError
from resources.sources.sql_statements import SqlColumn, column_named

PIECE_ROWS = 16_384
PIECE_BYTES = 32 << 20
COLUMNS_AT_A_TIME = 200  # SQLite's limits: 2000 columns in a result, an expression at six each
LARGEST_EXACT = 2**53

UTC_TIME = pa.timestamp("us", "UTC")
POSTGRESQL_TYPES = {
    16: pa.bool_(),
    17: pa.binary(),
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    700: pa.float64(),
    701: pa.float64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: UTC_TIME,
}
"""By the numbers that PostgreSQL's catalog gives its types (``pg_type.dat``)."""

DUCKDB_TYPES = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int64(),
    "SMALLINT": pa.int64(),
    "INTEGER": pa.int64(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.int64(),
    "USMALLINT": pa.int64(),
    "UINTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_S": pa.timestamp("us"),
    "TIMESTAMP_MS": pa.timestamp("us"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": UTC_TIME,
    "BLOB": pa.binary(),
}


@dataclass(frozen=True)
class Rows:
    """Rows still to be read: their columns, and the pieces they come in, which are cut alike for
    the same rows."""

    schema: pa.Schema
    pieces: Generator[pa.Table, None, None]


Select = Callable[[Sequence[sa.ColumnElement[Any]]], sa.Select[Any]]
"""Makes the statement that selects the given columns of a batch's rows."""


def read_rows(
    connection: sa.Connection,
    columns: Sequence[SqlColumn],
    order_by: Sequence[str],
    select: Select,
) -> Rows:
    """The rows of ``select``, all ``columns`` of them, in the order of ``order_by``."""
    reader = {"postgresql": _postgresql, "sqlite": _sqlite, "duckdb": _duckdb}
    return reader[connection.dialect.name](connection, columns, order_by, select)


def _postgresql(
    connection: sa.Connection, columns: Sequence[SqlColumn], order_by: Sequence[str], select: Select
) -> Rows:
    schema = pa.schema(
        [pa.field(c.name, POSTGRESQL_TYPES.get(c.kind, pa.string())) for c in columns]
    )
    statement = select([column_named(c.name) for c in columns]).order_by(
        *map(column_named, order_by)
    )
    compiled = statement.compile(connection)
    raw: Any = connection.connection.dbapi_connection
    return Rows(schema, _copied(raw, str(compiled), compiled.params, schema))


def _copied(
    raw: Any, statement: str, values: Any, schema: pa.Schema
) -> Generator[pa.Table, None, None]:
    """COPY delivers rows four times as fast as a cursor; every message is one row, as PostgreSQL's
    protocol promises."""
    command = f"COPY ({statement}) TO STDOUT (FORMAT csv)"
    with raw.cursor() as cursor, cursor.copy(command, values) as copy:
        lines: list[bytes] = []
        size = 0
        for line in copy:
            lines.append(bytes(line))
            size += len(line)
            if len(lines) == PIECE_ROWS or size >= PIECE_BYTES:
                yield _parsed(lines, schema)
                lines, size = [], 0
        if lines:
            yield _parsed(lines, schema)


def _parsed(lines: list[bytes], schema: pa.Schema) -> pa.Table:
    content = b"".join(lines)
    written = [pa.string() if pa.types.is_binary(f.type) else f.type for f in schema]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(content),
            read_options=pacsv.ReadOptions(
                column_names=schema.names,
                use_threads=False,
                block_size=max(1 << 20, len(content) + 1),
            ),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types=dict(zip(schema.names, written, strict=True)),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["t"],
                false_values=["f"],
            ),
        )
    except pa.ArrowInvalid as error:
        problem = _unreadable(str(error), schema)
    else:
        return pa.table(
            [
                _bytes_of(column) if pa.types.is_binary(field.type) else column
                for field, column in zip(schema, table.columns, strict=True)
            ],
            schema=schema,
        )
    raise problem


def _bytes_of(column: pa.ChunkedArray) -> pa.Array:
    r"""What PostgreSQL writes as ``\x`` and two hexadecimal digits a byte."""
    texts = column.to_pylist()
    return pa.array([None if t is None else bytes.fromhex(t[2:]) for t in texts], pa.binary())


def _unreadable(message: str, schema: pa.Schema) -> SourceError:
    """Arrow's message ends with the value, and is not shown."""
    found = re.search(r"column #(\d+)", message)
    field = schema.field(int(found[1])) if found and int(found[1]) < len(schema) else None
    where = f"column {field.name!r}" if field else "a column"
    return SourceError(
        f"{where} holds values that are no {field.type if field else 'text in UTF-8'}, such as "
        "'infinity', a year of more than four digits, or bytes that are not UTF-8: cast it to "
        "text in sql.query"
    )


def _sqlite(
    connection: sa.Connection, columns: Sequence[SqlColumn], order_by: Sequence[str], select: Select
) -> Rows:
    names = [column.name for column in columns]
    schema = pa.schema(
        [
            pa.field(name, kind)
            for start in range(0, len(names), COLUMNS_AT_A_TIME)
            for name, kind in _stored_types(
                connection, names[start : start + COLUMNS_AT_A_TIME], select
            )
        ]
    )
    statement = select([column_named(name) for name in names]).order_by(
        *map(column_named, order_by)
    )
    return Rows(schema, _fetched(connection, statement, schema))


def _stored_types(
    connection: sa.Connection, names: Sequence[str], select: Select
) -> Iterator[tuple[str, pa.DataType]]:
    """SQLite has no types of columns but of values: the one that holds all of the batch's."""
    asked: list[sa.ColumnElement[Any]] = []
    for name in names:
        column: sa.ColumnElement[Any] = column_named(name)
        stored = sa.func.typeof(column)
        whole = sa.case((stored == sa.literal_column("'integer'"), column))
        for kind in ("integer", "real", "text", "blob"):
            asked.append(sa.func.count(sa.case((stored == sa.literal_column(f"'{kind}'"), 1))))
        asked += [sa.func.min(whole), sa.func.max(whole)]
    found = connection.execute(select(asked)).one()
    for position, name in enumerate(names):
        integers, reals, texts, blobs, least, most = found[6 * position : 6 * position + 6]
        exact = not integers or (least >= -LARGEST_EXACT and most <= LARGEST_EXACT)
        yield name, _holding(integers, reals, texts, blobs, exact)


def _holding(integers: int, reals: int, texts: int, blobs: int, exact: bool) -> pa.DataType:
    if blobs:
        return pa.binary()
    if texts or not (integers or reals) or (integers and reals and not exact):
        return pa.string()
    return pa.float64() if reals else pa.int64()


def _fetched(
    connection: sa.Connection, statement: sa.Select[Any], schema: pa.Schema
) -> Generator[pa.Table, None, None]:
    with connection.execute(statement) as result:
        cursor: Any = result.cursor
        while rows := cursor.fetchmany(PIECE_ROWS):
            arrays = [
                pa.array(_converted(values, field.type), field.type)
                for values, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            yield pa.table(arrays, schema=schema)


def _converted(values: Sequence[Any], kind: pa.DataType) -> Sequence[Any]:
    if pa.types.is_string(kind):
        return [v if v is None or isinstance(v, str) else repr(v) for v in values]
    if pa.types.is_binary(kind):
        return [v if v is None or isinstance(v, bytes) else _text(v).encode() for v in values]
    return values


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _duckdb(
    connection: sa.Connection, columns: Sequence[SqlColumn], order_by: Sequence[str], select: Select
) -> Rows:
    kinds = [DUCKDB_TYPES.get(str(column.kind), pa.string()) for column in columns]
    schema = pa.schema([pa.field(c.name, k) for c, k in zip(columns, kinds, strict=True)])
    # Under a name that no column has, or the rows would be in the order of the texts.
    stem = "c" * (1 + max(len(column.name) for column in columns))
    selected = [
        sa.cast(column_named(c.name), sa.Text).label(f"{stem}{position}")
        if pa.types.is_string(kind)
        else column_named(c.name)
        for position, (c, kind) in enumerate(zip(columns, kinds, strict=True))
    ]
    return Rows(schema, _streamed(connection, select(selected), order_by, schema))


def _streamed(
    connection: sa.Connection,
    statement: sa.Select[Any],
    order_by: Sequence[str],
    schema: pa.Schema,
) -> Generator[pa.Table, None, None]:
    compiled = statement.order_by(*map(column_named, order_by)).compile(connection)
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    raw: Any = connection.connection.dbapi_connection
    # A cursor's rows would be copied before the first is delivered; a relation's are streamed. An
    # open stream keeps the connection from being given back.
    with raw.sql(str(compiled), params=values).to_arrow_reader(PIECE_ROWS) as reader:
        waiting: list[pa.Table] = []
        for batch in reader:
            piece = pa.Table.from_batches([batch]).rename_columns(schema.names).cast(schema)
            waiting.append(piece)
            while sum(map(len, waiting)) >= PIECE_ROWS:
                whole = pa.concat_tables(waiting)
                yield whole.slice(0, PIECE_ROWS)
                waiting = [whole.slice(PIECE_ROWS)]
        rest = pa.concat_tables(waiting) if waiting else schema.empty_table()
        if len(rest):
            yield rest
