"""What should hold of every batch that arrives. These checks warn: a batch that differs is no
fault of the run, and what follows from it is decided by ``sensors/retraining.py``."""

import dagster as dg

from resources.artifact_store import ArtifactKey
from resources.assets import asset_key
from resources.workspace import Workspace


def build_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    return [_no_drift(workspace), _performance_held(workspace)]


def _no_drift(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "drift_report"),
        description="The batch does not differ from what its champion was trained on.",
    )
    def no_drift(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        report = workspace.store.report(ArtifactKey("drift_report", context.partition_key))
        return dg.AssetCheckResult(
            passed=report["drifted"] is False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"drift_features": report["drift_features"]},
        )

    return no_drift


def _performance_held(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "performance_report"),
        description="The champion predicts the batch as well as the rows it was released on; "
        "without labels that is unknown, and the check fails.",
    )
    def performance_held(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        report = workspace.store.report(ArtifactKey("performance_report", context.partition_key))
        return dg.AssetCheckResult(
            passed=report["lost"] is False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"lost": str(report["lost"])},
        )

    return performance_held
