"""Rows in which nothing is wrong, and models of them, for ``clean_controls.py``."""

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers
from mlops_assets.evidence.risk.released_model import Ask
from mlops_assets.use_case import UseCase

TRAIN, CALIBRATION, TEST = 3_000, 1_500, 1_500
BATCHES = 6

Floats = NDArray[np.float64]


def declared() -> UseCase:
    """A use case whose rows are independent of each other."""
    policy = {"ai_act_class": "minimal"}
    return UseCase(
        title="Clean",
        description="Nothing is wrong with it.",
        owner="team:tests",
        source={
            "folder": "data",
            "batch_name": ".+",
            "licence": "CC0-1.0",
            "attribution": "drawn by chance",
            "terms": "none",
            "licence_expires": "never",
        },
        target={"column": "y", "type": "integer", "description": "0 or 1"},
        columns={
            "a": {"type": "number"},
            "b": {"type": "number"},
            "c": {"type": "number"},
            "city": {"type": "string"},
            "group": {"type": "integer", "categorical": True, "role": "sensitive"},
        },
        training={"first_batches": BATCHES, "seed": 1, "split": {}},
        risk={"shadow_models": 8, "max_shadow_rows": 2_000},
        policy=policy,
    )


def clean_rows(seed: int) -> pd.DataFrame:
    """Rows as the features artifact holds them, of all splits: the outcome depends on three
    columns, the groups are alike, and all splits are of one distribution."""
    rng = np.random.default_rng(seed)
    n = TRAIN + CALIBRATION + TEST
    rows = pd.DataFrame(
        {
            "batch": np.char.add("2020-0", (1 + np.arange(n) % BATCHES).astype(str)),
            "split": np.repeat(["train", "calibration", "test"], [TRAIN, CALIBRATION, TEST]),
            "a": rng.normal(size=n),
            "b": rng.gamma(2.0, 1.0, n),
            "c": rng.normal(size=n),
            "city": rng.choice(["Ghent", "Lille", "Metz"], n),
            "group": rng.integers(1, 3, n),
        }
    )
    return rows.assign(y=(rng.random(n) < true_chances(rows)[:, 0]).astype(np.int64))


def true_chances(rows: pd.DataFrame) -> Answers:
    """What the best of all models answers."""
    city = rows["city"].eq("Ghent").to_numpy(np.float64)
    odds = rows["a"].to_numpy() + 0.6 * rows["b"].to_numpy() - 1.4 + 0.5 * city
    chances: Answers = (1.0 / (1.0 + np.exp(-odds)))[:, None]
    return chances


def fitted(rows: pd.DataFrame, seed: int) -> Ask:
    """A small model that has few means to know rows by heart."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=200, random_state=seed).fit(_inputs(rows), rows["y"])
    return partial(_asked, model)


def _asked(model: object, rows: pd.DataFrame) -> Answers:
    chances: Answers = model.predict_proba(_inputs(rows))[:, 1:]  # type: ignore[attr-defined]
    return chances


def _inputs(rows: pd.DataFrame) -> Floats:
    city = rows["city"].eq("Ghent").to_numpy(np.float64)
    return np.column_stack([rows[["a", "b", "c"]].to_numpy(np.float64), city])


def part(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows[rows["split"] == name].reset_index(drop=True)
