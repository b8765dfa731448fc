"""Cleaning, case by case: what each kind of bad input becomes, and what the errors say."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from changed_batches import with_column

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.cleaning.fates import adds_up, quarantined_share
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]


def test_a_valid_batch_is_kept_whole_and_its_unlabelled_rows_are_counted(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    cleaned = clean(make_batch(rows=50), make_use_case(), "2020-01")

    assert cleaned.counts == {
        "batch": "2020-01",
        "rows_in": 50,
        "rows_out": 50,
        "quarantined": 0,
        "duplicates": 0,
        "removed": {},
        "reasons": {},
        "warned": 0,
        "corrected": 0,
        "unlabelled": 5,
        "unexpected_columns": [],
    }


@pytest.mark.parametrize("name", ["city", "minutes_late", "note"])
def test_a_missing_column_is_an_error_that_names_batch_and_column(
    name: str, make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    with pytest.raises(
        BatchError, match=rf"batch 2020-01 lacks column\(s\) \['{name}'\]\. Deliver"
    ):
        clean(make_batch().drop_columns([name]), make_use_case(), "2020-01")


def test_a_missing_target_is_called_the_target(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    with pytest.raises(BatchError, match=r"lacks the target column\(s\) \['late'\]"):
        clean(make_batch().drop_columns(["late"]), make_use_case(), "2020-01")


def test_a_renamed_column_is_an_error_that_names_both(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    renamed = make_batch().rename_columns({"city": "town"})

    with pytest.raises(BatchError, match=r"lacks column\(s\) \['city'\].*\['town'\].*renamed\?"):
        clean(renamed, make_use_case(), "2020-01")


def test_a_new_column_is_reported_and_left_out_of_the_rows_alone(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=3), "parcels", [1, -1, 2], pa.int64())
    batch = batch.append_column("colour", pa.array(["red", "green", "blue"]))

    cleaned = clean(batch, make_use_case(), "2020-01")

    assert cleaned.counts["unexpected_columns"] == ["colour"]
    assert "colour" not in cleaned.rows.column_names
    assert cleaned.quarantine.column("colour").to_pylist() == ["green"]


def test_two_columns_of_one_name_are_an_error(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = make_batch()

    with pytest.raises(BatchError, match=r"several columns called \['city'\]"):
        clean(batch.append_column("city", batch.column("city")), make_use_case(), "2020-01")


def test_a_batch_without_rows_is_an_error(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    with pytest.raises(BatchError, match="batch 2020-01 has no rows: deliver it again"):
        clean(make_batch(rows=0), make_use_case(), "2020-01")


def test_a_batch_without_one_good_row_is_quarantined_whole(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=3), "parcels", [None] * 3, pa.int64())

    cleaned = clean(batch, make_use_case(), "2020-01")

    assert cleaned.rows.num_rows == 0
    assert cleaned.counts["reasons"] == {"parcels:missing": 3}
    assert quarantined_share(cleaned.counts) == 1.0


def test_equal_rows_are_different_where_nothing_identifies_a_row(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = make_batch(rows=1)

    cleaned = clean(pa.concat_tables([batch, batch]), make_use_case(), "2020-01")

    assert cleaned.counts["rows_out"] == 2


def test_declared_removals_are_counted_in_order_after_validation(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=6), "parcels", [0, 0, 3, 60, 90, -1], pa.int64())
    batch = with_column(batch, "weight", [1.0, None, 1.0, 80.0, 80.0, 80.0], pa.float64())
    rules = [
        {"name": "empty", "remove_where": "parcels == 0", "reason": "nothing to deliver"},
        {"name": "freight", "remove_where": "weight > 50", "reason": "another service"},
        {"name": "none", "remove_where": "weight > 500", "reason": "cannot be"},
    ]

    cleaned = clean(batch, make_use_case(rows={"remove": rules}), "2020-01")

    assert cleaned.counts["removed"] == {"empty": 2, "freight": 2, "none": 0}
    assert cleaned.counts["quarantined"] == 1
    assert cleaned.rows.column("parcels").to_pylist() == [3]
    assert adds_up(cleaned.counts)


def test_a_missing_value_meets_no_condition(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=3), "weight", [None, 1.0, 9.0], pa.float64())
    rules = [{"name": "heavy", "remove_where": "weight > 5", "reason": "another service"}]

    cleaned = clean(batch, make_use_case(rows={"remove": rules}), "2020-01")

    assert cleaned.rows.column("weight").to_pylist() == [None, 1.0]


@pytest.mark.parametrize("condition", ["colour == 'red'", "parcels >", "parcels + city > 3"])
def test_a_condition_that_cannot_be_evaluated_is_named(
    condition: str, make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    rules = [{"name": "odd", "remove_where": condition, "reason": "a mistake"}]

    with pytest.raises(BatchError, match=r"rows\.remove 'odd': cannot evaluate"):
        clean(make_batch(rows=3), make_use_case(rows={"remove": rules}), "2020-01")


def test_an_integer_target_is_zero_or_one(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    batch = with_column(make_batch(rows=4), "late", [0, 1, 2, None], pa.int64())

    cleaned = clean(batch, make_use_case(target={"column": "late", "type": "integer"}), "2020-01")

    assert cleaned.rows.column("late").to_pylist() == [0, 1, None]
    assert cleaned.counts["reasons"] == {"late:not allowed": 1}
    assert cleaned.counts["unlabelled"] == 1


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"rows_out": 5}, False),
        ({"quarantined": 3}, False),
        ({"duplicates": 2}, False),
        ({"removed": {}}, False),
    ],
)
def test_counts_that_lose_a_row_do_not_add_up(change: dict[str, Any], holds: bool) -> None:
    removed = {"a": 3, "b": 1}
    counts = {"rows_in": 11, "rows_out": 4, "quarantined": 2, "duplicates": 1, "removed": removed}

    assert adds_up({**counts, **change}) is holds


def test_the_quarantined_share_of_nothing_is_everything() -> None:
    assert quarantined_share({"rows_in": 8, "quarantined": 2}) == 0.25
    assert quarantined_share({"rows_in": 0, "quarantined": 0}) == 1.0


@pytest.mark.parametrize("name", ["row", "reasons"])
def test_a_column_called_like_the_quarantines_own_is_kept_under_another_name(
    make_use_case: MakeUseCase, make_batch: MakeBatch, name: str
) -> None:
    batch = make_batch(rows=2).append_column(name, pa.array(["first", "second"]))
    bad = batch.set_column(batch.column_names.index("group"), "group", pa.array([1, 9]))

    quarantine = clean(bad, make_use_case(), "2020-01").quarantine

    assert quarantine.column(f"{name} (source)").to_pylist() == ["second"]
    assert quarantine.column_names[-2:] == ["row", "reasons"]
