"""A small project whose truth is known, so that faults can be planted in it.

Belongs here: drawing the rows, planting a fault in them, writing source and YAML, running the
lifecycle. Does not belong here: which check has to catch what (``test_fault_matrix.py``).
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mlops_assets.data.parquet_files import write_table
from mlops_assets.lifecycle import JOBS, build_definitions
from mlops_assets.release.approval import public_text
from resources.assets import asset_key, batch_partitions
from resources.workspace import Workspace
from sensors.tick import execute

NAME = "loans"
ROWS = {
    "2020-01": 3_000,
    **dict.fromkeys(("2020-02", "2020-03", "2020-04", "2020-05"), 1_500),
    "2020-06": 4_000,
}
"""Of each batch. The first is large enough to be judged by itself, and most of the newest is
tested on."""
BATCHES = tuple(ROWS)
KEY = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
OFFICER = "Risk Officer"
INGESTED = ("raw_copy", "cleaned_dataset", "data_profile")

Rows = pd.DataFrame
Fault = Callable[[str, Rows, np.random.Generator], Rows]
"""Changes the rows of a batch, given its name."""


@dataclass(frozen=True)
class Made:
    """A project, the names of the checks that failed, and why runs did, by the job's name."""

    workspace: Workspace
    failed_checks: frozenset[str] = frozenset()
    failures: Mapping[str, str] = field(default_factory=dict)


def draw(rows: int, rng: np.random.Generator) -> Rows:
    """Applications for loans: whether one is repaid depends on income, debt, years and product, and
    on nothing else; the two groups are alike."""
    income = rng.lognormal(3.4, 0.5, rows)
    debt = income * rng.beta(2.0, 5.0, rows)
    years = rng.gamma(2.0, 4.0, rows)
    city = rng.choice(["Ghent", "Lille", "Metz", "Namur"], rows, p=[0.4, 0.3, 0.2, 0.1])
    product = rng.choice(["car", "house", "other"], rows, p=[0.5, 0.3, 0.2])
    score = 1.2 * np.log(income / 30.0) - 5.0 * (debt / income - 0.28) + 0.08 * (years - 8.0)
    score += np.select([product == "house", product == "other"], [0.6, -0.5], 0.0)
    repaid = rng.random(rows) < 1.0 / (1.0 + np.exp(-1.6 * score - 0.4))
    return pd.DataFrame(
        {
            "income": income.round(2),
            "debt": debt.round(2),
            "years": np.where(rng.random(rows) < 0.03, np.nan, years.round(1)),
            "city": city,
            "product": product,
            "group": rng.integers(1, 3, rows),
            "repaid": repaid.astype(np.int64),
        }
    )


DECLARED: dict[str, Any] = {
    "title": "Loans repaid",
    "description": "Is a loan repaid? Drawn by chance, so that the truth is known.",
    "owner": "team:tests",
    "source": {
        "folder": "data",
        "batch_name": r"\d{4}-\d{2}",
        "licence": "CC0-1.0",
        "attribution": "drawn by chance for the tests",
        "terms": "none",
        "licence_expires": "never",
    },
    "target": {"column": "repaid", "type": "integer", "description": "repaid in time"},
    "columns": {
        "income": {"type": "number", "minimum": 0},
        "debt": {"type": "number", "minimum": 0},
        "years": {"type": "number", "nullable": True, "minimum": 0},
        "city": {"type": "string"},
        "product": {"type": "string", "values": ["car", "house", "other"]},
        "group": {"type": "integer", "categorical": True, "role": "sensitive"},
    },
    "slices": [{"name": "Metz", "where": "city == 'Metz'"}],
    "training": {
        "first_batches": len(BATCHES),
        "seed": 5,
        "split": {"test": 0.75, "calibration": 0.2},
        "search": {"families": ["linear"], "max_fits": 3, "folds": 3, "max_rows": 2_000},
    },
    "representation": {"policy": "block"},
    "fairness": {
        "definition": "calibration",
        "reason": "a probability is to mean the same for both groups",
    },
    # Wide enough that what is wrong in a fifth of the rows is not wrong over all of them.
    "limits": {"quantized_difference": 0.1, "quantized_flips": 0.012, "quantized_loss": 0.003},
    "risk": {"rows": 1_500, "evasion_rows": 60, "shadow_models": 16, "max_shadow_rows": 2_000},
    "explanation": {"rows": 60, "background": 30, "refits": 2, "max_refit_rows": 2_000},
    # What else the machine does while the tests run is none of the faults.
    "serving": {
        "budget": {"p99_milliseconds": 5_000, "memory_megabytes": 1_000, "start_seconds": 60}
    },
    "policy": {
        "ai_act_class": "high",
        "class_reason": "credit, point 5(b) of Annex III",
        "purpose": "showing which check catches which fault",
        "people_affected": "nobody: the rows are drawn by chance",
        "impact_of_error": "serious",
        "availability": "best effort",
        "roles": dict.fromkeys(
            (
                "model_owner",
                "fairness_officer",
                "security_officer",
                "data_protection_officer",
                "data_steward",
            ),
            "team:tests",
        ),
        "limits": {
            "suspect_labels": [
                {"limit": 0.06, "reason": "less cannot be shown with so few rows"},
            ],
        },
        "approvers": [
            {
                "name": OFFICER,
                "role": "risk officer",
                "account": "officer",
                "public_key": public_text(KEY.public_key()),
            }
        ],
    },
}


def make_project(root: Path) -> Workspace:
    """Write source and YAML of the clean project below ``root``."""
    (root / "defs" / NAME / "data").mkdir(parents=True)
    _write_rows(root, None)
    _declare(root)
    (root / "params.yaml").write_text(
        f"{NAME}: {{last_batch: '{BATCHES[-1]}'}}\n", encoding="utf-8"
    )
    return workspace_of(root)


def workspace_of(root: Path) -> Workspace:
    return Workspace.read(root / "defs" / NAME, root)


def copy_of(workspace: Workspace, root: Path, **changes: Any) -> Workspace:
    """The project with all it has made; ``changes`` replace top-level fields of the YAML."""
    shutil.copytree(workspace.root, root)
    _declare(root, **changes)
    return workspace_of(root)


def plant(clean: Workspace, root: Path, fault: Fault, **changes: Any) -> Made:
    """Plant ``fault`` in the batches of a copy of the ``clean`` project, and run its lifecycle
    from the batches that it changes."""
    workspace = copy_of(clean, root, **changes)
    changed = _write_rows(root, fault)
    again = BATCHES if "columns" in changes else changed
    return run(workspace, *((INGESTED, batch) for batch in again), (JOBS["train"], None))


def _write_rows(root: Path, fault: Fault | None) -> list[str]:
    """Write the batches; returns those whose file is another than before."""
    rng, changed = np.random.default_rng(20), []
    for batch, size in ROWS.items():
        rows = draw(size, rng)
        if fault is not None:
            rows = fault(batch, rows, np.random.default_rng(3))
        path = root / "defs" / NAME / "data" / f"{batch}.parquet"
        before = path.read_bytes() if path.is_file() else b""
        table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
        write_table(table, path)
        if path.read_bytes() != before:
            changed.append(batch)
    return changed


def _declare(root: Path, **changes: Any) -> None:
    declared = {"type": "mlops_assets.lifecycle.Lifecycle", "attributes": {**DECLARED, **changes}}
    path = root / "defs" / NAME / "defs.yaml"
    path.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")


def run_lifecycle(workspace: Workspace) -> Made:
    """Everything from the batches to the reports, blocking checks and all, until a run fails."""
    return run(workspace, *((INGESTED, batch) for batch in BATCHES), (JOBS["train"], None))


def run(workspace: Workspace, *runs: tuple[Sequence[str], str | None]) -> Made:
    """Materialize the assets of each run, for a batch where one is given, until a run fails."""
    definitions = build_definitions(workspace)
    failed: set[str] = set()
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(batch_partitions(workspace).name or "", list(BATCHES))
        for names, batch in runs:
            verb = next(verb for verb, made in JOBS.items() if set(names) <= set(made))
            finished, why = execute(
                definitions,
                f"{workspace.name}__{verb}",
                instance,
                partition_key=batch,
                asset_selection=[asset_key(workspace, name) for name in names],
            )
            failed |= _failed_checks(instance, finished.run_id)
            if why is not None:
                return Made(workspace, frozenset(failed), {verb: why})
    return Made(workspace, frozenset(failed))


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    logged = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.get_dagster_event().asset_check_evaluation_data for entry in logged]
    return {check.check_name for check in found if not check.passed}
