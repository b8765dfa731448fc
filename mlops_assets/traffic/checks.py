"""What must hold of a day of answers, and of how it was served.

None of these blocks: what is wrong with a day that is over is no reason not to report on it.
"""

from datetime import UTC, datetime

import dagster as dg

from mlops_assets.traffic.day_samples import read_day_samples
from mlops_assets.traffic.log_privacy import personal_data_problems
from mlops_assets.traffic.logged_days import (
    LOG,
    logged_files,
    problems_of_retention,
    served_folder,
)
from resources.artifact_store import ArtifactKey
from resources.assets import asset_key
from resources.workspace import Workspace


def build_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    return [
        _no_answer_was_lost(workspace),
        _log_is_kept_as_long_as_declared(workspace),
        _no_personal_data_in_log(workspace),
        _operations_within_budget(workspace),
    ]


def _no_answer_was_lost(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, LOG),
        description="Every row that the servers numbered is in the log: there is no gap, and no "
        "server says that it lost any.",
    )
    def no_answer_was_lost(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        manifest = workspace.store.json(ArtifactKey(LOG, context.partition_key), "manifest.json")
        instances = manifest["instances"]
        said = read_day_samples(served_folder(workspace), context.partition_key).log["lost"]
        return dg.AssetCheckResult(
            passed=manifest["lost_rows"] == 0 and said == 0,
            metadata={
                "lost_rows": manifest["lost_rows"],
                "lost_as_servers_count": said,
                "lost_by_instance": {
                    o["instance"]: o["missing"] for o in instances if o["missing"]
                },
                "may_yet_come_from": [o["instance"] for o in instances if o["unshipped"]],
            },
        )

    return no_answer_was_lost


def _log_is_kept_as_long_as_declared(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, LOG),
        description="No answer is kept longer than serving.retention_days, in no version, and "
        "none was deleted earlier.",
    )
    def log_is_kept_as_long_as_declared() -> dg.AssetCheckResult:
        today = datetime.now(UTC).date().isoformat()
        problems = problems_of_retention(workspace, today)
        return dg.AssetCheckResult(
            passed=not problems,
            metadata={
                "problems": problems,
                "retention_days": workspace.use_case.serving.retention_days,
            },
        )

    return log_is_kept_as_long_as_declared


def _no_personal_data_in_log(workspace: Workspace) -> dg.AssetChecksDefinition:
    use_case = workspace.use_case

    @dg.asset_check(
        asset=asset_key(workspace, LOG),
        description="What is to be dropped is not in the log, pseudonyms have their form, and "
        "nothing is recognised as personal that nothing is decided about.",
    )
    def no_personal_data_in_log(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        files = logged_files(workspace, [context.partition_key])
        problems = personal_data_problems(files, use_case.columns, use_case.serving.row_id)
        return dg.AssetCheckResult(passed=not problems, metadata={"problems": problems})

    return no_personal_data_in_log


def _operations_within_budget(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "operations_report"),
        description="The servers kept within serving.budget; what is not known fails.",
    )
    def operations_within_budget(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        key = ArtifactKey("operations_report", context.partition_key)
        budget = workspace.store.report(key)["budget"]
        return dg.AssetCheckResult(
            passed=all(one["verdict"] == "within" for one in budget),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={one["name"]: f"{one['value']} of {one['limit']}" for one in budget},
        )

    return operations_within_budget
