"""Conformal intervals hold what they promise, in each range of predictions."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.training.intervals import MOST_BINS, ROWS_A_BIN, fit_intervals, rows_needed


def covered(
    intervals: Any, predictions: NDArray[np.float32], outcomes: NDArray[np.float64]
) -> NDArray[np.bool_]:
    bounds = intervals.bounds(predictions)
    held: NDArray[np.bool_] = (bounds[:, 0] <= outcomes) & (outcomes <= bounds[:, 1])
    return held


def uneven(rows: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Predictions whose errors grow with them."""
    rng = np.random.default_rng(seed)
    predictions = rng.uniform(0.0, 10.0, rows).astype(np.float32)
    return predictions, predictions + rng.normal(0.0, 0.2 + predictions / 2.0)


@pytest.mark.parametrize("coverage", [0.6, 0.8, 0.9, 0.95])
def test_each_range_of_predictions_is_covered(coverage: float) -> None:
    intervals = fit_intervals(*uneven(10_000, 0), coverage)
    predictions, outcomes = uneven(50_000, 1)
    held = covered(intervals, predictions, outcomes)
    for low in range(0, 10, 2):
        within = (predictions >= low) & (predictions < low + 2)
        assert held[within].mean() == pytest.approx(coverage, abs=0.05)
    assert intervals.upper[-1] > 3 * intervals.upper[0], "one width would not do for all"


def test_the_promise_is_kept_on_average_over_few_rows() -> None:
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(600):
        outcomes = rng.standard_cauchy(41)
        intervals = fit_intervals(np.zeros(40, np.float32), outcomes[:40], 0.8)
        shares.append(covered(intervals, np.zeros(1, np.float32), outcomes[40:])[0])
    # Both sides have rank ceil(41 * 0.9) = 37 of 40: 33 of 41 outcomes fall between.
    assert np.mean(shares) == pytest.approx(33 / 41, abs=0.04)


def test_the_ranks_are_those_of_the_finite_sample() -> None:
    # Residuals 1 to 19 have as many ranks: ceil(20 * 0.95) = 19 is the widest there is.
    residuals = np.arange(1.0, 20.0)
    intervals = fit_intervals(np.zeros(19, np.float32), residuals - 10.0, 0.9)
    assert intervals.lower == pytest.approx((-9.0,), abs=1e-5)
    assert intervals.upper == pytest.approx((9.0,), abs=1e-5)
    # 39 residuals, ceil(40 * 0.95) = 38: all but the widest on each side.
    intervals = fit_intervals(np.zeros(39, np.float32), np.arange(39.0) - 19.0, 0.9)
    assert intervals.upper == pytest.approx((18.0,), abs=1e-5)
    assert rows_needed(0.9) == 19
    assert rows_needed(0.8) == 9


def test_too_few_rows_have_the_widest_residual_and_say_so() -> None:
    intervals = fit_intervals(np.zeros(5, np.float32), np.array([-3.0, -1.0, 0.0, 1.0, 7.0]), 0.9)
    assert intervals.lower == pytest.approx((-3.0,), abs=1e-5)
    assert intervals.upper == pytest.approx((7.0,), abs=1e-5)
    described = intervals.describe()
    assert described["rows"] == [5]
    assert described["rows_needed"] == 19
    assert described["too_few_rows"] == [True]
    assert json.loads(json.dumps(described)) == described


def test_many_rows_have_few_bins_and_few_rows_have_one() -> None:
    assert len(fit_intervals(*uneven(10 * MOST_BINS * ROWS_A_BIN, 0), 0.9).rows) == MOST_BINS
    assert len(fit_intervals(*uneven(2 * ROWS_A_BIN - 1, 0), 0.9).rows) == 1
    every = fit_intervals(*uneven(3 * ROWS_A_BIN, 0), 0.9)
    assert len(every.rows) == 3
    assert sum(every.rows) == 3 * ROWS_A_BIN
    assert min(every.rows) >= ROWS_A_BIN / 2


def test_equal_predictions_share_a_bin() -> None:
    outcomes = np.random.default_rng(0).normal(size=2000)
    assert fit_intervals(np.full(2000, 3.5, np.float32), outcomes, 0.9).edges == ()
    two = np.repeat(np.array([1.0, 2.0], np.float32), 1000)
    assert fit_intervals(two, outcomes, 0.9).edges == (1.5,)


def test_an_edge_is_far_from_every_prediction() -> None:
    rng = np.random.default_rng(0)
    predictions = np.concatenate([rng.uniform(0, 1, 1000), rng.uniform(1.5, 2, 1000)])
    found = fit_intervals(predictions.astype(np.float32), rng.normal(size=2000), 0.9)
    assert np.abs(np.array(found.edges)[:, None] - predictions).min() > 1e-4


def test_whole_numbers_on_the_bound_are_held() -> None:
    # A third of the outcomes is each bound itself: an interval one bit too narrow loses them all.
    rng = np.random.default_rng(5)
    outcomes = rng.integers(0, 3, 900).astype(np.float64)
    predictions = np.full(900, np.float32(1.1))
    assert covered(fit_intervals(predictions, outcomes, 0.9), predictions, outcomes).all()


numbers = st.floats(-1e6, 1e6, width=32)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=60), st.floats(0.55, 0.99))
def test_calibration_rows_are_covered_and_predictions_are_within(
    pairs: list[tuple[float, float]], coverage: float
) -> None:
    predictions = np.array([p for p, _ in pairs], np.float32)
    outcomes = np.array([y for _, y in pairs])
    intervals = fit_intervals(predictions, outcomes, coverage)
    bounds = intervals.bounds(predictions)
    assert (bounds[:, 0] <= predictions).all()
    assert (bounds[:, 1] >= predictions).all()
    assert covered(intervals, predictions, outcomes).mean() >= coverage - 1e-9
    for value in (*intervals.edges, *intervals.lower, *intervals.upper):
        assert value == float(np.float32(value))
