"""A disk without room: the log stops and says so, answers go on, and so does the log later."""

from pathlib import Path

from hammering import hammer
from logged_answers import batch, found_sequences, open_log, wait_until

FILE_BYTES = 40_000


def test_the_log_stops_where_no_more_can_be_written_and_goes_on_when_it_can(
    tmp_path: Path,
) -> None:
    """The kernel refuses the process's files more bytes, in the middle of a line if need be: the
    one full disk that every user of a machine can make."""
    with hammer(tmp_path, "one", 240, 20, 0.005, FILE_BYTES) as log:
        while (said := log.listen()) and said["state"] == "writing":
            pass
        stopped = log.said[-1]
        for _ in range(40):
            log.listen()
        assert log.process.stdin is not None
        log.process.stdin.write("\n")
        log.process.stdin.flush()
        log.listen_to_the_end()
        assert log.process.wait() == 0

    assert stopped["state"] == "stopped: disk full"
    counters, alerts = log.said[-2], log.said[-1]["alerts"]
    assert alerts[0] == "the prediction log has stopped: the disk is full"
    assert "goes on" in alerts[-1]
    assert counters["added"] == 4_800 == counters["flushed"] + counters["lost"]
    assert counters["lost"] > 0
    sequences = found_sequences(tmp_path)
    assert len(sequences) == len({*sequences}) == counters["flushed"]
    assert sequences[0] == 0 and sequences[-1] == 4_799


def test_the_log_stops_before_the_disk_is_full(tmp_path: Path) -> None:
    alerts: list[str] = []
    log = open_log(tmp_path, alerts=alerts, free_bytes=2**62)
    wait_until(lambda: log.counters().state == "stopped: disk full")
    log.add(batch(0, 3))
    log.close()

    assert log.counters().lost == 3
    assert alerts == ["the prediction log has stopped: the disk is full"]
