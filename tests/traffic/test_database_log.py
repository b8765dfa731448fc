"""Answers in a database are taken in and checked as those in files are."""

import json
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import dagster as dg
import pytest
from database_days import NOON, ago, at, materialize, ship, store, taken
from logged_answers import OTHER, batch, open_log
from postgresql_server import Server
from served_bundles import add_release, promote
from server_process import serving

from mlops_assets.content_hash import hash_folder
from mlops_assets.serving.prediction_log import reading
from mlops_assets.serving.prediction_log.shipping import DATABASE_VARIABLE
from mlops_assets.traffic.answer_sources import FILES, SEGMENTS
from mlops_assets.traffic.logged_days import (
    LOG,
    answer_sources,
    problems_of_retention,
    served_folder,
    stored_days,
)
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace
from sensors.traffic import TakeIn, Wait, gather_traffic, on_expiry, on_traffic

pytestmark = pytest.mark.usefixtures("database")


def test_the_same_answers_are_the_same_log(
    parcels: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two logs, as servers have them, that were handed the same batches."""
    manifests = {}
    for kept in (SEGMENTS, FILES):
        part = Workspace(parcels.name, parcels.use_case, parcels.root, tmp_path / kept)
        log = open_log(served_folder(part), database=kept == SEGMENTS)
        for n in range(0, 900, 90):
            release = {"release": OTHER, "variant": "challenger"} if n % 180 else {}
            log.add(batch(n, 90, received=at(1) + n % 400, **release))
        log.close()
        assert log.counters().shipped == 900
        manifests[kept] = taken(part, ago(1), tmp_path / f"{kept} taken")
        monkeypatch.setenv(DATABASE_VARIABLE, "")

    files, segments = manifests[FILES], manifests[SEGMENTS]
    hashes = [hash_folder(tmp_path / f"{kept} taken") for kept in (FILES, SEGMENTS)]
    assert hashes[0] == hashes[1] and len(hashes[0]) == 2
    assert not files.pop(SEGMENTS) and not segments.pop(FILES)
    assert sum(one["rows"] for one in segments.pop(SEGMENTS)) == 900
    assert len(files.pop(FILES)) == 2 and files == segments
    assert files["rows"] == 900 and files["lost_rows"] == files["repeated_rows"] == 0


def test_what_a_real_server_answers_is_taken_in(parcels: Workspace, tmp_path: Path) -> None:
    """Under the use case's name in the release, wherever the server finds it."""
    root = tmp_path / "releases of another name"
    promote(root, add_release(root, name="late_parcels"))
    rows = [{"city": "Oslo", "amount": 1.0, "seen": 1, "member": True, "order": "7"}] * 3
    with serving(root, "--log-database") as server:
        body = json.dumps({"rows": rows}).encode()
        request = Request(f"{server.url}/v1/predict", body)
        with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
            assert response.status == 200
        assert server.end() == 0

    assert reading.days(root / "served") == []
    with answer_sources(parcels) as sources:
        (day,) = sources[1].days()
    manifest = taken(parcels, day, tmp_path / "log")
    assert (manifest["rows"], manifest["lost_rows"]) == (3, 0)


def test_a_day_of_both_is_one_log(parcels: Workspace, tmp_path: Path) -> None:
    """As where a server that writes files ended, and one with a database shipped what it left."""
    moments = [(0, 0), (5, 9), (10, 3), (15, 6)]
    parts = [batch(n, 5, received=at(1) + offset) for n, offset in moments]
    ship(parcels, "one", *parts, to_database=False)
    whole = taken(parcels, ago(1), tmp_path / "whole")
    for path in reading.files(served_folder(parcels), ago(1)):
        path.unlink()

    ship(parcels, "one", *parts[:3], to_database=False)
    numbered_before = batch(0, 10, received=0.0)
    ship(parcels, "one", numbered_before, *parts[2:])

    both = taken(parcels, ago(1), tmp_path / "both")
    assert hash_folder(tmp_path / "both") == hash_folder(tmp_path / "whole")
    assert (both["rows"], both["repeated_rows"]) == (whole["rows"], 5) == (20, 5)
    assert both["lost_rows"] == 0 and len(both[FILES]) == len(both[SEGMENTS]) == 1


def test_a_day_is_taken_in_checked_and_a_later_part_is_a_new_version(
    parcels: Workspace, instance: dg.DagsterInstance
) -> None:
    ship(parcels, "one", batch(0, 20, received=at(1)))
    asked = on_traffic(gather_traffic(parcels, instance, NOON))
    assert isinstance(asked, TakeIn) and asked.day == ago(1)
    checks, failed = materialize(parcels, instance, ago(1))
    assert not failed and checks["no_answer_was_lost"] and checks["log_is_kept_as_long_as_declared"]
    first = stored_days(parcels)[ago(1)]
    assert isinstance(on_traffic(gather_traffic(parcels, instance, NOON)), Wait)

    ship(parcels, "two", batch(3, 20, received=at(1)))
    again = on_traffic(gather_traffic(parcels, instance, NOON))
    assert isinstance(again, TakeIn) and "more of it was written" in again.why
    assert not store(parcels, instance, ago(1))
    assert parcels.store.replaced(ArtifactKey(LOG, ago(1))) == (first,)


def test_a_row_that_is_not_in_the_database_is_lost(
    parcels: Workspace, instance: dg.DagsterInstance, database: Server
) -> None:
    ship(parcels, "one", batch(0, 20, received=at(1)))
    database.execute("DELETE FROM mlops_answers WHERE sequence IN (3, 4, 19)")
    checks, failed = materialize(parcels, instance, ago(1))
    assert not failed and not checks["no_answer_was_lost"]
    manifest = parcels.store.json(ArtifactKey(LOG, ago(1)), "manifest.json")
    assert (manifest["rows"], manifest["lost_rows"]) == (17, 3)


def test_a_log_is_not_replaced_where_its_database_is_no_longer_named(
    parcels: Workspace, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(parcels, "one", batch(0, 20, received=at(1)))
    store(parcels, instance, ago(1))
    before = stored_days(parcels)
    monkeypatch.delenv(DATABASE_VARIABLE)
    ship(parcels, "two", batch(0, 5, received=at(1)), to_database=False)
    assert isinstance(on_traffic(gather_traffic(parcels, instance, NOON)), Wait)
    failed = store(parcels, instance, ago(1))
    assert "the log stays as it is" in failed and stored_days(parcels) == before


def test_while_the_database_is_away_nothing_is_taken_in_and_nothing_lost(
    parcels: Workspace, instance: dg.DagsterInstance, database: Server
) -> None:
    ship(parcels, "one", batch(0, 20, received=at(1)))
    ship(parcels, "two", batch(0, 20, received=at(2)), to_database=False)
    database.kill()
    try:
        now = gather_traffic(parcels, instance, NOON)
        decisions = on_traffic(now), on_expiry(now)
        failed = store(parcels, instance, ago(1))
        problems = problems_of_retention(parcels, ago(0))
    finally:
        database.start()
    assert stored_days(parcels) == {} and not (parcels.store.root / LOG).exists()
    said = [*(d.why for d in decisions if isinstance(d, Wait)), failed, *problems]
    assert len(said) == 4
    for text in said:
        assert "the database of the log: OperationalError" in text
        assert not any(part in text for part in (database.password, str(database.port)))
    asked = on_traffic(gather_traffic(parcels, instance, NOON))
    assert isinstance(asked, TakeIn) and asked.day == ago(2)
    assert not store(parcels, instance, ago(1))
    assert [*stored_days(parcels)] == [ago(1)]


def test_a_day_is_tried_again_where_the_database_went_away_in_the_middle(
    parcels: Workspace, instance: dg.DagsterInstance, database: Server
) -> None:
    ship(parcels, "one", batch(0, 50, received=at(1)))

    def broken(*_: Any) -> None:
        database.kill()
        database.start()

    asked = on_traffic(gather_traffic(parcels, instance, NOON))
    assert isinstance(asked, TakeIn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlops_assets.traffic.day_log._count", broken)
        failed = store(parcels, instance, ago(1), asked.intent)
    assert "the database of the log" in failed and stored_days(parcels) == {}
    now = gather_traffic(parcels, instance, NOON)
    assert on_traffic(now) == asked and now.run_key(asked.intent) != asked.intent
    assert not store(parcels, instance, ago(1), asked.intent)


def test_a_day_that_the_database_refuses_is_not_tried_again(
    parcels: Workspace,
    instance: dg.DagsterInstance,
    database: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ship(parcels, "one", batch(0, 50, received=at(1)))
    database.execute(
        "CREATE ROLE half LOGIN PASSWORD 'p'", "GRANT SELECT ON mlops_answers_segments TO half"
    )
    try:
        monkeypatch.setenv(DATABASE_VARIABLE, f"{database.conninfo} user=half password=p")
        problems = problems_of_retention(parcels, ago(0))
        failed = store(parcels, instance, ago(1), "traffic")
    finally:
        database.execute("DROP OWNED BY half", "DROP ROLE half")
    for text in (failed, *problems):
        assert "InsufficientPrivilege (42501)" in text and "may read" in text
    assert len(problems) == 1 and stored_days(parcels) == {}
    assert not gather_traffic(parcels, instance, NOON).interrupted
