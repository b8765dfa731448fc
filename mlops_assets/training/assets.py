"""The asset of the training stage: ``model``."""

from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq

from mlops_assets.content_hash import json_bytes
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing
from resources.workspace import Workspace


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_model(workspace)]


def _model(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "model")
    def model(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        import joblib

        from mlops_assets.training.fit import train

        key = ArtifactKey("model")
        with storing(workspace, key) as folder:
            training = train(load_features(workspace), workspace.use_case, context.log.info)
            joblib.dump(training.model, folder / "model.joblib")
            (folder / "model.json").write_bytes(json_bytes(training.record))
        record = training.record
        best = next(entry for entry in record["leaderboard"] if entry["chosen"])
        return stored(
            workspace,
            key,
            {
                "family": record["family"],
                "chosen": record["chosen"],
                "parameters": record["parameters"],
                "cv_log_loss": best["log_loss"],
                "leaderboard": dg.MetadataValue.md(_leaderboard(record)),
            },
        )

    return model


def load_features(workspace: Workspace, split: str | None = None) -> pd.DataFrame:
    """The rows of the training window, or of one of its splits."""
    path = workspace.store.folder(ArtifactKey("features")) / "data.parquet"
    rows: pd.DataFrame = pq.read_table(path).to_pandas()
    return rows if split is None else rows[rows["split"] == split].reset_index(drop=True)


def _leaderboard(record: dict[str, Any]) -> str:
    lines = ["| candidate | log loss | difference ± s.e. | size | |", "|---|---|---|---|---|"]
    lines += [
        f"| {e['name']} | {e['log_loss']:.4f} | {e['difference_to_best']:+.4f} ± "
        f"{e['standard_error_of_difference']:.4f} | {e['size']:,} | {e['why']} |"
        for e in record["leaderboard"]
    ]
    return "\n".join(lines)
