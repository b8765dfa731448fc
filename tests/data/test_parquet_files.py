"""Tables as files: the same rows give the same bytes, and come back in chunks as they were."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data import parquet_files
from mlops_assets.data.parquet_files import ChunkWriter, read_chunks, write_table

TABLE = pa.table(
    {"a": pa.array(range(300)), "b": [None if i % 7 == 0 else str(i % 20) for i in range(300)]}
)


@given(cuts=st.lists(st.integers(0, 300), max_size=6))
def test_how_rows_are_divided_into_tables_does_not_count(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_files, "GROUP_ROWS", 64)
        write_table(TABLE, folder / "whole.parquet")
        bounds = [0, *sorted(cuts), 300]
        with ChunkWriter(TABLE.schema, folder / "pieces.parquet") as writer:
            for low, high in pairwise(bounds):
                writer.write(TABLE[low:high])

    assert (folder / "pieces.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    assert pq.read_table(folder / "pieces.parquet").equals(TABLE)
    assert pq.ParquetFile(folder / "pieces.parquet").num_row_groups == 5


def test_row_groups_are_of_one_size(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array(range(2 * parquet_files.GROUP_ROWS + 1))})
    write_table(table, tmp_path / "a.parquet")

    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert [metadata.row_group(i).num_rows for i in range(3)] == [131_072, 131_072, 1]


def test_metadata_is_left_out(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "bare.parquet")
    write_table(TABLE.replace_schema_metadata({"when": "now"}), tmp_path / "said.parquet")

    assert (tmp_path / "bare.parquet").read_bytes() == (tmp_path / "said.parquet").read_bytes()


def test_a_table_without_rows_is_a_file_with_its_columns(tmp_path: Path) -> None:
    write_table(TABLE[:0], tmp_path / "a.parquet")

    assert pq.read_table(tmp_path / "a.parquet").equals(TABLE[:0])
    assert list(read_chunks(tmp_path / "a.parquet")) == []


@pytest.mark.parametrize(
    "other", [TABLE.select(["a"]), TABLE.select(["b", "a"]), pa.table({"a": [1.0], "b": ["x"]})]
)
def test_another_schema_is_an_error(other: pa.Table, tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="in a file of"),
        ChunkWriter(TABLE.schema, tmp_path / "a.parquet") as writer,
    ):
        writer.write(other)


def test_rows_come_back_in_chunks_in_their_order(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=70)

    chunks = list(read_chunks(tmp_path / "a.parquet", ["b"], rows=50))

    assert max(chunk.num_rows for chunk in chunks) <= 50
    assert pa.concat_tables(chunks).equals(TABLE.select(["b"]))
