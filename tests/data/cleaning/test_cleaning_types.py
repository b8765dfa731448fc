"""What a whole batch becomes where its columns have other types than the declared ones."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from changed_batches import with_column

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]


def test_strings_in_an_integer_column_that_are_no_numbers_are_quarantined(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=4), "parcels", ["1", "two", "3", "n/a"], pa.string())

    cleaned = clean(batch, make_use_case(), "2020-01")

    assert cleaned.rows.column("parcels").to_pylist() == [1, 3]
    assert cleaned.counts["reasons"] == {"parcels:type": 2}
    assert cleaned.quarantine.column("parcels").to_pylist() == ["two", "n/a"]


def test_a_category_is_new_where_no_values_are_declared_and_wrong_where_they_are(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=3), "city", ["Ghent", "Oslo", "Ghent"], pa.string())
    batch = with_column(batch, "size", ["small", "small", "huge"], pa.string())

    cleaned = clean(batch, make_use_case(), "2020-01")

    assert cleaned.rows.column("city").to_pylist() == ["Ghent", "Oslo"]
    assert cleaned.counts["reasons"] == {"size:not allowed": 1}


def test_a_list_is_no_text(make_use_case: MakeUseCase, make_batch: MakeBatch) -> None:
    batch = with_column(
        make_batch(rows=2), "note", [["ring", "twice"], None], pa.list_(pa.string())
    )

    cleaned = clean(batch, make_use_case(), "2020-01")

    assert cleaned.counts["reasons"] == {"note:type": 1}


def test_integers_in_a_string_column_read_the_same_with_and_without_a_missing_one(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    whole = with_column(make_batch(rows=3), "note", [1, 2, 2**60 + 1], pa.int64())
    gaps = with_column(make_batch(rows=3), "note", [1, None, 2**60 + 1], pa.int64())

    kept = [
        clean(b, make_use_case(), "2020-01").rows.column("note").to_pylist() for b in (whole, gaps)
    ]

    assert kept == [["1", "2", str(2**60 + 1)], ["1", None, str(2**60 + 1)]]


@pytest.mark.parametrize(
    "texts", [["2020-01-02T00:00+01:00", "2020-01-02T00:00+05:00"], ["10:00", "01/02/2020"]]
)
def test_a_time_that_only_a_guess_could_read_is_quarantined(
    texts: list[str], make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=2), "due", texts, pa.string())

    cleaned = clean(batch, make_use_case(), "2020-01")

    assert cleaned.counts["reasons"] == {"due:type": 2}


def test_a_time_beyond_the_calendar_is_quarantined(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=2), "due", [2**62, 2**62], pa.timestamp("s"))

    assert clean(batch, make_use_case(), "2020-01").counts["reasons"] == {"due:type": 2}


def test_a_time_with_a_zone_keeps_its_local_time(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = make_batch(rows=1)
    due = batch.column("due").cast(pa.timestamp("us", "America/New_York"))

    cleaned = clean(batch.set_column(0, "due", due), make_use_case(), "2020-01")

    utc = batch.column("due").to_pylist()[0]
    assert (utc - cleaned.rows.column("due").to_pylist()[0]).total_seconds() == 5 * 3600


def test_category_codes_of_arrow_are_read_as_their_values(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = make_batch(rows=5)
    for name in ("due", "city", "parcels"):
        position = batch.column_names.index(name)
        batch = batch.set_column(position, name, batch.column(name).dictionary_encode())

    cleaned = clean(batch, make_use_case(), "2020-01")

    assert cleaned.rows.equals(clean(make_batch(rows=5), make_use_case(), "2020-01").rows)


def test_a_number_beyond_what_models_compute_with_is_quarantined(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = make_batch(rows=3)
    weights = pa.array([1.0, 1e39, 3.0e38])
    spoiled = batch.set_column(batch.column_names.index("weight"), "weight", weights)
    cleaned = clean(spoiled, make_use_case(), "2020-01")
    assert cleaned.quarantine.column("row").to_pylist() == [1]
    assert cleaned.quarantine.column("reasons").to_pylist() == [["weight:type"]]


def test_codes_for_missing_are_missing_whatever_type_delivers_them(
    make_use_case: MakeUseCase, make_batch: MakeBatch, declared: Callable[[], dict[str, Any]]
) -> None:
    columns = declared()["columns"]
    columns["weight"]["missing"] = [999, "?"]
    columns["parcels"]["missing"] = [-1]
    batch = make_batch(rows=3)
    texts = batch.set_column(
        batch.column_names.index("weight"), "weight", pa.array(["999", "999.5", " ? "])
    ).set_column(batch.column_names.index("parcels"), "parcels", pa.array([-1, 5, 6]))

    cleaned = clean(texts, make_use_case(columns=columns), "2020-01")

    assert cleaned.rows.column("weight").to_pylist() == [999.5, None]
    assert cleaned.counts["reasons"] == {"parcels:missing": 1}
    assert cleaned.quarantine.column("parcels").to_pylist() == [-1]
