"""The asset of the prediction stage: ``predictions``, one a batch.

The champion is an input: the release that predicts the batch, read from the release store and named
by hash in what is stored.
"""

from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from mlops_assets.content_hash import json_bytes
from mlops_assets.prediction.answer_figures import share_outside
from mlops_assets.prediction.gathering import cleaned_md5
from mlops_assets.prediction.progress import in_tenths
from mlops_assets.release.answers import askable_bundle, champion_of
from mlops_assets.serving.release import manifest
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing, table_schema
from resources.workspace import Workspace

DESCRIPTIONS = {
    "row_id": "which row is answered",
    "label": "the class that is decided",
    "outside_envelope": "the row is unlike those that the model was made from",
}


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_predictions(workspace)]


def _predictions(workspace: Workspace) -> dg.AssetsDefinition:
    store = workspace.store

    @define(workspace, "predictions")
    def predictions(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.prediction.scoring import score_parquet

        batch = context.partition_key
        key, cleaned = ArtifactKey("predictions", batch), ArtifactKey("cleaned_dataset", batch)
        release = champion_of(workspace, batch).release or ""
        with storing(workspace, key, settings={"champion": release}) as folder:
            source = store.folder(cleaned) / "data.parquet"
            bundle = askable_bundle(workspace, release, pq.read_schema(source).names)
            figures = score_parquet(
                bundle,
                source,
                folder / "data.parquet",
                row_id=workspace.use_case.serving.row_id,
                progress=in_tenths(context.log.info),
            )
            record = {
                **figures,
                "batch": batch,
                "release": release,
                "file": manifest(bundle)["serves"],
                "input": cleaned_md5(workspace, batch),
            }
            (folder / "predictions.json").write_bytes(json_bytes(record))
        return stored(workspace, key, _shown(workspace, key, record))

    return predictions


def _shown(workspace: Workspace, key: ArtifactKey, record: dict[str, Any]) -> dict[str, Any]:
    schema = pq.read_schema(workspace.store.folder(key) / "data.parquet")
    share = share_outside(record)
    return {
        "dagster/row_count": record["rows"],
        "dagster/column_schema": table_schema(schema, DESCRIPTIONS),
        "champion": record["release"],
        "answers": record["answers"],
        **({} if share is None else {"share_outside_envelope": share}),
    }
