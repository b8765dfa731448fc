"""Days go when they have expired, not earlier, and not later."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.serving.prediction_log.retention import first_day_kept
from mlops_assets.traffic.retention import (
    KeptDay,
    day_problem,
    deleted,
    expired,
    first_kept,
    retention_problems,
    taken_in,
)

TODAY = "2024-03-31"


def day(ago: int) -> str:
    return (date.fromisoformat(TODAY) - timedelta(days=ago)).isoformat()


@given(st.sets(st.integers(0, 60)), st.integers(1, 40))
def test_what_expires_is_exactly_what_is_older(ages: set[int], retention_days: int) -> None:
    gone = expired(map(day, ages), TODAY, retention_days)
    assert gone == tuple(sorted(day(age) for age in ages if age > retention_days))


def test_servers_and_pipeline_keep_the_same_days() -> None:
    assert first_kept(TODAY, 30) == first_day_kept(TODAY, 30)


@given(st.lists(st.integers(0, 60), unique=True), st.integers(1, 40), st.integers(0, 60))
def test_days_that_live_by_the_rule_are_no_problem(
    ages: list[int], retention_days: int, looked: int
) -> None:
    ledger: tuple[KeptDay, ...] = ()
    for age in ages:
        ledger = taken_in(ledger, day(age), f"hash of {age}")
    known = {one.day: one.hash for one in ledger}
    for ago in range(60, looked - 1, -1):
        now = day(ago)
        gone = expired(known, now, retention_days)
        ledger = deleted(ledger, gone, now)
        known = {name: hash for name, hash in known.items() if name not in gone}
        problems = retention_problems(ledger, known, known, known, (), now, retention_days)
        assert problems == []


def problems_of(ledger: list[KeptDay], **found: object) -> list[str]:
    given: dict[str, object] = {"stored": {}, "written": (), "in_database": (), "remains": ()}
    given.update(found)
    return retention_problems(ledger, today=TODAY, retention_days=10, **given)  # type: ignore[arg-type]


def test_each_way_of_keeping_too_long_is_named() -> None:
    assert "is still there" in problems_of([], stored={day(11): "h"})[0]
    assert "files are still there" in problems_of([], written=[day(11)])[0]
    assert "the database still has" in problems_of([], in_database=[day(11)])[0]
    assert "the cache still has it" in problems_of([], remains=[day(40)])[0]
    assert problems_of([], stored={day(10): "h"}, written=[day(10)]) == []


def test_each_way_of_deleting_too_early_is_named() -> None:
    young = KeptDay(day(5), "h")
    assert "gone before its time" in problems_of([young])[0]
    assert "another version" in problems_of([young], stored={day(5): "other"})[0]
    assert "too early" in problems_of([KeptDay(day(5), "h", day(1))])[0]
    assert problems_of([young], stored={day(5): "h"}) == []
    assert problems_of([KeptDay(day(20), "h", day(9))]) == []


def test_a_day_taken_in_again_is_kept_as_it_is_now() -> None:
    ledger = taken_in(taken_in((), day(3), "first"), day(3), "second")
    assert ledger == (KeptDay(day(3), "second"),)


def test_only_days_that_may_be_kept_are_taken_in() -> None:
    assert day_problem(TODAY, TODAY, 10) is None
    assert day_problem(day(10), TODAY, 10) is None
    for wrong in (day(11), day(-1), "2024-3-1", "today", "20240301"):
        assert day_problem(wrong, TODAY, 10) is not None
