"""A made-up world of known truth for the tests of the risk report: rows, and models of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.answers import Answers, Ask
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
COLUMNS: dict[str, dict[str, Any]] = {
    "age": {"type": "integer", "minimum": 0, "maximum": 120},
    "income": {"type": "number", "nullable": True},
    "debt": {"type": "number", "minimum": -1000},
    "city": {"type": "string"},
    "size": {"type": "string", "values": ["large", "small"]},
    "group": {"type": "integer", "categorical": True, "role": "sensitive", "values": [1, 2]},
}
CITIES = ("Ghent", "Lille", "Metz", "Nancy")


def world(make_use_case: MakeUseCase, task: str = "binary", **changes: Any) -> UseCase:
    """A use case without a time column, so that rows are independent."""
    target: dict[str, Any] = {"column": "late", "type": "boolean"}
    if task == "multiclass":
        target = {"column": "late", "task": task, "type": "string", "classes": ["a", "b", "c"]}
    if task == "regression":
        target = {"column": "late", "task": task, "type": "number", "unit": "minutes"}
    declared = {
        "columns": COLUMNS,
        "target": target,
        "training": {"first_batches": 1, "seed": 7},
        "risk": {"rows": 400, "evasion_rows": 40, "max_shadow_rows": 3000},
        **changes,
    }
    return make_use_case(**declared)


def signal(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """What the outcome depends on, with a standard deviation of about 1."""
    income = rows["income"].fillna(40.0).to_numpy(np.float64)
    city = rows["city"].map({"Ghent": 0.5, "Lille": -0.5}).fillna(0.0).to_numpy(np.float64)
    return (income - 40.0) / 12.0 + rows["debt"].to_numpy(np.float64) / 20.0 + city


def draw(n: int, seed: int, strength: float = 1.0, task: str = "binary") -> pd.DataFrame:
    """``n`` rows whose log odds are ``strength`` times the signal: 0.8 is a hard problem (ROC AUC
    0.7), 3 an easy one (0.9)."""
    rng = np.random.default_rng(seed)
    income = rng.normal(40.0, 10.0, n)
    rows = pd.DataFrame(
        {
            "batch": np.array(["2020-01", "2020-02"])[np.arange(n) * 2 // n],
            "split": rng.choice(["train", "calibration", "test"], n, p=[0.7, 0.15, 0.15]),
            "age": rng.integers(18, 80, n),
            "income": np.where(rng.random(n) < 0.05, np.nan, income),
            "debt": rng.gamma(2.0, 8.0, n) - 16.0,
            "city": rng.choice(CITIES, n),
            "size": rng.choice(["large", "small"], n),
            "group": rng.integers(1, 3, n),
        }
    )
    odds = strength * signal(rows)
    if task == "regression":
        rows["late"] = 10.0 * (odds + rng.normal(size=n))
    elif task == "multiclass":
        rows["late"] = np.digitize(odds + rng.logistic(size=n), [-1.0, 1.0])
    else:
        rows["late"] = (rng.random(n) < 1.0 / (1.0 + np.exp(-odds))).astype(np.int64)
    return rows


def part(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    return rows[rows["split"] == split].reset_index(drop=True)


def refit(rows: pd.DataFrame, _seed: int) -> Ask:
    """A linear model of the inputs, without a seed of its own."""
    from sklearn.linear_model import LogisticRegression, Ridge

    labels = rows["late"].to_numpy()
    if rows["late"].dtype.kind == "f":
        ridge = Ridge().fit(_matrix(rows), labels)
        return lambda asked: np.repeat(ridge.predict(_matrix(asked))[:, None], 3, axis=1)
    model = LogisticRegression(max_iter=500).fit(_matrix(rows), labels)

    def answers(asked: pd.DataFrame) -> Answers:
        chances = model.predict_proba(_matrix(asked))
        return chances[:, 1:] if chances.shape[1] == 2 else chances

    return answers


def _matrix(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    cities = np.stack([(rows["city"] == city).to_numpy(np.float64) for city in CITIES], axis=1)
    income = np.clip(rows["income"].fillna(40.0).to_numpy(np.float64), -1e3, 1e3) / 10.0
    numbers = np.stack([income, rows["debt"].to_numpy(np.float64) / 10.0], axis=1)
    return np.concatenate([numbers, cities], axis=1)
