"""Reading delimited text, case by case: the right table, or an error that names the line."""

import gzip
import tracemalloc
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.text import decoding, delimited, records
from mlops_assets.data.text.delimited import is_delimited, read_delimited
from mlops_assets.data.text.dialect import Dialect
from mlops_assets.source_declaration import Delimited

SECRET = "jane.roe"


def _read(
    content: bytes, file: str = "may.csv", numbers: tuple[str, ...] = (), **declared: Any
) -> tuple[dict[str, list[str | None]], Dialect]:
    table, dialect = read_delimited(content, file, "2020-05", Delimited(**declared), numbers)
    assert set(table.schema.types) <= {pa.string()}
    return table.to_pydict(), dialect


def _error(content: bytes, file: str = "may.csv", **more: Any) -> str:
    with pytest.raises(BatchError) as caught:
        _read(content, file, **more)
    # A chained error of a library would carry the text into logs.
    assert caught.value.__context__ is None
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "expected"),
    [("a.csv", True), ("A.CSV.GZ", True), ("a.txt.gz", True), ("a.gz", False), ("csv", False)],
)
def test_a_name_tells_whether_a_file_is_delimited(file: str, expected: bool) -> None:
    assert is_delimited(file) is expected


def test_every_column_is_text_and_only_an_unquoted_empty_field_is_null() -> None:
    rows, dialect = _read(b'id,name,note\n007,Ann, \n1e3,"",\nNA,NULL,nan\n')

    assert rows == {
        "id": ["007", "1e3", "NA"],
        "name": ["Ann", "", "NULL"],
        "note": [" ", None, "nan"],
    }
    assert asdict(dialect) == {
        "separator": ",",
        "quote": '"',
        "decimal": ".",
        "encoding": "utf-8",
        "compression": None,
    }


def test_quoted_line_ends_separators_and_quotes_are_kept() -> None:
    rows, _ = _read(b'a,b\r\n"1\r\n2","x, ""y"""\r\n5" pipe,z\r\n')

    assert rows == {"a": ["1\r\n2", '5" pipe'], "b": ['x, "y"', "z"]}


def test_names_of_number_columns_and_the_file_ending_settle_the_separator() -> None:
    content = b"day, hour;size\n1, 2;3\n"

    assert "separator" in _error(content)
    assert _read(content, numbers=("size",))[1].separator == ";"
    assert _read(b"a\tb,c\n1\t2,3\n", "may.tsv")[0] == {"a": ["1"], "b,c": ["2,3"]}
    assert _read(content, separator=",")[0] == {"day": ["1"], "hour;size": [" 2;3"]}


def test_a_file_written_in_single_quotes_is_read_by_them() -> None:
    assert _read(b"'a','b'\n'1,5','it''s'\n")[0] == {"a": ["1,5"], "b": ["it's"]}
    assert _read(b"a,b\n'1',it's\n")[0] == {"a": ["'1'"], "b": ["it's"]}


@pytest.mark.parametrize("separator", ['"', "\n", "§"])
def test_a_separator_that_cannot_be_is_an_error(separator: str) -> None:
    assert "source.delimited.separator" in _error(b"a,b\n1,2\n", separator=separator)


def test_blank_lines_are_no_rows_and_names_lose_marks_and_spaces() -> None:
    rows, _ = _read(b"\xef\xbb\xbf\n\n a ,\xef\xbb\xbfb\t\n\n1,2\n\n\n3,4")

    assert rows == {"a": ["1", "3"], "b": ["2", "4"]}


def test_a_header_alone_is_a_table_without_rows() -> None:
    for content in (b"a,b", b"a,b\n", b"a,b\r\n\r\n"):
        assert _read(content)[0] == {"a": [], "b": []}


@pytest.mark.parametrize("content", [b"", b"\n\r\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_nothing_is_an_error(content: bytes) -> None:
    assert "deliver it" in _error(content)


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"a,b\n1,2\njane.roe\n3,4\n5,6,7\n", 3, "1 field(s), and the header has 2; 2 row(s)"),
        (b'a,b\n"x\ny",2\n\n1,2,jane.roe\n', 5, "3 field(s)"),
        (b"a\n1\n2,jane.roe\n", 3, "2 field(s), and the header has 1"),
        (b'a,b\n1,2\n"jane.roe,3\n4,5\n', 3, "never closed"),
        (b'a,b\n1,2\r\n"jane.roe"x,3\n', 3, "text after a closing quote"),
        (b"a,b\n1,2\n3,jane.roe\0\n", 3, "NUL"),
        (b"a,jane.roe,c,jane.roe \n1,2,3,4\n", 1, "[2, 4]"),
        ("a,b\né,ü\n".encode() + b"jane.roe,\xe9\n", 3, "not UTF-8, which other lines are"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(content: bytes, line: int, what: str) -> None:
    message = _error(content)

    assert message.startswith(f"batch 2020-05: may.csv, line {line}: ")
    assert what in message


def test_ragged_rows_beyond_the_first_piece_are_counted_and_located() -> None:
    good = b"1234567,abcdefg\n" * 50_000
    message = _error(b"a,b\n" + good + b"1\n" + good + b"1,2,3\n" + good)

    assert "line 50002: 1 field(s)" in message and "2 row(s)" in message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_overrules_what_is_declared(encoding: str) -> None:
    assert _read("a,b\né,ł\n".encode(encoding), encoding="cp1252")[0] == {"a": ["é"], "b": ["ł"]}


def test_a_declared_encoding_is_used_and_its_undecodable_bytes_are_located() -> None:
    assert _read("a,b\nł,ś\n".encode("cp1250"), encoding="cp1250")[0] == {"a": ["ł"], "b": ["ś"]}
    assert "line 2: there are bytes that are not utf-8" in _error(b"a\n\xff\n", encoding="UTF8")
    assert "line 3: " in _error(b"a\nb\n\x81\n", encoding="cp1252")
    assert "line 3: " in _error("a\nb\nc".encode("utf-16-le") + b"\n", encoding="utf-16-le")


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "a\0b", ""])
def test_an_encoding_that_is_none_is_an_error(encoding: str) -> None:
    if encoding:
        assert "source.delimited.encoding" in _error(b"a,b\n", encoding=encoding)
    else:
        assert _read(b"a,b\n", encoding=encoding)[1].encoding == "utf-8"


def test_gzip_is_read_also_in_several_members() -> None:
    content = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n") + b"\0" * 512

    rows, dialect = _read(content, "may.csv.gz")

    assert rows == {"a": ["1", "3"], "b": ["2", "4"]}
    assert dialect.compression == "gzip"
    assert _read(content, "may.csv") == (rows, dialect)


PACKED = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(5000)))


@pytest.mark.parametrize("kept", [3, 10, 18, 1000, len(PACKED) - 8, len(PACKED) - 1])
def test_a_truncated_gzip_is_an_error(kept: int) -> None:
    assert "breaks off" in _error(PACKED[:kept], "may.csv.gz")


def test_a_damaged_gzip_is_an_error() -> None:
    flipped = PACKED[:-6] + bytes([PACKED[-6] ^ 1]) + PACKED[-5:]

    assert "damaged" in _error(flipped, "may.csv.gz")
    assert "damaged" in _error(PACKED[:2] + b"\x07" + PACKED[3:], "may.csv.gz")
    assert "follows" in _error(PACKED + b"x", "may.csv.gz")
    assert "not gzip" in _error(b"a,b\n1,2\n", "may.csv.gz")


def test_a_gzip_bomb_is_stopped_at_the_limit_in_bounded_memory() -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * (16 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(BatchError, match="limit of 1000000 bytes"):
            read_delimited(bomb, "a.csv.gz", "a", Delimited(), (), max_bytes=1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"PAR1\x15", b"\xd0\xcf\x11\xe0\xa1"])
def test_other_formats_are_named(start: bytes) -> None:
    assert "export it as CSV" in _error(start + b"\x00\x01\x02")


def test_a_name_that_begins_like_another_format_is_a_name() -> None:
    assert _read(b"PAR1,PAR2\n1,2\n")[0] == {"PAR1": ["1"], "PAR2": ["2"]}


def test_a_hundred_thousand_columns_are_read_and_a_short_row_is_located() -> None:
    names = ",".join(f"column_{i}" for i in range(100_000))
    row = ",".join(str(i) for i in range(100_000))

    table, _ = read_delimited(f"{names}\n{row}\n{row}\n".encode(), "a.csv", "a", Delimited(), ())

    assert table.num_columns == 100_000 and table.num_rows == 2
    assert table["column_99999"].to_pylist() == ["99999"] * 2
    assert "line 3: 99999 field(s), and the header has 100000" in _error(
        f"{names}\n{row}\n{row.rsplit(',', 1)[0]}\n".encode()
    )


def test_a_cell_of_fifty_megabytes_is_read_whole() -> None:
    cell = b'x\n""y"",' * (50_000_000 // 8)

    table, _ = read_delimited(b'a,b\n1,"' + cell + b'"\n2,z\n', "a.csv", "a", Delimited(), ())

    assert table["a"].to_pylist() == ["1", "2"]
    assert table["b"][0].as_py() == cell.decode().replace('""', '"')


def test_a_record_that_is_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_RECORD_BYTES", 20)

    assert "longer than 20 bytes" in _error(b'a,b\n"' + b"x" * 20 + b'",1\n')


def test_a_record_longer_than_a_block_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", 1)

    assert _read(b"a,b\n1," + b"x" * 500 + b"\n2,y\n")[0]["b"] == ["x" * 500, "y"]


def test_an_undecodable_byte_after_a_character_cut_by_a_piece_is_located(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (decoding, records):
        monkeypatch.setattr(module, "PIECE_BYTES", 6)

    assert "line 2: " in _error("ab\n😀".encode() + b"\xff\n\n", encoding="utf-8")


def test_a_row_that_only_one_of_the_two_readers_sees_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = pa_csv.read_csv
    monkeypatch.setattr(pa_csv, "read_csv", lambda *a, **k: read(*a, **k).slice(1))

    assert "cannot be read for sure" in _error(b"a,b\n1,2\n3,4\n")


def test_decimal_commas_become_points_in_number_columns_only() -> None:
    content = b'x;y;note\n1,5;-1.234,56;1,5\n,5;1.234.567;1.234,5\n2e3;1,5E-3;\nn/a;;"a,5"\n'

    rows, dialect = _read(content, numbers=("x", "y", "absent"))

    assert dialect.decimal == ","
    assert rows == {
        "x": ["1.5", ".5", "2e3", "n/a"],
        "y": ["-1234.56", "1234567", "1.5E-3", None],
        "note": ["1,5", "1.234,5", None, "a,5"],
    }


def test_a_point_that_may_group_thousands_is_asked_about_unless_the_column_or_user_tells() -> None:
    doubtful = b"x;y\n1,5;7\n\n2,5;1.234\n"

    message = _error(doubtful, numbers=("x", "y"))
    assert "line 4: column 2" in message and "source.delimited.decimal" in message
    assert _read(doubtful, numbers=("x", "y"), decimal=",")[0]["y"] == ["7", "1234"]
    assert _read(doubtful, numbers=("x", "y"), decimal=".")[0]["y"] == ["7", "1.234"]
    told = b"x;y\n1,5;1.234,5\n2,5;1.234\n"
    assert _read(told, numbers=("x", "y"))[0]["y"] == ["1234.5", "1234"]
