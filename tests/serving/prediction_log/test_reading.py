"""Reading a day's answers, and finding what is missing of them."""

from pathlib import Path

import pytest
from logged_answers import DAY, NOON, OTHER, RELEASE, batch, left_open, plan

from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.prediction_log.completeness import (
    InstanceCompleteness,
    completeness,
    file_facts,
)
from mlops_assets.serving.prediction_log.reading import (
    days,
    files,
    record_batches,
    releases,
    schema,
)
from mlops_assets.serving.prediction_log.shipping import run

NEXT_DAY = "2027-01-16"


def _logged(folder: Path, instance: str, *batches: AnsweredBatch) -> None:
    left_open(folder, instance, *batches)
    assert run(folder, instance, adopt=True).problem is None


def _lost(rows: int) -> AnsweredBatch:
    """Rows that were numbered and are found nowhere: of a day that is not looked at."""
    return batch(0, rows, received=0.0)


def test_a_folder_without_answers_has_no_days(tmp_path: Path) -> None:
    assert days(tmp_path) == [] and files(tmp_path, DAY) == [] and releases(tmp_path, DAY) == []
    with pytest.raises(FileNotFoundError, match="no answers"):
        schema(tmp_path, DAY, RELEASE)


def test_a_days_answers_are_read_a_release_and_some_rows_at_a_time(tmp_path: Path) -> None:
    _logged(tmp_path, "one", batch(0, 300), batch(300, 20, release=OTHER))
    _logged(tmp_path, "two", batch(0, 50))

    parts = [*record_batches(tmp_path, DAY, RELEASE, ["sequence", "input.city"], 100)]

    assert [part.num_rows for part in parts] == [100, 100, 100, 50]
    assert parts[0].schema.names == ["sequence", "input.city"]
    assert [n for part in parts for n in part["sequence"].to_pylist()] == [*range(300), *range(50)]
    assert [path.name for path in files(tmp_path, DAY, OTHER)] == ["one-000001.parquet"]
    assert file_facts(files(tmp_path, DAY)[0])["instance"] == "one"
    with pytest.raises(KeyError):
        next(record_batches(tmp_path, DAY, RELEASE, ["no such"]))


def test_files_of_a_server_that_may_not_log_a_column_have_it_as_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _logged(tmp_path, "one", batch(0, 2))
    whole = plan()
    monkeypatch.setattr(
        "logged_answers.plan", lambda _: type(whole)(RELEASE, whole.inputs[1:], whole.outputs)
    )
    _logged(tmp_path, "two", batch(0, 2))

    rows = [row for part in record_batches(tmp_path, DAY, RELEASE) for row in part.to_pylist()]

    assert [row["input.city"] for row in rows] == ["city 0", "city 1", None, None]
    assert [row["input.parcels"] for row in rows] == [0, 1, 0, 1]


def test_a_whole_log_has_no_gaps_whatever_release_answered(tmp_path: Path) -> None:
    _logged(tmp_path, "one", *(batch(n, 1, release=(RELEASE, OTHER)[n % 2]) for n in range(9)))
    _logged(tmp_path, "two", batch(0, 4))

    assert completeness(tmp_path, DAY) == [
        InstanceCompleteness("one", 9, 0, 8, 0, (), unshipped=False),
        InstanceCompleteness("two", 4, 0, 3, 0, (), unshipped=False),
    ]
    assert completeness(tmp_path, NEXT_DAY) == []


def test_gaps_are_found_at_the_beginning_and_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of the window that is looked at."""
    parts = (_lost(3), batch(3, 5), _lost(10), batch(18, 2), _lost(1), batch(21, 1))
    _logged(tmp_path, "one", *parts)
    _remove_day(tmp_path, "1970-01-01")

    for window in (2**22, 4, 1):
        monkeypatch.setattr("mlops_assets.serving.prediction_log.completeness.WINDOW_ROWS", window)
        assert completeness(tmp_path, DAY) == [
            InstanceCompleteness("one", 8, 3, 21, 14, ((0, 2), (8, 17), (20, 20)), unshipped=False)
        ]


def test_rows_around_midnight_are_looked_for_in_both_days(tmp_path: Path) -> None:
    midnight = NOON + 12 * 3600
    received = [midnight + offset for offset in (-3, -2, 1, -1, 2, 3)]
    _logged(tmp_path, "one", *(batch(n, 1, received=at) for n, at in enumerate(received)))

    assert completeness(tmp_path, DAY) == [
        InstanceCompleteness("one", 3, 0, 3, 0, (), unshipped=False)
    ]
    assert completeness(tmp_path, NEXT_DAY) == [
        InstanceCompleteness("one", 3, 2, 5, 0, (), unshipped=False)
    ]


def test_a_loss_between_two_days_is_the_second_s(tmp_path: Path) -> None:
    tomorrow = NOON + 86_400
    _logged(tmp_path, "one", batch(0, 2), _lost(4), batch(6, 2, received=tomorrow))
    _remove_day(tmp_path, "1970-01-01")

    assert [one.missing for one in completeness(tmp_path, DAY)] == [0]
    assert [one.gaps for one in completeness(tmp_path, NEXT_DAY)] == [((2, 5),)]


def test_days_that_were_deleted_are_no_loss(tmp_path: Path) -> None:
    tomorrow = NOON + 86_400
    _logged(tmp_path, "one", batch(0, 2), batch(2, 2, received=tomorrow))
    _remove_day(tmp_path, DAY)

    assert [one.missing for one in completeness(tmp_path, NEXT_DAY)] == [0]


def test_what_is_not_shipped_yet_is_said(tmp_path: Path) -> None:
    _logged(tmp_path, "one", batch(0, 2))
    (tmp_path / "journal" / "one" / "000001.open.jsonl").write_bytes(b"")

    assert [one.unshipped for one in completeness(tmp_path, DAY)] == [True]


def _remove_day(folder: Path, day: str) -> None:
    for path in files(folder, day):
        path.unlink()
