"""Small releases of every family and task, and of every kind of decision rule: their ONNX files and
golden rows, in a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from mlops_assets.answers import Answers, DecisionRule, Labels
from mlops_assets.column_declaration import Column
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence_declaration import BinaryCosts
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.quantization import quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.release.golden import golden_file, golden_rows
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Target
from mlops_assets.training.calibration import (
    BinaryModel,
    Model,
    MulticlassModel,
    RegressionModel,
)
from mlops_assets.training.decision_threshold import choose_threshold
from mlops_assets.training.encoding import RowEncoder

Decide = Callable[[Labels, Answers], DecisionRule]
"""Chooses a rule by the labels of the calibration rows and the answers to them."""

COLUMNS = {
    "city": Column(type="string", nullable=True),
    "amount": Column(type="number", nullable=True),
    "identifier": Column(type="integer", minimum=2**52, maximum=2**60),
    "age": Column(type="integer", nullable=True),
    "code": Column(type="integer", categorical=True),
    "member": Column(type="boolean"),
    "consent": Column(type="boolean", nullable=True),
    "seen": Column(type="timestamp"),
}
TARGETS = {
    "binary": Target(column="late"),
    "named classes": Target(
        column="size", task="multiclass", type="string", classes=("low", "middle, or so", "hÖch")
    ),
    "numbered classes": Target(
        column="size", task="multiclass", type="integer", classes=(10, -3, 2**60 + 1)
    ),
    "regression": Target(column="minutes", task="regression", type="number", unit="minutes"),
}
CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "linear": lambda: LogisticRegression(max_iter=500),
    "random_forest": lambda: RandomForestClassifier(10, min_samples_leaf=5, random_state=0),
    "histogram_gradient_boosting": lambda: HistGradientBoostingClassifier(
        max_iter=10, random_state=0
    ),
    "mlp": lambda: MLPClassifier(
        hidden_layer_sizes=(32, 16), tol=0.05, n_iter_no_change=3, random_state=0
    ),
}
REGRESSORS: dict[str, Callable[[], Any]] = {
    "linear": Ridge,
    "random_forest": lambda: RandomForestRegressor(10, min_samples_leaf=5, random_state=0),
    "histogram_gradient_boosting": lambda: HistGradientBoostingRegressor(
        max_iter=10, random_state=0
    ),
    "mlp": lambda: MLPRegressor(
        hidden_layer_sizes=(32, 16), tol=0.05, n_iter_no_change=3, random_state=0
    ),
}
MISSES_COST = BinaryCosts(false_negative=6.0)
BY_CITY = DecisionRule(0.5, None, "city", (("Oslo", 0.2), ("München", 0.8)))
BY_COST_MATRIX = DecisionRule(costs=((0.0, 1.0, 5.0), (3.0, 0.0, 1.0), (9.0, 2.0, 0.0)))
DECIDED: dict[str, tuple[str, Decide]] = {
    "binary by costs": (
        "binary",
        lambda labels, answers: DecisionRule(
            choose_threshold(labels, answers[:, 0], MISSES_COST).threshold
        ),
    ),
    "binary by group": ("binary", lambda *_: BY_CITY),
    "named classes by costs": ("named classes", lambda *_: BY_COST_MATRIX),
}
"""Releases whose classes are decided by another rule than the most probable one."""
FITTED = 800
CALIBRATED = 600


def make_bundle(folder: Path, name: str, family: str) -> tuple[str, ...]:
    """Write the ONNX files and ``golden.json`` of a release of one of ``TARGETS`` or ``DECIDED``,
    and return the files' names."""
    task, decide = DECIDED.get(name, (name, lambda *_: DecisionRule()))
    target = TARGETS[task]
    rows, scores = _rows(FITTED + CALIBRATED)
    model = _fit(target, family, rows, scores, decide)
    calibration = rows.iloc[FITTED:]
    files = {"model.onnx": to_onnx(model, target)}
    tensors = to_tensors(calibration, COLUMNS)
    for prefer in ("speed", "size"):
        cut = model.rule.cut(calibration)
        made = quantize(files["model.onnx"], family, target.task, tensors, prefer, cut=cut).model
        if made is not None:
            files[f"quantized-{prefer}.onnx"] = made
    golden = golden_rows(calibration, COLUMNS, seed=7)
    answers = {name: Predictor(file).predict(golden) for name, file in files.items()}
    for name, file in files.items():
        (folder / name).write_bytes(file)
    (folder / "golden.json").write_bytes(json_bytes(golden_file(golden, answers, model.rule)))
    return tuple(files)


def _rows(count: int) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    rng = np.random.default_rng(0)

    def missing(values: Any, dtype: str) -> pd.Series:
        return pd.Series(values).astype(dtype).mask(rng.random(count) < 0.1)

    rows = pd.DataFrame(
        {
            "city": missing(rng.choice(["Oslo", "München", "a b", "Łódź"], count), "str"),
            "amount": missing(np.exp(rng.normal(0, 2, count)), "float64"),
            "identifier": rng.integers(2**52, 2**60, count),
            "age": missing(rng.integers(0, 99, count), "Int64"),
            "code": rng.choice([-7, 0, 3, 2**60], count),
            "member": rng.random(count) < 0.3,
            "consent": missing(rng.random(count) < 0.5, "boolean"),
            "seen": pd.Series(rng.integers(0, 10**15, count)).astype("datetime64[us]"),
        }
    )
    scores = (
        rows["member"] * 1.5
        + rows["amount"].fillna(3).clip(upper=9) / 4
        - (rows["city"] == "Oslo").to_numpy() * 1.0
        + rng.normal(0, 1, count)
    )
    return rows, scores.to_numpy(dtype=np.float64)


def _fit(
    target: Target, family: str, rows: pd.DataFrame, scores: NDArray[np.float64], decide: Decide
) -> Model:
    form = "tree" if family in ("random_forest", "histogram_gradient_boosting") else "dense"
    makers = REGRESSORS if target.task == "regression" else CLASSIFIERS
    pipeline = Pipeline([("encode", RowEncoder(COLUMNS, form)), ("estimate", makers[family]())])
    mean, scale = float(scores.mean()), float(scores.std())
    labels: NDArray[Any]
    match target.task:
        case "binary":
            labels = (scores > mean).astype(np.int64)
        case "multiclass":
            labels = np.digitize(scores, np.quantile(scores, [0.3, 0.7])).astype(np.int64)
        case "regression":
            labels = (scores - mean) / scale
    pipeline.fit(rows.iloc[:FITTED], labels[:FITTED])
    calibration, held_out = rows.iloc[FITTED:], labels[FITTED:]
    if target.task == "regression":
        regression = RegressionModel(pipeline, mean, scale, 0.9)
        return regression.fit(calibration, scores[FITTED:])
    unfitted = BinaryModel(pipeline) if target.task == "binary" else MulticlassModel(pipeline, 3)
    model: Model = unfitted.fit(calibration, held_out)
    model.rule = decide(held_out, model.answers(calibration))
    return model
