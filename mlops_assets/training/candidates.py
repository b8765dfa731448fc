"""The candidates: model families with the settings that are tried.

Belongs here: what is tried for each task, and the unfitted pipeline of a candidate. Does not belong
here: comparing them (``search.py``), what a fitted one costs (``complexity.py``), what all must
beat (``baseline.py``), and fitting (``fitted_pipeline.py``).
"""

from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from mlops_assets.column_declaration import Column, Feature
from mlops_assets.target_declaration import Task
from mlops_assets.training.encoding import Form, RowEncoder
from mlops_assets.training_declaration import Family

MAX_STEPS = "max_iter"
"""The setting that counts the trees of boosting and the epochs of a network."""


@dataclass(frozen=True)
class Candidate:
    """A family with its settings.

    ``steps`` are the numbers of boosting iterations or epochs at which one fit is judged, rising;
    the search keeps the best of them (early stopping). Empty where a fit has no such steps.
    """

    name: str
    family: Family
    form: Form
    parameters: dict[str, Any]
    steps: tuple[int, ...] = ()

    def with_steps(self, steps: int | None) -> "Candidate":
        """The candidate that stops after so many steps; itself for ``None``."""
        if steps is None:
            return self
        return replace(self, parameters={**self.parameters, MAX_STEPS: steps}, steps=())


BOOSTING_STEPS = (25, 50, 75, 100, 150, 200)
EPOCHS = (2, 4, 8, 12, 16)
PENALTY = 1.0
"""Of a linear model. There is one, for a penalty is weighed against the sum over all rows: one that
suits the rows of a fold is none for the twenty times as many of the final fit, so that what was
compared would not be what is fitted."""


def _forest(name: str, **parameters: Any) -> Candidate:
    common = {"n_estimators": 60, "n_jobs": 1}
    return Candidate(name, "random_forest", "tree", {**common, **parameters})


def _boosting(name: str, **parameters: Any) -> Candidate:
    common = {
        "learning_rate": 0.05,
        MAX_STEPS: BOOSTING_STEPS[-1],
        # Few features a split: trees that lean on one of them fail when it leaves its range.
        "max_features": 0.3,
        "min_samples_leaf": 100,
        "early_stopping": False,
    }
    family: Family = "histogram_gradient_boosting"
    return Candidate(name, family, "tree", {**common, **parameters}, BOOSTING_STEPS)


def _network(name: str, *units: int, **parameters: Any) -> Candidate:
    common = {"alpha": 1e-3, "batch_size": 256, MAX_STEPS: EPOCHS[-1], "tol": 0.0}
    sizes = {"hidden_layer_sizes": units}
    return Candidate(name, "mlp", "dense", {**common, **sizes, **parameters}, EPOCHS)


# One of each family first: a small budget tries those, then the others. Each family ranges from
# settings that hold back, which last longer where the data drifts, to such that follow the data,
# which win where it does not.
_NOT_LINEAR = (
    _forest("random forest", max_leaf_nodes=128, min_samples_leaf=20),
    _boosting("boosting, 8 leaves", max_leaf_nodes=8),
    _network("MLP, 32 units", 32),
    _boosting(
        "boosting, 15 large leaves", max_leaf_nodes=15, min_samples_leaf=300, max_features=0.15
    ),
    _network("MLP, 16 units, strong decay", 16, alpha=1.0),
    _boosting("boosting, 15 leaves", max_leaf_nodes=15),
    _forest("random forest, 512 leaves", max_leaf_nodes=512, min_samples_leaf=20),
    # Rows enough for a leaf where there are but a few hundred.
    _boosting("boosting, 8 small leaves", max_leaf_nodes=8, min_samples_leaf=10),
    _network("MLP, 64 and 32 units", 64, 32, alpha=0.1),
    _forest("random forest, 32 leaves", max_leaf_nodes=32, min_samples_leaf=5),
)
CANDIDATES: tuple[Candidate, ...] = (
    Candidate("logistic regression", "linear", "dense", {"C": 1.0 / PENALTY, "max_iter": 300}),
    *_NOT_LINEAR,
)
"""What is tried for a binary or multiclass task, in the order in which a small budget tries it."""
REGRESSION_CANDIDATES: tuple[Candidate, ...] = (
    Candidate("ridge regression", "linear", "dense", {"alpha": PENALTY, "solver": "cholesky"}),
    *_NOT_LINEAR,
)

_CLASSIFIERS: dict[Family, type[BaseEstimator]] = {
    "linear": LogisticRegression,
    "random_forest": RandomForestClassifier,
    "histogram_gradient_boosting": HistGradientBoostingClassifier,
    "mlp": MLPClassifier,
}
_REGRESSORS: dict[Family, type[BaseEstimator]] = {
    "linear": Ridge,
    "random_forest": RandomForestRegressor,
    "histogram_gradient_boosting": HistGradientBoostingRegressor,
    "mlp": MLPRegressor,
}


def candidates_for(task: Task, families: tuple[Family, ...]) -> tuple[Candidate, ...]:
    """What is tried for a task, of the declared families, one of each family first."""
    every = REGRESSION_CANDIDATES if task == "regression" else CANDIDATES
    return tuple(candidate for candidate in every if candidate.family in families)


def build(
    candidate: Candidate,
    columns: dict[str, Column],
    features: dict[str, Feature],
    seed: int,
    task: Task = "binary",
) -> Pipeline:
    """The unfitted pipeline: ``encode`` raw columns and what is computed from them, then
    ``estimate`` (a classifier of class positions, or a regressor of standardised labels)."""
    estimators = _REGRESSORS if task == "regression" else _CLASSIFIERS
    estimator = estimators[candidate.family](**candidate.parameters, random_state=seed)
    encoder = RowEncoder(columns, candidate.form, features)
    return Pipeline([("encode", encoder), ("estimate", estimator)])
