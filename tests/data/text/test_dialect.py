"""What is told from a text's own bytes: encoding, separator, decimal mark."""

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.data.text.decoding import Origin, decode
from mlops_assets.data.text.dialect import detect_decimal, detect_separator
from mlops_assets.data.text.records import line_at, outline

ORIGIN = Origin("2020-05", "may.csv")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "stad;größe\nLiège;5\nMalmö;10 €\n"),
        ("utf-16-le", "stad;größe\nЛьеж;5\n東京;6\n"),
        ("utf-16-be", "stad;grootte\nLiège;5\nMalmö;6\n"),
        ("cp1251", "город;население\nМосква;5\nСанкт-Петербург;6\nНовосибирск;7\n" * 5),
        ("cp932", "都市;人口\n東京;5\n大阪;6\nこんにちは;7\n" * 5),
        ("gb18030", "城市;人口\n北京;5\n上海;6\n广州;7\n" * 5),
    ],
)
def test_encodings_without_a_mark_are_detected(encoding: str, text: str) -> None:
    decoded, found = decode(text.encode(encoding), ORIGIN, None)

    assert found == encoding
    assert decoded.tobytes().decode() == text


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_fits_the_header(separator: str) -> None:
    lines = [["id", "text"], ["1", '"a;b,c|d\te"'], ["2", '"x,y;z"']]
    content = "\n".join(separator.join(line) for line in lines).encode()

    found = detect_separator(np.frombuffer(content, np.uint8), ORIGIN, None, ())

    assert found == (separator, '"')


def test_the_separator_of_rows_that_agree_wins_over_one_of_more_columns() -> None:
    content = b"a;b,c,d\n1;2,5\n3;4\n5;6,1,2,3\n"

    assert detect_separator(np.frombuffer(content, np.uint8), ORIGIN, None, ())[0] == ";"


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        (["1,234", "7"], "."),
        (["1,234", "2.5"], "."),
        (["1,234,567", "1,234"], "."),
        (["1,5", "1,234"], ","),
        (["0,123", None], ","),
        (["1.234.567", "1,234"], ","),
        (["1.234,5", "2.5", "3,25"], ","),
        (["1,5", "2.5", "3.5"], "."),
        (["a,b", "1.5"], "."),
        ([], "."),
    ],
)
def test_the_decimal_mark_is_what_more_values_need(values: list[str | None], mark: str) -> None:
    assert detect_decimal([pa.chunked_array([values], pa.string())]) == mark


def test_an_outline_counts_what_lies_between_blank_and_quoted_lines() -> None:
    text = np.frombuffer(b'a,b\r\n\r\n1,"x\ny"\r2\n3,4', np.uint8)

    seen = outline(text, ",", '"')

    assert (seen.fields, seen.rows, seen.longest, seen.quoted_line_end) == (2, 3, 7, True)
    assert (seen.ragged, seen.first_ragged[1], seen.error) == (1, 1, None)
    assert line_at(text, seen.first_ragged[0]) == 5
