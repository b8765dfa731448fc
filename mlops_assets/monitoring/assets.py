"""The assets of the monitoring stage: ``drift_report`` and ``performance_report``, one a batch.

Both read what the champion predicted of the batch, and name it by hash; both look at what was
served of the batch, where there is a log of it, which has no part in their verdicts.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from mlops_assets.answers import DecisionRule
from mlops_assets.data.labels import encode_labels
from mlops_assets.monitoring.gathering import (
    cleaned_rows,
    inputs_of,
    reference_of,
    releases_in,
    rows_to_judge,
    rules_of,
    served_rows,
)
from mlops_assets.monitoring.served import ServedRows
from mlops_assets.prediction.gathering import Predicted, predicted
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing, write_report
from resources.workspace import Workspace

Report = dict[str, Any]


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_drift_report(workspace), _performance_report(workspace)]


def _drift_report(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "drift_report")
    def drift_report_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.monitoring.drift_page import drift_page

        batch = context.partition_key
        key = ArtifactKey("drift_report", batch)
        given = predicted(workspace, batch)
        served = served_rows(workspace, batch, logged=("input.",), cleaned=use_case.columns)
        with storing(
            workspace, key, upstream=_days(served.days), settings={"champion": given.release}
        ) as folder:
            report = _drift(workspace, batch, given, served)
            shown = write_report(folder, report, drift_page(report), use_case.language)
        strongest = report["series"][0]
        plain = {
            "drifted": str(report["drifted"]).lower(),
            "drifted_columns": len(report["drift_features"]),
            "weighted_distance": report["weighted_distance"] or 0.0,
            "largest_distance": strongest["statistic"] or 0.0,
            "served_rows": report["served"]["served_rows"],
        }
        return stored(workspace, key, {**shown, **plain, "champion": given.release})

    return drift_report_asset


def _drift(workspace: Workspace, batch: str, given: Predicted, served: ServedRows) -> Report:
    from mlops_assets.monitoring.batch_counts import count_batch, count_batch_outcomes
    from mlops_assets.monitoring.drift import detect, drift_report, outcome_drift
    from mlops_assets.monitoring.skew import served_inputs

    use_case, cleaned = workspace.use_case, cleaned_rows(workspace, batch)
    reference = reference_of(workspace, given.release)
    monitoring, seed = use_case.monitoring, use_case.training.seed
    counts = count_batch(cleaned, given.file, reference["histograms"])
    outcomes = count_batch_outcomes(cleaned, use_case.target, reference["outcomes"])
    return drift_report(
        detect(reference["histograms"], counts, monitoring=monitoring, seed=seed),
        use_case=use_case.title,
        batch=batch,
        champion=given.release,
        monitoring=monitoring,
        attribution=reference["attribution"],
        outcomes=None
        if outcomes is None
        else outcome_drift(reference["outcomes"], outcomes, monitoring=monitoring, seed=seed),
        served=served_inputs(
            served, inputs_of(workspace, releases_in(served)), use_case.monitoring.max_skew
        ),
    )


def _performance_report(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "performance_report")
    def performance_report_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.monitoring.performance_page import performance_page

        batch = context.partition_key
        key = ArtifactKey("performance_report", batch)
        given = predicted(workspace, batch)
        served = served_rows(
            workspace,
            batch,
            logged=("output.", "request_id", "latency_ms"),
            cleaned=use_case.columns.keys() | {use_case.target.column},
            by=("release", "variant"),
        )
        with storing(
            workspace, key, upstream=_days(served.days), settings={"champion": given.release}
        ) as folder:
            report = _performance(workspace, batch, given, served)
            shown = write_report(folder, report, performance_page(report), use_case.language)
        metrics = report["metrics"]
        plain = {n: m["value"] for n, m in metrics.items() if m["value"] is not None}
        counted = {
            "rows": report["rows"],
            "labelled": report["labelled"],
            "served_rows": report["served"]["served_rows"],
        }
        return stored(workspace, key, {**shown, **counted, **plain, "champion": given.release})

    return performance_report_asset


def _performance(workspace: Workspace, batch: str, given: Predicted, served: ServedRows) -> Report:
    from mlops_assets.evidence.metrics.groups import row_groups
    from mlops_assets.monitoring.performance import performance_report
    from mlops_assets.monitoring.served import served_performance
    from mlops_assets.prediction.answer_columns import read_answers

    use_case = workspace.use_case
    target, seed = use_case.target, use_case.training.seed
    reference = reference_of(workspace, given.release)
    rule, variance = DecisionRule.parse(reference["decision_rule"]), reference["variance"]
    rows = rows_to_judge(workspace, cleaned_rows(workspace, batch), rule)
    is_labelled = rows[target.column].notna()
    labelled = rows[is_labelled].reset_index(drop=True)
    rules = rules_of(workspace, releases_in(served))
    return performance_report(
        target.task,
        encode_labels(labelled[target.column], target),
        read_answers(given.file)[is_labelled.to_numpy()],
        row_groups(labelled, use_case),
        use_case=use_case.title,
        batch=batch,
        champion=given.release,
        rows=len(rows),
        reference=reference["metrics"],
        retraining=use_case.retraining,
        variance=variance,
        seed=seed,
        cut=rule.cut(labelled),
        served=served_performance(served, target, rules, seed=seed, variance=variance),
    )


def _days(days: Mapping[str, str]) -> dict[str, str]:
    """What a report's lineage says of the days that it looked at."""
    return {str(ArtifactKey("prediction_log", day)): hash for day, hash in days.items()}
