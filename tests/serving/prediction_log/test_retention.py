"""Answers are kept for as many days as was said, and no longer."""

from datetime import date, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from logged_answers import RELEASE, open_log, wait_until

from mlops_assets.serving.prediction_log.retention import delete_expired, overdue


@given(st.dates(date(1000, 1, 1)), st.integers(1, 400), st.integers(0, 800))
def test_a_day_is_overdue_when_it_is_over_by_more_than_the_days(
    today: date, kept_days: int, age: int
) -> None:
    day = max(today.toordinal() - age, 1)
    name = date.fromordinal(day).isoformat()

    found = overdue([name], today.isoformat(), kept_days)

    assert found == ([name] if today.toordinal() - day > kept_days else [])


def test_whole_days_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    for name in ("2026-01-01", "2026-12-31", "2027-01-14", "2027-01-15", "notes", "2026-1-1"):
        (answers / name / "release").mkdir(parents=True)
        (answers / name / "release" / "one-000000.parquet").write_bytes(b"x")

    assert delete_expired(tmp_path, "2027-01-15", 1) == ["2026-01-01", "2026-12-31"]

    left = sorted(path.name for path in answers.iterdir())
    assert left == ["2026-1-1", "2027-01-14", "2027-01-15", "notes"]
    assert delete_expired(tmp_path, "2027-01-15", 1) == []


def test_a_day_is_kept_to_its_last_hour() -> None:
    today = date(2027, 1, 15)
    last_kept = (today - timedelta(days=183)).isoformat()
    first_gone = (today - timedelta(days=184)).isoformat()

    assert overdue([last_kept, first_gone], today.isoformat(), 183) == [first_gone]


def test_no_answers_are_none_overdue(tmp_path: Path) -> None:
    assert delete_expired(tmp_path, "2027-01-15", 1) == []


def test_a_server_deletes_what_is_overdue_without_any_traffic(tmp_path: Path) -> None:
    old = tmp_path / "answers" / "2020-01-01"
    (old / RELEASE).mkdir(parents=True)

    log = open_log(tmp_path, release=RELEASE)
    wait_until(lambda: not old.exists())
    log.close()
