"""A use case with a champion, a challenger, batches of labels and days of logged answers.

Belongs here: making it, in a folder. Does not belong here: the form of the log (``logged.py``).
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from handmade_models import INPUTS, binary_model
from logged import log

from mlops_assets.governance.ledger import Entry
from mlops_assets.release.bundle import output_tensors
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

__all__ = ["INPUTS", "add_batch", "add_bundle", "add_candidate", "add_day", "promote", "workspace"]
ROWS = 900
COLUMNS = {
    "due": {"type": "timestamp", "role": "ignored"},
    "id": {"type": "string", "role": "ignored"},
    "customer": {"type": "string", "role": "ignored"},
    "city": {"type": "string"},
    "amount": {"type": "number"},
    "seen": {"type": "integer"},
    "member": {"type": "boolean"},
}


def workspace(root: Path, make_use_case: Callable[..., UseCase], **serving: Any) -> Workspace:
    """The use case with a batch of labels, before any release."""
    declared = {"row_id": "id", "ab_test": {"minimum_effect": 0.05}, **serving}
    use_case = make_use_case(columns=COLUMNS, serving=declared)
    found = Workspace("deliveries", use_case, root / "defs" / "deliveries", root)
    add_batch(found, "2024-01")
    return found


def add_batch(workspace: Workspace, batch: str, seed: int = 0) -> None:
    """``ROWS`` rows, ids counted from ``seed`` thousand on, the amount deciding the label."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(0.0, 1.0, ROWS)
    start = datetime.fromisoformat(f"{batch}-01")
    rows = pa.table(
        {
            "due": [start + timedelta(minutes=n) for n in range(ROWS)],
            "id": [f"r{1_000 * seed + n}" for n in range(ROWS)],
            "customer": [f"c{n // 3}" for n in range(ROWS)],
            "city": ["Metz"] * ROWS,
            "amount": amount,
            "seen": list(range(ROWS)),
            "member": [True] * ROWS,
            "late": rng.random(ROWS) < 1.0 / (1.0 + np.exp(-2.0 * amount)),
        }
    )
    with workspace.store.write(ArtifactKey("cleaned_dataset", batch), upstream={}) as folder:
        pq.write_table(rows, folder / "data.parquet")


def add_bundle(workspace: Workspace, scale: float, **changed: Any) -> str:
    """A release whose log odds are twice ``scale`` times the amount; returns its hash."""
    signature = {"inputs": INPUTS, "outputs": output_tensors(workspace.use_case.target), **changed}
    written = {
        "manifest.json": {"serves": "model.onnx"},
        "signature.json": signature,
        "reference.json": {"variance": 1.0},
    }

    def write(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(binary_model(scale=scale))
        for name, content in written.items():
            (folder / name).write_text(json.dumps(content))

    return workspace.releases.add(write)


def promote(workspace: Workspace, release: str) -> None:
    workspace.releases.record(Entry("2023-12", release[:8], "promoted", (), release, None))


def add_candidate(workspace: Workspace, bundle: str) -> None:
    with workspace.store.write(ArtifactKey("candidate"), upstream={}) as folder:
        (folder / "candidate.json").write_text(json.dumps({"bundle": bundle}))


def add_day(
    workspace: Workspace,
    day: str,
    answers: dict[str, tuple[str, list[str], np.ndarray]],
    test: str,
    seconds: float,
    lost_rows: int = 0,
) -> None:
    """A day of the log: the variant of each release, with the ids that it answered and how."""
    with workspace.store.write(ArtifactKey("prediction_log", day), upstream={}) as folder:
        rows = 0
        for release, (variant, ids, chances) in answers.items():
            at = seconds + np.arange(len(ids))
            log(
                folder / f"{release}.parquet",
                ids,
                list(chances),
                variant=variant,
                test=test,
                seconds=at,
            )
            rows += len(ids)
        manifest = {"day": day, "rows": rows, "lost_rows": lost_rows}
        (folder / "manifest.json").write_text(json.dumps(manifest))
