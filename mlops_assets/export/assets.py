"""The assets of the export stage: ``onnx_model`` and ``quantized_model``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, DecisionRule, from_outputs
from mlops_assets.content_hash import json_bytes
from mlops_assets.release.bundle import FORM_ARTIFACTS, Form
from mlops_assets.training.assets import load_features, target_variance
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey, Lineage, MissingArtifactError
from resources.assets import define, stored, storing
from resources.workspace import Workspace

if TYPE_CHECKING:
    from mlops_assets.export.quantization import Quantized


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_onnx_model(workspace), _quantized_model(workspace)]


def load_model(workspace: Workspace) -> Any:
    """The fitted pipeline; its pickle is read only where its bytes have the recorded hash."""
    import joblib

    from mlops_assets.content_hash import file_md5

    path = workspace.store.folder(ArtifactKey("model")) / "model.joblib"
    lineage = workspace.store.lineage(ArtifactKey("model"))
    recorded = _recorded_md5(lineage, "model.joblib")
    if recorded is None or file_md5(path) != recorded:
        raise MissingArtifactError(
            f"{path.name} is not the file whose hash was recorded: materialize model again"
        )
    return joblib.load(path)


def model_answers(workspace: Workspace, rows: pd.DataFrame) -> Answers:
    """What the fitted pipeline answers."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        given: Answers = load_model(workspace).answers(rows)
    return given


def decision_rule(workspace: Workspace, artifact: str = "model") -> DecisionRule:
    """How the model decides, as ``model`` says, and its export ``onnx_model``."""
    record = workspace.store.json(ArtifactKey(artifact), "model.json")
    return DecisionRule.parse(record["decision_rule"])


def _recorded_md5(lineage: Lineage | None, file: str) -> str | None:
    files = lineage.files if lineage else ()
    return next((found.md5 for found in files if found.path == file), None)


def model_file(workspace: Workspace, form: Form) -> Path:
    """Where an exported form of the model is, if it was made."""
    return workspace.store.folder(ArtifactKey(FORM_ARTIFACTS[form])) / "model.onnx"


def answers(model: Path, tensors: dict[str, NDArray[Any]]) -> Answers:
    """What an ONNX file answers."""
    from mlops_assets.serving.predictor import Predictor

    return from_outputs(Predictor(model).predict(tensors))


def _onnx_model(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "onnx_model")
    def onnx_model() -> dg.MaterializeResult[Any]:
        from mlops_assets.export.onnx_graph import to_onnx
        from mlops_assets.export.parity import compare
        from mlops_assets.export.tensors import to_tensors

        key = ArtifactKey("onnx_model")
        with storing(workspace, key) as folder:
            test = load_features(workspace, "test")
            onnx = to_onnx(load_model(workspace), use_case.target)
            (folder / "model.onnx").write_bytes(onnx)
            rule = decision_rule(workspace)
            parity = compare(
                use_case.target.task,
                model_answers(workspace, test),
                answers(folder / "model.onnx", to_tensors(test, use_case.inputs)),
                use_case.limits.onnx_difference,
                target_variance(workspace),
                rule.cut(test),
            )
            family = workspace.store.json(ArtifactKey("model"), "model.json")["family"]
            facts = {"family": family, "decision_rule": rule.to_dict(), "parity": parity}
            (folder / "model.json").write_bytes(json_bytes(facts))
        return stored(workspace, key, {"family": family, **_shown(parity)})

    return onnx_model


def _quantized_model(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "quantized_model")
    def quantized_model(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.export.quantization import quantize
        from mlops_assets.export.tensors import to_tensors

        key = ArtifactKey("quantized_model")
        onnx = workspace.store.folder(ArtifactKey("onnx_model")) / "model.onnx"
        family = workspace.store.json(ArtifactKey("onnx_model"), "model.json")["family"]
        calibration = load_features(workspace, "calibration")
        effect, speed = None, {}
        with storing(workspace, key) as folder:
            made = quantize(
                onnx.read_bytes(),
                family,
                use_case.target.task,
                to_tensors(calibration, use_case.inputs),
                use_case.quantization.prefer,
                target_variance(workspace),
                use_case.limits,
                decision_rule(workspace, "onnx_model").cut(calibration),
            )
            if made.model is not None:
                (folder / "model.onnx").write_bytes(made.model)
                effect = _effect(workspace, onnx, folder / "model.onnx")
                speed = {"speed_ratio_measured": _speed_ratio(workspace, onnx, folder)}
            facts = _facts(family, made, effect, use_case)
            (folder / "model.json").write_bytes(json_bytes(facts))
            (folder / "metrics.json").write_bytes(json_bytes(effect or {}))
        if made.reason:
            context.log.info(made.reason)
        plain = {n: facts[n] for n in ("family", "method", "nodes_quantized", "reason")}
        return stored(workspace, key, {**_shown(plain), **_shown(effect or {}), **speed})

    return quantized_model


def _facts(
    family: str, made: "Quantized", effect: dict[str, Any] | None, use_case: UseCase
) -> dict[str, Any]:
    """What ``model.json`` says of the quantized form, or of why there is none."""
    from mlops_assets.export.effect import within_limits

    limits = within_limits(effect, use_case.limits, use_case.target.task)
    return {
        "family": family,
        "quantized": made.model is not None,
        "prefer": use_case.quantization.prefer,
        "method": made.method,
        "nodes_quantized": made.nodes_quantized,
        "reason": made.reason,
        "tried": list(made.tried),
        "effect": effect,
        "limits": limits,
        "within_limits": all(limit["holds"] for limit in limits),
    }


def _effect(workspace: Workspace, before: Path, after: Path) -> dict[str, Any]:
    """What the quantized form changes on the test rows."""
    from mlops_assets.export.effect import quantization_effect
    from mlops_assets.export.tensors import to_tensors

    use_case, test = workspace.use_case, load_features(workspace, "test")
    tensors = to_tensors(test, use_case.inputs)
    return quantization_effect(
        use_case.target.task,
        answers(before, tensors),
        answers(after, tensors),
        test[use_case.target.column].to_numpy(),
        before.stat().st_size,
        after.stat().st_size,
        target_variance(workspace),
        decision_rule(workspace, "onnx_model").cut(test),
    )


def _speed_ratio(workspace: Workspace, before: Path, after: Path) -> float:
    """How many times faster the model in the folder ``after`` answers the test rows, the best of
    three runs each, one thread."""
    from mlops_assets.export.tensors import to_tensors
    from mlops_assets.serving.predictor import Predictor

    tensors = to_tensors(load_features(workspace, "test"), workspace.use_case.inputs)
    seconds = []
    for path in (before, after / "model.onnx"):
        predictor = Predictor(path)
        predictor.predict(tensors)
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            predictor.predict(tensors)
            runs.append(time.perf_counter() - start)
        seconds.append(min(runs))
    return seconds[0] / seconds[1]


def _shown(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}
