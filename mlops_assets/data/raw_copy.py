"""A batch as the source delivered it, and the manifest that says what it is.

Belongs here: describing what was copied, and reading delimited text into Parquet. Does not belong
here: copying (``resources/sources``), judging or changing a row (``cleaning/cleaning.py``).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.parquet_files import open_parquet, write_table
from mlops_assets.data.text.delimited import is_delimited, read_delimited
from mlops_assets.source_declaration import Source
from mlops_assets.use_case import UseCase

DATA_FILE = "data.parquet"
_VERIFIED_ROWS = 65_536


def describe(
    folder: Path,
    *,
    file: str,
    fingerprint: str,
    origin: Mapping[str, Any],
    batch: str,
    use_case: UseCase,
) -> dict[str, Any]:
    """Read the copy of a batch whole, and say what it is.

    ``file`` is the copy's name in ``folder``; where it is delimited text, its rows are written
    beside it as ``data.parquet``, each column as text. ``fingerprint`` and ``origin`` are what the
    source says of it; ``origin`` becomes part of the manifest (``file``, ``md5`` and ``bytes``
    where there was a file). The manifest also says rows, columns with their types, how delimited
    text is written, licence and terms, the owner of the data, and the declared facts about each
    column. Parquet is read in chunks: memory is bounded by them.

    Raises ``BatchError`` where the copy is no whole Parquet file or no readable delimited text.
    """
    named = str(origin.get("file", file))
    delimited: dict[str, Any] = {}
    if is_delimited(file):
        delimited = {"delimited": _text_to_parquet(folder, file, named, batch, use_case)}
    schema, rows = _verified(folder / DATA_FILE, named, batch)
    source = use_case.source
    return {
        **origin,
        **delimited,
        "batch": batch,
        "fingerprint": fingerprint,
        "rows": rows,
        "columns": {field.name: str(field.type) for field in schema},
        "licence": source.licence,
        "licence_expires": str(source.licence_expires),
        "attribution": source.attribution,
        "terms": source.terms,
        "owner": source.owner or use_case.owner,
        "facts": {
            name: {"known_at_prediction": column.is_known_at_prediction, "since": column.since}
            for name, column in use_case.columns.items()
        },
    }


def _text_to_parquet(
    folder: Path, file: str, named: str, batch: str, use_case: UseCase
) -> dict[str, Any]:
    content = (folder / file).read_bytes()
    table, dialect = read_delimited(
        content, named, batch, use_case.source.delimited, use_case.numbers
    )
    write_table(table, folder / DATA_FILE)
    return asdict(dialect)


def _verified(path: Path, named: str, batch: str) -> tuple[pa.Schema, int]:
    """Schema and number of rows of a Parquet file, every value of which was read."""
    rows = 0
    try:
        with open_parquet(path) as parquet:
            schema, promised = parquet.schema_arrow, parquet.metadata.num_rows
            for some in parquet.iter_batches(batch_size=_VERIFIED_ROWS):
                some.validate(full=True)
                rows += some.num_rows
            if rows != promised:
                raise ValueError(f"{rows} rows of {promised}")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BatchError(
            f"batch {batch}: {named} is no whole Parquet file ({error}): deliver it again"
        ) from error
    return schema, rows


def licence_is_in_force(source: Source, today: date) -> bool:
    """Whether the data may be used ``today``, which the licence's last day still is."""
    return source.licence_expires == "never" or today <= source.licence_expires


def require_new_content(manifest: Mapping[str, Any], others: Mapping[str, dict[str, Any]]) -> None:
    """Raise ``BatchError`` where another batch's file already delivered the same bytes. Rows that a
    source cuts by a column of theirs are never in two batches."""
    if "file" not in manifest:
        return
    for batch, other in others.items():
        if batch != manifest["batch"] and other["fingerprint"] == manifest["fingerprint"]:
            raise BatchError(
                f"batch {manifest['batch']}: {manifest['file']} has the same content as batch "
                f"{batch}: it was delivered twice. Replace it by the right file, or remove it"
            )
