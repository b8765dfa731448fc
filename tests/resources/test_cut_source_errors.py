"""Files that cannot be cut into batches for sure: a clear error, and no row lost in silence."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cut_sources import cut_source, rows_of

from resources.sources import period_rows
from resources.sources.base import SourceError, SourceLostError


@pytest.mark.parametrize("name", ["2024-03", "2024-13", "../x", "2024"])
def test_a_batch_that_is_not_there_is_an_error(name: str, tmp_path: Path) -> None:
    pq.write_table(rows_of([date(2024, 1, 1)]), tmp_path / "a.parquet")

    with pytest.raises(SourceError, match="is not in the source folder"):
        cut_source(tmp_path).copy(name, tmp_path)


def test_broken_text_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day,id\n2024-01-01,1\nsecret\n")

    with pytest.raises(SourceError, match=r"^a\.csv, line 3: 1 field") as caught:
        cut_source(tmp_path, pattern="*.csv").deliveries()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("bad", [None, "soon", "2024-02-30"])
def test_rows_without_a_date_are_an_error_and_never_lost(bad: str | None, tmp_path: Path) -> None:
    days = pa.array(["2024-01-01"] * 50 + [bad, bad] + ["2024-03-01"] * 50)
    pq.write_table(pa.table({"day": days}), tmp_path / "a.parquet", row_group_size=10)
    problem = r"a\.parquet in .*: 2 row\(s\) have no date in column 'day' \(string\)"

    for read in (
        cut_source(tmp_path).deliveries,
        lambda: cut_source(tmp_path).copy("2024-01", tmp_path),
    ):
        with pytest.raises(SourceError, match=problem) as caught:
            read()
        assert "soon" not in str(caught.value)


def test_a_missing_date_is_found_where_statistics_would_pass_over_it(tmp_path: Path) -> None:
    days = [date(2024, 1, 1)] * 5 + [date(2024, 3, 1)] * 4 + [None]
    pq.write_table(rows_of(days), tmp_path / "a.parquet", row_group_size=5)

    with pytest.raises(SourceError, match=r"1 row\(s\) have no date"):
        cut_source(tmp_path).copy("2024-01", tmp_path)


@pytest.mark.parametrize(
    "days",
    [
        pa.array([0, 2**60], pa.timestamp("us")),
        pa.array([0, 2**60], pa.timestamp("us", "UTC")),
        pa.array([0, 10**7], pa.date32()),
    ],
)
def test_a_date_beyond_the_calendar_is_an_error(days: pa.Array, tmp_path: Path) -> None:
    pq.write_table(pa.table({"day": days}), tmp_path / "a.parquet")

    for read in (
        cut_source(tmp_path).deliveries,
        lambda: cut_source(tmp_path).copy("1970-01", tmp_path),
    ):
        with pytest.raises(SourceError, match=r"1 row\(s\) have no date in column 'day'"):
            read()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["2024", "../x"], "cannot name batches"),
        (["a b"], "cannot name batches"),
        ([9, 10], "do not sort by time as text"),
        (["apr-2024", "jan-2024"], "write the year first"),
        (["31-12-2023", "01-01-2024"], "write the year first"),
        (["1", ""], r"1 row\(s\) have no value in column 'season'"),
    ],
)
def test_values_that_cannot_name_batches_are_an_error(
    values: list[Any], problem: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"season": values}), tmp_path / "a.parquet")

    with pytest.raises(SourceError, match=problem):
        cut_source(tmp_path, period="value", column="season").deliveries()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.drop_columns(["city"]), "lacks column 'city' of the first"),
        (lambda t: t.append_column("x", pa.array([1])), "has column 'x', which the first"),
        (
            lambda t: t.set_column(0, "id", pa.array([1.5])),
            "has column 'id' as double, the first file as int64",
        ),
        (lambda t: t.drop_columns(["day"]), "has no column 'day'"),
        (lambda t: t.rename_columns(["id", "day", "id"]), "two columns of one name"),
    ],
)
def test_files_with_other_columns_are_an_error(
    change: Callable[[pa.Table], pa.Table], problem: str, tmp_path: Path
) -> None:
    table = rows_of([date(2024, 1, 1)])
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(change(table), tmp_path / "b.parquet")

    for read in (
        cut_source(tmp_path).deliveries,
        lambda: cut_source(tmp_path).copy("2024-01", tmp_path),
    ):
        with pytest.raises(SourceError, match=rf"b\.parquet.* {problem}"):
            read()


def test_columns_of_text_go_by_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day,id\n2024-01-01,1\n")
    (tmp_path / "b.csv").write_text("day,secret\n2024-01-01,1\n")

    with pytest.raises(SourceError, match=r"b\.csv in .* lacks column number 2 of the") as caught:
        cut_source(tmp_path, pattern="*.csv").deliveries()
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_parquet_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"not at all")

    with pytest.raises(SourceError, match=r"a\.parquet in .* is no whole Parquet file"):
        cut_source(tmp_path).deliveries()


def test_a_file_that_changes_while_it_is_read_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = rows_of([date(2024, 1, 1)])
    pq.write_table(table, tmp_path / "a.parquet")
    rows = period_rows.Piece.rows_of

    def meanwhile(piece: period_rows.Piece, name: str) -> pa.Table:
        pq.write_table(pa.concat_tables([table, table]), tmp_path / "a.parquet")
        return rows(piece, name)

    monkeypatch.setattr(period_rows.Piece, "rows_of", meanwhile)

    with pytest.raises(SourceLostError, match=r"a\.parquet changed while it was read"):
        cut_source(tmp_path).copy("2024-01", tmp_path)
