"""The asset of the release stage: ``release``, the champion and the decision that made it."""

from typing import Any

import dagster as dg

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import json_bytes
from mlops_assets.data.leakage.report import passes
from mlops_assets.data.representation.report import representation_holds
from mlops_assets.governance.ledger import Entry, incumbent
from mlops_assets.release.bundle import BundleParts, write_bundle
from mlops_assets.release.gate import Decision, Evidence, decide
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.assets import define, stored, storing
from resources.workspace import Workspace

MADE_OF = BY_NAME["release"].upstream
NO_FIRST_RELEASE = "no first release"
"""What the message of a run begins with that found no challenger good enough to start with."""


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_release(workspace)]


def _release(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "release")
    def release(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        key = ArtifactKey("release")
        evidence = gather_evidence(workspace)
        decision = decide(evidence, workspace.use_case.promotion)
        context.log.info(f"{decision.outcome}: {'; '.join(decision.reasons)}")
        if not decision.promotes and evidence.champion is None:
            workspace.releases.record(_entry(workspace, decision, evidence, None))
            raise MissingArtifactError(f"{NO_FIRST_RELEASE}: {'; '.join(decision.reasons)}")
        made = _make_bundle(workspace) if decision.promotes else None
        entry = _entry(workspace, decision, evidence, made)
        champion = made or evidence.champion
        with storing(workspace, key) as folder:
            facts = {"champion": champion, "bundle": f"releases/{champion}"}
            (folder / "release.json").write_bytes(json_bytes(facts))
        workspace.releases.record(entry)
        return stored(
            workspace,
            key,
            {
                "champion": champion,
                "outcome": decision.outcome,
                "reasons": dg.MetadataValue.md("\n".join(f"- {r}" for r in decision.reasons)),
                "challenger": entry.challenger,
                "training_window_ends": entry.batch,
                "decisions": len(workspace.releases.entries()),
            },
        )

    return release


def gather_evidence(workspace: Workspace) -> Evidence:
    """Read again, by hash, everything the decision rests on; what cannot be read is ``None``."""
    current = {name: _verified_hash(workspace, name) for name in MADE_OF}
    evaluation = _readable_report(workspace, "evaluation_report", current)
    explained = _readable_report(workspace, "explainability_report", current)
    champion = incumbent(workspace.releases.entries(), current["onnx_model"] or "")
    compared = evaluation.get("champion") or {}
    metrics = (evaluation.get("forms") or {}).get("onnx") or {}
    parity = _model_facts(workspace, "onnx_model", current).get("parity") or {}
    return Evidence(
        current=current,
        evaluated=evaluation.get("subject"),
        explained=explained.get("subject"),
        champion=champion.release if champion else None,
        compared_with=compared.get("release"),
        champion_saw_test_rows=_saw_test_rows(champion, evaluation),
        onnx_agrees=parity.get("agrees"),
        no_leakage=_no_leakage(workspace, current),
        nobody_left_out=_nobody_left_out(workspace, current),
        roc_auc_low=(metrics.get("roc_auc") or {}).get("low"),
        gain_low=(compared.get("difference") or {}).get("log_loss_low"),
    )


def _saw_test_rows(champion: Entry | None, evaluation: dict[str, Any]) -> bool | None:
    """The test rows are the newest of the challenger's last batch. A champion of the same window
    held out the same rows; one of a later window learned from them."""
    if champion is None or "last_batch" not in evaluation:
        return None
    return champion.batch > str(evaluation["last_batch"])


def _verified_hash(workspace: Workspace, name: str) -> str | None:
    """The artifact's hash, where the files on disk still have it."""
    from mlops_assets.content_hash import hash_folder

    lineage = workspace.store.lineage(ArtifactKey(name))
    try:
        folder = workspace.store.folder(ArtifactKey(name))
    except MissingArtifactError:
        return None
    intact = lineage is not None and hash_folder(folder) == lineage.files
    return lineage.hash if lineage is not None and intact else None


def _readable_report(
    workspace: Workspace, name: str, current: dict[str, str | None]
) -> dict[str, Any]:
    return {} if current[name] is None else workspace.store.report(ArtifactKey(name))


def _model_facts(workspace: Workspace, name: str, current: dict[str, str | None]) -> dict[str, Any]:
    return {} if current[name] is None else workspace.store.json(ArtifactKey(name), "model.json")


def _no_leakage(workspace: Workspace, current: dict[str, str | None]) -> bool | None:
    if current["features"] is None:
        return None
    return passes(workspace.store.json(ArtifactKey("features"), "leakage.json"))


def _nobody_left_out(workspace: Workspace, current: dict[str, str | None]) -> bool | None:
    """A shortfall that the use case only warns of does not speak against a release."""
    if current["features"] is None:
        return None
    report = workspace.store.json(ArtifactKey("features"), "representation.json")
    return workspace.use_case.representation.policy == "warn" or representation_holds(report)


def _entry(workspace: Workspace, decision: Decision, evidence: Evidence, made: str | None) -> Entry:
    features = workspace.store.json(ArtifactKey("features"), "features.json")
    return Entry(
        batch=features["last_batch"],
        challenger=evidence.current["onnx_model"] or "",
        outcome=decision.outcome,
        reasons=decision.reasons,
        release=made,
        champion_before=evidence.champion,
        evidence={name: found for name, found in evidence.current.items() if found is not None},
    )


def _make_bundle(workspace: Workspace) -> str:
    store = workspace.store
    features = store.json(ArtifactKey("features"), "features.json")
    quantized = store.json(ArtifactKey("quantized_model"), "model.json")
    served = "quantized_model" if quantized["within_limits"] else "onnx_model"
    parts = BundleParts(
        folders={name: store.folder(ArtifactKey(name)) for name in MADE_OF},
        hashes={name: store.hash(ArtifactKey(name)) for name in MADE_OF},
        window=features["batches"],
        raw={b: store.hash(ArtifactKey("raw_copy", b)) for b in features["batches"]},
        reference=_monitoring_reference(workspace, served),
        quantized_is_within_limits=bool(quantized["within_limits"]),
    )
    return workspace.releases.add(
        lambda folder: write_bundle(folder, parts, workspace.use_case, workspace.name)
    )


def _monitoring_reference(workspace: Workspace, served: str) -> dict[str, Any]:
    """What later batches are compared with: summarised once, so that no training row is needed
    again. The scores are those on the calibration rows, which the fit has not seen and which are
    spread over the window."""
    from mlops_assets.export.assets import answers
    from mlops_assets.export.tensors import to_tensors
    from mlops_assets.monitoring.histograms import summarise_scores, with_scores
    from mlops_assets.training.assets import load_features

    store = workspace.store
    rows = load_features(workspace, "calibration")
    model = store.folder(ArtifactKey(served)) / "model.onnx"
    scores = answers(model, to_tensors(rows, workspace.use_case.inputs))
    inputs = store.json(ArtifactKey("features"), "reference.json")
    explained = store.report(ArtifactKey("explainability_report"))["explanation"]
    evaluation = store.report(ArtifactKey("evaluation_report"))
    return {
        "histograms": with_scores(inputs, summarise_scores(scores)),
        "attribution": {entry["column"]: entry["share"] for entry in explained["global"]},
        "metrics": evaluation["forms"]["onnx"],
    }
