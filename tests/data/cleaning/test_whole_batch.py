"""What only the whole batch says: zones, fences and copies, against simple reference answers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.data.cleaning.row_keys import later_copies, row_keys
from mlops_assets.data.cleaning.whole_batch import Survey, survey
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]
Declared = Callable[[], dict[str, Any]]


def _survey(raw: pa.Table, use_case: UseCase, asked: list[Any] | None = None) -> Survey:
    def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
        (asked if asked is not None else []).append(columns)
        for start in range(0, raw.num_rows, 5):
            yield raw.select(list(columns or raw.column_names)).slice(start, 5)

    return survey(read, raw.schema, use_case, None)


VALUES = st.sampled_from([None, 0.0, -0.0, 1.0, 2.5, 1e300])
TEXTS = st.sampled_from([None, "", "nan", "a", "b", "\0"])


@settings(max_examples=80)
@given(st.lists(st.tuples(VALUES, TEXTS, st.booleans() | st.none()), min_size=1, max_size=30))
def test_copies_are_those_that_pandas_finds(rows: list[tuple[Any, ...]]) -> None:
    numbers, texts, flags = (list(column) for column in zip(*rows, strict=True))
    table = pa.table(
        {
            "number": pa.array(numbers, pa.float64()),
            "text": pa.array(texts, pa.string()),
            "flag": pa.array(flags, pa.bool_()),
        }
    )

    found = later_copies(*row_keys(table, table.column_names), np.ones(len(rows), dtype=bool))

    expected = pd.DataFrame(rows, dtype=object).duplicated()
    assert found.tolist() == expected.tolist()


def test_rows_equal_in_one_hash_alone_are_no_copies() -> None:
    first = np.array([7, 7, 7, 3, 7], dtype=np.uint64)
    second = np.array([1, 2, 1, 1, 2], dtype=np.uint64)

    everything = later_copies(first, second, np.ones(5, dtype=bool))
    without_the_first = later_copies(first, second, np.array([False, True, True, True, True]))

    assert everything.tolist() == [False, False, True, False, True]
    assert without_the_first.tolist() == [False, False, False, False, True]


def test_columns_that_trade_values_make_another_key() -> None:
    table = pa.table({"a": pa.array([1, 2]), "b": pa.array([2, 1])})

    first, second = row_keys(table, ["a", "b"])

    assert first[0] != first[1] and second[0] != second[1]


def test_fences_are_those_of_all_readable_values(
    make_use_case: MakeUseCase, make_batch: MakeBatch, declared: Declared
) -> None:
    columns = declared()["columns"]
    columns["weight"].update(outliers={"beyond": 1.5}, missing=[999])
    raw = make_batch(rows=43)
    weights = ["999", "heavy", *raw.column("weight").cast(pa.string()).to_pylist()[2:]]
    raw = raw.set_column(raw.column_names.index("weight"), "weight", pa.array(weights))

    fences = _survey(raw, make_use_case(columns=columns)).delivered.fences["weight"]

    values = [float(text) for text in weights[2:] if text is not None]
    first, third = np.quantile(values, (0.25, 0.75))
    reach = 1.5 * (third - first)
    assert fences == pytest.approx((first - reach, third + reach))


@pytest.mark.parametrize("values", [[1.0] * 9 + [50.0], [None] * 10])
def test_there_are_no_fences_without_a_spread(
    values: list[float | None],
    make_use_case: MakeUseCase,
    make_batch: MakeBatch,
    declared: Declared,
) -> None:
    columns = declared()["columns"]
    columns["weight"]["outliers"] = {}
    raw = make_batch(rows=10)
    weight = pa.array(values, pa.float64())
    raw = raw.set_column(raw.column_names.index("weight"), "weight", weight)

    assert _survey(raw, make_use_case(columns=columns)).delivered.fences == {}


@pytest.mark.parametrize(
    ("texts", "accepted"),
    [
        (["2020-01-01T10:00Z"] * 3 + ["2020-01-01T10:00+01:00"], {"+0000"}),
        (["2020-01-01T10:00+01"] * 3 + ["2020-01-01T10:00"] * 2 + ["soon"] * 9, {"+0100"}),
        (["2020-01-01T10:00Z", "2020-01-01T10:00+01:00"], set()),
        (["2020-01-01T10:00+01:00", "2020-07-01T10:00+02:00"], {"+0100", "+0200"}),
        (["2020-01-01T10:00-0530", "2020-07-01T10:00-0430", None], {"-0530", "-0430"}),
        (["2020-01-01T10:00+01", "2020-07-01T10:00+02", "2020-07-01T10:00+03"], {"+0100", "+0200"}),
        (["2020-01-01T10:00+01:00", "2020-07-01T10:00+04:00"], set()),
        (["2020-01-01", "2020-01-01 10:00", None, "soon"], {""}),
        ([None, "soon"], {""}),
    ],
)
def test_the_zone_of_a_batch_is_the_one_most_of_its_times_name(
    texts: list[str | None], accepted: set[str], make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = make_batch(rows=len(texts))
    raw = raw.set_column(0, "due", pa.array(texts, pa.string()))

    assert _survey(raw, make_use_case()).zones == {"due": frozenset(accepted)}


def test_only_columns_that_are_needed_are_read(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    asked: list[Any] = []
    _survey(make_batch(rows=7), make_use_case(), asked)
    assert asked == []

    _survey(make_batch(rows=7), make_use_case(rows={"unique_by": ["city", "due"]}), asked)
    assert asked == [["due", "city"]]
