"""The assets of the data stage: ``raw_copy``, ``cleaned_dataset``, ``data_profile``, ``features``,
``window_profile`` and ``representation_report``.

Thin: each loads, calls one function, stores and reports. The work is in the modules beside it.
"""

from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batches import (
    corrections_of,
    counts_of,
    load_batches,
    pseudonym_key,
    usable_batches,
)
from mlops_assets.data.cleaning.cleaned_batch import write_cleaned
from mlops_assets.data.features import SPLIT_NAMES, build_features, to_table, training_window
from mlops_assets.data.parquet_files import read_chunks, write_table
from mlops_assets.data.raw_copy import describe, require_new_content
from mlops_assets.data.rule_checks import rule_result, rule_specs
from mlops_assets.data.window import describe_window
from resources.artifact_store import ArtifactKey
from resources.assets import define, record_table, stored, storing, table_schema, write_report
from resources.workspace import Workspace

COUNTS_SHOWN = (
    "rows_in",
    "quarantined",
    "duplicates",
    "warned",
    "corrected",
    "unlabelled",
    "reasons",
)


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
        _window_profile(workspace),
        _representation_report(workspace),
    ]


def _raw_copy(workspace: Workspace) -> dg.AssetsDefinition:
    store = workspace.store

    @define(workspace, "raw_copy")
    def raw_copy(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        key = ArtifactKey("raw_copy", context.partition_key)
        with storing(workspace, key) as folder:
            copied = workspace.source.copy(context.partition_key, folder)
            manifest = describe(
                folder,
                file=copied.file,
                fingerprint=copied.delivery.fingerprint,
                origin=copied.origin,
                batch=context.partition_key,
                use_case=workspace.use_case,
            )
            others = {
                b: store.json(ArtifactKey("raw_copy", b), "manifest.json")
                for b in store.batches("raw_copy")
            }
            require_new_content(manifest, others)
            (folder / "manifest.json").write_bytes(json_bytes(manifest))
        schema = pq.read_schema(store.folder(key) / "data.parquet")
        return stored(
            workspace,
            key,
            {
                "dagster/row_count": manifest["rows"],
                "dagster/column_schema": table_schema(schema, _descriptions(workspace)),
                "licence": manifest["licence"],
                "fingerprint": manifest["fingerprint"],
            },
        )

    return raw_copy


def _cleaned_dataset(workspace: Workspace) -> dg.AssetsDefinition:
    # With checks of its own, Dagster takes an asset's result only by the bare name of its class.
    @define(workspace, "cleaned_dataset", checks=rule_specs(workspace))
    def cleaned_dataset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        batch = context.partition_key
        key = ArtifactKey("cleaned_dataset", batch)
        corrections = corrections_of(workspace, batch)
        settings = {"corrections": corrections.md5 if corrections else None}
        if corrections is not None:
            workspace.store.keep_file(corrections.content)
        with storing(workspace, key, settings=settings) as folder:
            raw = workspace.store.folder(ArtifactKey("raw_copy", batch))
            cleaned = write_cleaned(
                raw, folder, workspace.use_case, batch, key=pseudonym_key(), corrections=corrections
            )
        counts = cleaned.counts
        schema = pq.read_schema(workspace.store.folder(key) / "data.parquet")
        return stored(
            workspace,
            key,
            {
                "dagster/row_count": counts["rows_out"],
                "dagster/column_schema": table_schema(schema, _descriptions(workspace)),
                **{name: counts[name] for name in COUNTS_SHOWN},
                "removed": sum(counts["removed"].values()),
            },
            checks=[rule_result(rule) for rule in cleaned.rules],
        )

    return cleaned_dataset


def _data_profile(workspace: Workspace) -> dg.AssetsDefinition:
    store, use_case = workspace.store, workspace.use_case

    @define(workspace, "data_profile")
    def data_profile(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.data.profile.page import profile_page
        from mlops_assets.data.profile.report import profile_report
        from mlops_assets.data.profile.summary import profile_chunks

        batch = context.partition_key
        key = ArtifactKey("data_profile", batch)
        before = [
            ArtifactKey("data_profile", b) for b in store.batches("data_profile") if b < batch
        ]
        upstream = {str(earlier): store.hash(earlier) for earlier in before}
        with storing(workspace, key, upstream=upstream) as folder:
            cleaned = store.folder(ArtifactKey("cleaned_dataset", batch))
            summary = profile_chunks(read_chunks(cleaned / "data.parquet"), use_case)
            counts = store.json(ArtifactKey("cleaned_dataset", batch), "counts.json")
            earlier = [store.report(key) for key in before]
            report = profile_report(
                summary, use_case=use_case, batch=batch, counts=counts, earlier=earlier
            )
            (folder / "profile.json").write_bytes(json_bytes(summary))
            shown = write_report(folder, report, profile_page(report), workspace.use_case.language)
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
        excluded = {batch: why for batch, why in excluded.items() if batch <= last_batch}
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
            documents = describe_window(
                rows,
                batches,
                workspace.use_case,
                cleaned=hashes,
                counts=counts_of(workspace, window),
                excluded=excluded,
            )
            write_table(to_table(rows), folder / "data.parquet")
            for name, document in documents.items():
                (folder / name).write_bytes(json_bytes(document))
        facts = documents["features.json"]
        return stored(
            workspace,
            key,
            {
                "dagster/row_count": len(rows),
                "batches": len(window),
                "window": f"{window[0]} to {window[-1]}",
                "excluded_batches": excluded,
                "waterfall": record_table(facts["waterfall"]),
                **{f"{name}_rows": facts["splits"][name]["rows"] for name in SPLIT_NAMES},
            },
        )

    return features


def _window_profile(workspace: Workspace) -> dg.AssetsDefinition:
    store, use_case = workspace.store, workspace.use_case

    @define(workspace, "window_profile")
    def window_profile() -> dg.MaterializeResult[Any]:
        from mlops_assets.data.profile.window import merged, window_page, window_report

        key = ArtifactKey("window_profile")
        features = store.json(ArtifactKey("features"), "features.json")
        profiles = [ArtifactKey("data_profile", batch) for batch in features["batches"]]
        upstream = {str(profile): store.hash(profile) for profile in profiles}
        with storing(workspace, key, upstream=upstream) as folder:
            summaries = {str(p.batch): store.json(p, "profile.json") for p in profiles}
            report = window_report(
                summaries,
                {str(p.batch): store.report(p) for p in profiles},
                counts_of(workspace, features["batches"]),
                use_case=use_case,
                features=features,
                leakage=store.json(ArtifactKey("features"), "leakage.json"),
            )
            (folder / "profile.json").write_bytes(json_bytes(merged(summaries)))
            shown = write_report(folder, report, window_page(report), workspace.use_case.language)
        return stored(workspace, key, shown)

    return window_profile


def _representation_report(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "representation_report")
    def representation_report() -> dg.MaterializeResult[Any]:
        from mlops_assets.data.representation.page import representation_page

        key = ArtifactKey("representation_report")
        with storing(workspace, key) as folder:
            report = workspace.store.json(ArtifactKey("features"), "representation.json")
            shown = write_report(
                folder, report, representation_page(report), workspace.use_case.language
            )
        return stored(workspace, key, shown)

    return representation_report


def _descriptions(workspace: Workspace) -> dict[str, str]:
    described = {name: c.description for name, c in workspace.use_case.columns.items()}
    target = workspace.use_case.target
    return {**described, target.column: target.description}
