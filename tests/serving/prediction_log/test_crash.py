"""A process that is killed while it logs: what it called durable is found, once."""

from pathlib import Path

import pytest
from hammering import hammer
from logged_answers import (
    DAY,
    RELEASE,
    batch,
    by_instance,
    found_sequences,
    left_open,
    open_log,
    wait_until,
)

from mlops_assets.serving.prediction_log.shipping import Outcome, run

ENOUGH_ROWS = 1_500


def test_nothing_flushed_is_lost_by_a_kill(tmp_path: Path) -> None:
    with (
        hammer(tmp_path, "dead", 10**6, 5, 0.001) as dead,
        hammer(tmp_path, "living", 200, 5, 0.001) as living,
    ):
        while (said := dead.listen()) and said["flushed"] < ENOUGH_ROWS:
            pass
        dead.process.kill()
        dead.listen_to_the_end()
        living.listen_to_the_end()
        assert living.process.wait() == 0
    # The living one may have shipped what the dead one left; else the next server does.
    log = open_log(tmp_path, "next")
    wait_until(lambda: not (tmp_path / "journal" / "dead").exists())
    log.close()

    found = by_instance(tmp_path)
    assert found["living"] == [*range(1_000)]
    assert found["dead"] == [*range(len(found["dead"]))]
    assert ENOUGH_ROWS <= dead.said[-1]["flushed"] <= len(found["dead"])
    assert not any((tmp_path / "journal").iterdir())


@pytest.mark.parametrize(
    ("torn", "damaged"),
    [(b'{"rows": 3, "time": [1, 2', 0), (b"\0" * 100, 0), (b"", 0), (b"{}\n", 1)],
    ids=["half a line", "zeros", "nothing", "no line"],
)
def test_a_torn_end_is_discarded_and_all_before_it_is_shipped(
    tmp_path: Path, torn: bytes, damaged: int
) -> None:
    left = left_open(tmp_path, "dead", batch(0, 2), batch(2, 1)) / "000000.open.jsonl"
    with left.open("ab") as stream:
        stream.write(torn)

    assert ship(tmp_path) == Outcome(rows=3, segments=1, damaged=damaged)

    assert found_sequences(tmp_path) == [0, 1, 2]
    assert not left.exists()


def test_a_line_damaged_in_the_middle_costs_only_its_rows(tmp_path: Path) -> None:
    left = left_open(tmp_path, "dead", batch(0, 2), batch(2, 1), batch(3, 1)) / "000000.open.jsonl"
    lines = left.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"rows":1', b'"rows":2')
    left.write_bytes(b"".join(lines))

    assert ship(tmp_path) == Outcome(rows=3, segments=1, damaged=1)
    assert found_sequences(tmp_path) == [0, 1, 3]


def test_what_a_crash_leaves_without_a_readable_header_is_no_obstacle(tmp_path: Path) -> None:
    journal = left_open(tmp_path, "dead", batch(0, 2))
    (journal / "000001.open.jsonl").write_bytes(b'{"instance": "de')
    (journal / "000002.jsonl").write_bytes(b"{}\n{}\n")
    alerts: list[str] = []

    log = open_log(tmp_path, "next", alerts)
    wait_until(lambda: not journal.exists())
    log.close()

    assert found_sequences(tmp_path) == [0, 1]
    assert log.counters().adopted == 2 and log.counters().shipped == 0
    assert [path.name for path in (tmp_path / "damaged").iterdir()] == ["dead-000002.jsonl"]
    assert len(alerts) == 1 and "cannot be read" in alerts[0]


def test_a_segment_whose_file_is_there_is_only_removed(tmp_path: Path) -> None:
    """As after a crash between renaming the file and removing the segment."""
    left = left_open(tmp_path, "dead", batch(0, 3)) / "000000.open.jsonl"
    content = left.read_bytes()
    ship(tmp_path)
    file = next(tmp_path.glob(f"answers/*/{RELEASE}/dead-000000.parquet"))
    written = file.stat().st_mtime_ns
    left.write_bytes(content)

    assert ship(tmp_path).problem is None

    assert found_sequences(tmp_path) == [0, 1, 2]
    assert file.stat().st_mtime_ns == written and not left.exists()


def test_an_unfinished_file_is_no_answer_and_is_written_again(tmp_path: Path) -> None:
    left_open(tmp_path, "dead", batch(0, 3))
    unfinished = tmp_path / "answers" / DAY / RELEASE
    unfinished.mkdir(parents=True)
    (unfinished / ".dead-000000.parquet.unfinished").write_bytes(b"PAR1 and then it was killed")
    assert found_sequences(tmp_path) == []

    ship(tmp_path)

    assert found_sequences(tmp_path) == [0, 1, 2]
    assert [path.name for path in unfinished.iterdir()] == ["dead-000000.parquet"]


def test_answers_that_cannot_be_written_stay_in_the_journal(tmp_path: Path) -> None:
    left = left_open(tmp_path, "dead", batch(0, 3)) / "000000.open.jsonl"
    (tmp_path / "answers").write_bytes(b"a file where the folder should be")

    assert ship(tmp_path).problem == "NotADirectoryError (20)"
    assert left.exists()

    (tmp_path / "answers").unlink()
    assert ship(tmp_path) == Outcome(rows=3, segments=1)


def ship(folder: Path) -> Outcome:
    return run(folder, "dead", adopt=True)
