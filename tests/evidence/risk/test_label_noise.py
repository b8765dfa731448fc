"""Planted label noise is found, and a hard problem is not taken for one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from risk_world import MakeUseCase, draw, part, refit, world

from mlops_assets.answers import Ask
from mlops_assets.data.batch_error import BatchError
from mlops_assets.evidence.risk.label_noise import suspect_labels
from mlops_assets.governance.policy import Finding

HARD, EASY = 0.75, 3.0
LIMIT = 0.05


def flipped(rows: pd.DataFrame, where: Any, task: str, seed: int) -> pd.DataFrame:
    rng, made = np.random.default_rng(seed), rows.copy()
    if task == "regression":
        made.loc[where, "late"] = rng.permutation(made["late"].to_numpy())[: int(where.sum())]
    elif task == "multiclass":
        other = (made.loc[where, "late"] + rng.integers(1, 3, int(where.sum()))) % 3
        made.loc[where, "late"] = other
    else:
        made.loc[where, "late"] = 1 - made.loc[where, "late"]
    return made


def scan(
    make_use_case: MakeUseCase, noise: float, seed: int, strength: float, task: str = "binary"
) -> list[Finding]:
    rows = draw(12_000, seed, strength, task)
    train = part(rows, "train")
    where = np.random.default_rng(seed + 500).random(len(train)) < noise
    train = flipped(train, where, task, seed)
    held_out = part(rows, "calibration")
    return suspect_labels(refit, train, held_out, world(make_use_case, task), LIMIT)[1]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_clean_hard_problem_is_no_noise(make_use_case: MakeUseCase, task: str) -> None:
    found = [scan(make_use_case, 0.0, seed, HARD, task) for seed in range(6)]
    assert all(one.low is not None and one.low <= LIMIT for run in found for one in run)
    assert np.mean([run[0].value or 0.0 for run in found]) < 0.05


@pytest.mark.parametrize(
    ("task", "strength"),
    [("binary", HARD), ("binary", EASY), ("multiclass", EASY), ("regression", EASY)],
)
def test_a_fifth_of_flipped_labels_is_found(
    make_use_case: MakeUseCase, task: str, strength: float
) -> None:
    whole = scan(make_use_case, 0.2, 3, strength, task)[0]
    assert whole.low is not None and whole.low > LIMIT
    assert whole.low <= 0.22 and (whole.high or 0.0) >= 0.18


def test_labels_flipped_in_one_city_are_found_there(make_use_case: MakeUseCase) -> None:
    rows = draw(12_000, 5, EASY)
    train = part(rows, "train")
    where = (train["city"] == "Metz").to_numpy() & (train["late"] == 1).to_numpy()
    where = where & (np.random.default_rng(0).random(len(train)) < 0.5)
    poisoned = flipped(train, where, "binary", 5)
    evidence, findings = suspect_labels(
        refit, poisoned, part(rows, "calibration"), world(make_use_case), LIMIT
    )
    assert evidence["named"][0]["block"] == "city = Metz"
    assert "city = Metz" in {one.subject for one in findings}


def test_a_batch_delivered_wrong_is_found_among_its_like(make_use_case: MakeUseCase) -> None:
    rows = draw(12_000, 6, EASY)
    rows["batch"] = np.char.add("2020-", (np.arange(len(rows)) % 6).astype(str))
    wrong = (rows["batch"] == "2020-5").to_numpy().copy()
    wrong &= np.random.default_rng(1).random(len(rows)) < 0.4
    rows = flipped(rows, wrong, "binary", 6)
    train, held_out = part(rows, "train"), part(rows, "calibration")
    evidence, _ = suspect_labels(refit, train, held_out, world(make_use_case), LIMIT)
    assert [one["block"] for one in evidence["named"] if one["kind"] == "batch"] == ["2020-5"]


def test_rows_to_look_at_are_mostly_the_flipped_ones(make_use_case: MakeUseCase) -> None:
    rows = draw(8_000, 7, EASY)
    train = part(rows, "train")
    where = np.random.default_rng(2).random(len(train)) < 0.05
    held_out = part(rows, "calibration")
    given = flipped(train, where, "binary", 7)
    evidence, _ = suspect_labels(refit, given, held_out, world(make_use_case), LIMIT)
    named = [one["train_row"] for one in evidence["confident"]["rows"]]
    assert where[named].mean() > 0.7


def test_what_cannot_be_known_is_unknown(make_use_case: MakeUseCase) -> None:
    def fails(_rows: pd.DataFrame, _seed: int) -> Ask:
        raise BatchError("rows for a refit have none of class 1")

    rows = draw(1_000, 8)
    train, held_out = part(rows, "train"), part(rows, "calibration")
    evidence, (finding,) = suspect_labels(fails, train, held_out, world(make_use_case))
    assert finding.value is None and "class 1" in evidence["problem"]
    few = suspect_labels(refit, train, held_out.head(10), world(make_use_case))[1][0]
    assert few.value is None and not few.enough
