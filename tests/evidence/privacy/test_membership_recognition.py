"""Rates of recognised members, and what their intervals hold."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score, roc_curve

from mlops_assets.evidence.privacy.recognition import (
    area,
    clopper_pearson,
    effective_rows,
    recognition,
    roc_points,
)

RUNS = 200


def test_a_share_has_the_exact_interval() -> None:
    for count in (0, 3, 40):
        exact = binomtest(count, 40).proportion_ci(0.95, "exact")
        bounds = clopper_pearson(count / 40, 40, 0.025)
        assert bounds == pytest.approx((exact.low, exact.high))


def test_the_rate_is_read_off_the_curve() -> None:
    rng = np.random.default_rng(0)
    members, strangers = rng.normal(1.0, 1.0, 500), rng.normal(0.0, 1.0, 1000)
    labels, scores = np.repeat([1, 0], [500, 1000]), np.concatenate([members, strangers])
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    found = recognition(members, strangers, 0.01)
    assert found.value == pytest.approx(true[false <= 0.01].max())
    assert found.low < found.value < found.high
    assert area(members, strangers) == pytest.approx(roc_auc_score(labels, scores))
    for point in roc_points(members, strangers):
        reached = true[false <= point["false_positives"] + 1e-12].max()
        assert point["true_positives"] == pytest.approx(reached)


def test_rows_that_cannot_be_told_apart_are_not_called_recognised() -> None:
    found = recognition(np.zeros(100), np.zeros(1000), 0.01)
    assert found.low == found.value == 0.0 < found.high < 0.05


@pytest.mark.parametrize("rate", [0.01, 0.001])
@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_the_interval_holds_the_truth(rate: float, shift: float) -> None:
    truth = norm.sf(norm.isf(rate) - shift)
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(RUNS):
        found = recognition(rng.normal(shift, 1.0, 1000), rng.normal(0.0, 1.0, 4500), rate)
        missed += not found.low <= truth <= found.high
    assert missed <= RUNS * 0.05


def test_clean_runs_are_not_called_leaks() -> None:
    rng = np.random.default_rng(2)
    over = sum(
        recognition(rng.normal(size=400), rng.normal(size=900), 0.01).low > 0.01
        for _ in range(RUNS)
    )
    assert over <= RUNS * 0.025


def test_a_rate_that_so_few_rows_cannot_show_is_insufficient_evidence() -> None:
    rng = np.random.default_rng(3)
    members = rng.normal(5.0, 1.0, 300)
    few = recognition(members, rng.normal(size=999), 0.001)
    assert not few.enough and few.low == 0.0
    many = recognition(members, rng.normal(size=4500), 0.001)
    assert many.enough and many.low > 0.5


def test_rows_of_a_day_count_for_less() -> None:
    rng = np.random.default_rng(4)
    days = np.repeat(np.arange(60), 50)
    alone = rng.random(3000) < 0.05
    together = np.repeat(rng.random(60) < 0.05, 50)
    assert effective_rows(together, days, 0.0125) < 70
    assert 1500 < effective_rows(alone, days, 0.0125) <= 3000
    assert effective_rows(alone, np.zeros(3000, np.int64), 0.0125) == 1.0


def test_the_interval_holds_the_truth_of_rows_in_days() -> None:
    rng = np.random.default_rng(5)
    days = np.repeat(np.arange(100), 40)
    truth = norm.sf(norm.isf(0.01) - 1.0)
    missed = [0, 0]
    for _ in range(RUNS):
        sides = []
        for shift in (1.0, 0.0):
            of_day = rng.normal(0.0, np.sqrt(0.5), 100)
            sides.append(shift + of_day[days] + rng.normal(0.0, np.sqrt(0.5), len(days)))
        for place, clusters in enumerate([None, (days, days)]):
            found = recognition(sides[0], sides[1], 0.01, clusters=clusters)
            missed[place] += not found.low <= truth <= found.high
    assert missed[1] <= RUNS * 0.05 < missed[0]
