"""What a rollback changes in the ledger, and what it must not change."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.governance.ledger import (
    Entry,
    RollbackError,
    champion,
    champion_at,
    decided,
    incumbent,
    is_withdrawn,
    latest_decision,
    previous_release,
    rollback_entry,
    withdrawn_releases,
)

HASHES = {"model": "m", "risk_report": "r", "approval": "a"}


def promoted(name: str, batch: str, before: str | None, **more: Any) -> Entry:
    evidence = {**HASHES, "model": f"model of {name}"}
    return Entry(batch, f"c{name}", "promoted", ("better",), name, before, evidence, **more)


R1 = promoted("r1", "2020-02", None, approved_by=("Somebody",), policy_class="high")
R2 = promoted("r2", "2020-04", "r1")
R3 = promoted("r3", "2020-06", "r2")
LINE = (R1, R2, R3)
WATCHED = ("2020-03", "2020-04", "2020-05", "2020-06", "2020-07")


def back(entries: tuple[Entry, ...], to: str, watched: Any = WATCHED) -> tuple[Entry, ...]:
    return (*entries, rollback_entry(entries, to, "it was better", by="on call", watched=watched))


def test_a_rollback_names_who_why_from_and_to() -> None:
    entry = back(LINE, "r1")[-1]

    assert (entry.outcome, entry.release, entry.champion_before) == ("rolled back", "r1", "r3")
    assert (entry.reasons, entry.decided_by) == (("it was better",), "on call")
    assert (entry.batch, entry.challenger) == ("2020-02", "cr1")
    assert (entry.approved_by, entry.policy_class) == (("Somebody",), "high")
    assert entry.applies_after == "2020-07"
    assert Entry.parse(asdict(entry)) == entry


def test_it_predicts_what_comes_next_and_nothing_that_was_watched() -> None:
    entries = back(LINE, "r1")

    assert champion(entries) is entries[-1]
    for batch in ("2020-01", *WATCHED):
        assert champion_at(entries, batch) is champion_at(LINE, batch)
    assert champion_at(entries, "2020-08") is entries[-1]


def test_before_anything_was_watched_it_predicts_at_once() -> None:
    entries = back((R1, R2), "r1", ())

    assert entries[-1].applies_after is None
    assert champion_at(entries, "2020-05") is entries[-1]


def test_a_late_promotion_changes_no_batch_that_was_watched_with_another() -> None:
    late = promoted("late", "2020-03", "r1", applies_after="2020-05")

    assert champion_at((R1, late), "2020-05") is R1
    assert champion_at((R1, late), "2020-06") is late


@pytest.mark.parametrize(
    ("to", "reason", "said"),
    [
        ("r3", "it was better", "is the present champion already"),
        ("r9", "it was better", "was never released here: choose from r1, r2, r3"),
        ("c2", "it was better", "was never released here"),
        ("r1", "", "a rollback needs a reason"),
        ("r1", "why", "a rollback needs a reason"),
    ],
)
def test_what_cannot_be_rolled_back_says_why(to: str, reason: str, said: str) -> None:
    rejected = Entry("2020-07", "c9", "rejected", ("worse",), None, "r3")
    with pytest.raises(RollbackError, match=said):
        rollback_entry((*LINE, rejected), to, reason, by="on call", watched=())


def test_the_next_challenger_has_to_beat_what_came_back() -> None:
    entries = back(LINE, "r2")

    found = incumbent(entries, "new")
    assert found is not None and found.release == "r2"
    again = incumbent(entries, "cr3")
    assert again is not None and again.release == "r2"
    own = incumbent(entries, "cr2")
    assert own is not None and own.release == "r1"


def test_a_rollback_is_no_decision_on_a_challenger() -> None:
    entries = back(LINE, "r1")

    assert latest_decision(entries) is R3
    assert decided(entries, "2020-02", "cr1") is R1


def test_what_was_taken_back_stays_so_while_its_evidence_is_the_same() -> None:
    entries = back(LINE, "r2")

    assert withdrawn_releases(entries) == {"r3"}
    assert is_withdrawn(entries, R3.evidence)
    assert is_withdrawn(entries, {**R3.evidence, "approval": "another signature"})
    assert not is_withdrawn(entries, {**R3.evidence, "risk_report": "another"})
    assert not is_withdrawn(entries, R2.evidence)
    assert not is_withdrawn(back(entries, "r3"), R3.evidence)


def test_previous_goes_further_back_each_time() -> None:
    assert previous_release(()) is None
    assert previous_release((R1,)) is None
    assert previous_release(LINE) == "r2"
    once = back(LINE, "r2")
    assert previous_release(once) == "r1"
    assert previous_release(back(once, "r1")) is None
    assert previous_release(back(once, "r3")) == "r2"


@given(st.lists(st.integers(0, 2), max_size=6), st.data())
def test_no_rollback_ever_changes_who_predicted_a_watched_batch(
    targets: list[int], data: st.DataObject
) -> None:
    entries: tuple[Entry, ...] = LINE
    watched = 7
    predicted = {batch: champion_at(entries, batch) for batch in WATCHED}
    for target in targets:
        present = champion(entries)
        name = LINE[target].release or ""
        if present is not None and present.release != name:
            batches = [f"2020-{month:02}" for month in range(3, watched + 1)]
            entries = back(entries, name, batches)
        if data.draw(st.booleans()):
            watched += 1
            batch = f"2020-{watched:02}"
            predicted[batch] = champion_at(entries, batch)

    assert {batch: champion_at(entries, batch) for batch in predicted} == predicted


def test_an_entry_of_earlier_days_is_read() -> None:
    old = {
        "batch": "2020-02", "challenger": "c", "outcome": "promoted", "reasons": ["better"],
        "release": "r", "champion_before": None, "evidence": {},
    }  # fmt: skip

    entry = Entry.parse(old)

    assert entry.reasons == ("better",)
    assert (entry.notes, entry.approved_by, entry.applies_after) == ((), (), None)


def test_a_rollback_is_no_row_of_the_story_of_its_batch() -> None:
    from mlops_assets.governance.summary import summarise
    from mlops_assets.policy_declaration import Monitoring

    entries = back((R1, R2, R3), "r2")

    [record] = summarise({"2020-04": (None, None)}, entries, Monitoring(), "binary")

    assert record["reason"] == "better"
