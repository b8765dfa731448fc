"""A raw copy on disk becomes a cleaned dataset on disk, chunk by chunk.

Belongs here: putting cleaning and privacy together, with the files they read and write. Does not
belong here: what makes a row valid (``cleaning.py``) or what becomes of personal data
(``privacy/privacy.py``).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.cleaning.cleaning import Cleaning
from mlops_assets.data.cleaning.corrections import read_corrections
from mlops_assets.data.parquet_files import ChunkWriter, read_chunks
from mlops_assets.data.privacy.privacy import PrivacyScan
from mlops_assets.use_case import UseCase


@dataclass(frozen=True)
class CorrectionsFile:
    """A person's corrections of quarantined rows: the file's name, content and its md5."""

    name: str
    content: bytes
    md5: str


def write_cleaned(
    raw: Path,
    folder: Path,
    use_case: UseCase,
    batch: str,
    *,
    key: bytes | None,
    corrections: CorrectionsFile | None,
) -> Cleaning:
    """Clean the raw copy in the folder ``raw`` into ``folder``: ``data.parquet``,
    ``quarantine.parquet``, ``counts.json``, ``rules.json`` and ``privacy.json``. ``key`` is that of
    pseudonyms. Memory is bounded by a chunk of rows.

    Raises ``BatchError`` where the batch cannot be cleaned at all or a correction does not fit it,
    and ``MissingKeyError`` where a column is to be pseudonymised and there is no key.
    """
    data = raw / "data.parquet"
    schema = pq.read_schema(data)

    def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
        return read_chunks(data, columns)

    cleaning = Cleaning(read, schema, use_case, batch, _read(corrections, raw, schema))
    privacy = PrivacyScan(use_case, key)
    with (
        ChunkWriter(cleaning.row_schema, folder / "data.parquet") as rows,
        ChunkWriter(cleaning.quarantine_schema, folder / "quarantine.parquet") as quarantine,
    ):
        for chunk in cleaning.chunks():
            rows.write(privacy.protect(chunk.rows))
            quarantine.write(chunk.quarantine)
    for name, document in (
        ("counts.json", cleaning.counts),
        ("rules.json", {"rules": cleaning.rules}),
        ("privacy.json", privacy.facts()),
    ):
        (folder / name).write_bytes(json_bytes(document))
    return cleaning


def _read(corrections: CorrectionsFile | None, raw: Path, schema: pa.Schema) -> pa.Table | None:
    if corrections is None:
        return None
    fingerprint = json.loads((raw / "manifest.json").read_bytes())["fingerprint"]
    return read_corrections(corrections.content, corrections.name, fingerprint, schema)
