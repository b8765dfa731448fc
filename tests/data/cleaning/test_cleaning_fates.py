"""Cleaning, for any dirty batch: each row has the one fate it deserves, and nothing is lost."""

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.cleaning.fates import adds_up
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]

DUE = datetime(2020, 1, 2, 3, 4)  # noqa: DTZ001 - times are local
# What a source may deliver, by column: each physical type with values and the codes they deserve.
OK: tuple[str, ...] = ()
DELIVERED: dict[str, list[tuple[pa.DataType, dict[Any, tuple[str, ...]]]]] = {
    "due": [
        (pa.timestamp("us"), {DUE: OK, None: ("missing",)}),
        (pa.date32(), {date(2020, 1, 2): OK, None: ("missing",)}),
        (pa.string(), {"2020-01-02T03:04:00": OK, "soon": ("type",), None: ("missing",)}),
        (pa.int64(), {5: ("type",), None: ("missing",)}),
        (pa.float64(), {1.5: ("type",), math.inf: ("type",), None: ("missing",)}),
    ],
    "city": [(pa.string(), {"Ghent": OK, "": OK, "Nowhere": OK, None: ("missing",)})],
    "size": [(pa.string(), {"small": OK, "huge": ("not allowed",), None: ("missing",)})],
    "parcels": [
        (
            pa.int64(),
            {
                0: OK,
                100: OK,
                -1: ("below minimum",),
                101: ("above maximum",),
                2**60: ("type",),
                None: ("missing",),
            },
        ),
        (
            pa.float64(),
            {7.0: OK, 7.5: ("type",), math.inf: ("type",), 1e300: ("type",), None: ("missing",)},
        ),
        (pa.string(), {"7": OK, "many": ("type",), "": ("type",), None: ("missing",)}),
        (pa.timestamp("us"), {DUE: ("type",), None: ("missing",)}),
    ],
    "weight": [
        (
            pa.float64(),
            {
                0.0: OK,
                1.5: OK,
                -0.5: ("below minimum",),
                math.inf: ("type",),
                -math.inf: ("type",),
                math.nan: OK,
                None: OK,
            },
        ),
        (pa.string(), {"1.5": OK, "heavy": ("type",), "inf": ("type",), None: OK}),
        (pa.timestamp("us"), {DUE: ("type",), None: OK}),
        (pa.list_(pa.int64()), {(1, 2): ("type",), None: OK}),
    ],
    "fragile": [
        (pa.bool_(), {True: OK, False: OK, None: ("missing",)}),
        (pa.int8(), {0: OK, 1: OK, 2: ("type",), None: ("missing",)}),
        (pa.string(), {"true": OK, "False": OK, "yes": ("type",), None: ("missing",)}),
    ],
    "group": [(pa.int64(), {1: OK, 2: OK, 3: ("not allowed",), None: ("missing",)})],
    "minutes_late": [(pa.int64(), {3: OK, None: OK}), (pa.string(), {"x": ("type",), None: OK})],
    "note": [(pa.string(), {"ring": OK, None: OK}), (pa.null(), {None: OK})],
    "late": [
        (pa.bool_(), {True: OK, False: OK, None: OK}),
        (pa.float64(), {1.0: OK, 0.0: OK, 0.5: ("type",), None: OK}),
    ],
}


@st.composite
def dirty_batches(draw: st.DrawFn) -> tuple[pa.Table, list[set[str]]]:
    """A raw batch and the reasons that each of its rows deserves."""
    rows = draw(st.integers(1, 12))
    columns: dict[str, pa.Array] = {}
    reasons: list[set[str]] = [set() for _ in range(rows)]
    for name, kinds in DELIVERED.items():
        kind, values = draw(st.sampled_from(kinds))
        # Mostly good, so that some rows are good in every column.
        pool = [value for value, codes in values.items() if codes == OK] * 6 + list(values)
        chosen = draw(st.lists(st.sampled_from(pool), min_size=rows, max_size=rows))
        columns[name] = pa.array(chosen, kind, from_pandas=False)
        for row, value in enumerate(chosen):
            reasons[row] |= {f"{name}:{code}" for code in values[value]}
    return pa.table(columns), reasons


@settings(max_examples=45)
@given(dirty_batches())
def test_every_row_has_the_fate_it_deserves(
    make_use_case: MakeUseCase, case: tuple[pa.Table, list[set[str]]]
) -> None:
    raw, reasons = case
    bad = [row for row, codes in enumerate(reasons) if codes]

    cleaned = clean(raw, make_use_case(), "2020-01")

    assert cleaned.quarantine.column("row").to_pylist() == bad
    assert [set(r) for r in cleaned.quarantine.column("reasons").to_pylist()] == [
        reasons[row] for row in bad
    ]
    assert cleaned.counts["rows_in"] == raw.num_rows
    assert cleaned.counts["rows_out"] == cleaned.rows.num_rows == raw.num_rows - len(bad)
    assert adds_up(cleaned.counts)
    assert sum(cleaned.counts["reasons"].values()) == sum(map(len, reasons))


@settings(max_examples=25)
@given(dirty_batches())
def test_the_quarantine_holds_the_original_rows(
    make_use_case: MakeUseCase, case: tuple[pa.Table, list[set[str]]]
) -> None:
    raw, _ = case

    quarantine = clean(raw, make_use_case(), "2020-01").quarantine

    original = raw.take(quarantine.column("row"))
    assert repr(quarantine.drop_columns(["row", "reasons"]).to_pylist()) == repr(
        original.to_pylist()
    )


@settings(max_examples=25)
@given(dirty_batches())
def test_what_is_kept_has_the_declared_types_and_no_value_that_is_not_allowed(
    make_use_case: MakeUseCase, case: tuple[pa.Table, list[set[str]]]
) -> None:
    rows = clean(case[0], make_use_case(), "2020-01").rows

    assert rows.schema == pa.schema(
        [
            ("due", pa.timestamp("us")),
            ("city", pa.string()),
            ("size", pa.string()),
            ("parcels", pa.int64()),
            ("weight", pa.float64()),
            ("fragile", pa.bool_()),
            ("group", pa.int64()),
            ("minutes_late", pa.int64()),
            ("note", pa.string()),
            ("late", pa.bool_()),
        ]
    )
    for row in rows.to_pylist():
        assert row["size"] in ("large", "small")
        assert 0 <= row["parcels"] <= 100
        assert row["weight"] is None or 0 <= row["weight"] < math.inf
        assert None not in (row["due"], row["city"], row["fragile"], row["group"])


@settings(max_examples=10)
@given(dirty_batches())
def test_cleaning_twice_gives_the_same_and_changes_nothing(
    make_use_case: MakeUseCase, case: tuple[pa.Table, list[set[str]]]
) -> None:
    first = clean(case[0], make_use_case(), "2020-01")
    if first.rows.num_rows:
        again = clean(first.rows, make_use_case(), "2020-01")
        assert again.rows.equals(first.rows)
        assert again.counts["quarantined"] == 0
