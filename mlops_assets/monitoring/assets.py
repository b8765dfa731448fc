"""The assets of the monitoring stage: ``drift_report`` and ``performance_report``, one a batch.

The champion is an input: the release that predicted the batch, read from the release store and
named by hash in the report.
"""

import json
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from mlops_assets.answers import DecisionRule
from mlops_assets.data.batches import load_batch
from mlops_assets.data.labels import encode_labels
from mlops_assets.governance.ledger import Entry, champion_at
from mlops_assets.release.answers import released_answers
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.assets import define, stored, storing, write_report
from resources.workspace import Workspace

if TYPE_CHECKING:
    from mlops_assets.monitoring.drift import SeriesDrift


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_drift_report(workspace), _performance_report(workspace)]


def champion_of(workspace: Workspace, batch: str) -> Entry:
    """The champion that predicts ``batch``; raises ``MissingArtifactError`` where there is none."""
    entry = champion_at(workspace.releases.entries(), batch)
    if entry is None or entry.release is None:
        raise MissingArtifactError(
            f"no release learned from batches before {batch}, so there is no champion to watch"
        )
    return entry


def _reference(workspace: Workspace, release: str) -> dict[str, Any]:
    bundle = workspace.releases.bundle(release)
    reference: dict[str, Any] = json.loads((bundle / "reference.json").read_bytes())
    return reference


def _drift_report(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "drift_report")
    def drift_report_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.monitoring.drift import detect, drift_report
        from mlops_assets.monitoring.drift_page import drift_page
        from mlops_assets.monitoring.histograms import count, count_scores

        batch = context.partition_key
        key = ArtifactKey("drift_report", batch)
        release = champion_of(workspace, batch).release or ""
        with storing(workspace, key, settings={"champion": release}) as folder:
            rows = load_batch(workspace, batch)
            reference = _reference(workspace, release)
            histograms = reference["histograms"]
            given = released_answers(workspace, release, rows)
            report = drift_report(
                detect(
                    histograms,
                    {**count(rows, histograms), **count_scores(given, histograms)},
                    monitoring=use_case.monitoring,
                    seed=use_case.training.seed,
                ),
                use_case=use_case.title,
                batch=batch,
                champion=release,
                monitoring=use_case.monitoring,
                attribution=reference["attribution"],
                outcomes=_outcome_drift(workspace, rows, reference),
            )
            shown = write_report(folder, report, drift_page(report), use_case.language)
        strongest = report["series"][0]
        plain = {
            "drifted": str(report["drifted"]).lower(),
            "drifted_columns": len(report["drift_features"]),
            "weighted_distance": report["weighted_distance"] or 0.0,
            "largest_distance": strongest["statistic"] or 0.0,
        }
        return stored(workspace, key, {**shown, **plain, "champion": release})

    return drift_report_asset


def _outcome_drift(
    workspace: Workspace, rows: pd.DataFrame, reference: dict[str, Any]
) -> "SeriesDrift | None":
    """The drift of the outcomes, where the batch has some already."""
    from mlops_assets.monitoring.drift import outcome_drift
    from mlops_assets.monitoring.histograms import count_outcomes

    use_case = workspace.use_case
    known = rows[use_case.target.column].dropna()
    if known.empty:
        return None
    counts = count_outcomes(encode_labels(known, use_case.target), reference["outcomes"])
    return outcome_drift(
        reference["outcomes"],
        counts,
        monitoring=use_case.monitoring,
        seed=use_case.training.seed,
    )


def _performance_report(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "performance_report")
    def performance_report_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.evidence.metrics.groups import row_groups
        from mlops_assets.monitoring.performance import performance_report
        from mlops_assets.monitoring.performance_page import performance_page

        batch = context.partition_key
        key = ArtifactKey("performance_report", batch)
        release = champion_of(workspace, batch).release or ""
        with storing(workspace, key, settings={"champion": release}) as folder:
            rows = load_batch(workspace, batch)
            labelled = rows[rows[use_case.target.column].notna()].reset_index(drop=True)
            reference = _reference(workspace, release)
            report = performance_report(
                use_case.target.task,
                encode_labels(labelled[use_case.target.column], use_case.target),
                released_answers(workspace, release, labelled),
                row_groups(labelled, use_case),
                use_case=use_case.title,
                batch=batch,
                champion=release,
                rows=len(rows),
                reference=reference["metrics"],
                retraining=use_case.retraining,
                variance=reference["variance"],
                seed=use_case.training.seed,
                cut=DecisionRule.parse(reference["decision_rule"]).cut(labelled),
            )
            shown = write_report(folder, report, performance_page(report), use_case.language)
        metrics = report["metrics"]
        plain = {n: m["value"] for n, m in metrics.items() if m["value"] is not None}
        counted = {"rows": len(rows), "labelled": len(labelled)}
        return stored(workspace, key, {**shown, **counted, **plain, "champion": release})

    return performance_report_asset
