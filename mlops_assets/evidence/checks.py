"""What the policy demands of each report, as checks that the report's own asset answers.

Belongs here: a check for each limit, from what the report wrote down as ``limits``. Does not belong
here: the limits and verdicts (``governance/policy.py``), or what follows from them
(``release/gate.py``). They never block a run: a challenger that fails one is still described in
full, and the gate turns it down.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from mlops_assets.governance.policy import MEASURES, effective_policy
from resources.assets import asset_key
from resources.workspace import Workspace

SUFFIX = "_within_limit"
SHOWN = ("subject", "value", "low", "high", "limit", "policy_limit", "reason", "role", "verdict")
WORST_FIRST = ("unknown", "beyond", "insufficient evidence", "within")


def limit_specs(workspace: Workspace, report: str) -> list[dg.AssetCheckSpec]:
    """A check for each measure of ``report`` that the use case's policy limits."""
    policy = effective_policy(workspace.use_case)
    return [
        dg.AssetCheckSpec(
            _name(measure),
            asset=asset_key(workspace, report),
            description=(
                f"{MEASURES[measure].words}: {MEASURES[measure].bound} {rule.limit:g} by the "
                f"policy {policy.policy_class!r}; {rule.role} answers for it."
            ),
            metadata={"role": rule.role, "action": rule.action, "limit": rule.limit},
        )
        for measure, rule in policy.rules.items()
        if MEASURES[measure].report == report
    ]


def limit_results(
    workspace: Workspace, report: str, found: Mapping[str, Any]
) -> list[dg.AssetCheckResult]:
    """The answers of ``limit_specs`` from the content of a ``report.json``. A limit that applies
    and has no figure is unknown, and fails."""
    inapplicable = found.get("not_applicable", {})
    return [
        _result(
            workspace,
            report,
            spec,
            [entry for entry in found["limits"] if _name(entry["measure"]) == spec.name],
            inapplicable.get(spec.name.removesuffix(SUFFIX)),
        )
        for spec in limit_specs(workspace, report)
    ]


def _name(measure: str) -> str:
    return f"{measure}{SUFFIX}"


def _result(
    workspace: Workspace,
    report: str,
    spec: dg.AssetCheckSpec,
    entries: Sequence[Mapping[str, Any]],
    inapplicable: str | None,
) -> dg.AssetCheckResult:
    passed = all(entry["verdict"] == "within" for entry in entries)
    blocks = spec.metadata["action"] != "warn"
    severity = dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN
    asset = asset_key(workspace, report)
    if not entries:
        return dg.AssetCheckResult(
            passed=inapplicable is not None,
            asset_key=asset,
            check_name=spec.name,
            severity=severity,
            description=inapplicable or "no figure was reported",
        )
    worst = min(entries, key=lambda entry: WORST_FIRST.index(entry["verdict"]))
    shown = {name: worst[name] for name in SHOWN if worst[name] not in (None, "")}
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=asset,
        check_name=spec.name,
        severity=severity,
        metadata={**shown, "figures": len(entries)},
        description=worst["verdict"],
    )
