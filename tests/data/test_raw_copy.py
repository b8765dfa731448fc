"""The raw copy: what a batch is, and what is no batch."""

import gzip
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

from mlops_assets.data import raw_copy
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.raw_copy import describe, licence_is_in_force, require_new_content
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
        "licence_expires": date(2030, 12, 31),
    },
    target={"column": "hit", "type": "integer"},
    columns={
        "a": {"type": "number"},
        "b": {"type": "string", "role": "leak", "nullable": True, "since": "2020-02"},
        "c": {"type": "string", "role": "ignored", "known_at_prediction": False},
    },
    training={"first_batches": 1},
    policy={"ai_act_class": "minimal"},
)


def _parquet(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


CONTENT = _parquet(pa.table({"a": pa.array(range(50), pa.int32()), "b": ["x", "y"] * 25}))


def _describe(
    content: bytes, folder: Path, file: str = "data.parquet", origin: Any = None
) -> dict[str, Any]:
    (folder / file).write_bytes(content)
    return describe(
        folder,
        file=file,
        fingerprint="f",
        origin={"file": "2020-01.parquet"} if origin is None else origin,
        batch="2020-01",
        use_case=USE_CASE,
    )


def test_the_manifest_says_what_the_batch_is(tmp_path: Path) -> None:
    origin = {"file": "2020-01.parquet", "md5": "f", "bytes": len(CONTENT)}

    assert _describe(CONTENT, tmp_path, origin=origin) == {
        "batch": "2020-01",
        "fingerprint": "f",
        "file": "2020-01.parquet",
        "md5": "f",
        "bytes": len(CONTENT),
        "rows": 50,
        "columns": {"a": "int32", "b": "string"},
        "licence": "CC0-1.0",
        "licence_expires": "2030-12-31",
        "attribution": "the makers",
        "terms": "none",
        "owner": "team:numbers",
        "facts": {
            "a": {"known_at_prediction": True, "since": None},
            "b": {"known_at_prediction": False, "since": "2020-02"},
            "c": {"known_at_prediction": False, "since": None},
        },
    }
    assert (tmp_path / "data.parquet").read_bytes() == CONTENT


def test_the_owner_of_the_source_comes_before_that_of_the_use_case(tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_bytes(CONTENT)
    source = USE_CASE.source.model_copy(update={"owner": "team:warehouse"})

    manifest = describe(
        tmp_path,
        file="data.parquet",
        fingerprint="f",
        origin={},
        batch="a",
        use_case=USE_CASE.model_copy(update={"source": source}),
    )

    assert manifest["owner"] == "team:warehouse"
    assert not {"file", "md5", "bytes"}.intersection(manifest)


@given(st.integers(0, len(CONTENT) - 1))
def test_a_file_cut_off_anywhere_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    with pytest.raises(BatchError, match=r"batch 2020-01: 2020-01\.parquet is no whole Parquet"):
        _describe(CONTENT[:length], tmp_path_factory.mktemp("cut"))


@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), max_size=4))
def test_damaged_bytes_are_read_or_refused_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(CONTENT)
    for position, byte in changes:
        damaged[position] = byte

    with suppress(BatchError):
        _describe(bytes(damaged), tmp_path_factory.mktemp("damaged"))


def test_one_flipped_bit_is_found_where_the_file_has_checksums(tmp_path: Path) -> None:
    numbers = pa.table({"a": pa.array(range(1000), pa.int64())})
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    content = bytearray(_parquet(numbers, write_page_checksum=True, **plain))
    content[content.index((500).to_bytes(8, "little"))] ^= 1

    with pytest.raises(BatchError, match="no whole Parquet file"):
        _describe(bytes(content), tmp_path)


def test_a_text_that_is_no_utf_8_is_an_error_that_does_not_show_it(tmp_path: Path) -> None:
    content = _parquet(pa.table({"a": ["secret"]}), compression="none", use_dictionary=False)
    damaged = content.replace(b"\x06\x00\x00\x00secret", b"\x06\x00\x00\x00secre\xff")

    with pytest.raises(BatchError, match="no whole Parquet file") as caught:
        _describe(damaged, tmp_path)
    assert "secre" not in str(caught.value)


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
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_: Any) -> None:
        raise error

    monkeypatch.setattr(raw_copy, "open_parquet", fail)

    with pytest.raises(BatchError, match="no whole Parquet file"):
        _describe(CONTENT, tmp_path)


TEXT = b"a;b\n1,5;007\n2,5;\n"


@pytest.mark.parametrize("packed", [False, True])
def test_delimited_text_becomes_columns_of_text_beside_it(packed: bool, tmp_path: Path) -> None:
    content = gzip.compress(TEXT) if packed else TEXT
    file = "original.csv.gz" if packed else "original.csv"

    manifest = _describe(content, tmp_path, file, {"file": "2020-01.csv"})

    table = pq.read_table(tmp_path / "data.parquet")
    assert table.to_pydict() == {"a": ["1.5", "2.5"], "b": ["007", None]}
    assert (tmp_path / file).read_bytes() == content
    assert manifest["rows"] == 2
    assert manifest["columns"] == {"a": "string", "b": "string"}
    assert manifest["delimited"]["separator"] == ";"
    assert manifest["delimited"]["decimal"] == ","
    assert manifest["delimited"]["compression"] == ("gzip" if packed else None)


def test_delimited_text_that_is_broken_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"batch 2020-01: 2020-01\.csv.*line 3"):
        _describe(b"a,b\n1,2\n3\n", tmp_path, "original.csv", {"file": "2020-01.csv"})


def test_an_empty_batch_is_described_as_it_is(tmp_path: Path) -> None:
    empty = _parquet(pa.table({"a": pa.array([], pa.int64())}))

    assert _describe(empty, tmp_path)["rows"] == 0


def _manifest(batch: str, fingerprint: str) -> dict[str, Any]:
    return {"batch": batch, "file": f"{batch}.parquet", "fingerprint": fingerprint}


def test_the_same_content_under_another_name_is_an_error() -> None:
    others = {"a": _manifest("a", "1"), "b": _manifest("b", "2")}

    with pytest.raises(BatchError, match=r"c\.parquet has the same content as batch b"):
        require_new_content(_manifest("c", "2"), others)


@pytest.mark.parametrize("fingerprint", ["2", "3"])
def test_a_batch_may_be_delivered_again(fingerprint: str) -> None:
    others = {"a": _manifest("a", "1"), "b": _manifest("b", "2")}

    require_new_content(_manifest("b", fingerprint), others)


def test_what_a_database_says_of_two_batches_may_be_the_same() -> None:
    rows = {"batch": "b", "fingerprint": "100 rows"}

    require_new_content(rows, {"a": {"batch": "a", "fingerprint": "100 rows"}})


@pytest.mark.parametrize(
    ("last_day", "in_force"),
    [("never", True), ("2026-05-31", True), ("2026-05-30", False), ("2027-01-01", True)],
)
def test_a_licence_is_in_force_up_to_its_last_day(last_day: str, in_force: bool) -> None:
    source = Source(**{**USE_CASE.source.model_dump(), "licence_expires": last_day})

    assert licence_is_in_force(source, date(2026, 5, 31)) is in_force
