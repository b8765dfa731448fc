"""Findings, decisions and risk together: what blocks, what is taken out, what is left."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mlops_assets.data.privacy import groups_are_large_enough, protected, undecided_columns
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
