"""What can be concluded from the decisions, in their order."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.governance.ledger import Entry, champion, champion_at, decided, incumbent
from mlops_assets.release.gate import Outcome


def _entry(batch: str, challenger: str, release: str | None, **others: Any) -> Entry:
    outcome: Outcome = "promoted" if release else "rejected"
    return Entry(batch, challenger, outcome, ("because",), release, None, **others)


FIRST = _entry("2020-02", "a", "release a")
REJECTED = _entry("2020-03", "b", None)
BETTER = _entry("2020-05", "c", "release c")
LATEST = _entry("2020-06", "d", None)
ENTRIES = (FIRST, REJECTED, BETTER, LATEST)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((), None),
        ((REJECTED,), None),
        ((FIRST,), FIRST),
        ((FIRST, REJECTED), FIRST),
        (ENTRIES, BETTER),
        ((BETTER, FIRST), FIRST),
    ],
)
def test_the_champion_is_the_latest_that_was_released(
    entries: tuple[Entry, ...], expected: Entry | None
) -> None:
    assert champion(entries) is expected


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ("2020-01", None),
        ("2020-02", None),
        ("2020-03", FIRST),
        ("2020-05", FIRST),
        ("2020-06", BETTER),
        ("2021-01", BETTER),
    ],
)
def test_a_batch_is_predicted_by_the_latest_champion_that_has_not_learned_from_it(
    batch: str, expected: Entry | None
) -> None:
    assert champion_at(ENTRIES, batch) is expected


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=8), st.integers(0, 9))
def test_later_decisions_never_change_who_predicted_a_batch(
    drawn: list[tuple[int, bool]], batch: int
) -> None:
    drawn = sorted(drawn)
    entries = [_entry(str(b), f"c{i}", f"r{i}" if r else None) for i, (b, r) in enumerate(drawn)]
    known = [entry for entry in entries if entry.batch < str(batch)]

    assert champion_at(entries, str(batch)) == champion_at(known, str(batch)) == champion(known)


@pytest.mark.parametrize(
    ("challenger", "expected"), [("d", BETTER), ("c", FIRST), ("a", BETTER), ("new", BETTER)]
)
def test_a_challenger_is_not_compared_with_itself(challenger: str, expected: Entry) -> None:
    assert incumbent(ENTRIES, challenger) is expected


def test_a_first_release_that_is_decided_again_still_has_no_incumbent() -> None:
    assert incumbent([FIRST], "a") is None


@pytest.mark.parametrize(
    ("batch", "challenger", "expected"),
    [
        ("2020-03", "b", REJECTED),
        ("2020-05", "c", BETTER),
        ("2020-05", "b", None),
        ("2020-04", "b", None),
        ("2020-07", "new", None),
    ],
)
def test_a_decision_is_on_a_challenger_of_one_window(
    batch: str, challenger: str, expected: Entry | None
) -> None:
    assert decided(ENTRIES, batch, challenger) is expected


def test_the_latest_decision_on_a_challenger_counts() -> None:
    again = _entry("2020-03", "b", "release b")

    assert decided((REJECTED, again), "2020-03", "b") is again
    assert decided((again, REJECTED), "2020-03", "b") is REJECTED


def test_an_entry_is_written_and_read_without_loss() -> None:
    entry = _entry("2020-03", "b", None, evidence={"model": "0" * 32})

    assert Entry.parse({**asdict(entry), "reasons": list(entry.reasons)}) == entry
