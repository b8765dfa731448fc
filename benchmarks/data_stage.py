"""What the data stage costs a row: copy, validation and profile of one large batch.

The bundled flights, repeated year after year, as one Parquet file and as one table of a PostgreSQL
that is started for it. Each step is a process of its own, so that its memory is its own; beside it
stands the time of reading the same Parquet with pyarrow, measured in the same run. The arguments
are numbers of rows: with two, it shows whether time is linear in them.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
DATA = PROJECT / "mlops_assets" / "defs" / "flight_delays" / "data"
SIZES = (1_000_000, 10_000_000)
BATCH = "2013"
GOAL_BYTES = 2_000_000_000


def main(sizes: tuple[int, ...]) -> int:
    """Measure and print; returns 0 where no step took more memory than the goal."""
    print(f"{'rows':>10}  {'step':24} {'seconds':>8} {'rows/s':>10} {'x read':>7} {'MB':>6}")
    most = 0
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure("make", Path(folder), rows)
            floor, _ = measure("read", Path(folder), rows)
            for step in STEPS:
                if step in ("make", "read", "load"):
                    continue
                seconds, peak = measure(step, Path(folder), rows)
                most = max(most, peak)
                print(
                    f"{rows:10,}  {LABELS[step]:24} {seconds:8.1f} {rows / seconds:10,.0f} "
                    f"{seconds / floor:7.1f} {peak / 1e6:6,.0f}",
                    flush=True,
                )
            print(f"{rows:10,}  {LABELS['read']:24} {floor:8.1f} {rows / floor:10,.0f} {1:7.1f}")
    return 0 if most <= GOAL_BYTES else 1


def measure(step: str, folder: Path, rows: int) -> tuple[float, int]:
    """Seconds that the step took, without starting Python, and its largest memory in bytes."""
    command = [sys.executable, __file__, "--step", step, str(folder), str(rows)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT)
    seconds, peak = answer.stdout.split()[-2:]
    return float(seconds), int(peak)


def make(folder: Path, rows: int) -> None:
    """The flights of 2013 again and again, each time in a year of their own."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    flights = pa.concat_tables([pq.read_table(path) for path in sorted(DATA.glob("*.parquet"))])
    flights = flights.replace_schema_metadata(None)
    place = flights.column_names.index("scheduled_departure")
    written = year = 0
    (folder / "source").mkdir()
    target = folder / "source" / f"{BATCH}.parquet"
    with pq.ParquetWriter(target, flights.schema, compression="zstd") as writer:
        while written < rows:
            shift = pa.scalar(year * 365 * 86_400_000_000, pa.duration("us"))
            times = pc.add(flights.column(place), shift).cast(flights.schema.field(place).type)
            part = flights.set_column(place, flights.schema.field(place), times)
            part = part.slice(0, rows - written)
            writer.write_table(part, row_group_size=131_072)
            written, year = written + part.num_rows, year + 1


def read(folder: Path, rows: int) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(folder / "source" / f"{BATCH}.parquet") as parquet:
        assert sum(batch.num_rows for batch in parquet.iter_batches()) == rows


def copy(folder: Path, rows: int) -> None:
    from mlops_assets.data.raw_copy import describe
    from resources.sources.files import FileSource

    use_case = _use_case()
    declared = use_case.source.model_copy(update={"folder": "source", "batch_name": BATCH})
    raw = folder / "raw"
    raw.mkdir()
    copied = FileSource(folder, declared).copy(BATCH, raw)
    manifest = describe(
        raw, copied.file, copied.delivery.fingerprint, copied.origin, BATCH, use_case
    )
    assert manifest["rows"] == rows


def clean(folder: Path, rows: int) -> None:
    from mlops_assets.data.cleaning.cleaned_batch import write_cleaned

    cleaned = folder / "cleaned"
    cleaned.mkdir()
    found = write_cleaned(folder / "raw", cleaned, _use_case(), BATCH, key=None, corrections=None)
    assert found.counts["rows_in"] == rows


def profile(folder: Path, rows: int) -> None:
    from mlops_assets.content_hash import json_bytes
    from mlops_assets.data.parquet_files import read_chunks
    from mlops_assets.data.profile.summary import profile_chunks

    summary = profile_chunks(read_chunks(folder / "cleaned" / "data.parquet"), _use_case())
    (folder / "profile.json").write_bytes(json_bytes(summary))
    assert summary["rows"][0] <= rows


def copy_postgresql(folder: Path, rows: int) -> None:
    """Seconds are those of the copy alone: the server is started and filled before."""
    from mlops_assets.source_declaration import Batches, Source, Sql
    from resources.sources.sql import SqlSource

    sys.path.insert(0, str(PROJECT / "tests" / "resources"))
    import os

    from postgresql_server import postgresql_server

    with postgresql_server() as server:
        _fill(server, folder / "source" / f"{BATCH}.parquet")
        os.environ.update(BENCH_USER=server.user, BENCH_PASSWORD=server.password)
        declared = Source(
            sql=Sql(
                database=server.url,
                credentials="BENCH",
                table="flights",
                order_by=("number",),
                timeout_seconds=3600,
            ),
            batches=Batches(column="period", period="value"),
            licence="CC0-1.0",
            attribution="-",
            terms="none",
            licence_expires="never",
        )
        target = folder / "raw_postgresql"
        target.mkdir()
        global started
        started = time.perf_counter()
        SqlSource(folder, declared).copy(BATCH, target)
    assert rows


def _fill(server: object, path: Path) -> None:
    """The rows of the Parquet file, numbered, in one table."""
    import psycopg
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    types = {"string": "text", "int64": "bigint", "bool": "boolean", "double": "double precision"}
    address = server.url.replace("postgresql+psycopg", "postgresql")  # type: ignore[attr-defined]
    account = {"user": server.user, "password": server.password}  # type: ignore[attr-defined]
    with psycopg.connect(address, **account) as connection, pq.ParquetFile(path) as parquet:
        columns = ", ".join(
            f'"{field.name}" {types.get(str(field.type), "timestamp")}'
            if not str(field.type).startswith(("int", "float", "large"))
            else f'"{field.name}" '
            + (
                "bigint"
                if str(field.type).startswith("int")
                else "text"
                if str(field.type).startswith("large")
                else "double precision"
            )
            for field in parquet.schema_arrow
        )
        connection.execute(
            f"create table flights (number bigserial primary key, period text default '{BATCH}', "
            f"{columns})"
        )
        names = ", ".join(f'"{field.name}"' for field in parquet.schema_arrow)
        with connection.cursor().copy(f"copy flights ({names}) from stdin (format csv)") as target:
            for batch in parquet.iter_batches():
                import io

                buffer = io.BytesIO()
                pa_csv.write_csv(batch, buffer, pa_csv.WriteOptions(include_header=False))
                target.write(buffer.getvalue())


def _use_case() -> "UseCase":  # type: ignore[name-defined]  # noqa: F821
    from resources.workspace import Workspace

    folder = PROJECT / "mlops_assets" / "defs" / "flight_delays"
    return Workspace.read(folder, PROJECT).use_case


STEPS: dict[str, Callable[[Path, int], None]] = {
    "make": make,
    "read": read,
    "copy": copy,
    "clean": clean,
    "profile": profile,
    "copy_postgresql": copy_postgresql,
}
LABELS = {
    "read": "read with pyarrow",
    "copy": "copy and verify a file",
    "clean": "clean and look through",
    "profile": "profile",
    "copy_postgresql": "copy from PostgreSQL",
}
started = 0.0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        started = time.perf_counter()
        STEPS[sys.argv[2]](Path(sys.argv[3]), int(sys.argv[4]))
        took = time.perf_counter() - started
        print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    else:
        sys.exit(main(tuple(int(argument) for argument in sys.argv[1:]) or SIZES))
