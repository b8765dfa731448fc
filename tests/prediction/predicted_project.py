"""A use case with a handmade champion, its bundle, and batches of cleaned rows, without a training.

Belongs here: what the tests of predictions and of those who read them share. Does not belong here:
the models (``tests/serving/handmade_models.py``).
"""

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "serving"))

from handmade_models import CLASS_NAMES, MODELS

from mlops_assets.answers import DecisionRule, from_outputs
from mlops_assets.content_hash import json_bytes
from mlops_assets.data.labels import encode_labels
from mlops_assets.data.parquet_files import write_table
from mlops_assets.evidence.metrics.metrics import evaluate
from mlops_assets.evidence.risk.envelope import learn_envelope
from mlops_assets.export.tensors import to_tensors
from mlops_assets.governance.ledger import Entry
from mlops_assets.monitoring import histograms
from mlops_assets.release.bundle import signature
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

NAME, BATCH = "deliveries", "2020-02"
TARGETS: dict[Task, dict[str, Any]] = {
    "binary": {"column": "late"},
    "multiclass": {
        "column": "late",
        "task": "multiclass",
        "type": "string",
        "classes": tuple(CLASS_NAMES),
    },
    "regression": {"column": "late", "task": "regression", "type": "number", "unit": "minutes"},
}
COLUMNS: dict[str, Any] = {
    "id": {"type": "string", "role": "ignored"},
    "city": {"type": "string", "nullable": True},
    "amount": {"type": "number", "nullable": True},
    "seen": {"type": "timestamp"},
    "member": {"type": "boolean"},
    "age": {"type": "integer", "role": "sensitive", "nullable": True},
}


def use_case_of(declared: Mapping[str, Any], task: Task = "binary", **changes: Any) -> UseCase:
    """The use case of the handmade models; ``declared`` is that of ``tests/conftest.py``."""
    training = {**declared["training"], "split": {"time_column": "seen"}}
    own = {
        "columns": COLUMNS,
        "target": TARGETS[task],
        "training": training,
        "slices": [{"name": "members", "where": "member"}],
        "serving": {"row_id": "id"},
    }
    return UseCase(**{**declared, **own, **changes})


def cleaned_rows(rows: int = 300, task: Task = "binary", seed: int = 0) -> pa.Table:
    """Cleaned rows, each tenth without a label, some without a city."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(size=rows)
    noisy = amount + rng.normal(size=rows)
    late: Any = {
        "binary": noisy > 0,
        "multiclass": np.array(CLASS_NAMES)[np.digitize(noisy, [-0.5, 0.5])],
        "regression": noisy / 3.0,
    }[task]
    places = np.arange(rows)
    start = datetime.fromisoformat(f"{BATCH}-01")
    return pa.table(
        {
            "id": [f"row {place}" for place in places],
            "city": pa.array(rng.choice(["Ghent", "Lille", "Metz"], rows), mask=places % 11 == 5),
            "amount": amount,
            "seen": pa.array(
                [start + timedelta(minutes=int(m)) for m in rng.integers(0, 40_000, rows)],
                pa.timestamp("us"),
            ),
            "member": rng.random(rows) < 0.3,
            "age": pa.array(rng.integers(18, 80, rows), mask=places % 13 == 12),
            "late": pa.array(late, mask=places % 10 == 9),
        }
    )


def make_bundle(folder: Path, use_case: UseCase, reference: pa.Table | None = None) -> Path:
    """A release folder with the handmade model of the use case's task."""
    task = use_case.target.task
    rows: pd.DataFrame = (
        cleaned_rows(2_000, task, 99) if reference is None else reference
    ).to_pandas()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(MODELS[task])
    declaration = use_case.model_dump(mode="json")
    envelope = learn_envelope(rows.head(1_000), rows.tail(1_000), use_case.inputs)
    files = {
        "manifest": {"serves": "model.onnx"},
        "signature": signature(use_case),
        "declaration": declaration,
        "envelope": envelope,
        "reference": reference_of(use_case, rows),
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_bytes(json_bytes(content))
    return folder


def reference_of(use_case: UseCase, rows: pd.DataFrame) -> dict[str, Any]:
    """What the monitors compare with, made of these rows."""
    target = use_case.target
    known = rows[rows[target.column].notna()].reset_index(drop=True)
    given = from_outputs(Predictor(MODELS[target.task]).predict(to_tensors(known, use_case.inputs)))
    labels = encode_labels(known[target.column], target)
    summary = histograms.summarise(rows, use_case.inputs)
    metrics = evaluate(target.task, labels, given, seed=0)
    return {
        "histograms": histograms.with_scores(summary, histograms.summarise_scores(target, given)),
        "outcomes": histograms.summarise_outcomes(target, labels),
        "attribution": {"amount": 0.75, "city": 0.25},
        "metrics": {name: estimate.to_dict() for name, estimate in metrics.items()},
        "decision_rule": DecisionRule(0.5).to_dict(),
        "variance": 1.0,
    }


def make_workspace(root: Path, use_case: UseCase, rows: pa.Table | None = None) -> Workspace:
    """A workspace with a champion that predicts ``BATCH``, whose cleaned rows are stored."""
    workspace = Workspace(NAME, use_case, root / "defs" / NAME, root)
    release = workspace.releases.add(lambda folder: _fill(folder, use_case))
    workspace.releases.record(
        Entry("2020-01", "challenger", "first release", ("it is the first",), release, None)
    )
    store_cleaned(workspace, cleaned_rows(task=use_case.target.task) if rows is None else rows)
    return workspace


def _fill(folder: Path, use_case: UseCase) -> None:
    make_bundle(folder, use_case)


def store_cleaned(workspace: Workspace, rows: pa.Table) -> None:
    with workspace.store.write(ArtifactKey("cleaned_dataset", BATCH), upstream={}) as folder:
        write_table(rows, folder / "data.parquet")


def materialize(*assets: Any, raise_on_error: bool = True) -> Any:
    """Materialize assets and run checks for ``BATCH``."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(f"{NAME}__batches", [BATCH])
        return dg.materialize(
            [*assets], partition_key=BATCH, instance=instance, raise_on_error=raise_on_error
        )
