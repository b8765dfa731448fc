"""The assets of the evidence stage: ``evaluation_report`` and ``explainability_report``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from mlops_assets.answers import Answers, from_outputs
from mlops_assets.content_hash import json_bytes
from mlops_assets.export.assets import answers, model_answers, model_file
from mlops_assets.governance.ledger import incumbent
from mlops_assets.release.answers import released_answers
from mlops_assets.release.bundle import FORM_ARTIFACTS, signature
from mlops_assets.training.assets import load_features, target_variance
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing, write_report
from resources.workspace import Workspace

if TYPE_CHECKING:
    from mlops_assets.evidence.evaluation import ChampionAnswers

EVALUATED = ("features", "model", "onnx_model", "quantized_model")
EXPLAINED = ("features", "onnx_model")
EXPLAINED_ROWS = 300
BACKGROUND_ROWS = 50


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_evaluation_report(workspace), _explainability_report(workspace)]


def _evaluation_report(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "evaluation_report")
    def evaluation_report_asset() -> dg.MaterializeResult[Any]:
        from mlops_assets.evidence.evaluation import evaluation_report
        from mlops_assets.evidence.evaluation_page import evaluation_page

        key = ArtifactKey("evaluation_report")
        test = load_features(workspace, "test")
        champion = _champion_answers(workspace, test)
        settings = {"champion": champion.release if champion else None}
        with storing(workspace, key, settings=settings) as folder:
            report = evaluation_report(
                test,
                _forms(workspace, test),
                _baseline_answers(workspace, len(test)),
                champion,
                _hashes(workspace, EVALUATED),
                workspace.use_case,
                target_variance(workspace),
                sizes=_sizes(workspace),
                training=workspace.store.json(ArtifactKey("model"), "model.json"),
            )
            shown = write_report(folder, report, evaluation_page(report))
            (folder / "metrics.json").write_bytes(json_bytes(_plain(report)))
            (folder / "calibration.json").write_bytes(json_bytes(report["calibration"]))
        return stored(workspace, key, {**shown, "test_rows": len(test), **_plain(report)})

    return evaluation_report_asset


def _plain(report: dict[str, Any]) -> dict[str, Any]:
    """What runs are compared by: plain numbers, which the UI draws over time."""
    metrics = {name: m["value"] for name, m in report["forms"]["onnx"].items()}
    gains = {
        f"gain_over_{name}": report[name]["difference"]["loss"]
        for name in ("baseline", "champion")
        if report[name] is not None
    }
    return {name: value for name, value in (metrics | gains).items() if value is not None}


def _explainability_report(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "explainability_report")
    def explainability_report() -> dg.MaterializeResult[Any]:
        from mlops_assets.evidence.explainability import explain
        from mlops_assets.evidence.explainability_page import explainability_page
        from mlops_assets.export.tensors import to_tensors
        from mlops_assets.serving.predictor import Predictor

        key = ArtifactKey("explainability_report")
        with storing(workspace, key) as folder:
            test = load_features(workspace, "test")
            train = load_features(workspace, "train")
            onnx = Predictor(workspace.store.folder(ArtifactKey("onnx_model")) / "model.onnx")
            inputs, seed = use_case.inputs, use_case.training.seed

            def predict(rows: pd.DataFrame) -> Answers:
                given = from_outputs(onnx.predict(to_tensors(rows, inputs)))
                return given[:, :1] if use_case.target.task == "regression" else given

            rows = test.sample(min(EXPLAINED_ROWS, len(test)), random_state=seed)
            background = train.sample(min(BACKGROUND_ROWS, len(train)), random_state=seed)
            report: dict[str, Any] = {
                "use_case": use_case.title,
                "target": use_case.target.description,
                "subject": _hashes(workspace, EXPLAINED),
                "explanation": explain(
                    predict,
                    rows[list(inputs)].reset_index(drop=True),
                    background[list(inputs)].reset_index(drop=True),
                    inputs,
                    target=use_case.target,
                    seed=seed,
                    features=use_case.features,
                    labels=rows[use_case.target.column].to_numpy(),
                ),
            }
            shown = write_report(folder, report, explainability_page(report))
            importance = [
                {"column": e["column"], "share": e["share"]}
                for e in report["explanation"]["global"]
            ]
            (folder / "importance.json").write_bytes(json_bytes(importance))
        return stored(workspace, key, shown)

    return explainability_report


def _forms(workspace: Workspace, test: pd.DataFrame) -> dict[str, Answers | None]:
    """What the pipeline, its exported forms, and an endpoint that serves the form to be released
    answer."""
    from mlops_assets.evidence.evaluation import form_to_serve
    from mlops_assets.export.tensors import to_tensors

    tensors = to_tensors(test, workspace.use_case.inputs)
    files = {name: model_file(workspace, name) for name in FORM_ARTIFACTS}
    forms: dict[str, Answers | None] = {
        name: answers(path, tensors) if path.is_file() else None for name, path in files.items()
    }
    forms["model"] = model_answers(workspace, test)
    form, _ = form_to_serve(
        test, forms, workspace.use_case, target_variance(workspace), sizes=_sizes(workspace)
    )
    return {**forms, "served": _served_answers(workspace, files[form], tensors)}


def _served_answers(workspace: Workspace, model: Path, tensors: dict[str, Any]) -> Answers:
    """What comes back over HTTP from an endpoint that serves ``model``."""
    from mlops_assets.serving.app import make_app
    from mlops_assets.serving.client import ask
    from mlops_assets.serving.predictor import Predictor
    from mlops_assets.serving.server import running

    app = make_app(Predictor(model), workspace.name, "candidate", signature(workspace.use_case))
    with running(app) as address:
        return from_outputs(ask(address, workspace.name, tensors))


def _baseline_answers(workspace: Workspace, rows: int) -> Answers:
    from mlops_assets.training.baseline import baseline_answers

    target = workspace.use_case.target
    labels = load_features(workspace, "train")[target.column].to_numpy()
    return baseline_answers(target.task, labels, rows, len(target.class_names))


def _sizes(workspace: Workspace) -> dict[str, int | None]:
    """The bytes of the files of the exported forms, ``None`` for one that was not made."""
    files = {name: model_file(workspace, name) for name in FORM_ARTIFACTS}
    return {name: path.stat().st_size if path.is_file() else None for name, path in files.items()}


def _champion_answers(workspace: Workspace, test: pd.DataFrame) -> "ChampionAnswers | None":
    from mlops_assets.evidence.evaluation import ChampionAnswers

    challenger = workspace.store.hash(ArtifactKey("onnx_model"))
    entry = incumbent(workspace.releases.entries(), challenger)
    if entry is None or entry.release is None:
        return None
    given = released_answers(workspace, entry.release, test)
    return ChampionAnswers(entry.release, entry.batch, given)


def _hashes(workspace: Workspace, names: tuple[str, ...]) -> dict[str, str]:
    return {name: workspace.store.hash(ArtifactKey(name)) for name in names}
