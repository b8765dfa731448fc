"""Reading what servers logged: its days, files, rows, and whether any are missing.

Belongs here: everything that looks at ``served/answers``. Does not belong here: writing it
(``parquet_sink.py``), or reporting on it (``mlops_assets/traffic/``).

``folder`` is always the use case's ``served/``; a day is ``YYYY-MM-DD`` (UTC).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 65_536


def days(folder: Path) -> list[str]:
    """The days there are answers of, in order."""
    return sorted(
        path.name for path in _folders(folder / "answers") if any(path.glob("*/*.parquet"))
    )


def releases(folder: Path, day: str) -> list[str]:
    """The hashes of the releases that answered on the day, in order."""
    return sorted({path.parent.name for path in files(folder, day)})


def files(folder: Path, day: str, release: str | None = None) -> list[Path]:
    """The day's files, all or those of one release, in order: complete ones, each of one release
    and one instance."""
    found = (folder / "answers" / day).glob(f"{release or '*'}/*.parquet")
    return sorted(path for path in found if not path.name.startswith("."))


def schema(folder: Path, day: str, release: str) -> pa.Schema:
    """The columns of the release's answers on the day: all that any of its files has (a server
    without the key of pseudonyms leaves columns out). Raises ``FileNotFoundError`` without any."""
    found = files(folder, day, release)
    if not found:
        raise FileNotFoundError(f"no answers of release {release} on {day} in {folder}")
    unified: pa.Schema = pa.unify_schemas(
        [pq.read_schema(path).remove_metadata() for path in found]
    )
    return unified


def record_batches(
    folder: Path,
    day: str,
    release: str,
    columns: Sequence[str] | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[pa.RecordBatch]:
    """The release's answers on the day, file by file as logged, at most ``batch_rows`` at a time,
    with all columns of ``schema`` or those asked for, in that order; a column that a file does not
    have is null. Raises ``FileNotFoundError`` where there are none, ``KeyError`` for a column that
    no file has."""
    whole = schema(folder, day, release)
    wanted = whole if columns is None else pa.schema([whole.field(name) for name in columns])
    for path in files(folder, day, release):
        with pq.ParquetFile(path) as file:
            here = [name for name in wanted.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_rows, columns=here):
                yield _with_columns(batch, wanted)


def _with_columns(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    arrays = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in wanted
    ]
    return pa.record_batch(arrays, schema=wanted)


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
