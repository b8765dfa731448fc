"""What the sensors of real traffic ask for, when, and why not."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.governance.ledger import Entry
from mlops_assets.serving.traffic_plan import TrafficPlan, write_plan
from mlops_assets.traffic.assets import build_assets, build_expiry_job
from mlops_assets.traffic.logged_days import LOG, stored_days
from mlops_assets.use_case import UseCase
from resources.workspace import Workspace
from sensors.situation import INTENT_TAG
from sensors.tick import execute
from sensors.traffic import (
    Compare,
    Expire,
    TakeIn,
    TrafficSituation,
    Wait,
    build_traffic_sensors,
    gather_traffic,
    on_comparison,
    on_expiry,
    on_traffic,
)

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
RELEASE = "0" * 32 + ".dir"


def day(ago: int) -> str:
    return (NOON - timedelta(days=ago)).date().isoformat()


QUIET = TrafficSituation(
    today=day(0),
    last_closed=day(1),
    served={},
    stored={},
    first_kept=day(30),
    expired=(),
    experiment=None,
    comparable="c",
    under_way=(),
    attempts={},
    interrupted={},
)


def taken(ago: int, content: str = "x") -> str:
    return f"traffic {day(ago)} with content {content}"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"served": {day(0): "x"}}, "nothing was served yet"),
        ({"served": {day(1): "x", day(3): "x"}}, taken(3)),
        ({"served": {day(1): "x", day(3): "x"}, "stored": {day(3): "x"}}, taken(1)),
        ({"served": {day(1): "x"}, "stored": {day(1): "x"}}, "is taken in"),
        ({"served": {day(1): "y"}, "stored": {day(1): "x"}}, taken(1, "y")),
        ({"served": {day(31): "x"}}, "nothing was served yet"),
        ({"served": {day(30): "x"}}, taken(30)),
        ({"served": {day(1): "x"}, "attempts": {taken(1): 1}}, "could not be taken in"),
        (
            {"served": {day(1): "x", day(2): "x"}, "attempts": {taken(2): 1}},
            taken(1),
        ),
        (
            {"served": {day(1): "x"}, "attempts": {taken(1): 1}, "interrupted": {taken(1): 1}},
            taken(1),
        ),
        ({"served": {day(1): "x"}, "under_way": ("a_job",)}, "a_job is under way"),
    ],
)
def test_the_oldest_closed_day_is_taken_in(now: dict[str, Any], expected: str) -> None:
    decision = on_traffic(replace(QUIET, **now))
    said = decision.intent if isinstance(decision, TakeIn) else decision.why
    assert expected in said
    assert isinstance(decision, TakeIn) == expected.startswith("traffic ")


def test_while_answers_cannot_be_asked_for_only_what_is_stored_expires() -> None:
    away = replace(QUIET, away="the database is away")
    assert on_traffic(away) == on_expiry(away) == Wait("the database is away")
    assert isinstance(on_expiry(replace(away, expired=(day(31),))), Expire)
    assert isinstance(on_comparison(replace(away, experiment="e1", stored={day(1): "x"})), Compare)


@given(
    st.dictionaries(st.integers(0, 40), st.sampled_from("xyz")),
    st.sets(st.integers(0, 40)),
    st.sets(st.integers(0, 40)),
)
def test_every_closed_day_is_taken_in_once(
    served: dict[int, str], failing: set[int], interrupting: set[int]
) -> None:
    now = replace(QUIET, served={day(ago): content for ago, content in served.items()})
    asked: list[str] = []
    while isinstance(decision := on_traffic(now), TakeIn):
        assert now.run_key(decision.intent) not in asked
        asked.append(now.run_key(decision.intent))
        ago = next(one for one in served if day(one) == decision.day)
        attempts = {**now.attempts, decision.intent: now.attempts.get(decision.intent, 0) + 1}
        now = replace(now, attempts=attempts)
        if ago in interrupting:
            interrupting = interrupting - {ago}
            now = replace(now, interrupted={**now.interrupted, decision.intent: 1})
        elif ago not in failing:
            now = replace(now, stored={**now.stored, decision.day: now.served[decision.day]})
    due = {day(ago) for ago in served if 1 <= ago <= 30}
    assert set(now.stored) == due - {day(ago) for ago in failing}


def test_a_test_is_looked_at_when_something_came_in() -> None:
    assert isinstance(on_comparison(QUIET), Wait)
    running = replace(QUIET, experiment="e1")
    assert isinstance(on_comparison(running), Wait)
    fed = replace(running, stored={day(1): "x"})
    decision = on_comparison(fed)
    assert isinstance(decision, Compare) and decision.intent == "compare e1 with content c"
    looked = replace(fed, attempts={decision.intent: 1})
    assert isinstance(on_comparison(looked), Wait)
    assert isinstance(on_comparison(replace(looked, comparable="d")), Compare)
    assert isinstance(on_comparison(replace(fed, under_way=("a",))), Wait)


def test_what_has_expired_is_deleted_and_tried_again_each_day() -> None:
    assert isinstance(on_expiry(QUIET), Wait)
    overdue = replace(QUIET, expired=(day(32), day(31)))
    decision = on_expiry(overdue)
    assert isinstance(decision, Expire) and day(31) in decision.why
    tried = replace(overdue, attempts={decision.intent: 1})
    assert isinstance(on_expiry(tried), Wait)
    assert isinstance(on_expiry(replace(tried, today=day(-1))), Expire)


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> Workspace:
    use_case = make_use_case(serving={"retention_days": 30})
    return Workspace("late", use_case, tmp_path / "defs", tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def definitions(workspace: Workspace) -> dg.Definitions:
    assets = build_assets(workspace)
    jobs = [
        dg.define_asset_job(f"late__{verb}", selection=[*assets]) for verb in ("traffic", "compare")
    ]
    return dg.Definitions(
        assets=assets,
        jobs=[*jobs, build_expiry_job(workspace)],
        sensors=build_traffic_sensors(workspace),
        executor=dg.in_process_executor,
    )


def answer(workspace: Workspace, ago: int, number: int = 0) -> None:
    """One answer of that day."""
    folder = workspace.store.root / "served" / "answers" / day(ago) / RELEASE
    folder.mkdir(parents=True, exist_ok=True)
    time = pa.array([NOON - timedelta(days=ago)], pa.timestamp("us", "UTC"))
    one: dict[str, Any] = {
        **{"time": time, "request_id": ["r"], "row": pa.array([0], pa.int32()), "row_id": ["1"]},
        **{"release": [RELEASE], "variant": ["champion"], "answered": [True]},
        **{"experiment": pa.nulls(1, pa.string()), "latency_ms": [1.0], "instance": ["a"]},
        **{"sequence": [number], "outside_envelope": [False], "input.city": ["Metz"]},
    }
    pq.write_table(pa.table(one), folder / f"a-{number:06d}.parquet")


def evaluate(
    definitions: dg.Definitions, instance: dg.DagsterInstance, name: str
) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=instance, definitions=definitions, sensor_name=f"late__{name}"
    )
    result = definitions.resolve_sensor_def(f"late__{name}")(context)
    assert isinstance(result, dg.SensorResult)
    return result


def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, result: dg.SensorResult
) -> str | None:
    """Do what a tick does with the answer of a sensor; why the run failed, if it did."""
    for request in result.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(request.partitions_def_name, [*request.partition_keys])
    (request,) = result.run_requests or ()
    return execute(
        definitions,
        f"late__{request.tags[INTENT_TAG].split(' ')[0]}",
        instance,
        partition_key=request.partition_key,
        tags=request.tags,
    )[1]


def test_a_closed_day_is_taken_in_through_the_sensor(
    workspace: Workspace, instance: dg.DagsterInstance, definitions: dg.Definitions
) -> None:
    answer(workspace, 0)
    answer(workspace, 2)
    asked = evaluate(definitions, instance, "traffic")
    assert run(definitions, instance, asked) is None
    assert [*stored_days(workspace)] == [day(2)]
    quiet = evaluate(definitions, instance, "traffic")
    assert not quiet.run_requests and "is taken in" in str(quiet.skip_reason)
    answer(workspace, 2, number=1)
    again = evaluate(definitions, instance, "traffic")
    (request,) = again.run_requests or ()
    assert "more of it was written" in request.tags["mlops/cause"]


def test_expired_days_are_deleted_through_the_sensor(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(workspace, 29)
    assert run(definitions, instance, evaluate(definitions, instance, "traffic")) is None
    later = NOON + timedelta(days=2)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return later.astimezone(tz)

    monkeypatch.setattr("sensors.traffic.datetime", Later)
    monkeypatch.setattr("mlops_assets.traffic.assets.datetime", Later)
    assert run(definitions, instance, evaluate(definitions, instance, "retention")) is None
    assert stored_days(workspace) == {}
    observed = instance.fetch_observations(dg.AssetKey(["late", LOG]), limit=5).records
    assert [record.partition_key for record in observed] == [day(29)]
    assert not evaluate(definitions, instance, "retention").run_requests


def test_just_after_midnight_the_day_before_is_not_closed_yet(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    midnight = NOON.replace(hour=0, minute=5)
    assert gather_traffic(workspace, instance, midnight).last_closed == day(2)
    assert gather_traffic(workspace, instance, NOON).last_closed == day(1)


def test_the_test_under_way_is_the_one_the_servers_read(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    path = workspace.store.root / "traffic.json"
    plan = TrafficPlan("e1", challenger="b", champion="a", mode="ab", share=0.5)
    workspace.releases.record(Entry("2024-01", "m", "first release", ("why",), "a", None))
    shadow = replace(plan, mode="shadow")
    for written, expected in ((plan, "e1"), (shadow, "e1"), (None, None)):
        write_plan(path, written)
        assert gather_traffic(workspace, instance, NOON).experiment == expected
    write_plan(path, replace(plan, champion="another"))
    assert gather_traffic(workspace, instance, NOON).experiment is None


def test_every_day_that_was_served_on_is_a_partition_today_too(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    today = datetime.now(UTC).date().isoformat()
    folder = workspace.store.root / "served" / "operations" / today
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text("", encoding="utf-8")
    [sensor] = [s for s in build_traffic_sensors(workspace) if s.name.endswith("__traffic")]

    for expected in ([today], []):
        result = sensor(dg.build_sensor_context(instance=instance))
        assert isinstance(result, dg.SensorResult) and not result.run_requests
        asked = [k for r in result.dynamic_partitions_requests or () for k in r.partition_keys]
        assert asked == expected
        instance.add_dynamic_partitions(f"{workspace.name}__days", asked)


def test_a_day_on_which_servers_ran_unasked_is_reported_on(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    folder = workspace.store.root / "served" / "operations" / day(1)
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text("", encoding="utf-8")
    assert [*gather_traffic(workspace, instance, NOON).served] == [day(1)]
