"""Attribute inference finds what the answer gives away beyond the inputs, and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attacked import COLUMNS, declared_for, features, forest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from mlops_assets.answers import Answers
from mlops_assets.content_hash import json_bytes
from mlops_assets.data.representation.groups import group_column
from mlops_assets.evidence.privacy.attribute_inference import (
    attacked_groups,
    attribute_findings,
    attribute_inference,
    balanced_accuracy,
    paired_gain,
)
from mlops_assets.evidence.privacy.guessing import cross_guessed
from mlops_assets.governance.policy import Finding
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
RUNS = 200


def some_rows(task: Task = "binary", seed: int = 1, rows: int = 2500) -> pd.DataFrame:
    return features(rows, seed, task)


def model(task: Task = "binary") -> Callable[[pd.DataFrame], Answers]:
    return forest(task, 20)(features(2000, 3, task), 0)


def leaking(rows: pd.DataFrame) -> Answers:
    """Answers that are a little higher where the group is 2."""
    known = 1.0 / (1.0 + np.exp(-rows["parcels"].to_numpy()))
    answers: Answers = np.clip(known + 0.1 * (rows["group"].to_numpy() == 2), 0.0, 1.0)[:, None]
    return answers


def found(rows: pd.DataFrame, use_case: UseCase, ask: Any) -> tuple[dict[str, Any], Finding]:
    report = attribute_inference(rows, use_case, ask)
    (finding,) = attribute_findings(report)
    return report["columns"][0], finding


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_answers_made_of_the_inputs_alone_give_nothing_away(
    make_use_case: MakeUseCase, task: Task
) -> None:
    use_case = make_use_case(**declared_for(task))
    column, finding = found(some_rows(task), use_case, model(task))
    assert finding.measure == "attribute_inference_gain" and finding.subject == "group"
    assert finding.low is not None and finding.low <= 0.0
    assert finding.high is not None and finding.high < 0.05
    assert column["from_inputs"] > 0.65  # the inputs reveal it: reported, no leak of the model
    assert column["chance"] == 0.5
    assert column["revealed"] == pytest.approx(2.0 * (column["from_inputs"] - 0.5))


def test_a_planted_leak_is_beyond(make_use_case: MakeUseCase) -> None:
    column, finding = found(some_rows(), make_use_case(**declared_for("binary")), leaking)
    assert finding.enough and finding.low is not None and finding.low > 0.1
    assert column["gain"] == pytest.approx(column["inferred"] - column["imputed"])


def test_a_sensitive_input_is_guessed_without_itself(make_use_case: MakeUseCase) -> None:
    declared = declared_for("binary")
    seen = {**COLUMNS["group"], "sensitive_input": True, "reason": "the law asks for it"}
    use_case = make_use_case(**{**declared, "columns": {**COLUMNS, "group": seen}})
    column, finding = found(some_rows(), use_case, leaking)
    assert column["is_input"]
    assert column["from_inputs"] < 0.8
    assert finding.low is not None and finding.low > 0.1


def test_a_group_of_few_rows_is_not_enough_to_tell(make_use_case: MakeUseCase) -> None:
    rows = some_rows()
    few = pd.concat([rows[rows["group"] == 1], rows[rows["group"] == 2].head(49)])
    _, finding = found(few, make_use_case(**declared_for("binary")), leaking)
    assert finding == Finding(
        "attribute_inference_gain", "group", None, None, None, finding.rows, False
    )


def test_the_result_is_the_same_again(make_use_case: MakeUseCase) -> None:
    use_case = make_use_case(**declared_for("binary"))
    rows = some_rows(rows=5400)
    reports = [attribute_inference(rows, use_case, model()) for _ in range(2)]
    assert json_bytes(reports[0]) == json_bytes(reports[1])
    assert reports[0]["rows"] == 5000


def test_small_groups_are_one_and_unknown_ones_are_none(make_use_case: MakeUseCase) -> None:
    values = pd.Series([1] * 60 + [2] * 60 + [3] * 30 + [4] * 25 + [None] * 70, dtype="Int64")
    column = make_use_case().columns["group"]
    codes, names = attacked_groups(group_column("group", values, column), 50)
    assert names == ("1", "2", "")
    assert np.bincount(codes + 1).tolist() == [70, 60, 60, 55]


def test_balanced_accuracy_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    codes, guesses = rng.choice(3, 500, p=[0.7, 0.2, 0.1]), rng.integers(0, 3, 500)
    expected = balanced_accuracy_score(codes, guesses)
    assert balanced_accuracy(guesses == codes, codes) == pytest.approx(expected)


def matched(
    rng: np.random.Generator, codes: NDArray[np.int64], won: float, lost: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Right guesses before and after, of which such shares turn right and wrong."""
    turned = rng.random(len(codes))
    before = np.where(turned < won, False, (turned < won + lost) | (rng.random(len(codes)) < 0.5))
    after = np.where(turned < won, True, before & ~(turned < won + lost))
    return before, after


@pytest.mark.parametrize(("won", "lost"), [(0.005, 0.005), (0.1, 0.1), (0.15, 0.05)])
def test_the_interval_of_the_gain_holds_the_truth(won: float, lost: float) -> None:
    rng = np.random.default_rng(4)
    codes = np.repeat([0, 1, 2], [600, 200, 100])
    missed = 0
    for _ in range(RUNS):
        gain, low, high = paired_gain(*matched(rng, codes, won, lost), codes, 0.95)
        assert low <= gain <= high
        missed += not low <= won - lost <= high
    assert missed <= RUNS * 0.07


def test_answers_that_are_noise_are_not_called_a_leak() -> None:
    over = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 2, 600)
        known = (codes[:, None] + 2.0 * rng.normal(size=(600, 2))).astype(np.float32)
        noise = rng.normal(size=(600, 1)).astype(np.float32)
        rights = [cross_guessed(k, codes, 0) == codes for k in (known, np.hstack([known, noise]))]
        over += paired_gain(rights[0], rights[1], codes, 0.95)[1] > 0.0
    assert over <= 1
