"""A small project whose flights have ids, and what a day of serving it is: a real server, rows that
are asked about before they are delivered, and the day taken in by hand.

Belongs here: making the project, asking, delivering, taking in. Does not belong here: what is
expected of it.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

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
from resources.assets import day_partitions
from sensors.tick import execute

ROW_ID, ENTITY_ID = "flight", "connection"
ROWS_A_REQUEST = 40
PATIENCE = 60.0
Row = dict[str, Any]


def make_served_project(root: Path, months: Iterable[str]) -> Path:
    """A project in ``root`` whose source holds ``months``. A flight has an id, and belongs to a
    connection, which is the same plane, so to say, every day. A challenger is tried out before it
    is released, in a test that a few hundred flights decide."""
    attributes = yaml.safe_load((BUNDLED / "defs.yaml").read_text(encoding="utf-8"))["attributes"]
    ids = {name: {"type": "string", "role": "ignored"} for name in (ROW_ID, ENTITY_ID)}
    search = {"families": ["linear"], "max_fits": 6, "folds": 3, "max_rows": 3000}
    make_command_project(
        root,
        [],
        columns={**ids, **attributes["columns"]},
        training={**attributes["training"], "first_batches": 1, "search": search},
        # What is under test is not to be replaced by the next month's challenger.
        retraining={**attributes["retraining"], "cooldown_batches": 2},
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


def flights(month: str, every: int = EVERY) -> pa.Table:
    """Every so-many-th flight of a month with its ids, as the source delivers them."""
    table = pq.read_table(BUNDLED / "data" / f"{month}.parquet").replace_schema_metadata(None)
    table = table.take(list(range(0, table.num_rows, every)))
    times = pc.strftime(table.column("scheduled_departure"), "%H:%M").cast(pa.large_string())
    places = [table.column(name) for name in ("carrier", "origin", "destination")]
    connections = pc.binary_join_element_wise(*places, times, pa.scalar(" ", pa.large_string()))
    numbers = pa.array([f"{month} {number}" for number in range(table.num_rows)])
    return table.add_column(0, ROW_ID, numbers).add_column(1, ENTITY_ID, connections)


def deliver_flights(root: Path, month: str) -> None:
    """Put a month into the source, all at once, with its labels."""
    target = workspace_of(root).folder / "data" / f"{month}.parquet"
    temporary = target.with_suffix(".part")
    write_table(flights(month), temporary)
    temporary.replace(target)


def questions(month: str, root: Path) -> list[Row]:
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


def ask(server: ServerProcess, rows: list[Row]) -> dict[str, tuple[str, float]]:
    """Ask about all rows; by the id of each, the release that answered and its probability of a
    late flight."""
    found = {}
    for start in range(0, len(rows), ROWS_A_REQUEST):
        asked = rows[start : start + ROWS_A_REQUEST]
        answer = call(server, "/v1/predict", {"rows": asked})
        for one in answer["predictions"]:
            release = one.get("release", answer.get("release"))
            found[one["row_id"]] = release, one["probabilities"]["true"]
    return found


def call(server: ServerProcess, path: str, message: Any = None) -> Any:
    body = None if message is None else json.dumps(message).encode()
    request = Request(f"{server.url}{path}", body, {"Content-Type": "application/json"})
    with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as response:
        return json.loads(response.read())


def wait_for_status(server: ServerProcess, **wanted: Any) -> None:
    """Until ``/admin/status`` says so, within a limit that only a standstill reaches."""
    end = monotonic() + PATIENCE
    while wanted.items() - (said := call(server, "/admin/status")).items():
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


def logged_rows(root: Path) -> list[Mapping[str, Any]]:
    """Every answer that was taken in, whichever the day."""
    store = workspace_of(root).store
    return [
        row
        for path in sorted((store.root / "prediction_log").glob("*/*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
