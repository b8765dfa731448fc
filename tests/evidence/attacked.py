"""Rows of the small use case whose outcome is partly chance, and models that learn them too well
or as they should."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from mlops_assets.answers import Answers, Ask
from mlops_assets.evidence.privacy.membership import Fit
from mlops_assets.target_declaration import Task

NUMBERS = ["parcels", "weight", "distance"]
COLUMNS: dict[str, Any] = {
    "parcels": {"type": "number"},
    "weight": {"type": "number"},
    "distance": {"type": "number"},
    "group": {"type": "integer", "categorical": True, "role": "sensitive", "values": [1, 2]},
}
TARGETS: dict[Task, dict[str, Any]] = {
    "binary": {"column": "late", "type": "integer", "description": "0 or 1"},
    "multiclass": {
        "column": "late",
        "task": "multiclass",
        "type": "integer",
        "classes": [0, 1, 2],
        "description": "how late",
    },
    "regression": {
        "column": "late",
        "task": "regression",
        "type": "number",
        "description": "minutes",
    },
}


def declared_for(task: Task, shadow_models: int = 8, most: int = 2000) -> dict[str, Any]:
    """What replaces fields of the small use case, so that the rows below fit it."""
    return {
        "target": TARGETS[task],
        "columns": COLUMNS,
        "training": {
            "first_batches": 1,
            "seed": 7,
            "split": {},
            "search": {"max_fits": 9, "folds": 3, "max_rows": 500},
        },
        "fairness": {"min_rows": 50},
        "risk": {"shadow_models": shadow_models, "max_shadow_rows": most},
    }


def features(rows: int, seed: int = 0, task: Task = "binary") -> pd.DataFrame:
    """Rows as the features artifact holds them, half of them train rows and a quarter each of the
    other splits. A group of 2 goes with larger parcels; nothing else tells of it."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, len(NUMBERS)))
    group = 1 + (numbers[:, 0] + rng.normal(size=rows) > 0.0)
    noisy = numbers[:, 0] - 0.7 * numbers[:, 1] + 1.5 * rng.normal(size=rows)
    labels: dict[Task, NDArray[Any]] = {
        "binary": (noisy > 0.0).astype(np.int64),
        "multiclass": np.digitize(noisy, [-1.0, 1.0]).astype(np.int64),
        "regression": noisy,
    }
    frame = pd.DataFrame(numbers, columns=NUMBERS)
    splits = rng.choice(["train", "train", "calibration", "test"], rows)
    return frame.assign(batch="2020-01", split=splits, group=group, late=labels[task])


def forest(task: Task, leaf: int) -> Fit:
    """Fits a forest whose leaves have so many rows at least: with 1, it knows its rows by heart."""
    return partial(_fit, task, leaf)


def _fit(task: Task, leaf: int, rows: pd.DataFrame, seed: int) -> Ask:
    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    made = kind(25, min_samples_leaf=leaf, random_state=seed, max_features=0.7)
    made.fit(rows[NUMBERS], rows["late"])
    return partial(_answers, task, made)


def _answers(task: Task, made: Any, rows: pd.DataFrame) -> Answers:
    if task == "regression":
        return np.repeat(made.predict(rows[NUMBERS])[:, None], 3, axis=1)
    chances: Answers = made.predict_proba(rows[NUMBERS])
    return chances[:, 1:] if task == "binary" else chances
