"""Logged answers to rows of a batch, as ``prediction_log`` stores them, made up.

Belongs here: what the tests of what was served share. Does not belong here: the batch itself
(``tests/prediction/predicted_project.py``).
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prediction"))

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.parquet_files import write_table
from mlops_assets.prediction.input_columns import model_inputs, to_tensors
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.release import released_model
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

DAY = "2020-03-01"


def logged(bundle: Path, rows: pa.Table, day: str = DAY, **changed: Any) -> pa.Table:
    """What a server of the release in ``bundle`` logs, asked about ``rows`` one by one; ``changed``
    are columns, or values of all rows, that are otherwise."""
    tensors = to_tensors(rows, model_inputs(bundle))
    outputs = Predictor(released_model(bundle)).predict(tensors)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    count = rows.num_rows
    columns: dict[str, Any] = {
        "time": pa.array([start + timedelta(seconds=i) for i in range(count)], TIME),
        "request_id": [f"{day} {i}" for i in range(count)],
        "row": pa.array([0] * count, pa.int32()),
        "row_id": rows.column("id"),
        "release": bundle.name,
        "variant": "champion",
        "answered": True,
        "experiment": pa.nulls(count, pa.string()),
        "latency_ms": pa.array(np.arange(1.0, count + 1.0)),
        "instance": "a",
        "sequence": pa.array(np.arange(count)),
        "outside_envelope": False,
        **{f"input.{name}": pa.array(tensor) for name, tensor in tensors.items()},
        **{f"output.{name}": _column(values) for name, values in outputs.items()},
    }
    made = {
        name: pa.repeat(value, count) if isinstance(value, str | bool) else value
        for name, value in (columns | changed).items()
    }
    return pa.table(made)


TIME = pa.timestamp("us", "UTC")


def store_day(workspace: Workspace, *answers: pa.Table, day: str = DAY) -> None:
    """Keep a day of answers, one table a release, as the prediction log does."""
    with workspace.store.write(ArtifactKey("prediction_log", day), upstream={}) as folder:
        (folder / "manifest.json").write_bytes(json_bytes({"day": day}))
        for table in answers:
            write_table(table, folder / f"{table.column('release')[0].as_py()}.parquet")


def _column(values: np.ndarray[Any, Any]) -> Any:
    if values.ndim == 1:
        return pa.array(values)
    return pa.array(list(values), pa.list_(pa.float32()))
