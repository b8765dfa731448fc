"""A batch as the source delivered it, and the manifest that says what it is.

Belongs here: copying and describing. Does not belong here: judging or changing a row
(``cleaning.py``).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.content_hash import bytes_md5
from mlops_assets.data.cleaning import BatchError
from mlops_assets.data.delimited import is_delimited, read_delimited
from mlops_assets.source_declaration import Source
from mlops_assets.use_case import UseCase


@dataclass(frozen=True)
class RawBatch:
    """A batch as it was delivered: what it is, and its rows where the file is no Parquet, in which
    case each column is text as it stood there."""

    manifest: dict[str, Any]
    table: pa.Table | None


def describe(content: bytes, file: str, batch: str, use_case: UseCase) -> RawBatch:
    """Read a batch file. The manifest says its source, licence, hash, rows, columns with their
    types and, for delimited text, how it is written.

    Raises ``BatchError`` where the bytes are no whole Parquet file or no readable delimited text.
    """
    table, dialect = None, None
    if is_delimited(file):
        numbers = {n for n, c in use_case.columns.items() if c.type in ("integer", "number")}
        table, found = read_delimited(content, file, batch, use_case.source.delimited, numbers)
        dialect, schema, rows = asdict(found), table.schema, table.num_rows
    else:
        schema, rows = _read_parquet(content, file, batch)
    return RawBatch(
        {
            "batch": batch,
            "file": file,
            "md5": bytes_md5(content),
            "bytes": len(content),
            "rows": rows,
            "columns": {field.name: str(field.type) for field in schema},
            **({"delimited": dialect} if dialect else {}),
            "licence": use_case.source.licence,
            "attribution": use_case.source.attribution,
            "terms": use_case.source.terms,
        },
        table,
    )


def _read_parquet(content: bytes, file: str, batch: str) -> tuple[pa.Schema, int]:
    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        parquet.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BatchError(
            f"batch {batch}: {file} is no whole Parquet file ({error}): deliver it again"
        ) from error
    return parquet.schema_arrow, parquet.metadata.num_rows


def read_batch(path: Path) -> bytes:
    """The bytes of a batch file; raises ``BatchError`` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BatchError(
            f"cannot read {path.name}: {error.strerror}: check that it is there"
        ) from error


def licence_is_in_force(source: Source, today: date) -> bool:
    """Whether the data may be used ``today``, which the licence's last day still is."""
    return source.licence_expires == "never" or today <= source.licence_expires


def require_new_content(manifest: dict[str, Any], others: Mapping[str, dict[str, Any]]) -> None:
    """Raise ``BatchError`` where another batch already delivered the same bytes."""
    for batch, other in others.items():
        if batch != manifest["batch"] and other["md5"] == manifest["md5"]:
            raise BatchError(
                f"batch {manifest['batch']}: {manifest['file']} has the same content as batch "
                f"{batch}: it was delivered twice. Replace it by the right file, or remove it"
            )
