"""Answers to be logged in tests, and what is found of them afterwards.

Belongs here: batches of a small model, its plan, a log with short times, and reading everything
back. Does not belong here: what is tested (the tests).
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_assets.serving.answered import AnsweredBatch, AnsweredRequest
from mlops_assets.serving.prediction_log.journal import CutSettings, Journal, Synced
from mlops_assets.serving.prediction_log.lines import write_line
from mlops_assets.serving.prediction_log.log import PredictionLog
from mlops_assets.serving.prediction_log.pieces import pieces, row_count
from mlops_assets.serving.prediction_log.plan import LoggedColumn, LogPlan
from mlops_assets.serving.prediction_log.reading import days, record_batches, releases
from mlops_assets.serving.prediction_log.settings import LogSettings
from mlops_assets.serving.prediction_log.shipping import run

RELEASE, OTHER = "a" * 32 + ".dir", "b" * 32 + ".dir"
USE_CASE = "late_parcels"
NOON = 1_800_014_400.0
"""2027-01-15, 12:00 UTC."""
DAY = "2027-01-15"
PATIENCE_SECONDS = 30.0

ENVELOPE: dict[str, Any] = {
    "columns": [
        {
            "name": "parcels",
            "kind": "number",
            "low": 0.0,
            "high": 100.0,
            "missing": False,
            "quantiles": [],
            "scores": [],
            "spread": 1.0,
        }
    ],
    "joint": {"mean": [0.0], "precision": [[1.0]], "limit": None},
}


def plan(release: str = RELEASE) -> LogPlan:
    return LogPlan(
        release=release,
        inputs=(
            LoggedColumn("city", "string", "string"),
            LoggedColumn("weight", "float64", "number"),
            LoggedColumn("parcels", "int64", "integer"),
            LoggedColumn("fragile", "bool", "boolean"),
        ),
        outputs=(LoggedColumn("label", "int64"), LoggedColumn("probabilities", "list<float32>")),
        row_id=LoggedColumn("order", "string", "string"),
        envelope=ENVELOPE,
        use_case=USE_CASE,
    )


def batch(
    first: int = 0,
    rows: int = 1,
    release: str = RELEASE,
    received: float = NOON,
    **changes: Any,
) -> AnsweredBatch:
    """One request of ``rows`` rows, whose inputs tell them apart: ``parcels`` counts from
    ``first``."""
    numbers = np.arange(first, first + rows)
    request = AnsweredRequest(
        f"request-{first}", rows, [f"order-{n}" for n in numbers], received, 0.0015
    )
    made = AnsweredBatch(
        release=release,
        variant="champion",
        answered=True,
        experiment=None,
        requests=[request],
        columns={
            "city": np.array([f"city {n % 7}" for n in numbers], object)[:, None],
            "weight": np.where(numbers % 5 == 0, np.nan, numbers / 3.0)[:, None],
            "parcels": numbers[:, None].astype(np.int64),
            "fragile": (numbers % 2 == 0)[:, None],
        },
        outputs={
            "label": (numbers % 2).astype(np.int64),
            "probabilities": np.column_stack([numbers / 7.0, numbers / 9.0]).astype(np.float32),
        },
    )
    return made._replace(**changes)


def settings(**changes: Any) -> LogSettings:
    """A log that does everything soon."""
    fast = {
        "write_seconds": 0.01,
        "flush_seconds": 0.03,
        "housekeeping_seconds": 0.05,
        "adoption_seconds": 0.1,
        "retry_seconds": 0.1,
        "calm_seconds": 0.2,
        "free_bytes": 0,
        "cut": CutSettings(bytes=2**20, seconds=60.0),
    }
    return LogSettings(**{**fast, **changes})


def open_log(
    folder: Path, instance: str = "one", alerts: list[str] | None = None, **changes: Any
) -> PredictionLog:
    told: list[str] = [] if alerts is None else alerts
    more = {name: changes.pop(name) for name in ("database", "release") if name in changes}
    how_to_log = changes.pop("plan", plan)
    return PredictionLog(
        folder, instance, how_to_log, alert=told.append, settings=settings(**changes), **more
    )


def wait_until(holds: Callable[[], bool]) -> None:
    """Until something holds that another thread or process brings about; its failure to is the
    test's."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def found(folder: Path, day: str = DAY, release: str = RELEASE) -> pa.Table:
    """All answers of the day, in order of their instance and sequence."""
    table = pa.Table.from_batches(record_batches(folder, day, release))
    return table.sort_by([("instance", "ascending"), ("sequence", "ascending")])


def found_sequences(folder: Path) -> list[int]:
    """The sequences of all rows in the answers, in order."""
    return sorted(sequence for found in by_instance(folder).values() for sequence in found)


def by_instance(folder: Path) -> dict[str, list[int]]:
    """The sequences of all rows in the answers, in order, by instance."""
    named: dict[str, list[int]] = {}
    for day in days(folder):
        for release in releases(folder, day):
            for part in record_batches(folder, day, release, ["instance", "sequence"]):
                for instance, sequence in zip(*part.to_pydict().values(), strict=True):
                    named.setdefault(instance, []).append(sequence)
    return {instance: sorted(found) for instance, found in sorted(named.items())}


def synced(journal: Journal) -> Synced:
    """What becomes durable, and does not, when all that is written by now is synced."""
    journal.begin_sync()
    return journal.end_sync(wait=True)


def close_and_ship(log: PredictionLog, folder: Path, instance: str = "one") -> None:
    """Close a log that was opened to leave its segments, and ship them in this process: starting
    another takes longer, and is tested elsewhere."""
    log.close()
    assert run(folder, instance, adopt=True).problem is None


def left_open(folder: Path, instance: str, *batches: AnsweredBatch) -> Path:
    """The folder that a process leaves which is killed after ``batches`` were flushed."""
    journal = Journal(folder, instance, CutSettings(), "2027-01-15T09:00:00Z")
    sequence = 0
    for one in batches:
        rows = row_count(one)
        for piece in pieces(sequence, one, rows):
            how_to_log = plan(one.release)
            journal.append(piece.day, how_to_log, write_line([piece], how_to_log), 0.0)
        sequence += rows
    assert synced(journal) == (sequence, 0, None)
    os.close(journal.lock)
    return journal.folder
