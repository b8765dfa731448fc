"""The interval that holds at every moment at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from mlops_assets.ab_test.confidence_sequence import (
    Mixture,
    confidence_sequence,
    optimum,
    radius,
)

MIXTURE = Mixture(alpha=0.05, planned=1_000, variance=4.0, burn_in=50)


def test_the_boundary_is_where_robbins_mixture_reaches_one_over_alpha() -> None:
    """The mixture martingale of a Brownian motion, integrated numerically: at the boundary its
    value is 1/alpha."""
    count, variance = 700.0, 3.0
    half = float(radius(np.array([count]), np.array([variance]), MIXTURE)[0])
    drifts, step = np.linspace(-5.0, 5.0, 400_001, retstep=True)
    exponent = drifts * half * count - 0.5 * drifts**2 * count * variance
    density = norm.pdf(drifts, scale=np.sqrt(MIXTURE.precision))

    mixture = float((np.exp(exponent) * density).sum() * step)

    assert mixture == pytest.approx(1.0 / MIXTURE.alpha, rel=1e-6)


def test_the_interval_is_narrowest_about_where_it_was_planned_to_be() -> None:
    """Among all mixtures, at the planned number."""
    counts, variances = np.array([1_000.0]), np.array([4.0])
    planned = np.array([100, 300, 1_000, 3_000, 10_000])
    widths = [radius(counts, variances, Mixture(0.05, p, 4.0, 50))[0] for p in planned.tolist()]

    assert planned[int(np.argmin(widths))] == 1_000
    assert optimum(0.05) == pytest.approx(7.94, abs=0.01)


def test_looks_agree_with_all_earlier_ones_and_later_data_changes_none() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.3, 2.0, 3_000)
    looks = np.arange(1, 3_001)

    whole = confidence_sequence(values, looks, MIXTURE, first=100)
    half = confidence_sequence(values[:1_500], looks[:1_500], MIXTURE, first=100)

    assert np.all(np.diff(whole.low) >= 0.0) if np.isfinite(whole.low).all() else True
    assert np.all(np.diff(whole.low[99:]) >= 0.0) and np.all(np.diff(whole.high[99:]) <= 0.0)
    np.testing.assert_allclose(half.means, whole.means[:1_500], atol=1e-12)
    np.testing.assert_allclose(half.low, whole.low[:1_500], atol=1e-12)
    np.testing.assert_allclose(whole.means, np.cumsum(values) / looks, atol=1e-12)


def test_nothing_is_said_within_the_burn_in() -> None:
    values = np.random.default_rng(2).normal(size=400)

    found = confidence_sequence(values, np.array([99, 100, 400]), MIXTURE, first=100)

    assert np.isinf(found.low[0]) and np.isinf(found.high[0])
    assert np.isfinite(found.low[1:]).all()


def test_nothing_is_said_while_one_contribution_makes_up_much_of_the_variance() -> None:
    values = np.random.default_rng(3).normal(size=600)
    outlier = np.concatenate([values[:200], [300.0], values[200:]])
    mixture = Mixture(0.05, 1_000, 1.0, 50)

    found = confidence_sequence(outlier, np.array([200, 201, 601]), mixture, first=100)

    assert found.high[0] == found.high[1] == found.high[2]  # what was known before stays known
    alone = confidence_sequence(outlier[200:], np.array([401]), mixture, first=100)
    assert np.isinf(alone.low[0]) and np.isinf(alone.high[0])


def test_variants_that_answered_alike_so_far_are_not_called_equal() -> None:
    """Without the planned variance, no spread would be an interval of no width."""
    found = confidence_sequence(np.zeros(300), np.array([300]), MIXTURE, first=100)

    assert found.low[0] < -0.05 and found.high[0] > 0.05


@given(st.floats(-1e6, 1e6), st.integers(101, 400))
def test_a_shift_shifts_the_interval(shift: float, count: int) -> None:
    values = np.random.default_rng(4).normal(size=400)
    looks = np.array([count])

    here = confidence_sequence(values, looks, MIXTURE, first=100)
    there = confidence_sequence(values + shift, looks, MIXTURE, first=100)

    # The first surprise is the shift itself, which may silence it.
    if np.isfinite(there.low[0]):
        np.testing.assert_allclose(there.low - shift, here.low, atol=1e-6)
        np.testing.assert_allclose(there.high - shift, here.high, atol=1e-6)


def test_a_look_at_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="not there"):
        confidence_sequence(np.zeros(3), np.array([4]), MIXTURE, first=1)


def test_no_contributions_have_no_looks() -> None:
    found = confidence_sequence(np.zeros(0), np.zeros(0, np.int64), MIXTURE, first=1)

    assert len(found.counts) == 0
