"""Intervals hold the truth as often as they say, also of extreme rates and small groups."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mlops_assets.evidence.fairness.fairness_intervals import (
    Bounds,
    Values,
    absolute,
    difference_to_all,
    either_direction,
    larger,
    mean_bounds,
    positive_mean_bounds,
    ratio_to_all,
    residual_bounds,
    share_bounds,
    weighted_bounds,
)

RUNS = 2_000
MONTE_CARLO = 0.0125
"""More than two and a half standard errors of a share of 95% in so many runs."""
SIZES = ((100, 100), (100, 5000), (20, 300), (800, 800))
RATES = ((0.0, 0.01), (0.01, 0.01), (0.05, 0.3), (0.5, 0.5), (0.99, 0.9), (1.0, 1.0), (1.0, 0.95))
ALPHAS = (0.05, 0.05 / 9)


def test_a_share_has_the_exact_interval() -> None:
    counts, rows = np.array([0.0, 3.0, 50.0, 99.0, 100.0]), np.full(5, 100.0)
    found = share_bounds(counts / rows, rows, 0.02)
    expected = [binomtest(int(x), 100).proportion_ci(0.98, "exact") for x in counts]
    assert found.low == pytest.approx([one.low for one in expected])
    assert found.high == pytest.approx([one.high for one in expected])


def test_nothing_is_known_without_rows() -> None:
    found = share_bounds(np.array([0.0, np.nan]), np.zeros(2), 0.05)
    assert np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.parametrize(("group", "rest"), SIZES)
@pytest.mark.parametrize(("first", "second"), RATES)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_differences_and_ratios_hold_the_truth(
    group: int, rest: int, first: float, second: float, alpha: float
) -> None:
    rng = np.random.default_rng(group + rest)
    weight = group / (group + rest)
    of_all = weight * first + (1.0 - weight) * second
    own, other = (
        share_bounds(rng.binomial(rows, rate, RUNS) / rows, np.full(RUNS, float(rows)), alpha)
        for rows, rate in ((group, first), (rest, second))
    )
    weights = np.full(RUNS, weight)
    apart, ratio = (
        difference_to_all(own, other, weights),
        ratio_to_all(own, other, weights),
    )
    allowed = alpha + MONTE_CARLO * (alpha / 0.05) ** 0.5
    assert _missed(apart, first - of_all) <= allowed
    assert _missed(absolute(apart), abs(first - of_all)) <= allowed
    if of_all > 0.0:
        true = first / of_all
        assert _missed(ratio, true) <= allowed
        assert _missed(either_direction(ratio), min(true, 1.0 / true) if true else 0.0) <= allowed


def _missed(found: Bounds, truth: float) -> float:
    """How often the interval does not hold the truth; one that is unknown says nothing wrong."""
    wrong = (found.low > truth + 1e-9) | (found.high < truth - 1e-9)
    return float(wrong.mean())


CALIBRATED = {
    "spread": lambda u: (u, u),
    "sure and wrong": lambda u: (np.where(u < 0.5, 0.01, 0.99), np.where(u < 0.5, 0.15, 0.85)),
    "nearly perfect": lambda u: (np.round(u), np.clip(np.round(u), 0.01, 0.99)),
    "rare and unseen": lambda u: (0.0 * u + 0.001, 0.0 * u + 0.02),
    "never": lambda u: (u, 0.0 * u),
    "upside down": lambda u: (u, 1.0 - u),
}


@pytest.mark.parametrize("kind", CALIBRATED)
@pytest.mark.parametrize("rows", [40, 200])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_calibration_holds_the_truth(kind: str, rows: int, alpha: float) -> None:
    rng = np.random.default_rng(rows)
    answers, chances = CALIBRATED[kind](rng.random((RUNS, rows)))
    happened = rng.random((RUNS, rows)) < chances
    found = residual_bounds(
        happened.mean(axis=1),
        answers.mean(axis=1),
        ((answers - happened) ** 2).mean(axis=1),
        np.full(RUNS, float(rows)),
        alpha,
    )
    truth = (answers - chances).mean(axis=1)
    wrong = (found.low > truth + 1e-9) | (found.high < truth - 1e-9)
    assert wrong.mean() <= alpha + MONTE_CARLO * (alpha / 0.05) ** 0.5


def test_answers_that_explain_more_have_a_shorter_interval() -> None:
    rows, outcome = np.array([400.0]), np.array([0.5])
    wide = residual_bounds(outcome, outcome, np.array([0.25]), rows, 0.05)
    short = residual_bounds(outcome, outcome, np.array([0.15]), rows, 0.05)
    assert (short.high - short.low) < 0.85 * (wide.high - wide.low)


@pytest.mark.parametrize(
    ("shares", "weights"),
    [
        ((0.1, 0.02), (1.0, 5.0)),
        ((0.1, 0.005), (1.0, 50.0)),
        ((0.3, 0.3), (1.0, 2.0)),
        ((0.2, 0.2), (-1.0, 1.0)),
        ((0.0, 0.01), (-1.0, 1.0)),
    ],
)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_mean_costs_hold_the_truth(shares: Any, weights: Any, alpha: float) -> None:
    rng, rows = np.random.default_rng(3), 150
    drawn = rng.multinomial(rows, [*shares, 1.0 - sum(shares)], RUNS)[:, :-1].astype(np.float64)
    of = np.full(RUNS, float(rows))
    found = weighted_bounds(np.array(weights), drawn, of, alpha)
    truth = float(np.dot(shares, weights))
    assert _missed(found, truth) <= alpha + MONTE_CARLO * (alpha / 0.05) ** 0.5


def test_means_of_numbers_hold_the_truth() -> None:
    rng, rows = np.random.default_rng(5), 100
    errors = rng.normal(0.3, 1.0, (RUNS, rows))
    of = np.full(RUNS, float(rows))
    means = mean_bounds(errors.mean(axis=1), errors.var(axis=1, ddof=1), of, 0.05)
    squares = errors**2
    costs = positive_mean_bounds(squares.mean(axis=1), squares.var(axis=1, ddof=1), of, 0.05)
    assert _missed(means, 0.3) <= 0.05 + MONTE_CARLO
    assert _missed(costs, 1.09) <= 0.05 + 2.0 * MONTE_CARLO
    assert (costs.low > 0.0).all()


def test_a_group_that_is_everyone_is_like_all_rows() -> None:
    own = share_bounds(np.array([0.4]), np.array([50.0]), 0.05)
    nobody = share_bounds(np.array([np.nan]), np.array([0.0]), 0.05)
    apart = difference_to_all(own, nobody, np.ones(1))
    ratio = ratio_to_all(own, nobody, np.ones(1))
    assert (apart.value[0], apart.low[0], apart.high[0]) == (0.0, 0.0, 0.0)
    assert (ratio.value[0], ratio.low[0], ratio.high[0]) == (1.0, 1.0, 1.0)


def test_a_ratio_of_nothing_to_nothing_is_unknown() -> None:
    never = share_bounds(np.zeros(1), np.array([200.0]), 0.05)
    found = ratio_to_all(never, never, np.array([0.5]))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_a_ratio_to_nothing_but_itself_is_one_over_its_share() -> None:
    group, rest = (share_bounds(np.array([x]), np.array([200.0]), 0.05) for x in (0.5, 0.0))
    found = ratio_to_all(group, rest, np.array([0.25]))
    assert found.value[0] == found.high[0] == pytest.approx(4.0)
    assert 1.0 < found.low[0] < 4.0


finite = st.floats(-3.0, 3.0)


@given(finite, finite, finite, st.floats(0.0, 1.0))
def test_the_distance_of_every_point_is_within_that_of_the_interval(
    first: float, second: float, third: float, place: float
) -> None:
    low, value, high = sorted((first, second, third))
    found = absolute(_bounds(value, low, high))
    assert 0.0 <= found.low[0] <= found.value[0] <= found.high[0]
    assert found.low[0] - 1e-9 <= abs(low + place * (high - low)) <= found.high[0] + 1e-9


positive = st.floats(0.01, 100.0)


@given(positive, positive, positive, st.floats(0.0, 1.0))
def test_the_smaller_ratio_of_every_point_is_within_that_of_the_interval(
    first: float, second: float, third: float, place: float
) -> None:
    low, value, high = sorted((first, second, third))
    found = either_direction(_bounds(value, low, high))
    inside = low + place * (high - low)
    assert 0.0 <= found.low[0] <= found.value[0] <= found.high[0] <= 1.0
    assert found.low[0] - 1e-9 <= min(inside, 1.0 / inside) <= found.high[0] + 1e-9


def test_the_larger_of_two_is_unknown_where_one_is() -> None:
    both = larger(_bounds(0.1, 0.0, 0.2), _bounds(0.05, 0.03, 0.3))
    assert (both.value[0], both.low[0], both.high[0]) == (0.1, 0.03, 0.3)
    assert np.isnan(larger(both, _bounds(np.nan, np.nan, np.nan)).value[0])


def _bounds(value: float, low: float, high: float) -> Bounds:
    each: list[Values] = [np.array([x]) for x in (value, low, high)]
    return Bounds(*each)
