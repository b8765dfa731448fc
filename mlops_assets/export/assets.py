"""The assets of the export stage: ``onnx_model`` and ``quantized_model``."""

import json
import time
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.content_hash import json_bytes
from mlops_assets.training.assets import load_features
from resources.artifact_store import ArtifactKey, Lineage, MissingArtifactError
from resources.assets import define, stored, storing
from resources.workspace import Workspace


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


def model_answers(workspace: Workspace, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Probability of the positive class that the fitted pipeline gives, float64 ``[n]``."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        given: NDArray[np.float64] = load_model(workspace).predict_proba(rows)[:, 1]
    return given


def _recorded_md5(lineage: Lineage | None, file: str) -> str | None:
    files = lineage.files if lineage else ()
    return next((found.md5 for found in files if found.path == file), None)


def answers(model: Path, tensors: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Probability of the positive class that an ONNX file gives, float64 ``[n]``."""
    from mlops_assets.serving.predictor import Predictor

    return Predictor(model).predict(tensors).probabilities[:, 1].astype(np.float64)


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
            (folder / "model.onnx").write_bytes(to_onnx(load_model(workspace)))
            parity = compare(
                model_answers(workspace, test),
                answers(folder / "model.onnx", to_tensors(test, use_case.inputs)),
                use_case.limits.onnx_probability,
            )
            family = workspace.store.json(ArtifactKey("model"), "model.json")["family"]
            facts = {"family": family, "parity": parity}
            (folder / "model.json").write_bytes(json_bytes(facts))
        return stored(workspace, key, {"family": family, **parity})

    return onnx_model


def _quantized_model(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "quantized_model")
    def quantized_model(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.export.quantization import quantization_effect, quantize
        from mlops_assets.export.tensors import to_tensors

        key = ArtifactKey("quantized_model")
        onnx = workspace.store.folder(ArtifactKey("onnx_model"))
        family = json.loads((onnx / "model.json").read_bytes())["family"]
        calibration = to_tensors(load_features(workspace, "calibration"), use_case.inputs)
        speed = None
        with storing(workspace, key) as folder:
            made = quantize((onnx / "model.onnx").read_bytes(), family, calibration)
            facts: dict[str, Any] = {
                "family": family,
                "quantized": made.model is not None,
                "method": made.method,
                "nodes_quantized": made.nodes_quantized,
                "reason": made.reason,
                "effect": None,
            }
            if made.model is not None:
                (folder / "model.onnx").write_bytes(made.model)
                test = load_features(workspace, "test")
                tensors = to_tensors(test, use_case.inputs)
                speed = _speed_ratio(onnx / "model.onnx", folder / "model.onnx", tensors)
                facts["effect"] = quantization_effect(
                    answers(onnx / "model.onnx", tensors),
                    answers(folder / "model.onnx", tensors),
                    test[use_case.target.column].to_numpy(),
                    (onnx / "model.onnx").stat().st_size,
                    len(made.model),
                )
            facts["within_limits"] = within_limits(facts["effect"], workspace)
            (folder / "model.json").write_bytes(json_bytes(facts))
        if made.reason:
            context.log.info(made.reason)
        effect = _shown(facts.pop("effect") or {})
        measured = {} if speed is None else {"speed_ratio_measured": speed}
        return stored(workspace, key, {**_shown(facts), **effect, **measured})

    return quantized_model


def within_limits(effect: dict[str, Any] | None, workspace: Workspace) -> bool:
    """Whether the quantized form changes no more than the use case allows."""
    limits = workspace.use_case.limits
    pairs = (
        ("largest_probability_change", limits.quantized_probability),
        ("decisions_flipped", limits.quantized_flips),
        ("log_loss_change", limits.quantized_log_loss),
    )
    return effect is not None and all(
        effect[name] is not None and effect[name] <= limit for name, limit in pairs
    )


def _speed_ratio(before: Path, after: Path, tensors: dict[str, NDArray[Any]]) -> float:
    """How many times faster ``after`` answers, the best of three runs each, one thread."""
    from mlops_assets.serving.predictor import Predictor

    seconds = []
    for path in (before, after):
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
