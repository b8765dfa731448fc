"""Delimited text (CSV and its relatives) as an Arrow table of strings, nothing lost.

Belongs here: decompressing, making the table, and what is said where that cannot be. Does not
belong here: how the text is written (``dialect.py``), types and validity
(``cleaning/cleaning.py``).

Two readers see every file: the scan of ``records.py``, which knows every line, and pyarrow,
which is fast. A table is returned only where both count the same rows. Messages name lines and
columns by number, for a header that is missing makes names of values.
"""

import csv
import zlib
from collections import Counter
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from mlops_assets.data.text import dialect as written
from mlops_assets.data.text.decoding import Origin, decode, require_text
from mlops_assets.data.text.dialect import Dialect
from mlops_assets.data.text.records import Outline, Text, line_at, outline, records
from mlops_assets.source_declaration import Delimited

ENDINGS = tuple(f".{kind}{packed}" for kind in ("csv", "tsv", "txt") for packed in ("", ".gz"))

MAX_BYTES = 4 << 30
"""Largest decompressed size: what is larger may be a decompression bomb."""
MAX_RECORD_BYTES = 1 << 30
"""Longest record; pyarrow addresses a block of records with 31 bits."""

_BLOCK = 1 << 20
_PACKED = 1 << 14
_GZIP = b"\x1f\x8b"


def is_delimited(file: str) -> bool:
    """Whether a file's name says that it is delimited text."""
    return file.lower().endswith(ENDINGS)


def read_delimited(
    content: bytes,
    file: str,
    batch: str,
    declared: Delimited,
    numbers: Collection[str],
    *,
    max_bytes: int = MAX_BYTES,
) -> tuple[pa.Table, Dialect]:
    """The rows of a delimited text, every column a string, and how the text was read.

    An empty field is null, a quoted empty field an empty string; blank lines are no rows. Where
    the decimal mark is a comma, values of the columns ``numbers`` get a point for it and lose the
    points that group their thousands; every other text is as it was. A byte order mark overrules
    ``declared.encoding``. ``max_bytes`` limits the decompressed size.

    Raises ``BatchError``, naming batch, file and line, where any of it cannot be read for sure.
    """
    origin = Origin(batch, file)
    plain, compression = _decompress(content, origin, max_bytes)
    text, encoding = decode(plain, origin, declared.encoding)
    require_text(text, origin)
    separator, quote = _separator(text, origin, declared.separator, numbers)
    outline = _outline(text, separator, quote, origin)
    names = _names(text, outline, separator, quote, origin)
    table = _table(text, outline, separator, quote, origin)
    wanted = set(numbers)
    found = [place for place, name in enumerate(names) if name in wanted]
    columns = table.columns
    decimal = declared.decimal or written.detect_decimal([columns[place] for place in found])
    for place in found if decimal == "," else ():
        grouped = declared.decimal is not None or _groups_by_point(columns[place])
        if not grouped:
            _require_no_doubt(columns[place], place, text, separator, quote, origin)
        columns[place] = _with_points(columns[place], grouped)
    table = pa.Table.from_arrays(columns, names)
    return table, Dialect(separator, quote, decimal, encoding, compression)


def _decompress(
    content: bytes, origin: Origin, max_bytes: int
) -> tuple[bytes | bytearray, str | None]:
    if not content:
        raise origin.error("it is empty: deliver it again")
    if not content.startswith(_GZIP):
        if origin.file.lower().endswith(".gz"):
            raise origin.error("it is not gzip, as its name says: rename it or deliver it again")
        return content, None
    plain = bytearray()
    start = 0
    while content.startswith(_GZIP, start):
        start, problem = _inflate(content, start, plain, max_bytes)
        if problem:
            line = line_at(np.frombuffer(plain, np.uint8), len(plain)) if plain else 1
            raise origin.error(f"{problem}: deliver it again", line)
    if content[start:].strip(b"\0"):
        raise origin.error("something that is not gzip follows its gzip data: deliver it again")
    if not plain:
        raise origin.error("it is empty once decompressed: deliver it again")
    return plain, "gzip"


def _inflate(content: bytes, start: int, plain: bytearray, max_bytes: int) -> tuple[int, str]:
    """Append one gzip member to ``plain``; returns where the next begins, and what is wrong."""
    inflater = zlib.decompressobj(wbits=31)
    for low in range(start, len(content), _PACKED):
        packed = content[low : low + _PACKED]
        while True:
            try:
                some = inflater.decompress(packed, _BLOCK)
            except zlib.error:
                return low, "its gzip data is damaged from about here"
            plain += some
            if len(plain) > max_bytes:
                return low, f"it decompresses to more than the limit of {max_bytes} bytes"
            packed = inflater.unconsumed_tail
            if inflater.eof:
                return min(low + _PACKED, len(content)) - len(inflater.unused_data), ""
            if not packed:
                break
    return len(content), "its gzip data breaks off here"


def _separator(
    text: Text, origin: Origin, declared: str | None, numbers: Collection[str]
) -> tuple[str, str]:
    separator, quote = written.detect_separator(text, origin, declared, numbers)
    if not separator.isascii() or separator in "\r\n\0" or separator == quote:
        raise origin.error(
            "source.delimited.separator must be an ASCII character, and neither a line end nor "
            "the quote"
        )
    return separator, quote


def _outline(text: Text, separator: str, quote: str, origin: Origin) -> Outline:
    """Raises ``BatchError`` where a record has not as many fields as the header."""
    seen = outline(text, separator, quote)
    if seen.ragged:
        offset, fields = seen.first_ragged
        until = " up to a misplaced quote" if seen.error else ""
        raise origin.error(
            f"{fields} field(s), and the header has {seen.fields}; {seen.ragged} row(s){until} "
            "differ from the header: quote values that hold the separator or a line end",
            line_at(text, offset),
        )
    if seen.error:
        where = line_at(text, seen.error.offset)
        raise origin.error(f"{seen.error}: double the quotes inside values", where)
    if seen.rows < 0:
        raise origin.error("it has no header line: deliver it with the column names")
    if seen.longest > MAX_RECORD_BYTES:
        raise origin.error(f"a record is longer than {MAX_RECORD_BYTES} bytes: is a quote missing?")
    return seen


def _names(text: Text, outline: Outline, separator: str, quote: str, origin: Origin) -> list[str]:
    try:
        names = written.field_names(text[slice(*outline.header)].tobytes(), separator, quote)
    except csv.Error:
        names = []
    line = line_at(text, outline.header[0])
    if len(names) != outline.fields:
        raise origin.error(
            "the header cannot be read: is a name longer than 131,072 characters?", line
        )
    repeated = {name for name, n in Counter(names).items() if n > 1}
    if repeated:
        places = [place for place, name in enumerate(names, 1) if name in repeated]
        raise origin.error(
            f"{len(places)} columns share names with others, the first of them columns "
            f"{places[:10]}: give each a name of its own",
            line,
        )
    return names


def _table(text: Text, outline: Outline, separator: str, quote: str, origin: Origin) -> pa.Table:
    """The rows, columns named by their position; a second count of them must agree."""
    names = [str(place) for place in range(outline.fields)]
    if outline.rows == 0:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    # With many columns, small blocks would make more of arrays than of their content.
    block = max(_BLOCK, outline.longest + 2, min(128 * outline.longest, 64 * _BLOCK))
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(pa.py_buffer(text[outline.header[1] :])),
            read_options=pa_csv.ReadOptions(column_names=names, block_size=block),
            parse_options=pa_csv.ParseOptions(
                delimiter=separator, quote_char=quote, newlines_in_values=outline.quoted_line_end
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, ValueError, OSError):
        # Its message would quote the line.
        table = None
    if table is None or table.num_rows != outline.rows:
        raise origin.error("its rows cannot be read for sure: deliver it as Parquet")
    return table


def _groups_by_point(column: pa.ChunkedArray) -> bool:
    return any(
        written.matches(column, pattern)
        for pattern in (written.POINT_GROUPS, written.POINT_GROUPS_AND_COMMA)
    )


def _require_no_doubt(
    column: pa.ChunkedArray, place: int, text: Text, separator: str, quote: str, origin: Origin
) -> None:
    doubtful = pc.index(pc.match_substring_regex(column, written.POINT_OR_GROUP), True).as_py()
    if doubtful >= 0:
        raise origin.error(
            f"column {place + 1}: the file has decimal commas, and the point in this number may "
            "be a decimal point or group thousands: say which as source.delimited.decimal",
            _line_of_row(text, separator, quote, doubtful),
        )


def _line_of_row(text: Text, separator: str, quote: str, row: int) -> int:
    before = -1
    for some in records(text, separator, quote):
        if row - before < len(some.starts):
            return line_at(text, int(some.starts[row - before]))
        before += len(some.starts)
    return 1


def _with_points(column: pa.ChunkedArray, grouped: bool) -> pa.ChunkedArray:
    patterns = [written.COMMA_NUMBER, written.POINT_GROUPS]
    patterns += [written.POINT_OR_GROUP] if grouped else []
    is_number = pc.match_substring_regex(column, "|".join(f"(?:{p})" for p in patterns))
    ungrouped = pc.replace_substring(column, ".", "")
    return pc.if_else(is_number, pc.replace_substring(ungrouped, ",", "."), column)
