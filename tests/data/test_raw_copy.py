"""The raw copy: what a batch is, and what is no batch."""

import io
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.content_hash import bytes_md5
from mlops_assets.data.cleaning import BatchError
from mlops_assets.data.raw_copy import (
    describe,
    licence_is_in_force,
    read_batch,
    require_new_content,
)
from mlops_assets.source_declaration import Source
from mlops_assets.use_case import UseCase

USE_CASE = UseCase(
    title="Numbers",
    description="no person in them",
    owner="team:numbers",
    source={
        "folder": "d",
        "batch_name": ".*",
        "licence": "CC0-1.0",
        "attribution": "the makers",
        "terms": "none",
        "licence_expires": "never",
    },
    target={"column": "hit", "type": "integer"},
    columns={"a": {"type": "number"}, "b": {"type": "string"}},
    training={"first_batches": 1},
)


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


CONTENT = _parquet(pa.table({"a": pa.array(range(50), pa.int32()), "b": ["x", "y"] * 25}))


def test_the_manifest_says_what_the_batch_is() -> None:
    assert describe(CONTENT, "2020-01.parquet", "2020-01", USE_CASE).manifest == {
        "batch": "2020-01",
        "file": "2020-01.parquet",
        "md5": bytes_md5(CONTENT),
        "bytes": len(CONTENT),
        "rows": 50,
        "columns": {"a": "int32", "b": "string"},
        "licence": "CC0-1.0",
        "attribution": "the makers",
        "terms": "none",
    }


@given(st.integers(0, len(CONTENT) - 1))
def test_a_file_cut_off_anywhere_is_an_error(length: int) -> None:
    with pytest.raises(BatchError, match=r"batch 2020-01: 2020-01\.parquet is no whole Parquet"):
        describe(CONTENT[:length], "2020-01.parquet", "2020-01", USE_CASE)


@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), max_size=4))
def test_damaged_bytes_are_read_or_refused_but_never_a_crash(
    changes: list[tuple[int, int]],
) -> None:
    damaged = bytearray(CONTENT)
    for position, byte in changes:
        damaged[position] = byte

    with suppress(BatchError):
        raw = describe(bytes(damaged), "a.parquet", "a", USE_CASE)
        assert raw.manifest["md5"] == bytes_md5(bytes(damaged))


@pytest.mark.parametrize(
    "error",
    [
        pa.ArrowInvalid("broken"),
        pa.ArrowNotImplementedError("unknown type"),
        OSError("broken"),
        UnicodeDecodeError("utf-8", b"\xce", 0, 1, "unexpected end of data"),
    ],
)
def test_whatever_the_reader_says_of_a_file_becomes_one_error(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise error

    monkeypatch.setattr(pq, "ParquetFile", fail)

    with pytest.raises(BatchError, match="no whole Parquet file"):
        describe(CONTENT, "a.parquet", "a", USE_CASE)


def test_delimited_text_becomes_columns_of_text_and_says_how_it_is_written() -> None:
    raw = describe(b"a;b\n1,5;007\n2,5;\n", "2020-01.csv", "2020-01", USE_CASE)

    assert raw.table is not None
    assert raw.table.to_pydict() == {"a": ["1.5", "2.5"], "b": ["007", None]}
    assert raw.manifest["rows"] == 2
    assert raw.manifest["columns"] == {"a": "string", "b": "string"}
    assert raw.manifest["delimited"]["separator"] == ";"
    assert raw.manifest["delimited"]["decimal"] == ","


def test_delimited_text_that_is_broken_is_an_error_that_names_the_line() -> None:
    with pytest.raises(BatchError, match=r"batch 2020-01: 2020-01\.csv.*line 3"):
        describe(b"a,b\n1,2\n3\n", "2020-01.csv", "2020-01", USE_CASE)


def test_a_parquet_file_is_kept_as_it_is_and_read_by_no_other() -> None:
    assert describe(CONTENT, "a.parquet", "a", USE_CASE).table is None


def test_an_empty_batch_is_described_as_it_is() -> None:
    empty = _parquet(pa.table({"a": pa.array([], pa.int64())}))

    assert describe(empty, "a.parquet", "a", USE_CASE).manifest["rows"] == 0


def test_the_bytes_of_a_batch_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"\x00\r\n\xff")

    assert read_batch(path) == b"\x00\r\n\xff"


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_batch_that_cannot_be_read_is_an_error(is_folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    if is_folder:
        path.mkdir()

    with pytest.raises(BatchError, match=r"cannot read a\.parquet"):
        read_batch(path)


def _manifest(batch: str, md5: str) -> dict[str, Any]:
    return {"batch": batch, "file": f"{batch}.parquet", "md5": md5}


def test_the_same_content_under_another_name_is_an_error() -> None:
    others = {"a": _manifest("a", "1"), "b": _manifest("b", "2")}

    with pytest.raises(BatchError, match=r"c\.parquet has the same content as batch b"):
        require_new_content(_manifest("c", "2"), others)


@pytest.mark.parametrize("md5", ["2", "3"])
def test_a_batch_may_be_delivered_again(md5: str) -> None:
    require_new_content(_manifest("b", md5), {"a": _manifest("a", "1"), "b": _manifest("b", "2")})


@pytest.mark.parametrize(
    ("last_day", "in_force"),
    [("never", True), ("2026-05-31", True), ("2026-05-30", False), ("2027-01-01", True)],
)
def test_a_licence_is_in_force_up_to_its_last_day(last_day: str | None, in_force: bool) -> None:
    source = Source(**{**USE_CASE.source.model_dump(), "licence_expires": last_day})

    assert licence_is_in_force(source, date(2026, 5, 31)) is in_force
