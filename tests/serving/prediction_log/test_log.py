"""The log as a server uses it: what is added is found afterwards, once, where it belongs."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from logged_answers import (
    DAY,
    NOON,
    OTHER,
    RELEASE,
    batch,
    close_and_ship,
    found,
    found_sequences,
    open_log,
    plan,
    wait_until,
)

from mlops_assets.serving.answered import AnsweredRequest
from mlops_assets.serving.prediction_log.journal import CutSettings
from mlops_assets.serving.prediction_log.reading import days, files, releases


def test_what_was_answered_is_in_the_days_file_with_everything_that_is_said_of_it(
    tmp_path: Path,
) -> None:
    log = open_log(tmp_path)
    answered = batch(0, 3)
    shadow = batch(99, 2, variant="challenger", answered=False, experiment="trial")

    assert log.add(answered) and log.add(shadow)
    log.close()

    rows = found(tmp_path)
    assert rows.drop_columns(["time", "output.probabilities"]).to_pylist()[2:4] == [
        {
            "request_id": "request-0",
            "row": 2,
            "row_id": "order-2",
            "release": RELEASE,
            "variant": "champion",
            "answered": True,
            "experiment": None,
            "latency_ms": 1.5,
            "instance": "one",
            "sequence": 2,
            "outside_envelope": False,
            "input.city": "city 2",
            "input.weight": 2 / 3,
            "input.parcels": 2,
            "input.fragile": True,
            "output.label": 0,
        },
        {
            "request_id": "request-99",
            "row": 0,
            "row_id": "order-99",
            "release": RELEASE,
            "variant": "challenger",
            "answered": False,
            "experiment": "trial",
            "latency_ms": 1.5,
            "instance": "one",
            "sequence": 3,
            "outside_envelope": False,
            "input.city": "city 1",
            "input.weight": 33.0,
            "input.parcels": 99,
            "input.fragile": False,
            "output.label": 1,
        },
    ]
    assert rows["time"].cast(pa.int64()).to_pylist() == [int(NOON * 1e6)] * 5
    assert rows["outside_envelope"].to_pylist() == [False] * 5
    expected = np.concatenate([one.outputs["probabilities"] for one in (answered, shadow)])
    assert np.array(rows["output.probabilities"].to_pylist(), np.float32).tobytes() == (
        expected.tobytes()
    )
    assert [*tmp_path.glob("journal/*")] == []


def test_each_day_and_release_has_files_of_its_own(tmp_path: Path) -> None:
    log = open_log(tmp_path, closing_seconds=0.0)
    midnight = NOON + 12 * 3600
    late, early = (AnsweredRequest("x", 2, None, midnight + s, 0.001) for s in (-0.5, 0.5))

    log.add(batch(0, 4, requests=[late, early]))
    log.add(batch(4, 2, release=OTHER))
    log.add(batch(6, 1))
    close_and_ship(log, tmp_path)

    assert days(tmp_path) == [DAY, "2027-01-16"]
    assert releases(tmp_path, DAY) == [RELEASE, OTHER]
    assert found(tmp_path)["sequence"].to_pylist() == [0, 1, 6]
    assert found(tmp_path)["row"].to_pylist() == [0, 1, 0]
    assert found(tmp_path, "2027-01-16")["sequence"].to_pylist() == [2, 3]
    assert found(tmp_path, DAY, OTHER)["sequence"].to_pylist() == [4, 5]


def test_two_servers_share_a_folder(tmp_path: Path) -> None:
    logs = [open_log(tmp_path, name, closing_seconds=0.0) for name in ("one", "two")]
    for first in range(0, 500, 5):
        for log in logs:
            log.add(batch(first, 5))
    for name, log in zip(("one", "two"), logs, strict=True):
        close_and_ship(log, tmp_path, name)

    rows = found(tmp_path)
    assert rows["instance"].to_pylist() == ["one"] * 500 + ["two"] * 500
    assert rows["sequence"].to_pylist() == [*range(500)] * 2
    assert rows["input.parcels"].to_pylist() == [*range(500)] * 2


def test_a_name_is_used_once(tmp_path: Path) -> None:
    log = open_log(tmp_path, closing_seconds=0.0)
    try:
        with pytest.raises(FileExistsError, match="this name"):
            open_log(tmp_path, closing_seconds=0.0)
    finally:
        close_and_ship(log, tmp_path)


def test_large_segments_are_shipped_while_more_is_written(tmp_path: Path) -> None:
    log = open_log(tmp_path, cut=CutSettings(bytes=20_000, seconds=60.0))
    added = 0
    while log.counters().shipped == 0:
        log.add(batch(added, 100))
        added += 100
        wait_until(lambda: log.counters().queued == 0)
    assert days(tmp_path) == [DAY]
    log.close()

    counters = log.counters()
    assert counters.shipped == counters.flushed == counters.received == added
    assert (counters.lost, counters.queued, counters.state) == (0, 0, "closed")
    assert found_sequences(tmp_path) == [*range(added)]
    assert len(files(tmp_path, DAY)) > 1


def test_old_segments_are_shipped_without_more_traffic(tmp_path: Path) -> None:
    log = open_log(tmp_path, cut=CutSettings(bytes=2**30, seconds=0.1))
    log.add(batch(0, 3))

    wait_until(lambda: log.counters().shipped == 3)
    assert found_sequences(tmp_path) == [0, 1, 2]
    log.close()


def test_rows_beyond_the_bound_are_lost_and_counted_and_that_is_said_once(tmp_path: Path) -> None:
    alerts: list[str] = []
    log = open_log(
        tmp_path, alerts=alerts, queue_bytes=4_500, write_seconds=0.2, closing_seconds=0.0
    )
    kept = [log.add(batch(first, 4)) for first in range(0, 40, 4)]
    wait_until(lambda: len(alerts) == 2)
    log.add(batch(40, 1))
    close_and_ship(log, tmp_path)

    assert kept == [True, True] + [False] * 8
    assert log.counters().lost == 32 and log.counters().flushed == 9
    assert "faster than they can be written" in alerts[0] and "again" in alerts[1]
    assert found_sequences(tmp_path) == [*range(8), 40]


def test_a_batch_larger_than_the_bound_is_logged_where_nothing_waits(tmp_path: Path) -> None:
    log = open_log(tmp_path, queue_bytes=10, closing_seconds=0.0)
    assert log.add(batch(0, 5000))
    close_and_ship(log, tmp_path)

    assert found(tmp_path)["input.parcels"].to_pylist() == [*range(5000)]
    assert found(tmp_path)["row"].to_pylist() == [*range(5000)]
    assert log.counters().outside_envelope == 5000 - 101


BROKEN: dict[str, dict[str, Any]] = {
    "no such column": {"columns": {"other": np.zeros(2)}},
    "too few requests": {"requests": []},
    "no outputs": {"outputs": {}},
    "texts for numbers": {"columns": {**batch(0, 2).columns, "weight": np.array(["a", "b"])}},
    "half a surrogate pair": {
        "columns": {**batch(0, 2).columns, "city": np.array(["\ud800", "b"], object)}
    },
    "of one length and another": {"columns": {**batch(0, 2).columns, "weight": np.zeros(3)}},
}


def test_what_cannot_be_logged_costs_only_itself(tmp_path: Path) -> None:
    alerts: list[str] = []
    log = open_log(tmp_path, alerts=alerts, closing_seconds=0.0)
    for number, broken in enumerate(BROKEN.values()):
        log.add(batch(4 * number, 2))
        log.add(batch(4 * number + 2, 2, **broken))
    close_and_ship(log, tmp_path)

    assert found_sequences(tmp_path) == [n for n in range(4 * len(BROKEN)) if n % 4 < 2]
    assert log.counters().lost == 2 * len(BROKEN)
    assert len(alerts) == 1 and "not what their release says" in alerts[0]
    assert "surrogate" not in alerts[0] and "\ud800" not in alerts[0]


def test_nothing_that_is_added_raises(tmp_path: Path) -> None:
    log = open_log(tmp_path, closing_seconds=0.0)
    assert not log.add(None)  # type: ignore[arg-type]
    close_and_ship(log, tmp_path)
    assert not log.add(batch())
    assert log.counters().lost == 1
    close_and_ship(log, tmp_path)


def test_a_release_without_a_plan_is_not_logged_and_that_is_said_once(tmp_path: Path) -> None:
    def only_one(release: str) -> Any:
        if release != RELEASE:
            raise FileNotFoundError("/somewhere/secret")
        return plan(release)

    alerts: list[str] = []
    log = open_log(tmp_path, alerts=alerts, plan=only_one, closing_seconds=0.0)
    for first in range(5):
        log.add(batch(2 * first, 1))
        log.add(batch(2 * first + 1, 1, release=OTHER))
    close_and_ship(log, tmp_path)

    assert found_sequences(tmp_path) == [0, 2, 4, 6, 8]
    assert log.counters().lost == 5
    assert alerts == [f"answers of release {OTHER} cannot be logged: FileNotFoundError"]


def test_an_alert_that_fails_does_not_end_the_log(tmp_path: Path) -> None:
    class Deaf(list[str]):
        def append(self, _: str) -> None:
            raise RuntimeError("nobody listens")

    log = open_log(tmp_path, alerts=Deaf(), closing_seconds=0.0)
    log.add(batch(0, 2, outputs={}))
    log.add(batch(2, 2))
    close_and_ship(log, tmp_path)

    assert found_sequences(tmp_path) == [2, 3]
