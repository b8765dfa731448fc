"""What must hold of the exported forms."""

import dagster as dg

from resources.artifact_store import ArtifactKey
from resources.assets import asset_key
from resources.workspace import Workspace


def build_checks(workspace: Workspace) -> list[dg.AssetChecksDefinition]:
    return [_onnx_agrees_with_model(workspace), _quantized_within_limits(workspace)]


def _onnx_agrees_with_model(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "onnx_model"),
        blocking=True,
        description="The ONNX form gives the scikit-learn pipeline's probabilities on every row "
        "of the test split.",
    )
    def onnx_agrees_with_model() -> dg.AssetCheckResult:
        parity = workspace.store.json(ArtifactKey("onnx_model"), "model.json")["parity"]
        known = {name: value for name, value in parity.items() if value is not None}
        return dg.AssetCheckResult(passed=bool(parity["agrees"]), metadata=known)

    return onnx_agrees_with_model


def _quantized_within_limits(workspace: Workspace) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(workspace, "quantized_model"),
        description="The quantized form stays within the use case's limits; otherwise, or where "
        "there is none, the float form is released.",
    )
    def quantized_form_within_limits() -> dg.AssetCheckResult:
        facts = workspace.store.json(ArtifactKey("quantized_model"), "model.json")
        return dg.AssetCheckResult(
            passed=bool(facts["within_limits"]),
            severity=dg.AssetCheckSeverity.WARN,
            description=facts["reason"],
            metadata={n: v for n, v in (facts["effect"] or {}).items() if v is not None},
        )

    return quantized_form_within_limits
