"""A small project whose flights have ids, and what a day of serving it is: a real server, rows that
are asked about before they are delivered, and the day taken in by hand.

Belongs here: making the project, asking, delivering, taking in. Does not belong here: what is
expected of it.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from command_project import instance_of, make_command_project, workspace_of
from small_project import BUDGET, BUNDLED, EVERY, NAME

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "serving"))

from server_process import ServerProcess, serving

from mlops_assets.ab_test.experiments import SETTLING_SECONDS
from mlops_assets.data.parquet_files import write_table
from mlops_assets.lifecycle import build_definitions
from mlops_assets.serving.prediction_log import reading
from resources.artifact_store import ArtifactKey
from resources.assets import day_partitions
from sensors.tick import execute

ROW_ID, ENTITY_ID = "flight", "connection"
INPUTS = ("scheduled_departure", "carrier", "origin", "distance", "temperature", "wind_gust")
DELAY = "departure_delay"
LAST_IN_HOURS = "2013-02"
PATIENCE = 60.0
Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a client was told about a flight: by which release, whether it will be late, and with
    which probability."""

    release: str
    is_late: bool
    chance: float


def make_served_project(root: Path, months: Iterable[str]) -> Path:
    """A project in ``root`` whose source holds ``months``: will a flight that has left be late?

    A flight has an id, and belongs to a connection, which leaves at the same time on many days. The
    delay at departure was delivered in hours up to ``LAST_IN_HOURS`` and comes in minutes since. A
    challenger learns from the newest month alone, and is tried out before it is released.
    """
    declared = yaml.safe_load((BUNDLED / "defs.yaml").read_text(encoding="utf-8"))
    columns = declared["attributes"]["columns"]
    make_command_project(
        root,
        [],
        columns={
            **{name: {"type": "string", "role": "ignored"} for name in (ROW_ID, ENTITY_ID)},
            **{name: columns[name] for name in INPUTS},
            DELAY: {"type": "number"},
        },
        slices=[{"name": "from JFK", "where": "origin == 'JFK'"}],
        training={
            "first_batches": 1,
            "window": 1,
            "seed": 2013,
            "split": {"calibration": 0.25},
            "search": {"families": ["linear"], "max_fits": 3, "folds": 3, "max_rows": 3000},
        },
        # The month that decides the test is not to replace what is tested.
        retraining={"cooldown_batches": 2},
        promotion={"first_min_roc_auc": 0.5, "confidence": 0.55, "ab_test": True},
        serving={
            "row_id": ROW_ID,
            "entity_id": ENTITY_ID,
            "budget": BUDGET,
            "ab_test": {"minimum_effect": 0.25, "min_labelled": 100},
        },
    )
    for month in months:
        deliver_flights(root, month)
    return root


def flights(month: str) -> pa.Table:
    """Some flights of a month with their ids, as the source delivers them: those that left."""
    table = pq.read_table(BUNDLED / "data" / f"{month}.parquet").replace_schema_metadata(None)
    table = table.filter(pc.is_valid(table.column(DELAY)))
    table = table.take(list(range(0, table.num_rows, EVERY)))
    numbers = pa.array([f"{month} {number}" for number in range(table.num_rows)])
    times = pc.strftime(table.column("scheduled_departure"), "%H:%M").cast(pa.large_string())
    places = [table.column(name) for name in ("carrier", "origin", "destination")]
    space = pa.scalar(" ", pa.large_string())
    minutes = table.column("departure_delay").cast(pa.float64())
    return (
        table.select([*INPUTS, "late"])
        .append_column(DELAY, pc.divide(minutes, 60.0) if month <= LAST_IN_HOURS else minutes)
        .append_column(ROW_ID, numbers)
        .append_column(ENTITY_ID, pc.binary_join_element_wise(*places, times, space))
    )


def deliver_flights(root: Path, month: str) -> None:
    """Put a month into the source, all at once, with its labels."""
    target = workspace_of(root).folder / "data" / f"{month}.parquet"
    temporary = target.with_suffix(".part")
    write_table(flights(month), temporary)
    temporary.replace(target)


def questions(root: Path, month: str) -> list[Row]:
    """The flights of a month as a client asks about them, who knows no label: inputs and ids."""
    table = flights(month).select([ROW_ID, ENTITY_ID, *workspace_of(root).use_case.inputs])
    return [
        {n: v.isoformat() if isinstance(v, datetime) else v for n, v in row.items()}
        for row in table.to_pylist()
    ]


@contextmanager
def served(root: Path) -> Iterator[ServerProcess]:
    """A server of the project, which at the end has shipped what it answered."""
    with serving(workspace_of(root).store.root) as server:
        yield server
        assert server.end() == 0
    assert server.events("alert") == []


def ask(server: ServerProcess, rows: list[Row]) -> dict[str, Answer]:
    """Ask about all rows, those of one connection at once, as whoever flies it would; the answers
    by the id of the row."""
    connections: dict[str, list[Row]] = {}
    for row in rows:
        connections.setdefault(row[ENTITY_ID], []).append(row)
    found = {}
    for asked in connections.values():
        answer = call(server, "/v1/predict", {"rows": asked})
        for one in answer["predictions"]:
            chance = float(np.float32(one["probabilities"]["1"]))
            found[one["row_id"]] = Answer(answer["release"], one["label"] == 1, chance)
    return found


def call(server: ServerProcess, path: str, message: Any = None) -> Any:
    body = None if message is None else json.dumps(message).encode()
    request = Request(f"{server.url}{path}", body, {"Content-Type": "application/json"})
    with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as response:
        return json.loads(response.read())


def wait_for_status(server: ServerProcess, **wanted: Any) -> None:
    """Until ``/admin/status`` says so, within a limit that only a standstill reaches."""
    end = monotonic() + PATIENCE
    while (said := {name: call(server, "/admin/status")[name] for name in wanted}) != wanted:
        assert monotonic() < end, said
        sleep(0.1)


def wait_until_settled(root: Path) -> None:
    """Until answers count in the test that just began."""
    [*_, event] = json.loads((workspace_of(root).store.root / "experiments.json").read_bytes())
    counts = datetime.fromisoformat(event["at"]) + timedelta(seconds=SETTLING_SECONDS)
    sleep(max(0.0, (counts - datetime.now(UTC)).total_seconds()))


def take_in_today(root: Path) -> list[str]:
    """Take in what was served, as by hand; the days, which are two where midnight went by."""
    workspace = workspace_of(root)
    days = list(reading.days(workspace.store.root / "served"))
    with instance_of(root) as instance:
        definitions = build_definitions(workspace)
        instance.add_dynamic_partitions(day_partitions(workspace).name or "", days)
        for day in days:
            _, why = execute(definitions, f"{NAME}__traffic", instance, partition_key=day)
            assert why is None, why
    return days


def logged_rows(root: Path) -> list[Row]:
    """Every answer that was taken in, whichever the day."""
    folder = workspace_of(root).store.root / "prediction_log"
    return [row for path in sorted(folder.glob("*/*.parquet")) for row in _rows(path)]


def _rows(path: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def champion_of(root: Path) -> str:
    pointer = workspace_of(root).store.json(ArtifactKey("release"), "release.json")
    return str(pointer["champion"])


def report_of(root: Path, name: str, part: str | None = None) -> dict[str, Any]:
    return workspace_of(root).store.report(ArtifactKey(name, part))


def outcomes(root: Path, asset: str) -> dict[str, list[bool]]:
    """What each check of an asset said, latest first."""
    key = dg.AssetKey([NAME, asset])
    nodes = build_definitions(workspace_of(root)).resolve_asset_graph()
    with instance_of(root) as instance:
        history = instance.event_log_storage.get_asset_check_execution_history
        return {
            check.name: [
                record.event.dagster_event.asset_check_evaluation_data.passed
                for record in history(check, limit=5)
                if record.event is not None and record.event.dagster_event is not None
            ]
            for check in nodes.get_check_keys_for_assets({key})
        }


def decision(root: Path) -> dict[str, Any]:
    """What the history of the release shows of the latest run of the gate."""
    with instance_of(root) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey([NAME, "release"]))
    assert event is not None and event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}
