"""Findings, decisions and risk together, whole and in chunks: what blocks, what is left."""

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.data.privacy.personal_data import Finding, PersonalDataScan, find_personal_data
from mlops_assets.data.privacy.privacy import (
    PrivacyScan,
    groups_are_large_enough,
    protected,
    undecided_columns,
)
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
MakeBatch = Callable[..., pa.Table]
ADDRESSES = [f"person{number}@mail.example.org" for number in range(40)]


@pytest.fixture
def batch(make_batch: MakeBatch) -> pa.Table:
    """Valid rows whose notes hold e-mail addresses."""
    rows = make_batch(rows=40)
    return rows.set_column(rows.column_names.index("note"), "note", pa.array(ADDRESSES))


def decided(declared: Callable[[], dict[str, Any]], **note: Any) -> dict[str, Any]:
    columns = declared()["columns"]
    columns["note"].update(note)
    return {"columns": columns}


def test_a_finding_that_nothing_is_decided_about_is_undecided(
    make_use_case: MakeUseCase, batch: pa.Table
) -> None:
    rows, facts = protected(batch, make_use_case(), None)

    assert undecided_columns(facts) == ["note"]
    assert rows.equals(batch)


def test_without_personal_data_nothing_is_undecided(
    make_use_case: MakeUseCase, make_batch: MakeBatch
) -> None:
    assert undecided_columns(protected(make_batch(), make_use_case(), None)[1]) == []


@pytest.mark.parametrize("decision", ["drop", "pseudonymise", "generalise"])
def test_a_decision_takes_the_values_out(
    make_use_case: MakeUseCase,
    declared: Callable[[], dict[str, Any]],
    batch: pa.Table,
    decision: str,
) -> None:
    use_case = make_use_case(**decided(declared, personal=decision))

    rows, facts = protected(batch, use_case, b"a key")

    assert undecided_columns(facts) == []
    assert not set(rows.column("note").to_pylist()) & set(ADDRESSES)
    assert {found["decision"] for found in facts["findings"]} == {decision}


def test_what_is_kept_with_a_reason_stays(
    make_use_case: MakeUseCase, declared: Callable[[], dict[str, Any]], batch: pa.Table
) -> None:
    use_case = make_use_case(**decided(declared, personal="keep", reason="needed to write to them"))

    rows, facts = protected(batch, use_case, None)

    assert rows.equals(batch)
    assert undecided_columns(facts) == []


def test_the_facts_hold_no_value(make_use_case: MakeUseCase, batch: pa.Table) -> None:
    facts = protected(batch, make_use_case(), None)[1]

    assert "mail.example.org" not in str(facts)


@pytest.mark.parametrize(("min_group", "holds"), [(None, True), (1, True), (41, False)])
def test_groups_are_compared_with_what_is_asked_for(
    make_use_case: MakeUseCase, make_batch: MakeBatch, min_group: int | None, holds: bool
) -> None:
    privacy = {"quasi_identifiers": ["city", "size"], "min_group": min_group}

    facts = protected(make_batch(rows=40), make_use_case(privacy=privacy), None)[1]

    assert groups_are_large_enough(facts) is holds


def test_an_unknown_group_size_is_not_large_enough() -> None:
    assert not groups_are_large_enough({"min_group": 2, "risk": {"k": None}})
    assert not groups_are_large_enough({"min_group": 2, "risk": None})


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_chunks_give_the_rows_and_the_facts_of_the_whole(
    make_use_case: MakeUseCase, declared: Callable[[], dict[str, Any]], batch: pa.Table, size: int
) -> None:
    privacy = {"quasi_identifiers": ["city", "size", "note"], "min_group": 2}
    use_case = make_use_case(**decided(declared, personal="pseudonymise"), privacy=privacy)
    whole, facts = protected(batch, use_case, b"a key")

    scan = PrivacyScan(use_case, b"a key")
    chunks = [scan.protect(batch.slice(start, size)) for start in range(0, 40, size)]
    scan.protect(batch.slice(0, 0))

    assert pa.concat_tables(chunks).equals(whole)
    assert scan.facts() == facts
    assert (facts["risk"]["rows"], facts["risk"]["groups"]) == (40, 40)


def test_facts_of_nothing_are_unknown(make_use_case: MakeUseCase) -> None:
    privacy = {"quasi_identifiers": ["city"], "min_group": 2}

    facts = PrivacyScan(make_use_case(privacy=privacy), None).facts()

    assert facts["findings"] == []
    assert (facts["risk"]["rows"], facts["risk"]["k"]) == (0, None)
    assert facts["risk"]["unique_share"] is None
    assert not groups_are_large_enough(facts)


def test_the_target_is_looked_through_and_nothing_is_decided_about_it(
    make_use_case: MakeUseCase, batch: pa.Table
) -> None:
    rows = batch.set_column(batch.column_names.index("late"), "late", pa.array(ADDRESSES))

    assert undecided_columns(protected(rows, make_use_case(), None)[1]) == ["late", "note"]


def _scanned(chunks: list[pa.Table], **columns: Column) -> tuple[Finding, ...]:
    scan = PersonalDataScan(columns)
    for chunk in chunks:
        scan.look(chunk)
    return scan.findings()


IBANS = ["BE68539007547034", "NL91ABNA0417164300", "DE89370400440532013000"]
CELLS = st.sampled_from(
    [
        *("ann@example.org", "b@example.org", "+32 470 12 34 56", "x", ""),
        *("123456782", "999999990", "111222333", "order 123456782 and 4111 1111 1111 1111"),
        *(*IBANS, "DE00370400440532013000"),
    ]
) | st.text("0123456789@.aX+ ", max_size=20)


@given(
    st.lists(st.none() | CELLS, max_size=30),
    st.randoms(use_true_random=False),
    st.integers(1, 9),
    st.sampled_from(["c", "phone", "name"]),
)
def test_neither_chunks_nor_order_nor_repetition_change_a_finding(
    cells: list[str | None], rng: random.Random, size: int, name: str
) -> None:
    whole = find_personal_data(pa.table({name: pa.array(cells, pa.string())}), {})
    again = rng.sample(cells * 2, len(cells) * 2)
    column = pa.array(again, pa.string())
    chunks = [pa.table({name: column.slice(at, size)}) for at in range(0, len(column) + 1, size)]

    assert _scanned(chunks) == whole


@pytest.mark.parametrize("name", ["c", "phone"])
def test_samples_of_many_values_do_not_depend_on_chunks_or_order(name: str) -> None:
    rng = random.Random(0)
    cells = [str(rng.randrange(10**8, 10**9)) for _ in range(4_000)]
    cells += [f"u{n}@example.org" for n in range(3_000)] + [f"+32 4701{n}" for n in range(9_999)]
    whole = find_personal_data(pa.table({name: cells}), {})
    rng.shuffle(cells)
    chunks = [pa.table({name: cells[at : at + 777]}) for at in range(0, len(cells), 777)]

    shares = {finding.kind: finding.share for finding in whole}
    assert shares["e-mail address"] == pytest.approx(3_000 / 16_999, rel=0.15)
    assert _scanned(chunks[::-1]) == whole


def test_one_address_in_the_last_of_a_million_rows_is_found() -> None:
    chunk = pa.table({"c": pa.array([f"text {n}" for n in range(100_000)])})
    last = pa.table({"c": ["x", "ann.secret@example.org"]})

    (finding,) = _scanned([chunk] * 10 + [last])

    assert (finding.kind, finding.values) == ("e-mail address", 1)
    assert finding.share == pytest.approx(1e-5, rel=0.15)


def test_what_a_scan_keeps_is_bounded() -> None:
    scan = PersonalDataScan({})
    kept = []
    for part in range(6):
        numbers = range(part * 30_000, (part + 1) * 30_000)
        scan.look(
            pa.table({"c": [f"u{n}@example.org 4111 1111 1111 {n % 9999:04d}" for n in numbers]})
        )
        column = scan._columns["c"]
        samples = [column._distinct, *column._matches.values(), *column._candidates.values()]
        kept.append(len(column._seen))
        assert max(len(sample) for sample in samples) == 1_000

    assert kept == [16_384] * 6


def test_nothing_is_found_in_nothing() -> None:
    empty = pa.table({"c": pa.array([], pa.string()), "n": pa.nulls(0)})

    assert _scanned([]) == _scanned([empty]) == _scanned([pa.table({})]) == ()
    assert _scanned([empty, pa.table({"c": pa.nulls(3), "n": pa.nulls(3)})]) == ()


@pytest.mark.parametrize("part", [slice(0, 2), slice(2, 4)])
def test_slices_of_nested_columns_are_looked_through(part: slice) -> None:
    mails = [f"u{n}@example.org" for n in range(4)]
    for column in (
        pa.array([[mail] for mail in mails], pa.list_view(pa.string())),
        pa.array([[("k", mail)] for mail in mails], pa.map_(pa.string(), pa.string())),
        pa.array([{"a": [{"b": mail}]} for mail in mails]),
        pa.array(mails).dictionary_encode(),
    ):
        sliced = column.slice(part.start, 2)
        (finding,) = _scanned([pa.table({"c": sliced})])
        assert (finding.kind, finding.values) == ("e-mail address", 2)


@pytest.mark.parametrize("values", [[1.5, 2.5], [123456782.5, 0.1], [-123456782.0], [12345678.0]])
def test_numbers_too_short_or_broken_are_no_candidates(values: list[float]) -> None:
    scan = PersonalDataScan({})
    scan.look(pa.table({"c": values}))

    assert all(len(sample) == 0 for sample in scan._columns["c"]._candidates.values())
