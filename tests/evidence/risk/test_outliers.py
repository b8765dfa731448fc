"""Rows that were planted in the training set are found, alone and in company."""

import numpy as np
import pandas as pd
from risk_world import MakeUseCase, draw, part, world

from mlops_assets.evidence.risk.outliers import TOGETHER, training_outliers
from mlops_assets.governance.policy import Finding

LIMIT = 0.01


def scan(
    make_use_case: MakeUseCase, train: pd.DataFrame, held_out: pd.DataFrame
) -> dict[str, Finding]:
    _, findings = training_outliers(train, held_out, world(make_use_case))
    return {one.subject: one for one in findings}


def poisoned(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:  # type: ignore[type-arg]
    rows = draw(10_000, seed)
    train = part(rows, "train")
    where = np.random.default_rng(seed).random(len(train)) < 0.02
    return train, part(rows, "calibration"), where


def test_a_clean_training_set_has_none(make_use_case: MakeUseCase) -> None:
    for seed in range(8):
        train, held_out, _ = poisoned(seed)
        found = scan(make_use_case, train, held_out)
        assert (found[""].low or 0.0) <= LIMIT and (found[""].value or 0.0) < 0.005
        assert found[TOGETHER].value == 0.0


def test_few_far_rows_are_no_certain_excess(make_use_case: MakeUseCase) -> None:
    """At the stated error rate: one of eighty clean sets at most has a share certainly above 0."""
    certain = 0
    for seed in range(40, 60):
        rows = draw(4_500, seed)
        found = scan(make_use_case, part(rows, "train"), part(rows, "calibration"))
        certain += (found[""].low or 0.0) > 0.0
    assert certain <= 2  # of 20, with a chance of 1.25% each: more in 2 of 1,000 such tests


def test_gross_errors_are_found(make_use_case: MakeUseCase) -> None:
    train, held_out, where = poisoned(1)
    rng = np.random.default_rng(3)
    train.loc[where, "debt"] = rng.uniform(500.0, 5_000.0, int(where.sum()))
    found = scan(make_use_case, train, held_out)[""]
    assert found.low is not None and found.low > LIMIT
    assert abs((found.value or 0.0) - where.mean()) < 0.005


def test_a_backdoor_of_usual_values_is_found_by_its_company(make_use_case: MakeUseCase) -> None:
    train, held_out, where = poisoned(2)
    # Each value is usual; together with one label they are a trigger.
    train.loc[where, ["age", "city", "late"]] = [77, "Nancy", 1]
    evidence, findings = training_outliers(train, held_out, world(make_use_case))
    together = next(one for one in findings if one.subject == TOGETHER)
    assert together.low is not None and together.low > LIMIT
    assert "age" in {name for cell in evidence["cells"] for name in cell["columns"]}


def test_frequent_values_without_one_label_are_no_backdoor(make_use_case: MakeUseCase) -> None:
    train, held_out, where = poisoned(4)
    train.loc[where, "age"] = 77
    assert scan(make_use_case, train, held_out)[TOGETHER].value == 0.0


def test_too_few_held_out_rows_are_no_evidence(make_use_case: MakeUseCase) -> None:
    train, held_out, _ = poisoned(5)
    found = scan(make_use_case, train, held_out.head(50))
    assert all(one.value is None and not one.enough for one in found.values())


def test_days_are_compared_with_days(make_use_case: MakeUseCase) -> None:
    """Every day has weather of its own: none of it is unlike all others."""
    declared = {"due": {"type": "timestamp"}, "debt": {"type": "number"}}
    split = {"time_column": "due"}
    use_case = world(
        make_use_case,
        columns=declared,
        training={"first_batches": 1, "seed": 7, "split": split},
    )
    days = np.repeat(np.arange(100), 40)
    rng = np.random.default_rng(9)
    rows = pd.DataFrame(
        {
            "due": pd.to_datetime("2020-01-01") + pd.to_timedelta(days, "D"),
            "debt": rng.normal(size=100)[days] + 0.05 * rng.normal(size=len(days)),
            "late": (rng.random(100) < 0.5)[days].astype(np.int64),
        }
    )
    held_out = days % 10 == 5
    train = rows[~held_out].reset_index(drop=True)
    _, findings = training_outliers(train, rows[held_out].reset_index(drop=True), use_case)
    assert all((one.low or 0.0) <= LIMIT for one in findings)
