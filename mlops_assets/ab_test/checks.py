"""What must hold of a test's traffic before its comparison means anything.

The check warns: traffic that is divided otherwise is no fault of the run, and the gate asks the
report itself (``verdict.ab_objection``).
"""

import dagster as dg

from mlops_assets.ab_test.gathering import REPORT
from resources.assets import asset_key
from resources.workspace import Workspace


def build_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    return [_traffic_is_divided_as_planned(workspace)]


def _traffic_is_divided_as_planned(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "ab_report"),
        description="The entities were divided by the share in force, and every guard rail of the "
        "test holds; one that could not be worked out fails, and so does a report of no test.",
    )
    def traffic_is_divided_as_planned() -> dg.AssetCheckResult:
        report = workspace.store.report(REPORT)
        guards = report.get("guards", [])
        not_held = [guard["name"] for guard in guards if guard["holds"] is not True]
        return dg.AssetCheckResult(
            passed=bool(guards) and not not_held,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "test": report["experiment"] or "none is under way",
                "not_held": not_held,
                **{guard["name"]: str(guard["value"]) for guard in guards},
            },
        )

    return traffic_is_divided_as_planned
