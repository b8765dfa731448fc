"""The data sets and models of the quantization benchmark, and what skl2onnx makes of them."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mlops_assets.column_declaration import Column
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.quantization import Quantized, quantize
from mlops_assets.export.tensors import to_tensors
from mlops_assets.target_declaration import Target
from mlops_assets.training.calibration import BinaryModel
from mlops_assets.training.encoding import NumberEncoding, RowEncoder

FLIGHTS = Path(__file__).resolve().parents[1] / "mlops_assets" / "defs" / "flight_delays" / "data"
CALIBRATION_ROWS, TEST_ROWS = 10_000, 100_000
LARGE_ROWS = 300_000
TARGET = Target(column="target")
Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """A fitted model in every form. ``peer`` is scikit-learn's own pipeline of the same estimator,
    ``forms`` are files by name, ``tensors`` the test rows as each form wants them."""

    peer: Pipeline
    rows: pd.DataFrame
    labels: NDArray[np.int64]
    forms: dict[str, bytes]
    tensors: dict[str, Tensors]
    quantized: dict[str, Quantized]


@dataclass(frozen=True)
class Data:
    columns: dict[str, Column]
    rows: pd.DataFrame
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Family:
    name: str
    form: str
    rows: int
    make: Callable[[], Any]
    prefer: tuple[str, ...] = ("speed",)


FAMILIES = {
    "linear": Family("linear", "dense", 40_000, lambda: LogisticRegression(max_iter=500)),
    "MLP(512, 256)": Family(
        "mlp",
        "dense",
        20_000,
        lambda: MLPClassifier(
            (512, 256), batch_size=256, max_iter=4, tol=0.0, alpha=1e-2, random_state=0
        ),
    ),
    "boosting, 100 x 31": Family(
        "histogram_gradient_boosting",
        "tree",
        100_000,
        lambda: HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0),
        ("speed", "size"),
    ),
    "forest, 100 trees": Family(
        "random_forest",
        "tree",
        20_000,
        lambda: RandomForestClassifier(
            100, max_leaf_nodes=128, min_samples_leaf=20, n_jobs=1, random_state=0
        ),
        ("speed", "size"),
    ),
}


def flights() -> Data:
    """The bundled flights; skl2onnx knows no timestamps, so that they come as two integers."""
    months = [pd.read_parquet(month) for month in sorted(FLIGHTS.glob("*.parquet"))]
    rows = pd.concat(months, ignore_index=True)
    rows = rows[rows["late"].notna()].sample(frac=1.0, random_state=0).reset_index(drop=True)
    times = rows["scheduled_departure"].dt
    kept = pd.DataFrame({"minute": times.hour * 60 + times.minute, "day": times.day_of_week})
    texts = ("carrier", "origin", "destination")
    leaks = ("departure_delay", "air_time", "arrival_delay", "late", "scheduled_departure")
    for name in rows.columns:
        if name not in (*texts, *leaks):
            kept[name] = rows[name]
    return _data(kept, rows[list(texts)], rows["late"].astype("int64").to_numpy())


def large() -> Data:
    """Thirty columns: skewed, tied, missing in places, and four of strings."""
    values, labels = make_classification(
        LARGE_ROWS, 30, n_informative=12, n_redundant=6, flip_y=0.05, class_sep=0.8, random_state=0
    )
    rng = np.random.default_rng(0)
    numbers, texts = {}, {}
    for column in range(26):
        found = values[:, column]
        shaped = (found, np.exp(1.2 * found), np.round(found * 4) / 4, np.round(np.exp(found), 2))
        missing = (column % 5 == 0) & (rng.random(LARGE_ROWS) < 0.05)
        numbers[f"number_{column}"] = np.where(missing, np.nan, shaped[column % 4])
    for column, levels in zip(range(26, 30), (5, 12, 40, 80), strict=True):
        cuts = np.quantile(values[:, column], np.linspace(0, 1, levels + 1)[1:-1])
        names = np.array([f"value {level:03d}" for level in range(levels)])
        texts[f"text_{column}"] = names[np.searchsorted(cuts, values[:, column])]
    return _data(pd.DataFrame(numbers), pd.DataFrame(texts), labels.astype(np.int64))


def _data(numbers: pd.DataFrame, texts: pd.DataFrame, labels: NDArray[np.int64]) -> Data:
    columns = dict.fromkeys(numbers, Column(type="number", nullable=True))
    columns |= dict.fromkeys(texts, Column(type="string"))
    # What float32 holds, as skl2onnx gets nothing else.
    rows = numbers.astype("float32").astype("float64").join(texts.astype("str"))
    return Data(columns, rows, labels)


DATA = {"flight_delays": flights, "300,000 x 30": large}


def make_case(data: Data, family: Family) -> Case:
    """Fit ``family`` and export it: float by skl2onnx and by this project, and quantized."""
    fitted = data.rows.iloc[: family.rows]
    encoder = RowEncoder(data.columns, family.form).fit(fitted)
    # skl2onnx has no flags of missing values.
    encoder.encodings_ = tuple(
        replace(e, flag=False) if isinstance(e, NumberEncoding) else e for e in encoder.encodings_
    )
    encoder.feature_names_ = tuple(n for n in encoder.feature_names_ if " missing" not in n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # max_iter is the budget
        labels = data.labels[: family.rows]
        estimator = family.make().fit(encoder.transform(fitted), labels)
    peer = _peer(data, fitted, encoder, copy.deepcopy(estimator))
    model = BinaryModel(Pipeline([("encode", encoder), ("estimate", estimator)])).uncalibrated()
    forms = {"skl2onnx": _converted(peer, data.columns), "float": to_onnx(model, TARGET)}
    start = family.rows
    calibration = data.rows.iloc[start : start + CALIBRATION_ROWS]
    test = slice(start + CALIBRATION_ROWS, start + CALIBRATION_ROWS + TEST_ROWS)
    made = {
        f"quantized, {prefer}": quantize(
            forms["float"],
            family.name,
            "binary",
            to_tensors(calibration, data.columns),
            prefer,  # type: ignore[arg-type]
        )
        for prefer in family.prefer
    }
    forms |= {name: found.model for name, found in made.items() if found.model is not None}
    rows = data.rows.iloc[test]
    ours = to_tensors(rows, data.columns)
    theirs = {n: t if t.dtype == object else t.astype(np.float32) for n, t in ours.items()}
    tensors = {name: theirs if name == "skl2onnx" else ours for name in forms}
    return Case(peer, _as_float32(rows), data.labels[test], forms, tensors, made)


def _peer(data: Data, rows: pd.DataFrame, encoder: RowEncoder, estimator: Any) -> Pipeline:
    """What a scikit-learn user writes for the same encoding."""
    numbers = [n for n, column in data.columns.items() if column.type == "number"]
    texts = [n for n, column in data.columns.items() if column.type == "string"]
    if encoder.form == "dense":
        scaled = Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
        coded: Any = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        parts = [("numbers", scaled, numbers), ("texts", coded, texts)]
    else:
        coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        parts = [("numbers", SimpleImputer(strategy="median"), numbers), ("texts", coded, texts)]
    encode = ColumnTransformer(parts).fit(_as_float32(rows))
    if encoder.form == "tree":
        fills = {e.column: e.fill for e in encoder.encodings_ if isinstance(e, NumberEncoding)}
        imputer = encode.named_transformers_["numbers"]
        imputer.statistics_ = np.array([fills[name] for name in numbers], dtype=np.float32)
    encoded = encode.transform(_as_float32(rows)).astype(np.float32)
    # This project holds numbers far from their mean where they are; scikit-learn does not.
    if np.isclose(encoded, encoder.transform(rows), atol=1e-4).mean() < 0.999:
        raise RuntimeError("the peer encodes otherwise: the comparison would mean nothing")
    return Pipeline([("encode", encode), ("estimate", estimator)])


def _as_float32(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype({n: "float32" for n in rows if rows[n].dtype == np.float64})


def _converted(peer: Pipeline, columns: dict[str, Column]) -> bytes:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = {"number": FloatTensorType, "string": StringTensorType}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = convert_sklearn(
            peer,
            initial_types=[(name, types[c.type]([None, 1])) for name, c in columns.items()],
            options={id(peer): {"zipmap": False}},
            target_opset={"": 21, "ai.onnx.ml": 3},
        )
    serialized: bytes = made.SerializeToString()
    return serialized
