"""The whole training, with remedies on and off."""

import hashlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from mlops_assets.content_hash import json_bytes
from mlops_assets.training.calibration import BinaryModel
from mlops_assets.training.candidates import CANDIDATES, build
from mlops_assets.training.fit import Training, train
from mlops_assets.training_declaration import FAMILIES
from mlops_assets.use_case import UseCase

ROWS = 3000


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    """Rows where ``x`` says the label one way round for most, the other way for a minority of 4%
    that the input ``z`` tells apart, and where one in seven is positive."""
    rng = np.random.default_rng(0)
    minority = rng.random(ROWS) < 0.04
    x = rng.normal(size=ROWS)
    odds = np.where(minority, -2.5 * x, 2.5 * x) - 2.5
    late = (rng.random(ROWS) < 1.0 / (1.0 + np.exp(-odds))).astype(np.int64)
    split = rng.choice(["train", "calibration", "test"], ROWS, p=[0.5, 0.2, 0.3])
    z = minority + rng.normal(scale=0.2, size=ROWS)
    return pd.DataFrame(
        {"batch": "b", "split": split, "x": x, "z": z, "group": minority + 1, "late": late}
    )


@pytest.fixture(scope="module")
def make(declared: Callable[[], dict[str, Any]]) -> Callable[..., UseCase]:
    def made(families: tuple[str, ...], **remedies: Any) -> UseCase:
        changed = declared()
        group = changed["columns"]["group"]
        changed["columns"] = {"x": {"type": "number"}, "z": {"type": "number"}, "group": group}
        changed["training"] = {
            "first_batches": 1,
            "seed": 3,
            "search": {"max_fits": 3, "folds": 3, "max_rows": 600, "families": families},
            "remedies": remedies,
        }
        return UseCase(**changed)

    return made


def _train(rows: pd.DataFrame, use_case: UseCase) -> Training:
    return train(rows, use_case, lambda _: None)


def _bytes(model: Any) -> str:
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


@pytest.mark.parametrize("family", FAMILIES)
def test_without_remedies_the_model_is_that_of_a_plain_fit(
    family: str, planted: pd.DataFrame, make: Any
) -> None:
    use_case = make((family,))
    rows = planted[planted["split"] == "train"]
    rows = rows.iloc[np.random.default_rng(3).permutation(len(rows))].reset_index(drop=True)
    found = _train(planted, use_case)
    (entry,) = found.record["leaderboard"]
    candidate = next(one for one in CANDIDATES if one.family == family)
    assert candidate.name == entry["name"]
    candidate = candidate.with_steps(entry["steps"])
    pipeline = build(candidate, use_case.inputs, use_case.features, 3)
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(rows, rows["late"].to_numpy())
    calibration = planted[planted["split"] == "calibration"]
    expected = BinaryModel(pipeline).fit(calibration, calibration["late"].to_numpy())

    assert _bytes(found.model) == _bytes(expected)
    assert found.record["remedies"] == {
        "class_weights": False, "resample": None, "min_group_rows": None,
        "weights": None, "groups": [], "rows_drawn": 0, "reweighing": None,
    }  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_weighed_classes_reach_every_family_and_calibration_brings_probabilities_back(
    family: str, planted: pd.DataFrame, make: Any
) -> None:
    plain, weighed = (_train(planted, make((family,), class_weights=on)) for on in (False, True))

    train_rows = planted[planted["split"] == "train"]
    raw = [one.model.pipeline.predict_proba(train_rows)[:, 1].mean() for one in (plain, weighed)]
    assert raw[1] > raw[0] + 0.1, "the rare class weighs more"
    calibration = planted[planted["split"] == "calibration"]
    predicted = weighed.model.answers(calibration)[:, 0]
    assert predicted.mean() == pytest.approx(calibration["late"].mean(), abs=1e-3)
    test = planted[planted["split"] == "test"]
    in_the_large = weighed.model.answers(test)[:, 0].mean() - test["late"].mean()
    assert abs(in_the_large) < 3 * np.sqrt(0.14 * 0.86 / len(test))
    losses = [one.record["leaderboard"][0]["loss"] for one in (plain, weighed)]
    assert losses[1] < losses[0] + 0.05, "compared without what the weights did"


def test_the_weights_are_recorded(planted: pd.DataFrame, make: Any) -> None:
    record = _train(planted, make(("linear",), class_weights=True)).record

    labels = planted.loc[planted["split"] == "train", "late"]
    assert record["remedies"]["weights"]["1"] == len(labels) / (2 * labels.sum())
    json_bytes(record)


def test_a_minority_is_ranked_better_when_its_rows_are_drawn_again(
    planted: pd.DataFrame, make: Any
) -> None:
    again = {"by": ("group",), "to": "equal"}
    plain, resampled = (
        _train(planted, make(("random_forest",), resample=one)) for one in (None, again)
    )

    test = planted[(planted["split"] == "test") & (planted["group"] == 2)]
    auc = [roc_auc_score(test["late"], one.model.answers(test)[:, 0]) for one in (plain, resampled)]
    assert auc[1] > auc[0] + 0.1
    record = resampled.record
    first, second = record["remedies"]["groups"]
    train_rows = planted.loc[planted["split"] == "train", "group"]
    assert (first["before"], second["before"]) == tuple(train_rows.value_counts()[[1, 2]])
    assert first["after"] == second["after"] == first["before"]
    assert record["rows"]["fitted"] == 2 * first["before"]
    assert record["remedies"]["rows_drawn"] == first["before"] - second["before"]
    assert record["rows"]["calibrated"] == (planted["split"] == "calibration").sum()


def test_the_same_rows_and_seed_give_the_same_model(planted: pd.DataFrame, make: Any) -> None:
    use_case = make(("linear",), class_weights=True, resample={"by": ("group",), "to": "equal"})

    first, second = (_train(planted, use_case) for _ in range(2))

    assert _bytes(first.model) == _bytes(second.model)
    assert json_bytes(first.record) == json_bytes(second.record)
