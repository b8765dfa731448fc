"""The model of the plain lifecycle and its exported forms, as files in a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from mlops_assets.answers import Answers, DecisionRule, from_outputs
from mlops_assets.content_hash import json_bytes
from mlops_assets.data.labels import variance
from mlops_assets.export.effect import quantization_effect
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.parity import compare
from mlops_assets.export.quantization import quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor
from mlops_assets.training.fit import train
from mlops_assets.training.model_file import model_bytes
from mlops_assets.use_case import UseCase

Ask = Callable[[pd.DataFrame], Answers]


@dataclass(frozen=True)
class Exported:
    """A fitted model with its record (``model.json``), the files of its forms (``None`` for one
    that was not made), and the variance of the train labels."""

    model: Any
    record: dict[str, Any]
    files: dict[str, Path | None]
    variance: float

    @property
    def rule(self) -> DecisionRule:
        return DecisionRule.parse(self.record["decision_rule"])

    def sizes(self) -> dict[str, int | None]:
        return {n: path.stat().st_size if path else None for n, path in self.files.items()}

    def answers(self, rows: pd.DataFrame) -> Answers:
        """Of the fitted pipeline."""
        with threadpool_limits(limits=1):
            given: Answers = self.model.answers(rows)
        return given


def split_of(features: pd.DataFrame, name: str) -> pd.DataFrame:
    return features[features["split"] == name].reset_index(drop=True)


def asking(file: Path | bytes, use_case: UseCase) -> Ask:
    """What an ONNX file, or its content, answers."""
    predictor = Predictor(file)
    return lambda rows: from_outputs(predictor.predict(to_tensors(rows, use_case.inputs)))


def export(features: pd.DataFrame, use_case: UseCase, out: Path) -> Exported:
    """Train and export, and write how far the forms agree on the test rows."""
    target, onnx = use_case.target, out / "model.onnx"
    training = train(features, use_case, lambda _: None, lambda m: len(to_onnx(m, target)))
    (out / "model.joblib").write_bytes(model_bytes(training.model))
    (out / "model.json").write_bytes(json_bytes(training.record))
    onnx.write_bytes(to_onnx(training.model, target))
    labels = split_of(features, "train")[target.column].to_numpy()
    files: dict[str, Path | None] = {"onnx": onnx, "quantized": None}
    made = Exported(training.model, training.record, files, variance(labels, target))
    test = split_of(features, "test")
    parity = compare(
        target.task,
        made.answers(test),
        asking(onnx, use_case)(test),
        use_case.limits.onnx_difference,
        made.variance,
        made.rule.cut(test),
    )
    (out / "parity.json").write_bytes(json_bytes(parity))
    files["quantized"] = quantized(made, onnx, features, use_case, out)
    return made


def quantized(
    made: Exported, onnx: Path, features: pd.DataFrame, use_case: UseCase, out: Path
) -> Path | None:
    """The file of the 8-bit form, where there is one, written with what it changes."""
    calibration, test = split_of(features, "calibration"), split_of(features, "test")
    found = quantize(
        onnx.read_bytes(),
        made.record["family"],
        use_case.target.task,
        to_tensors(calibration, use_case.inputs),
        use_case.quantization.prefer,
        made.variance,
        use_case.limits,
        made.rule.cut(calibration),
    )
    if found.model is None:
        return None
    path = out / "quantized.onnx"
    path.write_bytes(found.model)
    effect = quantization_effect(
        use_case.target.task,
        asking(onnx, use_case)(test),
        asking(path, use_case)(test),
        test[use_case.target.column].to_numpy(),
        onnx.stat().st_size,
        path.stat().st_size,
        made.variance,
        made.rule.cut(test),
    )
    (out / "effect.json").write_bytes(json_bytes(effect))
    return path
