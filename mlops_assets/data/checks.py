"""What must hold of a batch, and of a training window, before anything is made of it."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mlops_assets.data.cleaning.fates import adds_up, quarantined_share
from mlops_assets.data.leakage.report import failing, passes
from mlops_assets.data.privacy.privacy import groups_are_large_enough, undecided_columns
from mlops_assets.data.raw_copy import licence_is_in_force
from mlops_assets.data.representation.report import representation_holds
from mlops_assets.data.rule_checks import SEVERITIES
from mlops_assets.data.waterfall import waterfall_adds_up
from resources.artifact_store import ArtifactKey
from resources.assets import asset_key, record_table
from resources.workspace import Workspace


def build_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    return [
        _licence_in_force(workspace),
        _delivered_once(workspace),
        _rows_add_up(workspace),
        _few_rows_quarantined(workspace),
        _no_new_columns(workspace),
        _no_personal_data(workspace),
        _nobody_singled_out(workspace),
        _no_leakage(workspace),
        _window_adds_up(workspace),
        _nobody_left_out(workspace),
    ]


def _cleaned(
    workspace: Workspace, context: dg.AssetCheckExecutionContext, file: str
) -> dict[str, Any]:
    """What a file of the cleaned batch that is checked says."""
    return workspace.store.json(ArtifactKey("cleaned_dataset", context.partition_key), file)


def _licence_in_force(workspace: Workspace) -> dg.AssetChecksDefinition:
    source = workspace.use_case.source

    @dg.asset_check(
        asset=asset_key(workspace, "raw_copy"),
        blocking=True,
        description="The licence of the data has not come to its end.",
    )
    def licence_in_force() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=licence_is_in_force(source, datetime.now(UTC).date()),
            metadata={
                "licence": source.licence,
                "last_day": str(source.licence_expires),
                "terms": source.terms,
            },
        )

    return licence_in_force


def _delivered_once(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "raw_copy"),
        description="The source has not delivered the batch again with other content.",
    )
    def delivered_once(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        key = ArtifactKey("raw_copy", context.partition_key)
        lineage = workspace.store.lineage(key)
        replaced = list(workspace.store.replaced(key))
        return dg.AssetCheckResult(
            passed=lineage is not None and not replaced,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"delivered {len(replaced) + 1} times; `mlops restore` brings the earlier "
            "versions back"
            if replaced
            else None,
            metadata={"earlier_versions": replaced},
        )

    return delivered_once


def _rows_add_up(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "cleaned_dataset"),
        blocking=True,
        description="Rows in = rows out + quarantined + duplicates + removed by a declared rule.",
    )
    def rows_add_up(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        counts = _cleaned(workspace, context, "counts.json")
        fates = ("rows_in", "rows_out", "quarantined", "duplicates", "removed")
        numbers = {name: counts[name] for name in fates}
        return dg.AssetCheckResult(passed=adds_up(counts), metadata=numbers)

    return rows_add_up


def _few_rows_quarantined(workspace: Workspace) -> dg.AssetChecksDefinition:
    limit = workspace.use_case.rows.max_quarantined

    @dg.asset_check(
        asset=asset_key(workspace, "cleaned_dataset"),
        blocking=True,
        description=f"At most {limit:.1%} of the batch's rows are quarantined.",
    )
    def few_rows_quarantined(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        counts = _cleaned(workspace, context, "counts.json")
        share = quarantined_share(counts)
        return dg.AssetCheckResult(
            passed=share <= limit,
            description=f"{share:.2%} of the rows are quarantined: {counts['reasons']}",
            metadata={"share": share, "limit": limit, "reasons": counts["reasons"]},
        )

    return few_rows_quarantined


def _no_new_columns(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "cleaned_dataset"),
        description="The source delivers no column that the use case does not declare; such a "
        "column stays in the raw copy only.",
    )
    def no_new_columns(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        found = _cleaned(workspace, context, "counts.json")["unexpected_columns"]
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"not declared under columns: {found}" if found else None,
            metadata={"columns": found},
        )

    return no_new_columns


def _no_personal_data(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "cleaned_dataset"),
        blocking=True,
        description="Of every column with personal data, the use case says what is done about it.",
    )
    def no_personal_data(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        facts = _cleaned(workspace, context, "privacy.json")
        undecided = undecided_columns(facts)
        return dg.AssetCheckResult(
            passed=not undecided,
            description=f"give columns {undecided} a field personal: drop, pseudonymise, "
            "generalise, or keep with a reason"
            if undecided
            else None,
            metadata={"findings": facts["findings"]},
        )

    return no_personal_data


def _nobody_singled_out(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "cleaned_dataset"),
        description="At least privacy.min_group rows share each combination of the "
        "quasi-identifiers.",
    )
    def nobody_singled_out(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        facts = _cleaned(workspace, context, "privacy.json")
        return dg.AssetCheckResult(
            passed=groups_are_large_enough(facts),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"risk": facts["risk"], "limit": str(facts["min_group"])},
        )

    return nobody_singled_out


def _no_leakage(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "features"),
        blocking=True,
        description="No input gives the target away, and no row of the future is in the past.",
    )
    def no_leakage() -> dg.AssetCheckResult:
        report = workspace.store.json(ArtifactKey("features"), "leakage.json")
        return dg.AssetCheckResult(
            passed=passes(report),
            description="; ".join(test["explanation"] for test in failing(report)) or None,
            metadata={"tests": report["tests"]},
        )

    return no_leakage


def _window_adds_up(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "features"),
        blocking=True,
        description="Every row between the source and the training set is accounted for.",
    )
    def window_adds_up() -> dg.AssetCheckResult:
        facts = workspace.store.json(ArtifactKey("features"), "features.json")
        return dg.AssetCheckResult(
            passed=waterfall_adds_up(facts["waterfall"]),
            metadata={"waterfall": record_table(facts["waterfall"])},
        )

    return window_adds_up


def _nobody_left_out(workspace: Workspace) -> dg.AssetChecksDefinition:
    blocks = workspace.use_case.representation.policy == "block"

    @dg.asset_check(
        asset=asset_key(workspace, "features"),
        blocking=blocks,
        description="Every sensitive group can be evaluated and has its share of the training "
        "rows, as far as a reference is declared.",
    )
    def nobody_left_out() -> dg.AssetCheckResult:
        report = workspace.store.json(ArtifactKey("features"), "representation.json")
        return dg.AssetCheckResult(
            passed=representation_holds(report),
            severity=SEVERITIES["error" if blocks else "warn"],
            description="; ".join(one["text"] for one in report["shortfalls"]) or None,
            metadata={"shortfalls": report["shortfalls"], "policy": report["policy"]},
        )

    return nobody_left_out
