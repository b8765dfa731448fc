"""The asset of the release stage: ``release``, the champion and the decision that made it."""

from typing import Any

import dagster as dg

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import json_bytes
from mlops_assets.data.leakage.report import passes
from mlops_assets.data.representation.report import representation_holds
from mlops_assets.governance.ledger import Entry, incumbent
from mlops_assets.release.bundle import FORM_ARTIFACTS, FORM_FILES, BundleParts, Form, write_bundle
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
        made = _make_bundle(workspace, evidence.champion) if decision.promotes else None
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
    verdicts, baseline = (evaluation.get(name) or {} for name in ("verdicts", "baseline"))
    return Evidence(
        task=workspace.use_case.target.task,
        current=current,
        evaluated=evaluation.get("subject"),
        explained=explained.get("subject"),
        champion=champion.release if champion else None,
        compared_with=compared.get("release"),
        champion_saw_test_rows=_saw_test_rows(champion, evaluation),
        onnx_agrees=parity.get("agrees"),
        forms_agree=verdicts.get("forms_agree"),
        beats_baseline=_model_facts(workspace, "model", current).get("beats_baseline"),
        no_leakage=_no_leakage(workspace, current),
        nobody_left_out=_nobody_left_out(workspace, current),
        baseline_gain_low=(baseline.get("difference") or {}).get("loss_low"),
        roc_auc_low=(metrics.get("roc_auc") or {}).get("low"),
        gain_low=(compared.get("difference") or {}).get("loss_low"),
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


def _make_bundle(workspace: Workspace, compared_with: str | None) -> str:
    from resources.computing_environment import made_with

    store = workspace.store
    features = store.json(ArtifactKey("features"), "features.json")
    chosen = store.report(ArtifactKey("evaluation_report"))["released_form"]
    before = [b for b in store.batches("raw_copy") if b <= features["last_batch"]]
    parts = BundleParts(
        folders={name: store.folder(ArtifactKey(name)) for name in MADE_OF},
        hashes={name: store.hash(ArtifactKey(name)) for name in MADE_OF},
        window=features["batches"],
        raw={batch: store.hash(ArtifactKey("raw_copy", batch)) for batch in before},
        corrections=_corrections(workspace, before),
        reference=_monitoring_reference(workspace, chosen["form"]),
        golden=_golden(workspace),
        compared_with=compared_with,
        made_with=made_with(workspace.code_hashes),
        serves=chosen["form"],
        why=tuple(chosen["reasons"]),
    )
    return workspace.releases.add(
        lambda folder: write_bundle(folder, parts, workspace.use_case, workspace.name)
    )


def _corrections(workspace: Workspace, batches: list[str]) -> dict[str, str]:
    """The hash of a person's corrections, for each batch that has some."""
    lineages = {b: workspace.store.lineage(ArtifactKey("cleaned_dataset", b)) for b in batches}
    used = {b: lineage.settings["corrections"] for b, lineage in lineages.items() if lineage}
    return {batch: md5 for batch, md5 in used.items() if md5 is not None}


def _golden(workspace: Workspace) -> dict[str, Any]:
    """Made-up rows, and what each file of the bundle answers to them."""
    from mlops_assets.export.assets import model_file
    from mlops_assets.release.golden import golden_file, golden_rows
    from mlops_assets.serving.predictor import Predictor
    from mlops_assets.training.assets import load_features

    use_case = workspace.use_case
    calibration = load_features(workspace, "calibration")
    rows = golden_rows(calibration, use_case.inputs, use_case.training.seed)
    files = {FORM_FILES[form]: model_file(workspace, form) for form in FORM_ARTIFACTS}
    outputs = {n: Predictor(path).predict(rows) for n, path in files.items() if path.is_file()}
    return golden_file(rows, outputs)


def _monitoring_reference(workspace: Workspace, form: Form) -> dict[str, Any]:
    """What later batches are compared with: summarised once, so that no training row is needed
    again. The scores are those on the calibration rows, which the fit has not seen and which are
    spread over the window."""
    from mlops_assets.export.assets import answers, model_file
    from mlops_assets.export.tensors import to_tensors
    from mlops_assets.monitoring.histograms import summarise_outcomes, summarise_scores, with_scores
    from mlops_assets.training.assets import load_features, target_variance

    store, target = workspace.store, workspace.use_case.target
    rows = load_features(workspace, "calibration")
    tensors = to_tensors(rows, workspace.use_case.inputs)
    scores = summarise_scores(target, answers(model_file(workspace, form), tensors))
    inputs = store.json(ArtifactKey("features"), "reference.json")
    explained = store.report(ArtifactKey("explainability_report"))["explanation"]
    evaluation = store.report(ArtifactKey("evaluation_report"))
    return {
        "histograms": with_scores(inputs, scores),
        "outcomes": summarise_outcomes(target, rows[target.column].to_numpy()),
        "attribution": {entry["column"]: entry["share"] for entry in explained["global"]},
        "metrics": evaluation["forms"][form],
        "variance": target_variance(workspace),
    }
