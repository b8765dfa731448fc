"""Reading delimited text, for any table and any bytes: equal, or a BatchError, nothing else."""

import csv
import io
from decimal import Decimal
from unittest.mock import patch

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.text import decoding, delimited, records
from mlops_assets.data.text.delimited import read_delimited
from mlops_assets.data.text.dialect import Dialect
from mlops_assets.source_declaration import Delimited

SEPARATORS = [",", ";", "\t", "|"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"]
TRICKY = st.sampled_from(["", '"', '""', "\n", "\r\n", "\r", ",", ";", "\t", "|", " ", "007", "é"])
TEXTS = st.lists(
    st.one_of(TRICKY, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    max_size=3,
).map("".join)
WESTERN = st.text("abc éàüß€\"',;|\t\r\n", max_size=6)


@st.composite
def tables(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[list[str]]:
    """A header of plain names, and up to six rows of anything."""
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(texts, min_size=width, max_size=width), max_size=6))
    return [[f"column {place}" for place in range(width)], *rows]


def _write(table: list[list[str]], separator: str, quoting: int) -> str:
    stream = io.StringIO(newline="")
    # With another line terminator than CR LF, the writer leaves a CR in a value unquoted.
    writer = csv.writer(stream, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows(table)
    return stream.getvalue()


def _expected(table: list[list[str]], quoting: int) -> list[list[str | None]]:
    # A row that is one empty field is quoted by the writer, for it would be a blank line.
    is_null = quoting == csv.QUOTE_MINIMAL and len(table[0]) > 1
    return [[None if is_null and cell == "" else cell for cell in row] for row in table[1:]]


def _rows(table: pa.Table) -> list[list[str | None]]:
    columns = [column.to_pylist() for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


@settings(max_examples=300)
@given(
    table=tables(TEXTS),
    separator=st.sampled_from(SEPARATORS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_what_the_csv_module_writes_is_read_as_it_was(
    table: list[list[str]], separator: str, quoting: int, encoding: str
) -> None:
    try:
        content = _write(table, separator, quoting).encode(encoding)
    except UnicodeEncodeError:
        content = _write(table, separator, quoting).encode(encoding := "utf-8")

    declared = Delimited(separator=separator, encoding=encoding)
    read, found = read_delimited(content, "a.csv", "a", declared, ())

    assert read.column_names == table[0]
    assert set(read.schema.types) == {pa.string()}
    assert _rows(read) == _expected(table, quoting)
    assert found.separator == separator and found.quote == '"'


@settings(max_examples=200)
@given(
    table=tables(WESTERN).filter(lambda t: len(t[0]) > 1),
    separator=st.sampled_from(SEPARATORS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_separator_and_encoding_are_detected_where_the_header_tells(
    table: list[list[str]], separator: str, encoding: str
) -> None:
    content = _write(table, separator, csv.QUOTE_MINIMAL).encode(encoding)

    read, found = read_delimited(content, "a.csv", "a", Delimited(), ())

    assert found.separator == separator
    assert _rows(read) == _expected(table, csv.QUOTE_MINIMAL)


def _by_csv_module(content: bytes, found: Dialect) -> list[list[str]]:
    text = content.decode(found.encoding).removeprefix("\ufeff")
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=found.separator, quotechar=found.quote)
    return [row for row in reader if row]


def _reads_as_the_csv_module_or_raises_batch_error(content: bytes, declared: Delimited) -> None:
    """Also where every piece and block of the file ends in the middle of something."""
    fates = [_fate(content, declared)]
    for size in (1, 6):
        with (
            patch.object(decoding, "PIECE_BYTES", size),
            patch.object(records, "PIECE_BYTES", size),
            patch.object(delimited, "_BLOCK", size),
        ):
            fates.append(_fate(content, declared))
    assert all(fate == fates[0] for fate in fates)


def _fate(content: bytes, declared: Delimited) -> str:
    try:
        read, found = read_delimited(content, "a.csv", "2020-01", declared, ())
    except BatchError as error:
        caught: BatchError | None = error
    else:
        caught = None
    if caught is not None:
        assert str(caught).startswith("batch 2020-01: a.csv")
        assert caught.__cause__ is None and caught.__context__ is None
        return str(caught)
    expected = _by_csv_module(content, found)[1:]
    assert read.num_rows == len(expected)
    assert [[cell or "" for cell in row] for row in _rows(read)] == expected
    return str(found)


CSV_BYTES = st.lists(
    st.sampled_from(
        [
            b"a",
            b"b1",
            b",",
            b";",
            b"\t",
            b'"',
            b"'",
            b"\n",
            b"\r\n",
            b"\r",
            b" ",
            b"\xe9",
            b"\xc3\xa9",
        ]
    ),
    max_size=60,
).map(b"".join)


@settings(max_examples=400)
@given(content=CSV_BYTES)
@example(b'a"\n"b')
@example(b"a\r\r\nb")
@example(b'a,b\n"x"",1\n')
def test_any_text_that_looks_like_csv_reads_as_the_csv_module_reads_it(content: bytes) -> None:
    _reads_as_the_csv_module_or_raises_batch_error(content, Delimited())


@settings(max_examples=300)
@given(content=st.binary(max_size=3000))
def test_any_bytes_read_or_raise_batch_error(content: bytes) -> None:
    _reads_as_the_csv_module_or_raises_batch_error(content, Delimited())


@settings(max_examples=150)
@given(
    table=tables(WESTERN),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=2), st.integers(0, 3))),
)
def test_a_mutated_csv_reads_or_raises_batch_error(
    table: list[list[str]], quoting: int, encoding: str, changes: list[tuple[int, bytes, int]]
) -> None:
    content = _write(table, ",", quoting).encode(encoding)
    for at, new, length in changes:
        content = content[:at] + new + content[at + length :]

    _reads_as_the_csv_module_or_raises_batch_error(content, Delimited())
    _reads_as_the_csv_module_or_raises_batch_error(content, Delimited(encoding=encoding))


@st.composite
def german_numbers(draw: st.DrawFn) -> tuple[str, Decimal]:
    """A number as German writes it, and its value."""
    value = Decimal(draw(st.integers(-(10**10), 10**10))).scaleb(-draw(st.integers(1, 4)))
    grouping = "," if draw(st.booleans()) else ""
    return format(value, f"{grouping}f").translate(str.maketrans(",.", ".,")), value


@given(numbers=st.lists(german_numbers(), min_size=1, max_size=8))
def test_decimal_commas_and_grouped_thousands_keep_their_value(
    numbers: list[tuple[str, Decimal]],
) -> None:
    content = "x;text\n" + "".join(f"{text};{text}\n" for text, _ in numbers)

    read, _ = read_delimited(content.encode(), "a.csv", "a", Delimited(decimal=","), ["x"])

    assert [Decimal(text) for text in read["x"].to_pylist()] == [value for _, value in numbers]
    assert read["text"].to_pylist() == [text for text, _ in numbers]
