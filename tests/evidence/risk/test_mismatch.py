"""The distance of the newest rows is none for their like, and large where they moved."""

import numpy as np
import pandas as pd
from risk_world import MakeUseCase, draw, world

from mlops_assets.evidence.risk.mismatch import training_production_distance
from mlops_assets.governance.policy import Finding

LIMIT = 0.3


def distances(
    make_use_case: MakeUseCase, train: pd.DataFrame, newest: pd.DataFrame
) -> dict[str, Finding]:
    _, findings = training_production_distance(train, newest, world(make_use_case))
    return {one.subject: one for one in findings}


def test_rows_of_the_same_distribution_are_near(make_use_case: MakeUseCase) -> None:
    for seed in range(5):
        found = distances(make_use_case, draw(4_000, seed), draw(2_000, seed + 50))
        assert set(found) == {"", "age", "income", "debt", "city", "size"}
        assert all((one.high or 1.0) < LIMIT and one.low == 0.0 for one in found.values())


def test_a_moved_column_is_far_and_the_others_are_not(make_use_case: MakeUseCase) -> None:
    newest = draw(2_000, 1).assign(debt=lambda rows: rows["debt"] + 40.0)
    found = distances(make_use_case, draw(4_000, 2), newest)
    assert (found["debt"].low or 0.0) > LIMIT and (found[""].low or 0.0) > LIMIT
    assert (found["age"].high or 1.0) < LIMIT


def test_what_moves_together_is_seen_together(make_use_case: MakeUseCase) -> None:
    """Each column is as before; which values come together is not."""
    train, newest = draw(6_000, 3), draw(3_000, 4)
    train["debt"] = train["income"].fillna(40.0) - 40.0
    newest["debt"] = 40.0 - newest["income"].fillna(40.0)
    found = distances(make_use_case, train, newest)
    assert (found["debt"].high or 1.0) < LIMIT < (found[""].low or 0.0)


def test_the_interval_holds_the_distance(make_use_case: MakeUseCase) -> None:
    shifted = [draw(2_000, s).assign(debt=lambda r: r["debt"] + 8.0) for s in range(12)]
    truth = distances(make_use_case, draw(20_000, 90), pd.concat(shifted, ignore_index=True))
    held = [
        distances(make_use_case, draw(4_000, 100 + s), newest)["debt"]
        for s, newest in enumerate(shifted)
    ]
    value = truth["debt"].value or 0.0
    assert np.mean([(one.low or 0.0) <= value <= (one.high or 0.0) for one in held]) > 0.9


def test_few_rows_are_no_evidence(make_use_case: MakeUseCase) -> None:
    found = distances(make_use_case, draw(1_000, 5), draw(20, 6))
    assert not any(one.enough for one in found.values())
