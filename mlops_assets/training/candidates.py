"""The candidates: model families with the parameters that are tried.

Belongs here: what is tried, in order of simplicity, and how large a fitted one is. Does not belong
here: comparing them (``selection.py``) and fitting the winner (``fit.py``).
"""

from dataclasses import dataclass
from typing import Any

from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from mlops_assets.column_declaration import Column, Feature
from mlops_assets.training.encoding import Form, RowEncoder
from mlops_assets.training_declaration import Search


@dataclass(frozen=True)
class Candidate:
    """A family with its parameters."""

    name: str
    family: str
    form: Form
    parameters: dict[str, Any]


BOOSTING = {
    "learning_rate": 0.05,
    "max_iter": 100,
    # Few features a split: trees that lean on one of them fail when it leaves its range.
    "max_features": 0.3,
    "min_samples_leaf": 100,
    "early_stopping": False,
}
MLP = {"alpha": 1e-3, "batch_size": 256, "max_iter": 12, "tol": 0.0}

# One of each family first: a small budget tries those, then the others.
CANDIDATES: tuple[Candidate, ...] = (
    Candidate("logistic regression", "logistic_regression", "dense", {"C": 1.0, "max_iter": 300}),
    Candidate(
        "random forest",
        "random_forest",
        "tree",
        {"n_estimators": 60, "max_leaf_nodes": 128, "min_samples_leaf": 20, "n_jobs": 1},
    ),
    Candidate(
        "boosting, 8 leaves",
        "histogram_gradient_boosting",
        "tree",
        {**BOOSTING, "max_leaf_nodes": 8},
    ),
    Candidate("MLP, 32 units", "mlp", "dense", {**MLP, "hidden_layer_sizes": (32,)}),
    Candidate(
        "boosting, 15 leaves",
        "histogram_gradient_boosting",
        "tree",
        {**BOOSTING, "max_leaf_nodes": 15},
    ),
    Candidate("MLP, 64 and 32 units", "mlp", "dense", {**MLP, "hidden_layer_sizes": (64, 32)}),
)

ESTIMATORS: dict[str, type[ClassifierMixin]] = {
    "logistic_regression": LogisticRegression,
    "random_forest": RandomForestClassifier,
    "histogram_gradient_boosting": HistGradientBoostingClassifier,
    "mlp": MLPClassifier,
}


def within_budget(search: Search) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """The candidates whose cross-validation fits into ``search.max_fits``, and those left out."""
    eligible = [c for c in CANDIDATES if c.family in search.families]
    affordable = search.max_fits // search.folds
    return tuple(eligible[:affordable]), tuple(eligible[affordable:])


def build(
    candidate: Candidate, columns: dict[str, Column], features: dict[str, Feature], seed: int
) -> Pipeline:
    """The unfitted pipeline: ``encode`` raw columns and what is computed from them, then
    ``classify``."""
    estimator = ESTIMATORS[candidate.family](**candidate.parameters, random_state=seed)
    encoder = RowEncoder(columns, candidate.form, features)
    return Pipeline([("encode", encoder), ("classify", estimator)])


def parameter_count(pipeline: Pipeline) -> int:
    """Learned numbers of a fitted pipeline: weights, or the leaves of all trees."""
    estimator = pipeline.named_steps["classify"]
    match estimator:
        case LogisticRegression():
            return int(estimator.coef_.size + estimator.intercept_.size)
        case MLPClassifier():
            return int(sum(w.size for w in [*estimator.coefs_, *estimator.intercepts_]))
        case RandomForestClassifier():
            return int(sum(tree.get_n_leaves() for tree in estimator.estimators_))
        case HistGradientBoostingClassifier():
            # scikit-learn has no public count of a booster's leaves.
            trees = [tree for iteration in estimator._predictors for tree in iteration]
            return int(sum(tree.get_n_leaf_nodes() for tree in trees))
    raise TypeError(f"no parameter count is known for {type(estimator).__name__}")
