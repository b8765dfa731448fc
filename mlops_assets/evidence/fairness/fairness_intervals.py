"""How certain a rate of a group is, and how far it is from that of all rows.

Belongs here: intervals of shares and means, of their difference from and ratio to all rows. Does
not belong here: what is a share of what (``fairness_metrics.py``), or intervals of metrics that no
share or mean gives (``bootstrap.py``: nothing is left to resample where 0 of n rows are counted).

A share has the exact interval of C. Clopper and E. Pearson ("The use of confidence or fiducial
limits illustrated in the case of the binomial", 1934), which holds the truth at least as often as
it says, for a share of 0 or 1 and few rows as well.

A group is part of all rows: with the share ``w`` of them, its rate minus that of all is ``1 - w``
times its rate minus that of the rest, and group and rest are independent. Their difference has the
interval of variance recovery (G. Zou and A. Donner, "Construction of confidence limits about effect
measures", Statistics in Medicine 27, 2008), their ratio the same for ratios (A. Donner and G. Zou,
"Closed-form confidence intervals for functions of the normal mean and standard deviation",
Statistical Methods in Medical Research 21, 2012), each from the bounds of the two. The sizes of the
groups are taken as they are.

Several intervals hold together by Bonferroni's inequality: each at ``alpha / number``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LARGEST_GAIN = 2.0
"""Rows that one row may count for, where what is averaged varies less than a share does."""


@dataclass(frozen=True)
class Bounds:
    """Estimates with the bounds of their intervals, each float64 ``[g]``, NaN where unknown."""

    value: Values
    low: Values
    high: Values

    def scaled(self, factor: Values | float) -> "Bounds":
        """All three times a factor that is not negative."""
        return Bounds(self.value * factor, self.low * factor, self.high * factor)

    def where(self, known: NDArray[np.bool_]) -> "Bounds":
        """Unknown but for the groups that ``known`` ``[g]`` marks."""
        return Bounds(*(np.where(known, x, np.nan) for x in (self.value, self.low, self.high)))


def share_bounds(shares: Values, rows: Values, alpha: float) -> Bounds:
    """Shares ``[g]`` of ``rows`` ``[g]`` with Clopper and Pearson's interval, of which ``alpha`` is
    the chance to miss the truth; unknown without rows. ``rows`` need not be whole."""
    from scipy.special import betaincinv

    some = np.where(rows > 0, rows, np.nan)
    counted = shares * some
    with np.errstate(invalid="ignore"):
        low = betaincinv(counted, some - counted + 1.0, alpha / 2.0)
        high = betaincinv(counted + 1.0, some - counted, 1.0 - alpha / 2.0)
    # The beta distributions of these two have no density.
    low = np.where(counted <= 0.0, 0.0, low)
    high = np.where(counted >= some, 1.0, high)
    return Bounds(np.where(rows > 0, shares, np.nan), low, high)


def residual_bounds(
    outcomes: Values, answers: Values, squares: Values, rows: Values, alpha: float
) -> Bounds:
    """Mean answer minus mean outcome, ``[g]``, where outcomes are 0 or 1 and ``squares`` is the
    mean of the squared differences of the two.

    The interval is that of the share of outcomes, with as many rows as would leave a share with the
    variance that the differences have (E. Korn and B. Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", Survey
    Methodology 24, 1998), ``LARGEST_GAIN`` times the rows at most. The answers are taken as they
    are; chance is in what happens.
    """
    apart, of_share = answers - outcomes, outcomes * (1.0 - outcomes)
    # Also where answers vary more than outcomes do: that is no chance in what happens.
    varies = np.clip(squares - apart**2, of_share / LARGEST_GAIN, of_share)
    gain = np.divide(of_share, varies, out=np.ones_like(varies), where=of_share > 0.0)
    share = share_bounds(outcomes, rows * gain, alpha)
    return Bounds(apart, answers - share.high, answers - share.low)


def weighted_bounds(weights: Values, counts: Values, rows: Values, alpha: float) -> Bounds:
    """The mean ``[g]`` of a cost that is one of ``weights`` ``[k]`` (or zero), which ``counts``
    ``[g, k]`` of ``rows`` ``[g]`` have, from the bounds of each share by variance recovery."""
    if not len(weights):
        nothing = np.where(rows > 0, 0.0, np.nan)
        return Bounds(nothing, nothing, nothing)
    of_each = np.broadcast_to(rows[:, None], counts.shape)
    shares = np.divide(counts, of_each, out=np.full(counts.shape, np.nan), where=of_each > 0)
    each = share_bounds(shares, of_each.astype(np.float64), alpha)
    mean = (weights * each.value).sum(axis=1)
    low = _spread(weights, each, each.value - each.low, each.high - each.value, rows)
    high = _spread(weights, each, each.high - each.value, each.value - each.low, rows)
    return Bounds(mean, mean - low, mean + high)


def mean_bounds(means: Values, variances: Values, rows: Values, alpha: float) -> Bounds:
    """Means ``[g]`` with Student's interval; ``variances`` are the unbiased ones of single rows.
    Without bounds where there are fewer than two rows."""
    spread = _student(variances, rows, alpha)
    return Bounds(np.where(rows > 0, means, np.nan), means - spread, means + spread)


def positive_mean_bounds(means: Values, variances: Values, rows: Values, alpha: float) -> Bounds:
    """As ``mean_bounds``, of what is never negative: Student's interval of the logarithm (delta
    method), as errors squared have a long tail above."""
    spread = _student(variances, rows, alpha)
    relative = np.divide(spread, means, out=np.zeros_like(spread), where=means > 0.0)
    factor = np.exp(np.where(np.isnan(spread), np.nan, relative))
    return Bounds(np.where(rows > 0, means, np.nan), means / factor, means * factor)


def difference_to_all(group: Bounds, rest: Bounds, weight: Values) -> Bounds:
    """Group minus all rows; ``weight`` ``[g]`` is the group's share of all. Exactly zero where the
    group is all there is."""
    apart = group.value - rest.value
    low = apart - np.hypot(group.value - group.low, rest.high - rest.value)
    high = apart + np.hypot(group.high - group.value, rest.value - rest.low)
    scaled = Bounds(apart, low, high).scaled(1.0 - weight)
    return _where_all(scaled, group, weight, 0.0)


def ratio_to_all(group: Bounds, rest: Bounds, weight: Values) -> Bounds:
    """Group divided by all rows, of figures that are not negative; unknown where both are zero,
    one where the group is all there is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = _to_all(group.value / rest.value, weight)
        low, high = _lower_ratio(group, rest), _upper_ratio(group, rest)
    found = Bounds(value, _to_all(low, weight), _to_all(high, weight))
    return _where_all(found.where(~np.isnan(value)), group, weight, 1.0)


def absolute(bounds: Bounds) -> Bounds:
    """How far from zero, whichever way."""
    low = np.maximum(0.0, np.maximum(bounds.low, -bounds.high))
    high = np.maximum(np.abs(bounds.low), np.abs(bounds.high))
    return Bounds(np.abs(bounds.value), low, high)


def either_direction(bounds: Bounds) -> Bounds:
    """A ratio, or its inverse where that is below one."""
    value, first, second = (_below_one(x) for x in (bounds.value, bounds.low, bounds.high))
    holds_one = (bounds.low <= 1.0) & (bounds.high >= 1.0)
    high = np.where(holds_one, 1.0, np.maximum(first, second))
    return Bounds(value, np.minimum(first, second), high)


def larger(first: Bounds, second: Bounds) -> Bounds:
    """The larger of two at once; unknown where one of them is."""
    return Bounds(
        np.maximum(first.value, second.value),
        np.maximum(first.low, second.low),
        np.maximum(first.high, second.high),
    )


def _spread(weights: Values, shares: Bounds, plus: Values, minus: Values, rows: Values) -> Values:
    """How far a weighted sum of shares reaches where those of positive weight reach ``plus`` and
    the others ``minus``. Shares of the same rows exclude each other, so that their difference
    varies more than if they were independent; that their sum varies less is left out."""
    reach = weights * np.where(weights > 0, plus, minus)
    rest = np.maximum(1.0 - shares.value, 1.0 / np.maximum(rows, 1.0)[:, None])
    together = reach * np.sqrt(shares.value / rest)
    added = np.where(weights > 0, together, 0.0).sum(axis=1)
    taken = np.where(weights > 0, 0.0, together).sum(axis=1)
    spread: Values = np.sqrt((reach**2).sum(axis=1) - 2.0 * added * taken)
    return spread


def _student(variances: Values, rows: Values, alpha: float) -> Values:
    from scipy.special import stdtrit

    some = np.where(rows > 1, rows, np.nan)
    spread: Values = stdtrit(some - 1.0, 1.0 - alpha / 2.0) * np.sqrt(variances / some)
    return spread


def _where_all(found: Bounds, group: Bounds, weight: Values, exact: float) -> Bounds:
    is_all = (weight >= 1.0) & ~np.isnan(group.value)
    return Bounds(*(np.where(is_all, exact, x) for x in (found.value, found.low, found.high)))


def _to_all(ratio_to_rest: Values, weight: Values) -> Values:
    """A ratio to the rest as one to all rows: rising, and ``1 / weight`` where the rest is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Values = np.where(
            np.isinf(ratio_to_rest),
            1.0 / weight,
            ratio_to_rest / (weight * ratio_to_rest + 1.0 - weight),
        )
    return found


def _lower_ratio(group: Bounds, rest: Bounds) -> Values:
    """The ratio from which on the interval of ``group - ratio * rest`` holds zero."""
    product = group.value * rest.value
    below = rest.value**2 - (rest.high - rest.value) ** 2
    above = group.value**2 - (group.value - group.low) ** 2
    root = np.sqrt(np.maximum(product**2 - below * above, 0.0))
    return np.where(above <= 0.0, 0.0, above / (product + root))


def _upper_ratio(group: Bounds, rest: Bounds) -> Values:
    """The ratio up to which it does; infinite where the rest may be zero."""
    product = group.value * rest.value
    below = rest.value**2 - (rest.value - rest.low) ** 2
    above = group.value**2 - (group.high - group.value) ** 2
    root = np.sqrt(np.maximum(product**2 - below * above, 0.0))
    return np.where(below <= 0.0, np.inf, (product + root) / below)


def _below_one(ratio: Values) -> Values:
    with np.errstate(divide="ignore"):
        found: Values = np.minimum(ratio, 1.0 / ratio)
    return found
