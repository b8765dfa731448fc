"""Logged answers and a test's record, made up.

Belongs here: files in the form of the log, of either variant. Does not belong here: what is
concluded from them (the tests beside this file).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_assets.ab_test.experiments import Event, Experiment, latest_experiment
from mlops_assets.ab_test.planning import losses_of, plan_test
from mlops_assets.serving.traffic_plan import Mode
from mlops_assets.serving_declaration import AbTest

CHALLENGER, CHAMPION = "ab" * 16 + ".dir", "cd" * 16 + ".dir"
TEST = "0001-abababab"
START = datetime(2024, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
START_MICROSECONDS = round(START.timestamp()) * SECOND


def started(mode: Mode = "ab", share: float = 0.5, **declared: Any) -> Event:
    """A test that begins at the start of 2024."""
    rng = np.random.default_rng(0)
    losses = losses_of(rng.exponential(0.4, 999), rng.exponential(0.4, 999), np.arange(999))
    plan = plan_test(AbTest(**declared), losses, mode, share, "2023-12")
    at = START.isoformat()
    return Event(TEST, "started", at, "somebody", CHALLENGER, CHAMPION, mode, share, plan.to_dict())


def experiment(mode: Mode = "ab", share: float = 0.5, **declared: Any) -> Experiment:
    found = latest_experiment([started(mode, share, **declared)])
    assert found is not None
    return found


def log(
    path: Path,
    ids: Sequence[str | None],
    answers: Sequence[float],
    *,
    variant: str = "champion",
    seconds: Sequence[float] | None = None,
    answered: bool = True,
    test: str | None = TEST,
    entities: Sequence[str | None] | None = None,
    **changed: Any,
) -> Path:
    """A day of answers to a binary task; ``seconds`` are counted from a minute after the start."""
    rows = len(ids)
    at = np.arange(rows) if seconds is None else np.asarray(seconds)
    times = START_MICROSECONDS + ((60 + at) * SECOND).astype(np.int64)
    columns: dict[str, Any] = {
        "time": pa.array(times, pa.timestamp("us", "UTC")),
        "row_id": pa.array(list(ids), pa.string()),
        "variant": [variant] * rows,
        "answered": [answered] * rows,
        "experiment": pa.array([test] * rows, pa.string()),
        "latency_ms": np.linspace(1.0, 2.0, rows),
        "outside_envelope": pa.array([False] * rows, pa.bool_()),
        "output.probabilities": pa.array([[1.0 - p, p] for p in answers], pa.list_(pa.float32())),
        **changed,
    }
    if entities is not None:
        columns["input.customer"] = pa.array(list(entities), pa.string())
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path
