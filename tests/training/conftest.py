"""A small window of each task, for what training does as a whole."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.training.fit import Training, train
from mlops_assets.use_case import UseCase

TARGETS: dict[str, dict[str, Any]] = {
    "binary": {"column": "y", "type": "integer"},
    "multiclass": {
        "column": "y",
        "task": "multiclass",
        "type": "string",
        "classes": ("low", "middle", "high"),
    },
    "regression": {"column": "y", "task": "regression", "type": "number"},
}
COLUMNS = {"x": {"type": "number"}, "z": {"type": "number", "nullable": True}}


@pytest.fixture(scope="session")
def task_use_case(declared: Callable[[], dict[str, Any]]) -> Callable[..., UseCase]:
    """Makes a use case of a task over ``x`` and ``z``; keyword arguments are fields of its search,
    but for ``columns``, ``remedies`` and ``time_column``."""

    def made(task: str, **said: Any) -> UseCase:
        changed = declared()
        changed["target"] = TARGETS[task]
        changed["columns"] = {**COLUMNS, **said.pop("columns", {})}
        changed["training"] = {
            "first_batches": 1,
            "seed": 3,
            "remedies": said.pop("remedies", {}),
            "split": {"time_column": said.pop("time_column", None)},
            "search": {"max_fits": 12, "folds": 3, "max_rows": 600, **said},
        }
        return UseCase(**changed)

    return made


@pytest.fixture(scope="session")
def task_window() -> Callable[..., pd.DataFrame]:
    """Makes rows in which ``x`` tells much of the label, ``z`` a little."""

    def made(task: str, rows: int = 1500, seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        x, z = rng.normal(size=rows), rng.normal(size=rows)
        number = 20.0 + 7.0 * x + 2.0 * z**2 + rng.normal(scale=3.0, size=rows)
        edges = {"binary": [22.0], "multiclass": [18.0, 26.0], "regression": []}[task]
        labels = np.digitize(number, edges).astype(np.int64) if edges else number
        split = rng.choice(["train", "calibration", "test"], rows, p=[0.6, 0.2, 0.2])
        return pd.DataFrame({"batch": "b", "split": split, "x": x, "z": z, "y": labels})

    return made


@pytest.fixture(scope="session")
def train_quietly() -> Callable[..., Training]:
    """Trains without a word of progress."""

    def trained(rows: pd.DataFrame, use_case: UseCase, **said: Any) -> Training:
        return train(rows, use_case, lambda _: None, **said)

    return trained
