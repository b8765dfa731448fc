"""Cleaning by declared rules: what is counted for each, and what each severity costs a row."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaning import Cleaning, clean
from mlops_assets.data.cleaning.fates import adds_up, quarantined_share
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]
Declared = Callable[[], dict[str, Any]]


def _with(batch: pa.Table, name: str, values: Any, kind: pa.DataType | None = None) -> pa.Table:
    return batch.set_column(batch.column_names.index(name), name, pa.array(values, kind))


def _cleaned(
    raw: pa.Table, use_case: UseCase, chunk: int = 3
) -> tuple[Cleaning, pa.Table, pa.Table]:
    def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
        wanted = raw if columns is None else raw.select(list(columns))
        for start in range(0, raw.num_rows, chunk):
            yield wanted.slice(start, chunk)

    cleaning = Cleaning(read, raw.schema, use_case, "2020-01")
    chunks = list(cleaning.chunks())
    rows = pa.concat_tables([chunk.rows for chunk in chunks])
    return cleaning, rows, pa.concat_tables([chunk.quarantine for chunk in chunks])


def _rule(cleaning: Cleaning, check: str) -> dict[str, Any]:
    return next(rule for rule in cleaning.rules if rule["check"] == check)


def test_every_declared_rule_is_counted_with_the_first_rows_that_break_it(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    parcels = ["5"] * 30
    for row in range(0, 26, 2):
        parcels[row] = "-1"
    parcels[1] = "many"
    cleaning, _, _ = _cleaned(_with(make_batch(rows=30), "parcels", parcels), make_use_case())

    low = _rule(cleaning, "parcels_at_least_0")
    assert (low["rows"], low["examples"]) == (13, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
    assert low["code"] == "parcels:below minimum" and low["severity"] == "error"
    unreadable = _rule(cleaning, "parcels_is_integer")
    assert (unreadable["rows"], unreadable["examples"]) == (1, [1])
    assert _rule(cleaning, "parcels_is_present")["rows"] == 0
    assert "many" not in str(cleaning.rules) + str(cleaning.counts)


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_a_warning_keeps_the_row_and_counts_it(
    severity: str, make_use_case: MakeUseCase, make_batch: MakeBatch, declared: Declared
) -> None:
    columns = declared()["columns"]
    columns["parcels"]["severity"] = severity
    raw = _with(make_batch(rows=4), "parcels", [1, -1, 101, None], pa.int64())

    cleaning, rows, quarantine = _cleaned(raw, make_use_case(columns=columns))

    warns = severity == "warn"
    assert rows.column("parcels").to_pylist() == ([1, -1, 101] if warns else [1])
    # What is missing is never only a warning.
    assert quarantine.column("row").to_pylist() == ([3] if warns else [1, 2, 3])
    assert cleaning.counts["warned"] == (2 if warns else 0)
    assert _rule(cleaning, "parcels_at_most_100")["rows"] == 1
    assert ("parcels:above maximum" in cleaning.counts["reasons"]) is not warns


def test_a_rule_between_columns_is_not_broken_where_one_of_them_is_missing(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _with(make_batch(rows=4), "weight", [1.0, None, 9.0, 9.0], pa.float64())
    raw = _with(raw, "parcels", ["2", "2", "2", "?"])
    rules = [{"name": "light, each", "holds": "weight <= parcels", "reason": "by contract"}]

    cleaning, _, quarantine = _cleaned(raw, make_use_case(rows={"rules": rules}))

    assert quarantine.column("row").to_pylist() == [2, 3]
    assert quarantine.column("reasons").to_pylist() == [
        ["row:breaks light, each"],
        ["parcels:type"],
    ]
    rule = _rule(cleaning, "light_each_holds")
    assert rule["rule"] == "light, each: weight <= parcels: by contract"
    assert (rule["column"], rule["rows"], rule["examples"]) == (None, 1, [2])


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("colour == 'red'", "'colour' is not defined"),
        ("parcels >", "invalid syntax"),
        ("parcels + 1", "is no condition"),
        ("parcels > parcels.mean()", "'mean' in .* looks at more than one row"),
        ("parcels in group", "'in' in .* looks at more than one row"),
        ("city + parcels == 'Ghent3'", "do the columns' types fit|cannot evaluate"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_named_without_a_value(
    condition: str, problem: str, make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    rules = [{"name": "odd", "holds": condition}]

    with pytest.raises(BatchError, match=rf"rows\.rules 'odd': .*{problem}") as raised:
        _cleaned(make_batch(rows=3), make_use_case(rows={"rules": rules}))

    assert not any(city in str(raised.value) for city in ("Lille", "Metz"))


def test_duplicates_are_counted_apart_from_rows_with_another_fault(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _with(make_batch(rows=6), "city", ["Ghent", "Lille", "Ghent", "Ghent", "Ghent", "Lille"])
    raw = _with(raw, "parcels", [1, 1, 1, 2, 1, 1])
    raw = _with(raw, "group", [1, 1, 1, 1, 9, 2])
    use_case = make_use_case(rows={"unique_by": ["city", "parcels"]})

    cleaning, rows, quarantine = _cleaned(raw, use_case, chunk=2)

    assert rows.num_rows == 3
    assert quarantine.column("row").to_pylist() == [2, 4, 5]
    counts = cleaning.counts
    assert (counts["duplicates"], counts["quarantined"]) == (2, 1)
    assert counts["reasons"] == {"group:not allowed": 1, "row:duplicate": 3}
    assert adds_up(counts) and quarantined_share(counts) == pytest.approx(1 / 6)
    assert _rule(cleaning, "rows_are_unique")["examples"] == [2, 4, 5]


def test_duplicates_may_be_a_warning(make_use_case: MakeUseCase, make_batch: MakeBatch) -> None:
    batch = make_batch(rows=5)
    use_case = make_use_case(rows={"unique_by": "all", "duplicates": "warn"})

    cleaning, rows, _ = _cleaned(pa.concat_tables([batch, batch]), use_case)

    assert rows.num_rows == 10
    assert (cleaning.counts["duplicates"], cleaning.counts["warned"]) == (0, 5)


def test_a_row_whose_key_cannot_be_read_has_no_copy(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = _with(make_batch(rows=4), "minutes_late", ["x", "y", None, None], pa.string())

    cleaning, _, quarantine = _cleaned(raw, make_use_case(rows={"unique_by": ["minutes_late"]}))

    assert quarantine.column("reasons").to_pylist() == [
        ["minutes_late:type"],
        ["minutes_late:type"],
        ["row:duplicate"],
    ]
    assert cleaning.counts["duplicates"] == 1


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_outliers_lie_beyond_the_fences_of_the_whole_batch(
    severity: str, make_use_case: MakeUseCase, make_batch: MakeBatch, declared: Declared
) -> None:
    columns = declared()["columns"]
    columns["weight"]["outliers"] = {"beyond": 2.0, "severity": severity}
    weight = np.random.default_rng(5).gamma(2.0, 3.0, 300)
    weight[[7, 250]] = (500.0, 60.0)
    first, third = np.quantile(weight, (0.25, 0.75))
    expected = np.flatnonzero(
        (weight > third + 2 * (third - first)) | (weight < 3 * first - 2 * third)
    )

    cleaning, rows, quarantine = _cleaned(
        _with(make_batch(rows=300), "weight", weight), make_use_case(columns=columns), chunk=7
    )

    rule = _rule(cleaning, "weight_is_no_outlier")
    assert rule["rows"] == len(expected) and rule["examples"] == expected[:10].tolist()
    kept = severity == "warn"
    assert rows.num_rows == (300 if kept else 300 - len(expected))
    assert quarantine.column("row").to_pylist() == ([] if kept else expected.tolist())


def test_a_column_that_begins_later_may_be_absent_before(
    make_use_case: MakeUseCase, make_batch: MakeBatch, declared: Declared
) -> None:
    columns = declared()["columns"]
    columns["note"]["since"] = "2020-02"
    raw = make_batch(rows=4).drop_columns(["note"])

    cleaned = clean(raw, make_use_case(columns=columns), "2020-01")

    assert cleaned.rows.column("note").to_pylist() == [None] * 4
    with pytest.raises(BatchError, match=r"batch 2020-02 lacks column\(s\) \['note'\]"):
        clean(raw, make_use_case(columns=columns), "2020-02")


@pytest.mark.parametrize("values", [["yes", " no ", "maybe", None], ["yes", "no", "", None]])
def test_the_sources_words_for_the_classes_become_true_and_false(
    values: list[str | None], make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    target = {"column": "late", "positive": "yes", "negative": "no"}
    raw = _with(make_batch(rows=4), "late", values, pa.string())

    cleaned = clean(raw, make_use_case(target=target), "2020-01")

    assert cleaned.rows.column("late").to_pylist() == [True, False, None]
    assert cleaned.counts["reasons"] == {"late:type": 1}


@pytest.mark.parametrize("kind", [pa.int8(), pa.float32(), pa.string()])
def test_classes_written_as_numbers_are_compared_as_text(
    kind: pa.DataType, make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    target = {"column": "late", "positive": 2, "negative": 1}
    raw = _with(make_batch(rows=4), "late", pa.array([1, 2, 0, None]).cast(kind), kind)

    cleaned = clean(raw, make_use_case(target=target), "2020-01")

    assert cleaned.rows.column("late").to_pylist() == [False, True, None]
