"""How a delimited text is written: its separator, quote and decimal mark.

Belongs here: what is told from the text's own records. Does not belong here: encodings
(``decoding.py``), decompressing and making a table (``delimited.py``).
"""

import csv
import io
import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_assets.data.text.decoding import Origin
from mlops_assets.data.text.records import LINE_ENDS, Text, outline

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_BYTES = 1 << 20

_END = r"(?:[eE][+-]?[0-9]+)?\s*$"
COMMA_NUMBER = r"^\s*[+-]?(?:[0-9]*|[1-9][0-9]{0,2}(?:\.[0-9]{3})+),[0-9]+" + _END
"""A number with a decimal comma, its thousands grouped by points or not."""
_POINT = r"^\s*[+-]?(?:[0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)\.[0-9]+" + _END
_COMMA_OR_GROUP = r"^\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*$"
POINT_OR_GROUP = r"^\s*[+-]?[1-9][0-9]{0,2}\.[0-9]{3}\s*$"
"""1.234, which is above a thousand or just above one."""
_COMMA_GROUPS = r"^\s*[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}\s*$"
POINT_GROUPS = r"^\s*[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}\s*$"
"""1.234.567, which can only be above a million."""
POINT_GROUPS_AND_COMMA = r"^\s*[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+" + _END


@dataclass(frozen=True)
class Dialect:
    """How a file was read. ``encoding`` is the name of a Python codec, ``compression`` is ``gzip``
    or None."""

    separator: str
    quote: str
    decimal: str
    encoding: str
    compression: str | None


def field_names(header: bytes, separator: str, quote: str) -> list[str]:
    """The names in a header record, without byte order marks and surrounding spaces.

    Raises ``csv.Error`` and ``UnicodeError``.
    """
    lines = io.StringIO(header.decode("utf-8"), newline="")
    names = next(csv.reader(lines, delimiter=separator, quotechar=quote), [])
    return [name.strip("\ufeff \t\r\n\xa0") for name in names]


def detect_separator(
    text: Text, origin: Origin, declared: str | None, numbers: Collection[str]
) -> tuple[str, str]:
    """Separator and quote: the separator that the header has, by which it names most of
    ``numbers``, and by which most of the first records have as many fields as it.

    The quote is ``'`` only where the header is written in it and no ``"`` is there. Raises
    ``BatchError`` where two separators fit equally well.
    """
    sample = text[: _whole_lines(text)]
    quote = _detect_quote(sample)
    if declared is not None:
        return declared, quote
    scores = {s: _score(sample, s, quote, numbers) for s in SEPARATORS}
    best = max(scores.values())
    found = [s for s, score in scores.items() if score == best]
    usual = "\t" if origin.file.lower().removesuffix(".gz").endswith(".tsv") else ","
    if best[2] < 2 or (usual == "\t" and usual in found):
        return usual, quote
    if len(found) > 1:
        raise origin.error(
            f"its separator may be any of {found}: say which as source.delimited.separator"
        )
    return found[0], quote


def _whole_lines(text: Text) -> int:
    """Bytes of the sample: it ends with a line, unless a line is longer."""
    ends = np.flatnonzero(np.isin(text[:SAMPLE_BYTES], LINE_ENDS))
    return SAMPLE_BYTES if len(text) <= SAMPLE_BYTES or len(ends) == 0 else int(ends[-1]) + 1


def _detect_quote(sample: Text) -> str:
    content = sample.tobytes().strip()
    header = re.split(rb"[\r\n]", content, maxsplit=1)[0].strip()
    in_single = len(header) > 1 and header[:1] == header[-1:] == b"'"
    return "'" if in_single and b'"' not in content else '"'


def _score(
    sample: Text, separator: str, quote: str, numbers: Collection[str]
) -> tuple[int, float, int]:
    """Number columns named by the header, share of records as long as it, and its fields."""
    seen = outline(sample, separator, quote)
    if seen.fields < 2:
        return 0, 0.0, 0
    try:
        names = field_names(sample[slice(*seen.header)].tobytes(), separator, quote)
    except (csv.Error, UnicodeError):
        names = []
    share = 1.0 - seen.ragged / (seen.rows + 1)
    return len({*numbers}.intersection(names)), share, seen.fields


def detect_decimal(columns: Collection[pa.ChunkedArray]) -> str:
    """The decimal mark of string ``columns`` that hold numbers: a comma where more values can only
    be read with one than with a point. 1,234 and 1.234 tell nothing, 0,5 and 1.234,5 do."""
    with_comma = [c for c in columns if pc.any(pc.match_substring(c, ",")).as_py()]
    if not with_comma:
        return "."
    commas = sum(_only_with_comma(column) for column in with_comma)
    points = sum(_only_with_point(column) for column in columns)
    return "," if commas > points else "."


def _only_with_comma(column: pa.ChunkedArray) -> int:
    return (
        matches(column, COMMA_NUMBER)
        - matches(column, _COMMA_OR_GROUP)
        + matches(column, POINT_GROUPS)
    )


def _only_with_point(column: pa.ChunkedArray) -> int:
    return (
        matches(column, _POINT) - matches(column, POINT_OR_GROUP) + matches(column, _COMMA_GROUPS)
    )


def matches(column: pa.ChunkedArray, pattern: str) -> int:
    """How many values match the regular expression."""
    return int(pc.sum(pc.match_substring_regex(column, pattern)).as_py() or 0)
