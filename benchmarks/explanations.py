"""How long explaining a thousand rows takes, by family, against shap's explainers.

Belongs here: the measurement. Does not belong here: what is measured (``mlops_assets/evidence/``).
30 raw columns, 10 of them categorical, as in the anchors; two classes. shap's model-agnostic
explainers are given the same file, a few rows, and its time is scaled to a thousand.
"""

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from mlops_assets.answers import Answers, from_outputs
from mlops_assets.column_declaration import Column
from mlops_assets.evidence.explainability.attribution import ExplainedModel, attribute
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.tensors import to_tensors
from mlops_assets.serving.predictor import Predictor
from mlops_assets.target_declaration import Target
from mlops_assets.training.calibration import BinaryModel
from mlops_assets.training.encoding import RowEncoder

ROWS, BACKGROUND, SAMPLED_BACKGROUND = 1_000, 1_000, 50
TRAINING_ROWS = 8_000
NUMBERS, CATEGORIES = 20, 10
PEER_ROWS = {"permutation": 4, "kernel": 4}
TARGET = Target(column="y")
COLUMNS = {f"x{i}": Column(type="number", nullable=True) for i in range(NUMBERS)} | {
    f"c{i}": Column(type="string") for i in range(CATEGORIES)
}
FAMILIES: dict[str, tuple[str, Any]] = {
    "linear": ("dense", LogisticRegression(max_iter=300)),
    "histogram_gradient_boosting": (
        "tree",
        HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0),
    ),
    "random_forest": (
        "tree",
        RandomForestClassifier(
            60, max_leaf_nodes=128, min_samples_leaf=20, n_jobs=2, random_state=0
        ),
    ),
    "mlp": ("dense", MLPClassifier((512, 256), max_iter=3, random_state=0)),
}


def some_rows(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(count, NUMBERS)).round(1)
    numbers[rng.random(numbers.shape) < 0.05] = np.nan
    codes = rng.integers(0, 15, size=(count, CATEGORIES))
    made = {f"x{i}": numbers[:, i] for i in range(NUMBERS)}
    return pd.DataFrame(made | {f"c{i}": [f"v{c}" for c in codes[:, i]] for i in range(CATEGORIES)})


def fitted(family: str) -> BinaryModel:
    rows = some_rows(TRAINING_ROWS, 1)
    x = rows[[f"x{i}" for i in range(NUMBERS)]].fillna(0.0).to_numpy()
    score = (
        x[:, 0] * x[:, 1]
        + x[:, 2]
        + 2.0 * (rows["c0"] < "v3") * (x[:, 3] > 0)
        + x[:, 4:].sum(1) / 5
    )
    labels = (score > np.random.default_rng(2).normal(size=len(rows))).astype(np.int64)
    form, estimator = FAMILIES[family]
    pipeline = Pipeline([("encode", RowEncoder(dict(COLUMNS), form)), ("estimate", estimator)])  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(rows, labels)
    return BinaryModel(pipeline).fit(rows, labels)


def explained(model: ExplainedModel) -> str:
    start = time.perf_counter()
    found = attribute(model, some_rows(ROWS, 3), some_rows(BACKGROUND, 4), COLUMNS, TARGET, seed=0)
    seconds = time.perf_counter() - start
    return (
        f"{seconds:6.1f} s, {found.method}, {len(found.values)} rows x {found.background} "
        f"background, largest standard error of a share {found.share_errors.max():.4f}, "
        f"largest gap {found.gaps.max():.1e}"
    )


def of_peer(name: str, model: ExplainedModel) -> str:
    import shap

    background, rows = some_rows(SAMPLED_BACKGROUND, 4), some_rows(PEER_ROWS[name], 3)
    levels = {n: sorted(set(background[n]) | set(rows[n])) for n in COLUMNS if n.startswith("c")}

    def coded(frame: pd.DataFrame) -> Any:
        codes = {n: pd.Categorical(frame[n], categories=levels[n]).codes for n in levels}
        return frame.assign(**codes).to_numpy(dtype=np.float64)

    def predict(values: Any) -> Any:
        frame = pd.DataFrame(values, columns=list(COLUMNS))
        texts = {n: np.array(levels[n], dtype=object)[frame[n].astype(int)] for n in levels}
        return model.predict(frame.assign(**texts))[:, 0]

    start = time.perf_counter()
    if name == "kernel":
        shap.KernelExplainer(predict, coded(background)).shap_values(coded(rows), silent=True)
    else:
        masker = shap.maskers.Independent(coded(background), max_samples=SAMPLED_BACKGROUND)
        explainer = shap.explainers.Permutation(predict, masker, seed=0)
        explainer(coded(rows), max_evals=10 * (2 * len(COLUMNS) + 1), silent=True)
    seconds = time.perf_counter() - start
    return f"{seconds / len(rows) * ROWS:6.0f} s for {ROWS} rows, from {len(rows)}"


def main() -> None:
    for family in FAMILIES:
        content = to_onnx(fitted(family), TARGET)
        predictor = Predictor(content)

        def predict(rows: pd.DataFrame, predictor: Predictor = predictor) -> Answers:
            return from_outputs(predictor.predict(to_tensors(rows, dict(COLUMNS))))

        model = ExplainedModel(predict, content, family)
        print(f"{family}: {explained(model)}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if family == "linear":
                for name in PEER_ROWS:
                    of_peer(name, model)  # the first call compiles what shap is made of
            for name in PEER_ROWS:
                print(f"    shap {name} explainer: {of_peer(name, model)}")


if __name__ == "__main__":
    main()
