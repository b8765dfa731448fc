"""Days of answers as servers write them, made up, for the tests of this room."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from postgresql_server import Server as PostgresqlServer

from mlops_assets.use_case import UseCase
from resources.workspace import Workspace

# What is beside these tests, and beside those of servers, can be imported by them.
for room in (".", "../serving", "../serving/prediction_log"):
    sys.path.insert(0, str((Path(__file__).parent / room).resolve()))

RELEASE = "0123456789abcdef0123456789abcdef.dir"
TYPES = {
    "time": pa.timestamp("us", "UTC"),
    "request_id": pa.string(),
    "row": pa.int32(),
    "row_id": pa.string(),
    "release": pa.string(),
    "variant": pa.string(),
    "answered": pa.bool_(),
    "experiment": pa.string(),
    "latency_ms": pa.float64(),
    "instance": pa.string(),
    "sequence": pa.int64(),
    "outside_envelope": pa.bool_(),
    "input.city": pa.string(),
    "input.weight": pa.float64(),
    "output.label": pa.string(),
}


@dataclass
class Server:
    """Writes rows as one server does: numbered from 0 on, a file for each call of ``write``."""

    served: Path
    instance: str = "a"
    release: str = RELEASE
    sequence: int = 0
    files: int = 0
    changed: dict[str, Any] = field(default_factory=dict)

    def answers(self, seconds: Sequence[float], day: str, **columns: Any) -> pa.Table:
        """Single-row requests at these seconds of the day; ``columns`` replace single ones."""
        rows = len(seconds)
        start = datetime.fromisoformat(day).replace(tzinfo=UTC)
        same: dict[str, Any] = {
            "row": 0,
            "release": self.release,
            "variant": "champion",
            "answered": True,
            "latency_ms": 2.0,
            "instance": self.instance,
            "outside_envelope": False,
            "input.city": "Ghent",
            "input.weight": 1.5,
            "output.label": "late",
        }
        values = {name: same.get(name) for name in TYPES} | {
            "time": [start + timedelta(seconds=float(at)) for at in seconds],
            "request_id": [f"{self.instance}{self.sequence + n}" for n in range(rows)],
            "sequence": list(range(self.sequence, self.sequence + rows)),
        }
        self.sequence += rows
        return table({**values, **self.changed, **columns}, rows)

    def write(self, seconds: Sequence[float], day: str, **columns: Any) -> Path:
        return self.write_table(self.answers(seconds, day, **columns), day)

    def write_table(self, rows: pa.Table, day: str, group_rows: int = 64) -> Path:
        folder = self.served / "answers" / day / self.release
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.instance}-{self.files:06d}.parquet"
        self.files += 1
        pq.write_table(rows, path, row_group_size=group_rows)
        return path


def table(values: dict[str, Any], rows: int) -> pa.Table:
    """Columns of the log; one value stands for all rows."""
    known = {name: type for name, type in TYPES.items() if name in values}
    arrays = {
        name: pa.array(values[name] if isinstance(values[name], list) else [values[name]] * rows, t)
        for name, t in known.items()
    }
    extra = {name: pa.array(values[name]) for name in values if name not in TYPES}
    return pa.table({**arrays, **extra})


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return tmp_path / "artifacts" / "late_deliveries" / "served"


@pytest.fixture
def server(served: Path) -> Callable[..., Server]:
    """Makes a server that writes below ``served``."""
    return lambda instance="a", **given: Server(served, instance, **given)


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> Workspace:
    use_case = make_use_case(serving={"row_id": "note", "retention_days": 30})
    return Workspace("late_deliveries", use_case, tmp_path / "defs", tmp_path)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def database(answers_database: PostgresqlServer) -> PostgresqlServer:
    """One that no server shipped to yet, and that the environment names."""
    return answers_database


@pytest.fixture
def parcels(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> Workspace:
    """The use case of ``logged_answers``."""
    use_case = make_use_case(serving={"retention_days": 30})
    return Workspace("late_parcels", use_case, tmp_path / "defs", tmp_path)
