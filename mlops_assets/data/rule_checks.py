"""Every declared rule as an asset check that ``cleaned_dataset`` answers itself.

Belongs here: what Dagster is told of the rules. Does not belong here: the rules
(``cleaning/rules.py``), or checks that read an artifact again (``checks.py``).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from mlops_assets.data.cleaning.rules import declared_rules
from resources.assets import asset_key
from resources.workspace import Workspace

SEVERITIES = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}


def rule_specs(workspace: Workspace) -> list[dg.AssetCheckSpec]:
    """A check for each declared rule; ``cleaned_dataset`` answers them itself."""
    return [
        dg.AssetCheckSpec(
            rule.check, asset=asset_key(workspace, "cleaned_dataset"), description=rule.words
        )
        for rule in declared_rules(workspace.use_case)
    ]


def rule_result(rule: Mapping[str, Any]) -> dg.AssetCheckResult:
    """What a rule's check says of a batch; ``rule`` is an entry of ``rules.json``."""
    fate = "quarantined" if rule["severity"] == "error" else "kept"
    return dg.AssetCheckResult(
        check_name=rule["check"],
        passed=rule["rows"] == 0,
        severity=SEVERITIES[rule["severity"]],
        description=f"{rule['rows']:,} rows break the rule and are {fate}: {rule['rule']}"
        if rule["rows"]
        else None,
        metadata={"rows": rule["rows"], "first_rows": rule["examples"]},
    )
