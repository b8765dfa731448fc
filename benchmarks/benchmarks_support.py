"""What both lifecycles of the benchmark share: the order of the work and the use case."""

from pathlib import Path

import yaml

from mlops_assets.use_case import UseCase
from resources.dvc_lock import expected_batches
from resources.workspace import Workspace

USE_CASE = "flight_delays"


def workspace_of(root: Path) -> Workspace:
    folder = root / "mlops_assets" / "defs" / USE_CASE
    declared = yaml.safe_load((folder / "defs.yaml").read_text(encoding="utf-8"))
    return Workspace(USE_CASE, UseCase(**declared["attributes"]), folder, root)


def artifacts_in_order() -> list[tuple[str, ...]]:
    """Groups of artifacts that one run makes."""
    return [
        ("raw_copy", "cleaned_dataset"),
        (
            "features",
            "model",
            "onnx_model",
            "quantized_model",
            "evaluation_report",
            "explainability_report",
        ),
        ("release",),
        ("drift_report", "performance_report"),
    ]


def batches_of(workspace: Workspace, name: str) -> tuple[str | None, ...]:
    """The batches to make an artifact for; one ``None`` for an artifact over all of them."""
    if name == "raw_copy":
        return tuple(batch.name for batch in workspace.source.batches())
    return expected_batches(workspace, name) if name == "drift_report" else (None,)
