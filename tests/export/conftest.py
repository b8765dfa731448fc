"""Fitted models of every family on both bundled data sets, each made once."""

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
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

import mlops_assets
from mlops_assets.column_declaration import Column
from mlops_assets.training.calibration import CalibratedClassifier
from mlops_assets.training.encoding import Form, RowEncoder
from mlops_assets.training.thresholds import snap_thresholds
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
ESTIMATORS: dict[str, tuple[Form, Callable[[], Any]]] = {
    "logistic_regression": ("dense", lambda: LogisticRegression(max_iter=300)),
    "random_forest": (
        "tree",
        lambda: RandomForestClassifier(40, min_samples_leaf=5, random_state=0, n_jobs=1),
    ),
    "histogram_gradient_boosting": (
        "tree",
        lambda: HistGradientBoostingClassifier(max_iter=60, random_state=0),
    ),
    "mlp": (
        "dense",
        # Training stops for want of progress and not at max_iter, which would be a warning.
        lambda: MLPClassifier(
            (64, 32), max_iter=200, tol=0.05, n_iter_no_change=5, alpha=1e-2, random_state=1
        ),
    ),
}


@dataclass(frozen=True)
class Fitted:
    """A calibrated model with its columns, and labelled rows it has not seen."""

    family: str
    model: CalibratedClassifier
    columns: dict[str, Column]
    calibration: pd.DataFrame
    rows: pd.DataFrame
    labels: NDArray[np.int64]


def fit_model(
    family: str, columns: dict[str, Column], rows: pd.DataFrame, labels: NDArray[Any], fitted: int
) -> CalibratedClassifier:
    """A model of the first ``fitted`` rows, calibrated on the others."""
    form, make = ESTIMATORS[family]
    pipeline = Pipeline([("encode", RowEncoder(columns, form)), ("classify", make())])
    pipeline.fit(rows.iloc[:fitted], labels[:fitted])
    snap_thresholds(pipeline.named_steps["classify"])
    return CalibratedClassifier(pipeline).fit(rows.iloc[fitted:], labels[fitted:])


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
    return Fitted(family, model, declared.inputs, rows[4000:6000], rows[6000:], labels[6000:])


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Boosting with a thread a core crawls where another process wants the cores too."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session", params=sorted(BATCHES))
def use_case_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session", params=sorted(ESTIMATORS))
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def fitted(use_case_name: str, family: str) -> Fitted:
    return fit_bundled(use_case_name, family)


@pytest.fixture(scope="session")
def fitted_network(use_case_name: str) -> Fitted:
    return fit_bundled(use_case_name, "mlp")


@pytest.fixture(scope="session")
def fit() -> Callable[..., CalibratedClassifier]:
    return fit_model
