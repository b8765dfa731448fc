"""Days of answers that have expired are deleted in the database as well."""

from datetime import timedelta

import dagster as dg
import pytest
from database_days import NOON, ago, at, expire, ship, store
from logged_answers import batch
from postgresql_server import Server

from mlops_assets.traffic.logged_days import answer_sources, problems_of_retention, stored_days
from resources.workspace import Workspace
from sensors.traffic import Expire, Wait, gather_traffic, on_expiry

pytestmark = pytest.mark.usefixtures("database")


def test_expired_days_are_deleted_in_the_database_too(
    parcels: Workspace, instance: dg.DagsterInstance
) -> None:
    """Those that were taken in, and those that never were."""
    for days in (30, 31, 32, 1):
        ship(parcels, f"server-{days}", batch(0, 5, received=at(days)))
    store(parcels, instance, ago(30))
    store(parcels, instance, ago(1))
    tomorrow = NOON + timedelta(days=1)
    problems = problems_of_retention(parcels, ago(-1))
    assert sum("the database still has answers" in one for one in problems) == 3
    asked = on_expiry(gather_traffic(parcels, instance, tomorrow))
    assert isinstance(asked, Expire)
    assert all(ago(days) in asked.why for days in (30, 31, 32))
    assert not expire(parcels, instance, tomorrow)
    assert problems_of_retention(parcels, ago(-1)) == []
    assert [*stored_days(parcels)] == [ago(1)]
    with answer_sources(parcels) as sources:
        assert [source.days() for source in sources] == [[], [ago(1)]]
    assert isinstance(on_expiry(gather_traffic(parcels, instance, tomorrow)), Wait)


def test_what_is_stored_expires_while_the_database_is_away(
    parcels: Workspace, instance: dg.DagsterInstance, database: Server
) -> None:
    ship(parcels, "one", batch(0, 5, received=at(30)))
    store(parcels, instance, ago(30))
    tomorrow = NOON + timedelta(days=1)
    database.kill()
    try:
        assert isinstance(on_expiry(gather_traffic(parcels, instance, tomorrow)), Expire)
        failed = expire(parcels, instance, tomorrow)
    finally:
        database.start()
    assert "the database of the log" in failed and stored_days(parcels) == {}
    assert isinstance(on_expiry(gather_traffic(parcels, instance, tomorrow)), Expire)
    assert not expire(parcels, instance, tomorrow)
    assert problems_of_retention(parcels, ago(-1)) == []
