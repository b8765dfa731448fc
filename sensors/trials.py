"""What is known of the tests of challengers on real traffic, as the loop has to heed it.

Belongs here: reading it. Does not belong here: what follows from it (``decisions.py``), or what a
test shows (``mlops_assets/ab_test/``).
"""

from collections.abc import Sequence

from mlops_assets.governance.ledger import Entry, champion
from mlops_assets.serving.traffic_plan import PLAN_FILE, TrafficPlan, TrafficPlanError, read_plan
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

AB_REPORT = "ab_report"


def running_test(workspace: Workspace, entries: Sequence[Entry]) -> TrafficPlan | None:
    """The test under way against the present champion; one that cannot be read is none, and the
    servers alert of it."""
    try:
        plan = read_plan(workspace.store.root / PLAN_FILE)
    except TrafficPlanError:
        return None
    present = champion(entries)
    return plan if plan and present and plan.champion == present.release else None


def tried_out(workspace: Workspace, entries: Sequence[Entry]) -> str | None:
    """The test under way of the present candidate, which another training would replace; ``None``
    once it is lost."""
    plan, key = running_test(workspace, entries), ArtifactKey("candidate")
    if plan is None or workspace.store.lineage(key) is None:
        return None
    if workspace.store.json(key, "candidate.json")["bundle"] != plan.challenger:
        return None
    report_key = ArtifactKey(AB_REPORT)
    if workspace.store.lineage(report_key) is not None:
        report = workspace.store.report(report_key)
        is_its = report.get("challenger") == plan.challenger
        if is_its and report.get("verdict") == "worse":
            return None
    return plan.experiment


def demanded_trial(workspace: Workspace) -> str | None:
    """What the A/B test shows so far, where the use case demands one: the report's hash."""
    if not workspace.use_case.promotion.ab_test:
        return None
    lineage = workspace.store.lineage(ArtifactKey(AB_REPORT))
    return lineage.hash if lineage else "none"
