"""Making the bundle of a challenger from its artifacts.

Belongs here: reading what goes into the bundle, and computing what is made for it alone. Does not
belong here: its form (``bundle.py``), or whether it is released (``gate.py``).
"""

from typing import Any

from mlops_assets.governance.policy_summary import policy_summary
from mlops_assets.release.bundle import (
    FORM_ARTIFACTS,
    FORM_FILES,
    MADE_IN_TURN,
    MADE_OF,
    BundleParts,
    Form,
    write_bundle,
)
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace


def make_bundle(workspace: Workspace) -> str:
    """Make and keep the bundle of the present challenger; returns its hash."""
    from resources.computing_environment import made_with

    store = workspace.store
    features = store.json(ArtifactKey("features"), "features.json")
    evaluation = store.report(ArtifactKey("evaluation_report"))
    chosen, champion = evaluation["released_form"], evaluation.get("champion") or {}
    before = [b for b in store.batches("raw_copy") if b <= features["last_batch"]]
    parts = BundleParts(
        folders={name: store.folder(ArtifactKey(name)) for name in MADE_OF},
        hashes={name: store.hash(ArtifactKey(name)) for name in MADE_OF},
        window=features["batches"],
        raw={batch: store.hash(ArtifactKey("raw_copy", batch)) for batch in before},
        corrections=_corrections(workspace, before),
        reference=_monitoring_reference(workspace, chosen["form"]),
        golden=_golden(workspace),
        compared_with=champion.get("release"),
        made_with=made_with({name: workspace.code_hashes[name] for name in MADE_IN_TURN}),
        serves=chosen["form"],
        why=tuple(chosen["reasons"]),
        policy=policy_summary(workspace.use_case),
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
    from mlops_assets.export.assets import decision_rule, model_file
    from mlops_assets.release.golden import golden_file, golden_rows
    from mlops_assets.serving.predictor import Predictor
    from mlops_assets.training.assets import load_features

    use_case = workspace.use_case
    calibration = load_features(workspace, "calibration")
    rows = golden_rows(calibration, use_case.inputs, use_case.training.seed)
    files = {FORM_FILES[form]: model_file(workspace, form) for form in FORM_ARTIFACTS}
    outputs = {n: Predictor(path).predict(rows) for n, path in files.items() if path.is_file()}
    return golden_file(rows, outputs, decision_rule(workspace))


def _monitoring_reference(workspace: Workspace, form: Form) -> dict[str, Any]:
    """What later batches are compared with: summarised once, so that no training row is needed
    again. The scores are those on the calibration rows, which the fit has not seen and which are
    spread over the window."""
    from mlops_assets.export.assets import answers, decision_rule, model_file
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
        "decision_rule": decision_rule(workspace).to_dict(),
        "variance": target_variance(workspace),
    }
