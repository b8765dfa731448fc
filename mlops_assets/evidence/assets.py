"""The assets of the evidence stage: ``evaluation_report`` and ``explainability_report``."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.evaluation import (
    ChampionAnswers,
    evaluation_page,
    evaluation_report,
)
from mlops_assets.export.assets import answers, model_answers
from mlops_assets.governance.ledger import incumbent
from mlops_assets.release.answers import released_answers
from mlops_assets.training.assets import load_features
from resources.artifact_store import ArtifactKey
from resources.assets import define, stored, storing, write_report
from resources.workspace import Workspace

EVALUATED = ("features", "model", "onnx_model", "quantized_model")
EXPLAINED = ("features", "onnx_model")
EXPLAINED_ROWS = 300
BACKGROUND_ROWS = 50


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_evaluation_report(workspace), _explainability_report(workspace)]


def _evaluation_report(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "evaluation_report")
    def evaluation_report_asset() -> dg.MaterializeResult[Any]:
        key = ArtifactKey("evaluation_report")
        test = load_features(workspace, "test")
        champion = _champion_answers(workspace, test)
        settings = {"champion": champion.release if champion else None}
        with storing(workspace, key, settings=settings) as folder:
            report = evaluation_report(
                test,
                _forms(workspace, test),
                champion,
                _hashes(workspace, EVALUATED),
                workspace.use_case,
            )
            shown = write_report(folder, report, evaluation_page(report))
            metrics = {name: m["value"] for name, m in report["forms"]["onnx"].items()}
            (folder / "metrics.json").write_bytes(json_bytes(metrics))
            (folder / "calibration.json").write_bytes(json_bytes(report["calibration"]))
        plain = {name: value for name, value in metrics.items() if value is not None}
        against = report["champion"]["difference"] if report["champion"] else {}
        gain = {"log_loss_gain": against["log_loss"]} if against else {}
        return stored(workspace, key, {**shown, "test_rows": len(test), **plain, **gain})

    return evaluation_report_asset


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

            def predict(rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
                given = onnx.predict(to_tensors(rows, inputs)).probabilities[:, 1]
                return given.astype(np.float64)

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
                    seed=seed,
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


def _forms(
    workspace: Workspace, test: pd.DataFrame
) -> dict[str, np.ndarray[Any, np.dtype[np.float64]] | None]:
    from mlops_assets.export.tensors import to_tensors

    store, tensors = workspace.store, to_tensors(test, workspace.use_case.inputs)
    quantized = store.folder(ArtifactKey("quantized_model")) / "model.onnx"
    onnx = store.folder(ArtifactKey("onnx_model")) / "model.onnx"
    return {
        "model": model_answers(workspace, test),
        "onnx": answers(onnx, tensors),
        "quantized": answers(quantized, tensors) if quantized.is_file() else None,
    }


def _champion_answers(workspace: Workspace, test: pd.DataFrame) -> ChampionAnswers | None:
    challenger = workspace.store.hash(ArtifactKey("onnx_model"))
    entry = incumbent(workspace.releases.entries(), challenger)
    if entry is None or entry.release is None:
        return None
    given = released_answers(workspace, entry.release, test)
    return ChampionAnswers(entry.release, entry.batch, given)


def _hashes(workspace: Workspace, names: tuple[str, ...]) -> dict[str, str]:
    return {name: workspace.store.hash(ArtifactKey(name)) for name in names}
