"""What must hold of the predictions of a batch."""

import dagster as dg

from mlops_assets.prediction.completeness import completeness
from mlops_assets.prediction.gathering import cleaned_md5
from resources.artifact_store import ArtifactKey
from resources.assets import asset_key
from resources.workspace import Workspace


def build_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    return [_every_row_is_answered(workspace)]


def _every_row_is_answered(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "predictions"),
        blocking=True,
        description="Every row of the batch as it is cleaned now has an answer, and each answer "
        "is a class or a finite number.",
    )
    def every_row_is_answered(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        return answered(workspace, context.partition_key)

    return every_row_is_answered


def answered(workspace: Workspace, batch: str) -> dg.AssetCheckResult:
    """Whether the stored predictions of ``batch`` are an answer for each of its present rows."""
    store = workspace.store
    key, cleaned = ArtifactKey("predictions", batch), ArtifactKey("cleaned_dataset", batch)
    record = store.json(key, "predictions.json")
    found = completeness(
        store.folder(cleaned) / "data.parquet", store.folder(key) / "data.parquet", record
    )
    is_current = record["input"] == cleaned_md5(workspace, batch)
    return dg.AssetCheckResult(
        passed=found["complete"] and is_current,
        metadata={**found, "of_the_rows_as_they_are_now": is_current},
    )
