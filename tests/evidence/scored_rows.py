"""Labels with the scores of a model, and rows drawn from them again."""

import numpy as np
from numpy.typing import NDArray

Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


def some_rows(n: int, seed: int = 0, skill: float = 0.2, prevalence: float = 0.3) -> Rows:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < prevalence).astype(np.int64)
    scores = prevalence + skill * (labels - prevalence) + 0.15 * rng.normal(size=n)
    return labels, np.clip(scores, 0.01, 0.99)


def stratified_resamples(
    labels: NDArray[np.int64], resamples: int, seed: int
) -> list[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    return [
        np.concatenate([rng.choice(rows, len(rows)) for rows in classes]) for _ in range(resamples)
    ]
