"""The asset of the training stage: ``model``."""

from functools import partial
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq

from mlops_assets.content_hash import json_bytes
from mlops_assets.target_declaration import Target
from resources.actor import record_trainer
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing
from resources.workspace import Workspace


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_model(workspace)]


def _model(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "model")
    def model(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.training.fit import train
        from mlops_assets.training.model_file import model_bytes

        key = ArtifactKey("model")
        with storing(workspace, key) as folder:
            training = train(
                load_features(workspace),
                workspace.use_case,
                context.log.info,
                partial(_file_size, workspace.use_case.target),
            )
            (folder / "model.joblib").write_bytes(model_bytes(training.model))
            (folder / "model.json").write_bytes(json_bytes(training.record))
            (folder / "metrics.json").write_bytes(json_bytes(_metrics(training.record)))
            (folder / "leaderboard.json").write_bytes(json_bytes(_points(training.record)))
        record_trainer(workspace, workspace.store.hash(key))
        return stored(workspace, key, _metadata(training.record, training.timings))

    return model


def load_features(workspace: Workspace, split: str | None = None) -> pd.DataFrame:
    """The rows of the training window, or of one of its splits."""
    path = workspace.store.folder(ArtifactKey("features")) / "data.parquet"
    rows: pd.DataFrame = pq.read_table(path).to_pandas()
    return rows if split is None else rows[rows["split"] == split].reset_index(drop=True)


def target_variance(workspace: Workspace) -> float:
    """Variance of the labels in the train split: see ``answers.row_losses``."""
    facts = workspace.store.json(ArtifactKey("features"), "features.json")
    return float(facts["target"]["variance"])


def _file_size(target: Target, model: Any) -> int:
    from mlops_assets.export.onnx_graph import to_onnx

    return len(to_onnx(model, target))


def _metadata(record: dict[str, Any], timings: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What the UI shows of a training: plain numbers to compare runs by, and the leaderboard."""
    return {
        "family": record["family"],
        "chosen": record["chosen"],
        **{name: value for name, value in _metrics(record).items() if value is not None},
        "beats_baseline": record["beats_baseline"],
        "decision": record["decision"]["why"],
        **(
            {"threshold": record["decision_rule"]["threshold"]}
            if record["task"] == "binary"
            else {}
        ),
        **timings.get(record["chosen"], {}),
        "leaderboard": dg.MetadataValue.md(_leaderboard(record, timings)),
    }


def _metrics(record: dict[str, Any]) -> dict[str, Any]:
    """What trainings are compared by, here and by DVC: the cross-validated loss of the chosen
    candidate, that of the baseline on the same folds, and what the model costs."""
    best = next(entry for entry in record["leaderboard"] if entry["chosen"])
    return {
        "cv_loss": best["loss"],
        "cv_baseline_loss": record["baseline"]["loss"],
        **record["complexity"],
    }


def _points(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The leaderboard as DVC plots it: a point for each candidate of the last round, for losses of
    earlier ones are of other rows."""
    return [
        {
            "candidate": entry["name"],
            "family": entry["family"],
            "operations": entry["complexity"]["operations"],
            "loss": entry["loss"],
        }
        for entry in record["leaderboard"]
        if entry["difference_to_best"] is not None
    ]


def _leaderboard(record: dict[str, Any], timings: dict[str, dict[str, float]]) -> str:
    lines = [
        f"| candidate | {record['loss']} ± s.e. | difference to best ± s.e. | rows | parameters | "
        "operations | bytes | µs a row | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(
        [*lines, *(_line(e, timings.get(e["name"], {})) for e in record["leaderboard"])]
    )


def _line(entry: dict[str, Any], timings: dict[str, float]) -> str:
    from mlops_assets.evidence.evaluation.leaderboard_section import score_cells

    counted = entry["complexity"]
    cells = [
        entry["name"],
        *score_cells(entry),
        f"{entry['rows']:,}",
        *(f"{counted[name]:,}" for name in ("parameters", "operations", "bytes")),
        f"{timings['microseconds_a_row']:.1f}" if timings else "MISSING",
        entry["why"],
    ]
    return f"| {' | '.join(cells)} |"
