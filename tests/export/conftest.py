"""Fitted models of every family and task, on bundled data and on hostile rows, each made once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor
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

import mlops_assets
from mlops_assets.column_declaration import Column
from mlops_assets.target_declaration import Target, Task
from mlops_assets.training.calibration import BinaryModel, Model, MulticlassModel, RegressionModel
from mlops_assets.training.encoding import Form, RowEncoder
from mlops_assets.use_case import UseCase

DEFS = Path(mlops_assets.__file__).parent / "defs"
BATCHES = {"flight_delays": ("2013-01", "2013-02"), "employment": ("2015",)}
DTYPES = {
    "string": "str",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "timestamp": "datetime64[us]",
}
TARGETS: dict[Task, Target] = {
    "binary": Target(column="y"),
    "multiclass": Target(
        column="y", task="multiclass", type="string", classes=("low", "middle", "high")
    ),
    "regression": Target(column="y", task="regression", type="number"),
}
FOREST = {"n_estimators": 40, "min_samples_leaf": 5, "random_state": 0, "n_jobs": 1}
BOOSTING = {"max_iter": 60, "random_state": 0}
# Training stops for want of progress and not at max_iter, which would be a warning.
NETWORK = {
    "hidden_layer_sizes": (64, 32), "max_iter": 200, "tol": 0.05, "n_iter_no_change": 5,
    "alpha": 1e-2, "random_state": 1,
}  # fmt: skip
Make = Callable[[], Any]
ESTIMATORS: dict[str, tuple[Form, Make, Make]] = {
    "dummy": ("tree", DummyClassifier, DummyRegressor),
    "linear": ("dense", lambda: LogisticRegression(max_iter=500), lambda: Ridge(alpha=1.0)),
    "random_forest": (
        "tree",
        lambda: RandomForestClassifier(**FOREST),
        lambda: RandomForestRegressor(**FOREST),
    ),
    "histogram_gradient_boosting": (
        "tree",
        lambda: HistGradientBoostingClassifier(**BOOSTING),
        lambda: HistGradientBoostingRegressor(**BOOSTING),
    ),
    "mlp": ("dense", lambda: MLPClassifier(**NETWORK), lambda: MLPRegressor(**NETWORK)),
}
FAMILIES = [family for family in sorted(ESTIMATORS) if family != "dummy"]


@dataclass(frozen=True)
class Fitted:
    """A calibrated model of a family, and labelled rows it has not seen."""

    family: str
    model: Any
    target: Target
    columns: dict[str, Column]
    calibration: pd.DataFrame
    rows: pd.DataFrame
    labels: NDArray[Any]


def fit_model(
    family: str,
    columns: dict[str, Column],
    rows: pd.DataFrame,
    labels: NDArray[Any],
    fitted: int,
    task: Task = "binary",
) -> Model:
    """A model of the first ``fitted`` rows, calibrated on the others."""
    form, classifier, regressor = ESTIMATORS[family]
    estimator = regressor() if task == "regression" else classifier()
    pipeline = Pipeline([("encode", RowEncoder(columns, form)), ("estimate", estimator)])
    mean, scale = (
        (labels[:fitted].mean(), labels[:fitted].std()) if task == "regression" else (0, 1)
    )
    pipeline.fit(
        rows.iloc[:fitted],
        (labels[:fitted] - mean) / scale if task == "regression" else labels[:fitted],
    )
    rest = rows.iloc[fitted:], labels[fitted:]
    match task:
        case "binary":
            return BinaryModel(pipeline).fit(*rest)
        case "multiclass":
            return MulticlassModel(pipeline, 3).fit(*rest)
        case "regression":
            return RegressionModel(pipeline, mean, scale, 0.9).fit(*rest)


@cache
def bundled(use_case: str) -> tuple[UseCase, pd.DataFrame, NDArray[np.int64]]:
    """26,000 labelled rows of a bundled use case in a seeded order, with the cleaned dtypes."""
    text = (DEFS / use_case / "defs.yaml").read_text()
    declared = UseCase.model_validate(yaml.safe_load(text)["attributes"])
    files = [DEFS / use_case / "data" / f"{batch}.parquet" for batch in BATCHES[use_case]]
    rows = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    rows = rows[rows[declared.target.column].notna()]
    rows = rows.sample(26_000, random_state=0).reset_index(drop=True)
    labels = rows[declared.target.column].astype("int64").to_numpy()
    inputs = {n: rows[n].astype(DTYPES[c.type]) for n, c in declared.inputs.items()}
    return declared, pd.DataFrame(inputs), labels


@cache
def fit_bundled(use_case: str, family: str) -> Fitted:
    declared, rows, labels = bundled(use_case)
    model = fit_model(family, declared.inputs, rows[:6000], labels[:6000], 4000)
    columns = declared.inputs
    return Fitted(
        family, model, TARGETS["binary"], columns, rows[4000:6000], rows[6000:], labels[6000:]
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Boosting with a thread a core crawls where another process wants the cores too."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session", params=sorted(BATCHES))
def use_case_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session", params=sorted(TARGETS))
def task(request: pytest.FixtureRequest) -> Task:
    name: Task = request.param
    return name


@pytest.fixture(scope="session")
def targets() -> dict[Task, Target]:
    return TARGETS


@pytest.fixture(scope="session")
def fitted(use_case_name: str, family: str) -> Fitted:
    return fit_bundled(use_case_name, family)


@pytest.fixture(scope="session")
def fitted_network(use_case_name: str) -> Fitted:
    return fit_bundled(use_case_name, "mlp")


@pytest.fixture(scope="session")
def fit() -> Callable[..., Any]:
    return fit_model


COLUMNS = {
    "city": Column(type="string", nullable=True),
    "empty": Column(type="string", nullable=True),
    "amount": Column(type="number", nullable=True),
    "always missing": Column(type="number", nullable=True),
    "rate": Column(type="number"),
    "identifier": Column(type="integer"),
    "age": Column(type="integer", nullable=True),
    "code": Column(type="integer", categorical=True),
    "nullable_code": Column(type="integer", categorical=True, nullable=True),
    "member": Column(type="boolean"),
    "consent": Column(type="boolean", nullable=True),
    "seen": Column(type="timestamp"),
}


@pytest.fixture(scope="session")
def hostile_columns() -> dict[str, Column]:
    return COLUMNS


@pytest.fixture(scope="session")
def make_hostile_rows() -> Callable[..., pd.DataFrame]:
    """Makes rows of every column type: ties, neighbours, missing values, huge integers, times
    before 1970, and with ``new_values`` categories and ranges that training has not seen."""
    return hostile_rows


def hostile_rows(count: int, seed: int, new_values: bool) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    cities = ["Oslo", "", "München", "a b", *(["Ålesund", "oslo"] if new_values else [])]
    codes = [-7, 0, 3, 2**60, *([9, 2**60 + 1] if new_values else [])]
    times = rng.integers(-(10**16) if new_values else -(10**14), 10**15, count)
    times[:4] = [-1, 0, -86_400_000_000, -86_400_000_001]
    identifiers = 2**24 + rng.integers(0, 2**31, count) * 2**30
    # Rounded to double first, these are halfway between two floats; rounded at once, they are not.
    identifiers[:2] = [2**60 + 2**36 + 1, -(2**60) - 2**36 - 1]
    rates = rng.integers(0, 12, count) / 7
    if new_values:
        rates[:8] = [np.inf, -np.inf, 1e39, -3e38, 5e-324, 1e-45, -1e-45, -0.0]

    def missing(values: Any, dtype: str) -> pd.Series:
        column = pd.Series(values).astype(dtype)
        return column.mask(rng.random(count) < 0.2)

    return pd.DataFrame(
        {
            "city": missing(rng.choice(cities, count), "str"),
            "empty": pd.Series([None] * count, dtype="str"),
            "amount": missing(np.exp(rng.normal(0, 4, count)), "float64"),
            "always missing": np.where(new_values & (rng.random(count) < 0.5), 7.0, np.nan),
            "rate": rates,
            "identifier": identifiers,
            "age": missing(rng.integers(0, 99, count), "Int64"),
            "code": rng.choice(codes, count),
            "nullable_code": missing(
                rng.choice([1, 2, 5, *([4, 2**60 + 1] * new_values)], count), "Int64"
            ),
            "member": rng.random(count) < 0.3,
            "consent": missing(rng.random(count) < 0.5, "boolean"),
            "seen": pd.Series(times).astype("datetime64[us]"),
        }
    )


def hostile_labels(rows: pd.DataFrame, task: Task) -> NDArray[Any]:
    rng = np.random.default_rng(3)
    signal = 2.0 * rows["member"] + 1.5 * (rows["rate"] > 1) * rows["amount"].notna()
    noisy: NDArray[np.float64] = signal.to_numpy(np.float64) + rng.normal(0.0, 1.0, len(rows))
    match task:
        case "binary":
            return (noisy > 1.5).astype(np.int64)
        case "multiclass":
            return np.digitize(noisy, [0.5, 2.0])
        case "regression":
            return 40.0 * np.exp(noisy / 2.0) - 100.0


@cache
def fit_hostile(family: str, task: Task) -> Fitted:
    rows = hostile_rows(3000, 0, new_values=False)
    labels = hostile_labels(rows, task)
    model = fit_model(family, COLUMNS, rows, labels, 2000, task)
    return Fitted(family, model, TARGETS[task], COLUMNS, rows[2000:], rows, labels)


@pytest.fixture(scope="session")
def fit_on_hostile_rows() -> Callable[[str, Task], Fitted]:
    return fit_hostile


@pytest.fixture(scope="session")
def hostile(family: str, task: Task) -> Fitted:
    """A model of each family and task, fitted on hostile rows."""
    return fit_hostile(family, task)
