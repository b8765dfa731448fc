"""A batch as the source delivered it, and the manifest that says what it is.

Belongs here: copying and describing. Does not belong here: judging or changing a row
(``cleaning.py``).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.content_hash import bytes_md5
from mlops_assets.data.cleaning import BatchError
from mlops_assets.use_case import Source


def describe(content: bytes, file: str, batch: str, source: Source) -> dict[str, Any]:
    """The manifest of a batch: source, licence, hash, rows and columns with their types.

    Raises ``BatchError`` where the bytes are no whole Parquet file.
    """
    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        parquet.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BatchError(
            f"batch {batch}: {file} is no whole Parquet file ({error}): deliver it again"
        ) from error
    schema = parquet.schema_arrow
    return {
        "batch": batch,
        "file": file,
        "md5": bytes_md5(content),
        "bytes": len(content),
        "rows": parquet.metadata.num_rows,
        "columns": {field.name: str(field.type) for field in schema},
        "licence": source.licence,
        "attribution": source.attribution,
    }


def read_batch(path: Path) -> bytes:
    """The bytes of a batch file; raises ``BatchError`` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BatchError(
            f"cannot read {path.name}: {error.strerror}: check that it is there"
        ) from error


def require_new_content(manifest: dict[str, Any], others: Mapping[str, dict[str, Any]]) -> None:
    """Raise ``BatchError`` where another batch already delivered the same bytes."""
    for batch, other in others.items():
        if batch != manifest["batch"] and other["md5"] == manifest["md5"]:
            raise BatchError(
                f"batch {manifest['batch']}: {manifest['file']} has the same content as batch "
                f"{batch}: it was delivered twice. Replace it by the right file, or remove it"
            )
