"""Whose journal is whose, and when a segment ends."""

import os
from datetime import UTC, datetime
from pathlib import Path

from logged_answers import NOON, OTHER, batch, left_open, plan, synced

from mlops_assets.serving.prediction_log.journal import (
    CutSettings,
    Journal,
    claim,
    closed_segments,
    day_name,
    journal_bytes,
    left_behind,
    new_instance,
)
from mlops_assets.serving.prediction_log.lines import write_line
from mlops_assets.serving.prediction_log.pieces import pieces


def _journal(folder: Path, cut: CutSettings, instance: str = "one") -> Journal:
    return Journal(folder, instance, cut, "2027-01-15T09:00:00Z")


def _append(journal: Journal, now: float, release: str, received: float = NOON) -> None:
    for piece in pieces(0, batch(0, 3, release, received), 3):
        journal.append(piece.day, plan(release), write_line([piece], plan(release)), now)


def test_a_folder_is_its_living_process_s_and_left_behind_when_that_is_gone(tmp_path: Path) -> None:
    left_open(tmp_path, "dead", batch(0, 1))
    left_open(tmp_path, "empty")
    living = _journal(tmp_path, CutSettings(), "living")

    assert claim(living.folder) is None
    found = [*left_behind(tmp_path, own="me")]
    assert [path.name for path, _ in found] == ["dead"]
    assert [*left_behind(tmp_path, own="me")] == []
    assert not (tmp_path / "journal" / "empty").exists()
    for _, lock in found:
        os.close(lock)
    assert len([*left_behind(tmp_path, own="dead")]) == 0
    living.leave()
    assert not living.folder.exists()


def test_segments_end_by_age_and_by_size_and_are_shipped_in_order(tmp_path: Path) -> None:
    journal = _journal(tmp_path, CutSettings(bytes=5_000, seconds=60.0))
    _append(journal, 0.0, OTHER)
    _append(journal, 30.0, "short")
    assert synced(journal) == (6, 0, None)

    assert journal.cut(59.0) == 0
    assert journal.cut(61.0) == 1
    for _ in range(20):
        _append(journal, 61.0, "short")
    assert journal.cut(62.0) == 1, "what is not durable is not shipped"
    synced(journal)
    assert journal.cut(62.0) == 2
    assert [path.name for path in closed_segments(journal.folder)] == [
        "000000.jsonl",
        "000001.jsonl",
    ]
    assert journal_bytes(tmp_path) == sum(
        path.stat().st_size for path in closed_segments(journal.folder)
    )
    journal.leave()


def test_rows_around_midnight_go_to_the_segments_of_their_days(tmp_path: Path) -> None:
    journal = _journal(tmp_path, CutSettings())
    midnight = NOON + 12 * 3600
    for received in (midnight - 1.0, midnight, midnight - 0.1):
        _append(journal, 0.0, OTHER, received)
    synced(journal)

    assert journal.cut(0.0, everything=True) == 2
    journal.leave()


def test_names_tell_when_an_instance_started_and_are_never_the_same() -> None:
    now = datetime(2027, 1, 15, 9, 30, 5, tzinfo=UTC)
    names = {new_instance(now) for _ in range(100)}

    assert len(names) == 100
    assert all(name.startswith("20270115T093005-") for name in names)


def test_days_have_the_calendars_names() -> None:
    assert [day_name(day) for day in (0, 59, 20_833)] == ["1970-01-01", "1970-03-01", "2027-01-15"]
