"""Cleaning in chunks, for any input: nothing is lost, and where chunks begin changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.data.cleaning.cleaning import Cleaning, clean
from mlops_assets.data.cleaning.fates import adds_up
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]
Declared = Callable[[], dict[str, Any]]

ROWS = {
    "rules": [
        {"name": "light", "holds": "weight < 8 or parcels > 2", "severity": "warn"},
        {"name": "later", "holds": "minutes_late >= 0 or late == False"},
    ],
    "remove": [{"name": "few", "remove_where": "parcels == 3", "reason": "not of interest"}],
    "unique_by": ["city", "parcels", "due"],
}


@pytest.fixture(scope="module")
def strict(make_use_case: MakeUseCase, declared: Declared) -> UseCase:
    """A use case with a rule of every kind."""
    columns = declared()["columns"]
    columns["weight"]["outliers"] = {"beyond": 1.5, "severity": "error"}
    columns["parcels"]["missing"] = ["?", 7]
    columns["size"]["severity"] = "warn"
    columns["extra"] = {"type": "number", "role": "ignored", "nullable": True, "since": "2021"}
    return make_use_case(columns=columns, rows=ROWS)


def _read(raw: pa.Table, borders: Sequence[int]) -> Callable[[Sequence[str] | None], Any]:
    def read(columns: Sequence[str] | None) -> Iterator[pa.Table]:
        wanted = raw if columns is None else raw.select(list(columns))
        ends = [*sorted(min(b, raw.num_rows) for b in borders), raw.num_rows]
        for start, end in zip([0, *ends], ends, strict=False):
            yield wanted.slice(start, end - start)

    return read


def _comparable(column: pa.ChunkedArray) -> list[Any]:
    """The values; times as numbers, for Python's end before Arrow's."""
    if pa.types.is_temporal(column.type):
        width = column.type.bit_width
        column = column.combine_chunks().view(pa.int32() if width == 32 else pa.int64())
    if pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    return list(column.to_pylist())


def _run(raw: pa.Table, use_case: UseCase, borders: Sequence[int]) -> dict[str, Any]:
    cleaning = Cleaning(_read(raw, borders), raw.schema, use_case, "2020-01")
    chunks = list(cleaning.chunks())
    assert all(chunk.rows.schema == cleaning.row_schema for chunk in chunks)
    assert all(chunk.quarantine.schema == cleaning.quarantine_schema for chunk in chunks)
    quarantine = pa.concat_tables([chunk.quarantine for chunk in chunks])
    return {
        "rows": pa.concat_tables([chunk.rows for chunk in chunks]).to_pylist(),
        "quarantine": repr([_comparable(column) for column in quarantine.columns]),
        "rejected": quarantine.column("row").to_pylist(),
        "counts": cleaning.counts,
        "rules": cleaning.rules,
    }


def _texts(*values: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=24, max_size=24)


@st.composite
def delivered(draw: st.DrawFn) -> pa.Table:
    """A batch of texts, good ones and bad ones, with repeated keys."""
    zones = draw(st.sampled_from([("",), ("+01:00", "Z"), ("Z",), ("", "-0500")]))
    times = [f"2020-01-0{day}T10:00{zone}" for day in (1, 2) for zone in zones]
    kinds = {
        "due": _texts(*times, "2020-01-03 10:00:00.1234567", "soon"),
        "city": _texts("Ghent", "Lille", "", None),
        "size": _texts("small", "large", "huge"),
        "parcels": _texts("1", " 2", "3", "7", "?", "-1", "1e2", "x"),
        "weight": _texts("1", "2", "3", "4.5", "9", "1000", "nan", None),
        "fragile": _texts("true", "0", "True"),
        "group": _texts("1", "2", "1.0"),
        "minutes_late": _texts("3", "-3", None),
        "note": _texts("a", None),
        "late": _texts("true", "false", None),
    }
    return pa.table({name: pa.array(draw(kind), pa.string()) for name, kind in kinds.items()})


@settings(max_examples=40)
@given(delivered(), st.lists(st.integers(0, 24), max_size=8))
def test_the_result_does_not_depend_on_where_chunks_begin(
    strict: UseCase, raw: pa.Table, borders: list[int]
) -> None:
    assert _run(raw, strict, borders) == _run(raw, strict, [])


TYPES = (
    *(pa.null(), pa.bool_(), pa.int8(), pa.uint64(), pa.int64(), pa.float16(), pa.float64()),
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()),
    *(pa.date32(), pa.date64(), pa.time64("us"), pa.duration("s"), pa.decimal128(12, 3)),
    *(pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("ms", "Europe/Brussels")),
    *(pa.list_(pa.int8()), pa.struct([("a", pa.int8())]), pa.map_(pa.string(), pa.int8())),
)


def _garbage(kind: pa.DataType, rows: int, seed: int) -> pa.Array:
    """An array of any bits that its type may have, some of them missing."""
    rng = np.random.default_rng(seed)
    mask = rng.random(rows) < 0.2
    if pa.types.is_null(kind):
        return pa.nulls(rows)
    if pa.types.is_boolean(kind):
        return pa.array(rng.random(rows) < 0.5, mask=mask)
    if pa.types.is_list(kind):
        return pa.array([None if m else [1, None] for m in mask], kind)
    if pa.types.is_struct(kind):
        return pa.array([None if m else {"a": 1} for m in mask], kind)
    if pa.types.is_map(kind):
        return pa.array([None if m else [("a", 1)] for m in mask], kind)
    if pa.types.is_decimal(kind):
        return pa.array(rng.integers(-5, 5, rows).astype(np.int8), mask=mask).cast(kind)
    texts = ("1", "-0.0", "nan", "inf", "2020-01-01T00:00Z", "small", "", "\ud7ff\0", "1e400")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return pa.array(rng.choice(texts, rows), pa.string(), mask=mask).cast(kind)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        octets = [rng.bytes(3) if m else b"Ghent" for m in mask]
        return pa.array(octets, kind)
    width = kind.bit_width // 8
    valid = pa.py_buffer(np.packbits(~mask, bitorder="little").tobytes())
    if pa.types.is_time(kind):
        numbers = rng.integers(0, 86_400_000_000, rows).astype(np.int64).tobytes()
    else:
        numbers = rng.bytes(width * rows)
    return pa.Array.from_buffers(kind, rows, [valid, pa.py_buffer(numbers)])


@st.composite
def garbage(draw: st.DrawFn, names: Sequence[str]) -> pa.Table:
    """A batch whose columns have any type and any values, and one more than is declared."""
    rows = draw(st.integers(1, 20))
    kinds = st.sampled_from(TYPES)
    seeds = st.integers(0, 2**32 - 1)
    columns = {name: _garbage(draw(kinds), rows, draw(seeds)) for name in [*names, "more"]}
    if draw(st.booleans()):
        columns["city"] = pa.array(["a", None] * rows, pa.string())[:rows].dictionary_encode()
    return pa.table(columns)


NAMES = (
    "due",
    "city",
    "size",
    "parcels",
    "weight",
    "fragile",
    "group",
    "minutes_late",
    "note",
    "late",
)


@settings(max_examples=120)
@given(garbage(NAMES), st.lists(st.integers(0, 20), max_size=4))
def test_no_row_is_lost_whatever_is_delivered(
    strict: UseCase, raw: pa.Table, borders: list[int]
) -> None:
    found = _run(raw, strict, borders)

    counts = found["counts"]
    assert adds_up(counts) and counts["rows_in"] == raw.num_rows
    assert counts["rows_out"] == len(found["rows"])
    assert counts["quarantined"] + counts["duplicates"] == len(found["rejected"])
    assert sorted(set(found["rejected"])) == found["rejected"]
    assert found == _run(raw, strict, [])


@settings(max_examples=30)
@given(delivered(), st.lists(st.integers(0, 24), max_size=5))
def test_each_row_is_once_among_the_rows_or_the_quarantine(
    strict: UseCase, raw: pa.Table, borders: list[int]
) -> None:
    free = strict.model_copy(update={"rows": strict.rows.model_copy(update={"remove": ()})})

    found = _run(_numbered(raw), free, borders)

    kept = [int(row["note"]) for row in found["rows"]]
    assert kept == sorted(kept)
    assert sorted(kept + found["rejected"]) == list(range(24))


def _numbered(raw: pa.Table) -> pa.Table:
    numbers = pa.array([str(row) for row in range(raw.num_rows)])
    return raw.set_column(raw.column_names.index("note"), "note", numbers)


def test_a_large_chunk_is_cut_and_counted_as_one(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    raw = pa.concat_tables([make_batch(rows=50_000)] * 6)

    counts = clean(raw, make_use_case(rows={"unique_by": "all"}), "2020-01").counts

    once = clean(
        make_batch(rows=50_000), make_use_case(rows={"unique_by": "all"}), "2020-01"
    ).counts
    assert counts["rows_out"] == once["rows_out"]
    assert counts["duplicates"] == 300_000 - once["rows_out"]
