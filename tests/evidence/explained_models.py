"""Small models of every family and task with their files, and Shapley values by definition."""

from collections.abc import Callable
from functools import cache
from itertools import combinations
from math import factorial
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
from threadpoolctl import threadpool_limits

from mlops_assets.answers import Answers, from_outputs
from mlops_assets.column_declaration import Column, CrossingFeature, Feature
from mlops_assets.evidence.explainability.attribution import ExplainedModel
from mlops_assets.evidence.explainability.score_scale import to_scores
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.quantization import quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Target, Task
from mlops_assets.training.calibration import BinaryModel, Model, MulticlassModel, RegressionModel
from mlops_assets.training.encoding import RowEncoder

Floats = NDArray[np.float64]
COLUMNS = {
    "city": Column(type="string"),
    "size": Column(type="string"),
    "weight": Column(type="number", nullable=True),
    "parcels": Column(type="integer"),
    "fragile": Column(type="boolean"),
}
CROSSING: dict[str, Feature] = {
    "city_size": CrossingFeature(
        function="crossing", first="city", second="size", min_rows=5, replaces=True
    )
}
TARGETS: dict[Task, Target] = {
    "binary": Target(column="y"),
    "multiclass": Target(
        column="y", task="multiclass", type="string", classes=("low", "middle", "high")
    ),
    "regression": Target(column="y", task="regression", type="number", unit="minutes"),
}
TREES: dict[str, Any] = {"max_leaf_nodes": 12, "random_state": 0}
FAMILIES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "linear": (lambda: LogisticRegression(max_iter=500), lambda: Ridge()),
    "histogram_gradient_boosting": (
        lambda: HistGradientBoostingClassifier(max_iter=15, **TREES),
        lambda: HistGradientBoostingRegressor(max_iter=15, **TREES),
    ),
    "random_forest": (
        lambda: RandomForestClassifier(12, n_jobs=1, **TREES),
        lambda: RandomForestRegressor(12, n_jobs=1, **TREES),
    ),
    "mlp": (
        lambda: MLPClassifier((8,), max_iter=60, tol=0.1, n_iter_no_change=3, random_state=1),
        lambda: MLPRegressor(
            hidden_layer_sizes=(8,), max_iter=60, tol=0.1, n_iter_no_change=3, random_state=1
        ),
    ),
}


def some_rows(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "city": rng.choice(["Ghent", "Lille", "Metz"], count),
            "size": rng.choice(["large", "small"], count),
            "weight": np.where(rng.random(count) < 0.2, np.nan, rng.gamma(2.0, 3.0, count)),
            "parcels": rng.integers(0, 100, count),
            "fragile": rng.random(count) < 0.3,
        }
    )


def labels_of(rows: pd.DataFrame, task: Task) -> NDArray[Any]:
    weight = rows["weight"].fillna(3.0).to_numpy()
    both = (rows["city"] == "Metz").to_numpy() & rows["fragile"].to_numpy()
    noise = np.random.default_rng(len(rows)).normal(size=len(rows))
    crossed = (rows["city"] == "Lille").to_numpy() ^ (rows["size"] == "large").to_numpy()
    truth = weight * (rows["size"] == "large").to_numpy() + 4.0 * both + noise + 3.0 * crossed
    truth += rows["parcels"].to_numpy() / 50.0
    if task == "binary":
        return (truth > 5.5).astype(np.int64)
    return np.digitize(truth, [4.0, 7.0]) if task == "multiclass" else 60.0 + truth


@cache
def fitted(family: str, task: Task, crossed: bool = False, seed: int = 3) -> Model:
    rows = some_rows(900, seed)
    labels = labels_of(rows, task)
    make = FAMILIES[family][task == "regression"]
    form = "tree" if family in ("histogram_gradient_boosting", "random_forest") else "dense"
    encoder = RowEncoder(dict(COLUMNS), form, CROSSING if crossed else {})  # type: ignore[arg-type]
    pipeline = Pipeline([("encode", encoder), ("estimate", make())])
    wanted = (labels - labels.mean()) / labels.std() if task == "regression" else labels
    # Boosting gives other models with another number of threads.
    with threadpool_limits(limits=1):
        pipeline.fit(rows, wanted)
    if task == "regression":
        return RegressionModel(pipeline, labels.mean(), labels.std(), 0.9).fit(rows, labels)
    if task == "binary":
        return BinaryModel(pipeline).fit(rows, labels)
    return MulticlassModel(pipeline, 3).fit(rows, labels)


@cache
def file_of(
    family: str, task: Task, form: str = "float", crossed: bool = False, seed: int = 3
) -> bytes | None:
    content = to_onnx(fitted(family, task, crossed, seed), TARGETS[task])
    if form == "float":
        return content
    tensors = to_tensors(some_rows(400, 8), dict(COLUMNS))
    return quantize(content, family, task, tensors, form).model  # type: ignore[arg-type]


def explained_model(content: bytes, family: str) -> ExplainedModel:
    predictor = Predictor(content)

    def predict(rows: pd.DataFrame) -> Answers:
        return from_outputs(predictor.predict(to_tensors(rows, dict(COLUMNS))))

    return ExplainedModel(predict, content, family)


def by_definition(
    model: ExplainedModel, task: Task, rows: pd.DataFrame, background: pd.DataFrame
) -> Floats:
    """Shapley's formula over all coalitions of raw columns, ``[n, columns, scores]``."""
    names = list(rows)
    worth: dict[frozenset[str], Floats] = {}
    for size in range(len(names) + 1):
        for known in combinations(names, size):
            mixed = [
                background.assign(**{name: row[name] for name in known})
                for row in rows.to_dict("records")
            ]
            frame = pd.concat(mixed, ignore_index=True).astype(background.dtypes.to_dict())
            scores = to_scores(task, model.predict(frame))
            means = scores.reshape(len(rows), len(background), -1).mean(axis=1)
            worth[frozenset(known)] = means
    values = np.zeros((len(rows), len(names), means.shape[1]))
    for j, name in enumerate(names):
        for known_set, value in worth.items():
            if name not in known_set:
                size = len(known_set)
                weight = factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
                values[:, j] += weight * (worth[known_set | {name}] - value)
    return values
