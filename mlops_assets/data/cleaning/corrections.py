"""The file in which a person corrects the rows of a quarantine.

Belongs here: writing what a person is to correct, and reading it back. Does not belong here: what
corrected values become of (``corrected_rows.py``), or whether they are valid (``validation.py``).
"""

import csv
import gzip
import io
from collections import Counter
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.plain_values import as_text
from mlops_assets.data.text.delimited import read_delimited
from mlops_assets.data.text.dialect import Dialect
from mlops_assets.source_declaration import Delimited

OWN_COLUMNS = ("row", "reasons", "delivery")
"""Columns of a file of corrections that are not the source's."""

_ROW = r"^[0-9]{1,15}$"


def corrections_template(quarantine: pa.Table, fingerprint: str) -> str:
    """The rows of a quarantine as CSV: ``row``, ``reasons`` (parted by spaces), ``delivery`` (the
    ``fingerprint``), then the source's columns as text, a missing value as an empty field. Columns
    that no text can stand for (lists, structures, octets) are left out."""
    rows = quarantine.num_rows
    columns = {
        "row": quarantine.column("row").cast(pa.string()),
        "reasons": pc.binary_join(quarantine.column("reasons"), " "),
        "delivery": pa.array([fingerprint] * rows, pa.string()),
    }
    for field in quarantine.schema:
        if field.name not in ("row", "reasons") and is_correctable(field.type):
            columns[_own_name(field.name)] = as_text(quarantine.column(field.name))
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(pa.table(columns), sink)
    return bytes(sink.getvalue()).decode()


def read_corrections(content: bytes, file: str, fingerprint: str, schema: pa.Schema) -> pa.Table:
    """The corrections in a file: ``row`` (int64), and as texts those of the batch's columns (of
    ``schema``) that the file has. ``file`` is named after the batch.

    Raises ``BatchError`` naming file and line where the file cannot be read, lacks ``row`` or
    ``delivery``, names a row that is no number or twice, has a column that the batch has not, or
    is for another delivery than that of ``fingerprint``.
    """
    batch = PurePath(file).stem
    known = {_own_name(field.name): field for field in schema if is_correctable(field.type)}
    numbers = {
        name
        for name, field in known.items()
        if pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
    }
    table, dialect = read_delimited(content, file, batch, Delimited(), numbers)
    where = _Lines(content, file, batch, dialect)
    unknown = [
        place
        for place, name in enumerate(table.column_names, 1)
        if name not in known and name not in OWN_COLUMNS
    ]
    if unknown:
        raise where.error(f"column(s) {unknown} are not the batch's: remove them")
    for name in ("row", "delivery"):
        if name not in table.column_names:
            raise where.error(f"there is no column {name!r}: export the corrections again")
    rows = _rows(table.column("row"), where)
    _require_delivery(table.column("delivery"), fingerprint, where)
    kept = {known[name].name: table.column(name) for name in table.column_names if name in known}
    return pa.table({"row": rows, **{n: c for n, c in kept.items() if n != "row"}})


def is_correctable(kind: pa.DataType) -> bool:
    """Whether a text can stand for values of a type."""
    octets = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    if pa.types.is_dictionary(kind):
        return is_correctable(kind.value_type)
    return not pa.types.is_nested(kind) and not any(test(kind) for test in octets)


def _own_name(name: str) -> str:
    return f"{name} (source)" if name in OWN_COLUMNS else name


class _Lines:
    """Which line of a file a record is in; looked for only where it is to be said."""

    def __init__(self, content: bytes, file: str, batch: str, dialect: Dialect) -> None:
        self._content, self._dialect = content, dialect
        self._origin = f"batch {batch}: corrections {file}"

    def error(self, problem: str, record: int | None = None) -> BatchError:
        """What is wrong with a record (from 0), or with the header."""
        return BatchError(f"{self._origin}, line {self._line(record)}: {problem}")

    def _line(self, record: int | None) -> int:
        plain = self._content
        if self._dialect.compression == "gzip":
            plain = gzip.decompress(plain)
        text = io.StringIO(plain.decode(self._dialect.encoding, "replace"), newline="")
        reader = csv.reader(text, delimiter=self._dialect.separator, quotechar=self._dialect.quote)
        wanted, seen, before = 0 if record is None else record + 1, -1, 0
        for fields in reader:
            seen += bool(fields)
            if seen == wanted:
                return before + 1
            before = reader.line_num
        return before


def _rows(texts: pa.ChunkedArray, where: _Lines) -> pa.Array:
    trimmed = pc.fill_null(pc.utf8_trim_whitespace(texts), "")
    wrong = pc.index(pc.match_substring_regex(trimmed, _ROW), False).as_py()
    if wrong >= 0:
        raise where.error("the row is no whole number: write what the export wrote", wrong)
    rows = trimmed.cast(pa.int64()).combine_chunks()
    counts = Counter(rows.to_pylist())
    seen: set[int] = set()
    for record, row in enumerate(rows.to_pylist()) if len(counts) < len(rows) else ():
        if row in seen:
            raise where.error(f"row {row} is there twice: keep one of its lines", record)
        seen.add(row)
    return rows


def _require_delivery(texts: pa.ChunkedArray, fingerprint: str, where: _Lines) -> None:
    same = pc.equal(pc.fill_null(pc.utf8_trim_whitespace(texts), ""), fingerprint)
    other = pc.index(same, False).as_py()
    if other >= 0:
        raise where.error(
            "these corrections are for another delivery of the batch: export them again", other
        )
