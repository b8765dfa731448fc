"""What must hold of a candidate before it may be released."""

import dagster as dg

from mlops_assets.release.candidate import CANDIDATE, FILE
from mlops_assets.release.infra_check import FIGURES, INFRA_CHECK, infra_objections
from resources.artifact_store import ArtifactKey
from resources.assets import asset_key
from resources.workspace import Workspace


def build_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    return [_serves_within_budget(workspace)]


def _serves_within_budget(workspace: Workspace) -> dg.AssetChecksDefinition:
    budget = workspace.use_case.serving.budget

    @dg.asset_check(
        asset=asset_key(workspace, INFRA_CHECK),
        blocking=True,
        description="A real server of the candidate starts, answers as it must and keeps the "
        "budget that the use case declares for it.",
    )
    def serves_within_budget() -> dg.AssetCheckResult:
        report = workspace.store.report(ArtifactKey(INFRA_CHECK))
        bundle = workspace.store.json(ArtifactKey(CANDIDATE), FILE)["bundle"]
        against = infra_objections(report, bundle, budget)
        figures = {name: report["figures"].get(name) for name in FIGURES}
        limits = {f"{name}_limit": getattr(budget, name) for name in FIGURES}
        return dg.AssetCheckResult(
            passed=not against,
            description="; ".join(against) or "within its budget",
            metadata={n: v for n, v in {**figures, **limits}.items() if v is not None},
        )

    return serves_within_budget
