"""Files cut into batches by a column: no row lost or twice, whatever the files look like."""

import gzip
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cut_sources import SOURCE, cut_source, rows_of
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.periods import period_name
from mlops_assets.source_declaration import Period
from resources.sources import period_rows
from resources.sources.base import SourceError
from resources.sources.files import FileSource
from resources.sources.periods import CutSource
from resources.sources.storage import StoredFile


def copies(source: CutSource, folder: Path) -> dict[str, pa.Table]:
    """Every batch that is delivered, copied; each copy is the delivery that was announced."""
    copied = {}
    for delivery in source.deliveries():
        target = folder / delivery.name
        target.mkdir(parents=True)
        assert source.copy(delivery.name, target).delivery == delivery
        copied[delivery.name] = pq.read_table(target / "data.parquet")
    return copied


DAYS = st.lists(
    st.dates(date(2023, 11, 1), date(2024, 5, 31)) | st.just(date(2024, 2, 29)),
    min_size=1,
    max_size=60,
)
PERIODS: st.SearchStrategy[Period] = st.sampled_from(("day", "week", "month", "quarter"))


@given(DAYS, PERIODS, st.lists(st.integers(0, 60), max_size=3), st.integers(1, 20))
def test_every_row_is_in_its_batch_however_the_files_are_cut(
    tmp_path_factory: pytest.TempPathFactory,
    days: list[date],
    period: Period,
    cuts: list[int],
    group: int,
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    table = rows_of(days)
    for name in ("one", "several", "copies"):
        (folder / name).mkdir()
    pq.write_table(table, folder / "one" / "a.parquet")
    bounds = [0, *sorted(cuts), len(days)]
    for place, (low, high) in enumerate(pairwise(bounds)):
        some = table[low:high]
        if place % 2:
            some = some.set_column(2, "city", some["city"].dictionary_encode())
        pq.write_table(some, folder / "several" / f"{place}.parquet", row_group_size=group)

    today = date(2024, 7, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(period_rows, "PIECE_ROWS", 7)
        batches = copies(
            cut_source(folder / "several", today, period=period), folder / "copies" / "several"
        )
    one = copies(cut_source(folder / "one", today, period=period), folder / "copies" / "one")

    assert batches == one
    for name in one:
        paths = [folder / "copies" / kind / name / "data.parquet" for kind in ("one", "several")]
        assert paths[0].read_bytes() == paths[1].read_bytes()
    expected: dict[str, list[int]] = {}
    for place, day in enumerate(days):
        expected.setdefault(period_name(day, period), []).append(place)
    assert {name: rows["id"].to_pylist() for name, rows in batches.items()} == expected
    assert list(batches) == sorted(batches)


def test_one_changed_value_changes_its_batch_and_no_other(tmp_path: Path) -> None:
    table = rows_of([date(2024, 1, 1), date(2024, 2, 1), date(2024, 2, 2), date(2024, 3, 1)])
    pq.write_table(table, tmp_path / "a.parquet")
    source = cut_source(tmp_path)
    before = source.deliveries()

    cities = table["city"].to_pylist()
    cities[2] = "elsewhere"
    pq.write_table(
        table.set_column(2, "city", pa.array([cities]).flatten()), tmp_path / "a.parquet"
    )
    after = source.deliveries()

    assert [b.name for b in before] == ["2024-01", "2024-02", "2024-03"]
    assert [b == a for b, a in zip(before, after, strict=True)] == [True, False, True]


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read since."""
    read: list[str] = []
    read_file = CutSource._read_file

    def noting(self: CutSource, file: StoredFile, *others: Any) -> Any:
        read.append(file.name)
        return read_file(self, file, *others)

    monkeypatch.setattr(CutSource, "_read_file", noting)
    return read


def test_a_new_file_is_read_and_those_before_it_are_not(
    tmp_path: Path, read_files: list[str]
) -> None:
    pq.write_table(rows_of([date(2024, 1, 1), date(2024, 2, 1)]), tmp_path / "a.parquet")
    source = cut_source(tmp_path)
    first = source.deliveries()
    assert source.deliveries() == first
    pq.write_table(rows_of([date(2024, 2, 2)], 2), tmp_path / "b.parquet")
    second = source.deliveries()
    assert read_files == ["a.parquet", "b.parquet"]
    assert second == cut_source(tmp_path).deliveries()
    assert second[0] == first[0] and second[1] != first[1]

    del read_files[:]
    pq.write_table(rows_of([date(2024, 1, 1)]), tmp_path / "a.parquet")
    third = source.deliveries()
    assert read_files == ["a.parquet", "b.parquet"]
    assert third == cut_source(tmp_path).deliveries()

    (tmp_path / "b.parquet").unlink()
    assert [b.name for b in source.deliveries()] == ["2024-01"]


def test_a_period_is_a_delivery_once_it_is_over(tmp_path: Path) -> None:
    pq.write_table(rows_of([date(2024, 5, 31), date(2024, 6, 1)]), tmp_path / "a.parquet")

    assert [b.name for b in cut_source(tmp_path).deliveries()] == ["2024-05"]
    july = cut_source(tmp_path, date(2024, 7, 1))
    assert [b.name for b in july.deliveries()] == ["2024-05", "2024-06"]
    with pytest.raises(SourceError, match="no month of column 'day' is over yet"):
        cut_source(tmp_path, date(2024, 5, 31)).deliveries()
    with pytest.raises(SourceError, match="'2024-06' is not over yet"):
        cut_source(tmp_path).copy("2024-06", tmp_path)


def test_the_clock_is_utc_unless_another_is_given(tmp_path: Path) -> None:
    pq.write_table(rows_of([date(2024, 5, 31), date(9999, 1, 1)]), tmp_path / "a.parquet")

    source = CutSource(FileSource(tmp_path, SOURCE), SOURCE)

    assert [b.name for b in source.deliveries()] == ["2024-05"]


def test_the_copy_says_what_it_is_from(tmp_path: Path) -> None:
    for name, day in (("a", date(2024, 1, 1)), ("b", date(2024, 2, 1)), ("c", date(2024, 1, 9))):
        pq.write_table(rows_of([day]), tmp_path / f"{name}.parquet")
    (tmp_path / "out").mkdir()

    copy = cut_source(tmp_path).copy("2024-01", tmp_path / "out")

    assert copy.file == "data.parquet"
    assert copy.origin == {
        "files": ["a.parquet", "c.parquet"],
        "batch": {"column": "day", "period": "month"},
    }


def _as_csv(table: pa.Table, path: Path) -> None:
    lines = [";".join(table.schema.names)]
    lines += [";".join("" if v is None else str(v) for v in r.values()) for r in table.to_pylist()]
    content = "\n".join([*lines, ""]).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def test_delimited_text_is_cut_as_text(tmp_path: Path) -> None:
    _as_csv(rows_of([date(2024, 1, 1), date(2024, 2, 1)]), tmp_path / "a.csv")
    _as_csv(rows_of([date(2024, 1, 2)], 2), tmp_path / "b.csv.gz")
    source = cut_source(tmp_path, pattern="*.csv*")

    batches = copies(source, tmp_path / "out")

    assert batches["2024-01"].to_pydict() == {
        "id": ["0", "2"],
        "day": ["2024-01-01", "2024-01-02"],
        "city": ["city 0", "city 2"],
    }
    origin = source.copy("2024-01", tmp_path).origin
    assert {name: facts["compression"] for name, facts in origin["delimited"].items()} == {
        "a.csv": None,
        "b.csv.gz": "gzip",
    }
    assert {facts["separator"] for facts in origin["delimited"].values()} == {";"}


def test_row_groups_that_cannot_hold_the_batch_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(120)]
    pq.write_table(rows_of(days), tmp_path / "a.parquet", row_group_size=10)
    seen: list[int] = []
    rows = period_rows.Piece.rows_of
    monkeypatch.setattr(
        period_rows.Piece, "rows_of", lambda p, n: (seen.append(p.rows.num_rows), rows(p, n))[1]
    )

    cut_source(tmp_path).copy("2024-02", tmp_path)

    assert sum(seen) == 30
    assert pq.read_table(tmp_path / "data.parquet").num_rows == 29


def test_the_local_day_counts_where_statistics_are_in_utc(tmp_path: Path) -> None:
    moments = [datetime(2024, 1, 31, 20, tzinfo=UTC), datetime(2024, 2, 29, 20, tzinfo=UTC)]
    column = pa.array(moments, pa.timestamp("us", "+10:00"))
    pq.write_table(pa.table({"day": column}), tmp_path / "a.parquet", row_group_size=1)

    batches = copies(cut_source(tmp_path), tmp_path / "out")

    assert {name: rows.num_rows for name, rows in batches.items()} == {"2024-02": 1, "2024-03": 1}


def test_values_name_batches_at_once(tmp_path: Path) -> None:
    table = pa.table({"season": ["s2", "s1", "s2"], "id": [1, 2, 3]})
    pq.write_table(table, tmp_path / "a.parquet")

    batches = copies(cut_source(tmp_path, period="value", column="season"), tmp_path / "out")

    assert {name: rows["id"].to_pylist() for name, rows in batches.items()} == {
        "s1": [2],
        "s2": [1, 3],
    }


def test_decimal_commas_become_points_in_columns_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day;price;note\n2024-01-01;1,5;2,5\n")
    source = replace(cut_source(tmp_path, pattern="*.csv"), numbers=frozenset({"price"}))

    [rows] = copies(source, tmp_path / "out").values()

    assert rows.to_pydict() == {"day": ["2024-01-01"], "price": ["1.5"], "note": ["2,5"]}


def test_another_order_of_the_columns_is_none(tmp_path: Path) -> None:
    table = rows_of([date(2024, 1, 1)])
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table.select(["city", "id", "day"]), tmp_path / "b.parquet")

    [rows] = copies(cut_source(tmp_path), tmp_path / "out").values()

    assert rows.equals(pa.concat_tables([table, table]))
