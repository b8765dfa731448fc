"""Labels with the answers of a model to each task, and rows drawn from them again."""

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.target_declaration import Task

Floats = NDArray[np.float64]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


def scored(
    n: int, seed: int = 0, skill: float = 0.2, prevalence: float = 0.3
) -> tuple[NDArray[np.int64], Floats]:
    """Labels 0 or 1, and the answers ``[n, 1]`` of a model that knows something of them."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < prevalence).astype(np.int64)
    scores = prevalence + skill * (labels - prevalence) + 0.15 * rng.normal(size=n)
    return labels, np.clip(scores, 0.01, 0.99)[:, None]


def classed(n: int, seed: int = 0, skill: float = 1.0) -> tuple[NDArray[np.int64], Floats]:
    """Classes 0 to 3, some rarer, and the probabilities ``[n, 4]`` of a model that knows some."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    weights = np.exp(rng.normal(size=(n, 4)) + skill * np.eye(4)[labels])
    return labels, weights / weights.sum(axis=1, keepdims=True)


def numbered(n: int, seed: int = 0, noise: float = 2.0) -> tuple[Floats, Floats]:
    """Numbers around 100, and predictions ``[n, 3]`` with an interval of uneven sides."""
    rng = np.random.default_rng(seed)
    truth = 100.0 + 5.0 * rng.normal(size=n)
    predicted = truth + noise * rng.normal(size=n) + 0.3
    width = 1.0 + 2.0 * rng.random(n)
    return truth, np.stack([predicted, predicted - width, predicted + 2.0 * width], axis=1)


def some_rows(task: Task, n: int, seed: int = 0) -> tuple[Labels, Answers]:
    make = {"binary": scored, "multiclass": classed, "regression": numbered}[task]
    return make(n, seed)


def stratified_resamples(labels: Labels, resamples: int, seed: int) -> list[NDArray[np.intp]]:
    """Row numbers drawn within each class."""
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return [
        np.concatenate([rng.choice(rows, len(rows)) for rows in classes]) for _ in range(resamples)
    ]
