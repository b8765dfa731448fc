"""Answers in a real PostgreSQL: each row once, whatever happens to the server in between."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from logged_answers import DAY, NOON, RELEASE, USE_CASE, batch, left_open, open_log, wait_until
from postgresql_server import Server

from mlops_assets.serving.prediction_log.journal import CutSettings
from mlops_assets.serving.prediction_log.retention import Retention
from mlops_assets.serving.prediction_log.shipping import DATABASE_VARIABLE, Outcome, run


def _asked(server: Server, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.conninfo) as connection:
        return connection.execute(query.encode()).fetchall()


def _sequences(server: Server) -> list[int]:
    found = _asked(server, "SELECT sequence FROM mlops_answers ORDER BY 1")
    return [sequence for (sequence,) in found]


def test_a_row_says_everything_that_is_known_of_an_answer(server: Server, tmp_path: Path) -> None:
    left_open(
        tmp_path,
        "one",
        batch(0, 2, experiment="trial"),
        batch(
            2,
            1,
            columns={
                **batch(2, 1).columns,
                "city": np.array(['a\0b \\u0000 \\\\ "quoted"\té\n'], object),
                "weight": np.array([np.inf]),
            },
        ),
    )

    assert run(tmp_path, "one", adopt=True, database=True) == Outcome(rows=3, segments=1)

    first, second, third = _asked(server, "SELECT * FROM mlops_answers ORDER BY sequence")
    assert second == (
        USE_CASE,
        date.fromisoformat(DAY),
        datetime.fromtimestamp(NOON, UTC),
        "request-0",
        1,
        "order-1",
        RELEASE,
        "champion",
        True,
        "trial",
        1.5,
        "one",
        1,
        False,
        {"city": "city 1", "weight": 1 / 3, "parcels": 1, "fragile": False},
        {"label": 1, "probabilities": [float(np.float32(1 / n)) for n in (7, 9)]},
    )
    assert first[14]["weight"] is None
    assert third[14]["city"] == 'a\N{REPLACEMENT CHARACTER}b \\u0000 \\\\ "quoted"\té\n'
    assert third[14]["weight"] is None


def test_a_segment_that_is_shipped_again_adds_nothing(server: Server, tmp_path: Path) -> None:
    segment = left_open(tmp_path, "one", batch(0, 5)) / "000000.open.jsonl"
    content = segment.read_bytes()
    run(tmp_path, "one", adopt=True, database=True)
    segment.write_bytes(content)

    assert run(tmp_path, "one", adopt=True, database=True).problem is None

    assert _sequences(server) == [*range(5)]
    assert not segment.exists()


def test_a_server_that_is_killed_again_and_again_gets_every_row_once(
    server: Server, tmp_path: Path
) -> None:
    alerts: list[str] = []
    log = open_log(
        tmp_path, alerts=alerts, database=True, cut=CutSettings(bytes=2**20, seconds=0.05)
    )
    added = 0
    for _ in range(2):
        shipped = log.counters().shipped
        while log.counters().shipped == shipped:
            log.add(batch(added, 50))
            added += 50
            wait_until(lambda: log.counters().queued == 0)
        server.kill()
        while not log.counters().shipping_failures:
            assert log.add(batch(added, 50)), "answers do not wait for a database"
            added += 50
            wait_until(lambda: log.counters().queued == 0)
        server.start()
        wait_until(lambda: not log.counters().shipping_failures)
    log.close()

    assert _sequences(server) == [*range(added)]
    assert log.counters().shipped == added and log.counters().lost == 0
    assert not any((tmp_path / "journal").iterdir())
    assert "cannot be shipped" in alerts[0] and "again" in alerts[-1]
    assert not any(server.password in text for text in alerts)


def test_a_journal_that_grows_to_its_bound_stops_the_log_until_it_is_shipped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, f"{server.conninfo} dbname=nowhere")
    alerts: list[str] = []
    cut = CutSettings(bytes=2**20, seconds=0.05)
    log = open_log(tmp_path, alerts=alerts, database=True, cut=cut, journal_bytes=50_000)
    added = 0
    while log.counters().state == "writing":
        log.add(batch(added, 50))
        added += 50
        wait_until(lambda: log.counters().queued == 0)
    assert log.counters().state == "stopped: journal full"
    assert log.add(batch(added, 50))
    added += 50
    wait_until(lambda: log.counters().lost > 0)

    monkeypatch.setenv(DATABASE_VARIABLE, server.conninfo)
    wait_until(lambda: log.counters().state == "writing")
    log.add(batch(added, 50))
    added += 50
    log.close()

    counters = log.counters()
    assert counters.shipped + counters.lost == added == counters.received
    sequences = _sequences(server)
    assert len(sequences) == counters.shipped and sequences[-1] == added - 1
    assert any("its journal is full" in text for text in alerts)
    assert not any(server.password in text or "nowhere" in text for text in alerts)


def test_rows_older_than_the_days_are_deleted(server: Server, tmp_path: Path) -> None:
    day = 86_400
    left_open(tmp_path, "one", *(batch(n, 1, received=NOON - n * day) for n in range(4)))

    outcome = run(tmp_path, "one", True, True, expire=("2027-01-15", Retention(USE_CASE, 1)))

    assert outcome.expired == ["2027-01-12", "2027-01-13"]
    assert _sequences(server) == [0, 1]


def test_without_the_variable_it_is_said_which_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    left_open(tmp_path, "one", batch(0, 1))

    problem = run(tmp_path, "one", adopt=True, database=True).problem

    assert problem == "the environment variable 'MLOPS_LOG_DATABASE' is not set"
