"""The assets of the data stage: ``raw_copy``, ``cleaned_dataset``, ``data_profile``, ``features``.

Thin: each loads, calls one function, stores and reports. The work is in the modules beside it.
"""

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.cleaning import BatchError, clean, quarantined_share
from mlops_assets.data.features import (
    SPLIT_NAMES,
    build_features,
    describe_features,
    training_window,
)
from mlops_assets.data.leakage_report import leakage_report
from mlops_assets.data.privacy import protected, undecided_columns
from mlops_assets.data.protection import KEY_VARIABLE
from mlops_assets.data.raw_copy import describe, read_batch, require_new_content
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing, table_schema, write_report
from resources.tables import write_parquet
from resources.workspace import Workspace


class TrainingWindow(dg.Config):
    """Which batches to learn from."""

    last_batch: str | None = None
    """Last batch of the window; without it, what ``params.yaml`` says."""


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [
        _raw_copy(workspace),
        _cleaned_dataset(workspace),
        _data_profile(workspace),
        _features(workspace),
    ]


def _raw_copy(workspace: Workspace) -> dg.AssetsDefinition:
    store = workspace.store

    @define(workspace, "raw_copy")
    def raw_copy(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        key = ArtifactKey("raw_copy", context.partition_key)
        with storing(workspace, key) as folder:
            file = workspace.source.batch(context.partition_key)
            content = read_batch(file.path)
            raw = describe(content, file.path.name, file.name, workspace.use_case)
            others = {
                b: store.json(ArtifactKey("raw_copy", b), "manifest.json")
                for b in store.batches("raw_copy")
            }
            require_new_content(raw.manifest, others)
            if raw.table is None:
                (folder / "data.parquet").write_bytes(content)
            else:
                (folder / f"original{file.path.name.removeprefix(file.name)}").write_bytes(content)
                write_parquet(raw.table, folder / "data.parquet")
            (folder / "manifest.json").write_bytes(json_bytes(raw.manifest))
        schema = pq.read_schema(store.folder(key) / "data.parquet")
        return stored(
            workspace,
            key,
            {
                "dagster/row_count": raw.manifest["rows"],
                "dagster/column_schema": table_schema(schema, _descriptions(workspace)),
                "licence": raw.manifest["licence"],
                "source_md5": raw.manifest["md5"],
            },
        )

    return raw_copy


def _cleaned_dataset(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "cleaned_dataset")
    def cleaned_dataset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        batch = context.partition_key
        key = ArtifactKey("cleaned_dataset", batch)
        with storing(workspace, key) as folder:
            raw = workspace.store.folder(ArtifactKey("raw_copy", batch))
            cleaned = clean(pq.read_table(raw / "data.parquet"), workspace.use_case, batch)
            rows, privacy = protected(cleaned.rows, workspace.use_case, pseudonym_key())
            write_parquet(rows, folder / "data.parquet")
            write_parquet(cleaned.quarantine, folder / "quarantine.parquet")
            (folder / "counts.json").write_bytes(json_bytes(cleaned.counts))
            (folder / "privacy.json").write_bytes(json_bytes(privacy))
        counts = cleaned.counts
        return stored(
            workspace,
            key,
            {
                "dagster/row_count": counts["rows_out"],
                "dagster/column_schema": table_schema(rows.schema, _descriptions(workspace)),
                "rows_in": counts["rows_in"],
                "quarantined": counts["quarantined"],
                "removed": sum(counts["removed"].values()),
                "unlabelled": counts["unlabelled"],
                "reasons": counts["reasons"],
            },
        )

    return cleaned_dataset


def _data_profile(workspace: Workspace) -> dg.AssetsDefinition:
    store, use_case = workspace.store, workspace.use_case

    @define(workspace, "data_profile")
    def data_profile(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.data.profile import profile
        from mlops_assets.data.profile_page import profile_page
        from mlops_assets.data.profile_report import profile_report

        batch = context.partition_key
        key = ArtifactKey("data_profile", batch)
        before = [
            ArtifactKey("data_profile", b) for b in store.batches("data_profile") if b < batch
        ]
        upstream = {str(earlier): store.hash(earlier) for earlier in before}
        with storing(workspace, key, upstream=upstream) as folder:
            summary = profile(load_batch(workspace, batch), use_case)
            counts = store.json(ArtifactKey("cleaned_dataset", batch), "counts.json")
            earlier = [store.report(key) for key in before]
            report = profile_report(
                summary, use_case=use_case, batch=batch, counts=counts, earlier=earlier
            )
            (folder / "profile.json").write_bytes(json_bytes(summary))
            shown = write_report(folder, report, profile_page(report))
        return stored(workspace, key, {**shown, "dagster/row_count": counts["rows_out"]})

    return data_profile


def _features(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "features")
    def features(
        context: dg.AssetExecutionContext, config: TrainingWindow
    ) -> dg.MaterializeResult[Any]:
        key = ArtifactKey("features")
        last_batch = config.last_batch or workspace.last_batch
        usable, excluded = usable_batches(workspace)
        window = training_window(usable, last_batch, workspace.use_case)
        hashes = {b: workspace.store.hash(ArtifactKey("cleaned_dataset", b)) for b in window}
        context.log.info(f"training window: {', '.join(window)}")
        with storing(
            workspace,
            key,
            upstream={f"cleaned_dataset/{b}": hash_ for b, hash_ in hashes.items()},
            settings={"last_batch": last_batch},
        ) as folder:
            batches = load_batches(workspace, window)
            rows = build_features(batches, workspace.use_case)
            facts = describe_features(rows, workspace.use_case, hashes, excluded)
            write_parquet(rows, folder / "data.parquet")
            (folder / "features.json").write_bytes(json_bytes(facts))
            leakage = leakage_report(
                rows,
                workspace.use_case,
                batches,
                confirmed=workspace.use_case.cleared_of_leakage,
            )
            (folder / "leakage.json").write_bytes(json_bytes(leakage))
            train_rows = rows[rows["split"] == "train"]
            reference = summarise_inputs(train_rows, workspace)
            (folder / "reference.json").write_bytes(json_bytes(reference))
        splits = {f"{name}_rows": facts["splits"][name]["rows"] for name in SPLIT_NAMES}
        return stored(
            workspace,
            key,
            {
                "dagster/row_count": len(rows),
                "batches": len(window),
                "window": f"{window[0]} to {window[-1]}",
                "excluded_batches": excluded,
                **splits,
            },
        )

    return features


def summarise_inputs(rows: pd.DataFrame, workspace: Workspace) -> dict[str, Any]:
    from mlops_assets.monitoring.histograms import summarise

    monitored = {**workspace.use_case.inputs}
    monitored.update({n: workspace.use_case.columns[n] for n in workspace.use_case.sensitive})
    return summarise(rows, monitored)


def usable_batches(workspace: Workspace) -> tuple[list[str], dict[str, str]]:
    """Cleaned batches fit for training, and the others with the reason. The evidence is read
    again here, for a check blocks only the run that it was part of."""
    usable, excluded = [], {}
    limit = workspace.use_case.rows.max_quarantined
    for batch in workspace.store.batches("cleaned_dataset"):
        key = ArtifactKey("cleaned_dataset", batch)
        share = quarantined_share(workspace.store.json(key, "counts.json"))
        undecided = undecided_columns(workspace.store.json(key, "privacy.json"))
        if share > limit:
            excluded[batch] = f"{share:.1%} of its rows are quarantined; the limit is {limit:.1%}"
        elif undecided:
            excluded[batch] = f"personal data that nothing is decided about: {undecided}"
        else:
            usable.append(batch)
    return usable, excluded


def pseudonym_key() -> bytes | None:
    """The key of pseudonyms, from the environment."""
    key = os.environ.get(KEY_VARIABLE)
    return key.encode() if key else None


def load_batches(workspace: Workspace, batches: tuple[str, ...]) -> Mapping[str, pd.DataFrame]:
    return {batch: load_batch(workspace, batch) for batch in batches}


def load_batch(workspace: Workspace, batch: str) -> pd.DataFrame:
    """The cleaned rows of a batch; raises ``BatchError`` where there are none."""
    folder = workspace.store.folder(ArtifactKey("cleaned_dataset", batch))
    rows: pd.DataFrame = pq.read_table(folder / "data.parquet").to_pandas()
    if rows.empty:
        raise BatchError(f"batch {batch} has no valid row: see its quarantine.parquet")
    return rows


def _descriptions(workspace: Workspace) -> dict[str, str]:
    described = {name: c.description for name, c in workspace.use_case.columns.items()}
    target = workspace.use_case.target
    return {**described, target.column: target.description}
