"""The files a new use case starts from: which they are, what their batches are called, and a sample
of their rows spread over them.

Belongs here: finding, naming and reading. Does not belong here: what the rows mean
(``use_case_guess.py``), or copying a file (``scaffolder.py``). Memory is bounded by the sample for
Parquet, and by the largest file for delimited text.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.data.cleaning import BatchError
from mlops_assets.data.delimited import ENDINGS as TEXT_ENDINGS

MAX_ROWS = 200_000
READ_ROWS = 65_536
FIRST_BATCH, FIRST_BATCH_PATTERN = "batch-001", r"batch-\d{3}"
"""A single file's batch, so named that the next one sorts after it."""

SAFE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"
_PERIODS = (r"\d{4}-\d{2}-\d{2}", r"\d{4}-\d{2}", r"\d{4}-Q[1-4]", r"\d{4}-W\d{2}", r"\d{4}")
_ENDINGS = (".parquet", *TEXT_ENDINGS)
_NUMBER = r"\s*[+-]?\d{1,3}(?:[.,]?\d+)*(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s*"


class ScaffoldError(Exception):
    """A source or target that no use case can be written for; the message says what to do."""


TextReader = Callable[[bytes, str, str, frozenset[str]], tuple[pa.Table, Any]]
"""From a text file's content, its name, its batch and its number columns to a table of strings and
how it was written."""


@dataclass(frozen=True)
class Located:
    """The batch files, oldest first. ``folder`` is where they stay, or ``None`` for a single file,
    which is copied. ``pattern`` and ``batch_name`` are as the YAML says them."""

    files: tuple[Path, ...]
    batches: tuple[str, ...]
    folder: Path | None
    ending: str
    batch_name: str
    padded: bool = True
    """Whether the order of the names is the order of the numbers in them."""

    @property
    def pattern(self) -> str:
        return f"*{self.ending}"


@dataclass(frozen=True)
class Sample:
    """Rows of all batches with the columns that all of them have, and each row's batch.

    ``with_missing`` are columns where any row of the source has no value; ``partial`` those that
    only some batches deliver; ``rows`` counts the source's rows; ``written`` is how text files are
    written, ``None`` for Parquet."""

    table: pa.Table
    batch_of: NDArray[np.int64]
    with_missing: frozenset[str]
    partial: tuple[str, ...]
    rows: int
    written: Any = None


def locate(source: Path) -> Located:
    """Find the batches of a file or a folder. Raises ``ScaffoldError``."""
    if source.is_dir():
        return _locate_folder(source)
    if not source.is_file():
        raise ScaffoldError(f"--source {source}: there is no such file or folder")
    ending = _ending(source)
    if ending is None:
        raise ScaffoldError(
            f"--source {source.name}: not a kind of file that is read; use {', '.join(_ENDINGS)}"
        )
    stem = source.name.removesuffix(ending)
    period = next((p for p in _PERIODS if re.fullmatch(p, stem)), None)
    name, pattern = (stem, period) if period else (FIRST_BATCH, FIRST_BATCH_PATTERN)
    return Located((source,), (name,), None, ending, pattern)


def _locate_folder(folder: Path) -> Located:
    files = sorted(p for p in folder.iterdir() if p.is_file() and _ending(p))
    if not files:
        raise ScaffoldError(
            f"--source {folder}: holds no file {', '.join('*' + e for e in _ENDINGS)}"
        )
    counts = Counter(_ending(path) for path in files)
    ending = str(max(sorted(counts, key=str), key=lambda e: counts[e]))
    files = [path for path in files if _ending(path) == ending]
    names = [path.name.removesuffix(ending) for path in files]
    for path, name in zip(files, names, strict=True):
        if not re.fullmatch(SAFE_NAME, name):
            raise ScaffoldError(
                f"{path.name}: a file's name is its batch's name, and may have letters, digits, "
                "'.', '_' and '-' only: rename it"
            )
    names, files = zip(*sorted(zip(names, files, strict=True)), strict=True)  # type: ignore[assignment]
    pattern, padded = batch_name_pattern(names)
    return Located(tuple(files), tuple(names), folder, ending, pattern, padded)


def _ending(path: Path) -> str | None:
    if path.name.startswith("."):
        return None
    found = [ending for ending in _ENDINGS if path.name.endswith(ending)]
    return max(found, key=len) if found and path.name not in found else None


def batch_name_pattern(names: tuple[str, ...] | list[str]) -> tuple[str, bool]:
    """A regular expression that all batch names and likely later ones match in full, and whether
    sorting the names sorts the numbers in them."""
    for period in _PERIODS:
        if all(re.fullmatch(period, name) for name in names):
            return period, True
    shapes = {re.sub(r"\d+", lambda found: f"\0{len(found[0])}\0", name) for name in names}
    if len(shapes) == 1 and "\0" in (shape := shapes.pop()):
        return _as_pattern(shape, lambda length: rf"\d{{{length}}}"), True
    loose = {re.sub(r"\d+", "\0" + "1" + "\0", name) for name in names}
    if len(loose) == 1 and "\0" in (shape := loose.pop()):
        return _as_pattern(shape, lambda _: r"\d+"), False
    return SAFE_NAME, True


def _as_pattern(shape: str, digits: Callable[[str], str]) -> str:
    pieces = shape.split("\0")
    return "".join(
        digits(piece) if position % 2 else _escape(piece) for position, piece in enumerate(pieces)
    )


def _escape(text: str) -> str:
    return text.replace(".", r"\.")  # all else that a batch name may have stands for itself


def read_sample(located: Located, read_text: TextReader) -> Sample:
    """At most ``MAX_ROWS`` rows, as many of each batch and evenly spread over it.

    Raises ``ScaffoldError`` naming the file that cannot be read, has no rows or repeats a column.
    """
    quota = max(1, MAX_ROWS // len(located.files))
    parts, missing, rows, written = [], set(), 0, None
    for path, batch in zip(located.files, located.batches, strict=True):
        try:
            if located.ending == ".parquet":
                part, empty, count = _sample_parquet(path, quota)
            else:
                table, written = _read_text(path, batch, read_text)
                part, empty, count = _thin(table, quota), _columns_with_null(table), table.num_rows
        except BatchError as error:
            raise ScaffoldError(str(error)) from error
        if count == 0:
            raise ScaffoldError(f"{path.name} has no rows: remove it, or deliver it with its data")
        parts.append(part)
        missing |= empty
        rows += count
    table, partial = _together(parts)
    batch_of = np.repeat(np.arange(len(parts)), [part.num_rows for part in parts])
    return Sample(table, batch_of, frozenset(missing), partial, rows, written)


def _sample_parquet(path: Path, quota: int) -> tuple[pa.Table, set[str], int]:
    try:
        with pq.ParquetFile(path) as parquet:
            _require_distinct(parquet.schema_arrow.names, path)
            rows = parquet.metadata.num_rows
            step = max(1, -(-rows // quota))
            parts, missing, seen = [], set(), 0
            for batch in _batches(parquet):
                missing |= _columns_with_null(batch)
                parts.append(batch.take(pa.array(range(-seen % step, batch.num_rows, step))))
                seen += batch.num_rows
            return pa.Table.from_batches(parts, parquet.schema_arrow), missing, rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ScaffoldError(f"{path.name} is no whole Parquet file: {error}") from error


def _batches(parquet: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    yield from parquet.iter_batches(batch_size=READ_ROWS)


def _read_text(path: Path, batch: str, read_text: TextReader) -> tuple[pa.Table, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScaffoldError(f"cannot read {path.name}: {error.strerror}") from error
    table, written = read_text(content, path.name, batch, frozenset())
    _require_distinct(table.column_names, path)
    numbers = frozenset(name for name in table.column_names if _holds_numbers(table.column(name)))
    # How a number is written is known only once it is known where numbers are.
    return read_text(content, path.name, batch, numbers) if numbers else (table, written)


def _holds_numbers(texts: pa.ChunkedArray) -> bool:
    head = texts.drop_null().slice(0, READ_ROWS)
    if len(head) == 0:
        return False
    matching = pc.sum(pc.match_substring_regex(head, f"^{_NUMBER}$")).as_py() or 0
    return bool(matching >= 0.5 * len(head))


def _thin(table: pa.Table, quota: int) -> pa.Table:
    step = max(1, -(-table.num_rows // quota))
    return table if step == 1 else table.take(pa.array(range(0, table.num_rows, step)))


def _columns_with_null(rows: pa.Table | pa.RecordBatch) -> set[str]:
    return {name for name in rows.schema.names if rows.column(name).null_count}


def _require_distinct(names: list[str], path: Path) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ScaffoldError(f"{path.name} has several columns called {repeated}: rename them")
    if any(not name.strip() or len(name) > 200 for name in names):
        raise ScaffoldError(
            f"{path.name} has a column whose name is empty or longer than 200 characters: rename it"
        )


def _together(parts: list[pa.Table]) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows of all parts with the columns that all have; where their types do not agree, the
    values become text, as which any type can be read again."""
    names = [name for name in parts[0].column_names if all(name in p.column_names for p in parts)]
    partial = sorted({name for part in parts for name in part.column_names} - set(names))
    columns = {name: _joined(name, [_plain(part.column(name)) for part in parts]) for name in names}
    return pa.table(columns), tuple(partial)


def _joined(name: str, columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    tables = [pa.table({"values": column}) for column in columns]
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        try:
            texts = [pa.table({"values": column.cast(pa.string())}) for column in columns]
        except pa.ArrowException as error:
            kinds = sorted({str(column.type) for column in columns})
            raise ScaffoldError(
                f"column {name!r} is of type {' and '.join(kinds)}, from batch to batch: deliver "
                "it as one"
            ) from error
        joined = pa.concat_tables(texts)
    return joined.column("values")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column
