"""The standard error of what is a mean over rows, or nearly one, without resampling.

Belongs here: the infinitesimal jackknife, which is what the bootstrap's standard error converges to
with more and more resamples (B. Efron, "The Jackknife, the Bootstrap and Other Resampling Plans",
1982, chapter 6), and the interval it gives: on the scale of the metric, or of a mean with its
skewness, by the transformation that agrees with the studentised bootstrap (P. Hall, "On the removal
of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992). Does not
belong here: how a metric depends on each row (``group_metrics.py``, ``slices.py``), metrics that
need resamples (``bootstrap.py``).

An *influence* says how far a row moves the estimate: the estimate minus the truth is about the mean
of the influences. Rows are independent within strata, or come in blocks (days) that are.
"""

from dataclasses import dataclass

import numpy as np

from mlops_assets.evidence.metrics.bootstrap import Blocks, Estimate, Values
from mlops_assets.evidence.metrics.scales import Scale, on_scale

SKEWNESS_FACTOR = 1.25
"""What the skewness of the rows is multiplied with before it is corrected for: that of few rows
falls short of their population's. In simulations (docs/evidence.md) the upper bound, which a limit
looks at, missed the mean of skewed losses up to twice as often without it."""


@dataclass(frozen=True)
class Spread:
    """A standard error with its degrees of freedom (F. Satterthwaite, 1946), and the estimate's
    skewness."""

    error: float
    degrees: float
    skewness: float


def spread(
    influences: Values, strata: Blocks | None = None, blocks: Blocks | None = None
) -> Spread | None:
    """The standard error of the mean of ``influences`` ``[n]``; ``None`` where a stratum has one
    row or there is one block. Rows are independent within the ``strata`` ``[n]``; with ``blocks``
    ``[n]``, which are independent, strata do not matter."""
    rows = len(influences)
    if blocks is not None:
        return _of_blocks(influences, blocks)
    codes = np.zeros(rows, np.int64) if strata is None else strata
    sizes = np.bincount(codes)
    codes, sizes = np.cumsum(sizes > 0)[codes] - 1, sizes[sizes > 0]
    if rows == 0 or sizes.min() < 2:
        return None
    means = np.bincount(codes, influences) / sizes
    apart = influences - means[codes]
    squares, cubes = np.bincount(codes, apart**2), np.bincount(codes, apart**3)
    parts = squares / (sizes - 1.0) * sizes / rows**2
    total = float(parts.sum())
    degrees = total**2 / float((parts**2 / (sizes - 1.0)).sum()) if total else rows - 1.0
    # The third moment of a sample is too small by this factor.
    factor = sizes**2 / ((sizes - 1.0) * np.maximum(sizes - 2.0, 1.0))
    return Spread(
        np.sqrt(total), degrees, _skewness(float((cubes * factor).sum()) / rows**3, total)
    )


def skewed_estimate(
    value: float, found: Spread | None, *, confidence: float = 0.95, least: float = -np.inf
) -> Estimate:
    """``value``, a mean or nearly one, with an interval that follows its skewness and does not go
    below ``least``. Unknown bounds without a spread."""
    if not np.isfinite(value):
        return Estimate()
    if found is None:
        return Estimate(float(value))
    from scipy.special import stdtrit

    quantile = float(stdtrit(found.degrees, (1.0 + confidence) / 2.0))
    skewness = SKEWNESS_FACTOR * found.skewness
    low, high = (value - found.error * _pivot(q, skewness) for q in (quantile, -quantile))
    bounds = max(min(low, value), least), max(high, value)
    return Estimate(float(value), *map(float, bounds))


def mean_estimate(
    values: Values,
    *,
    strata: Blocks | None = None,
    blocks: Blocks | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """The mean of ``values`` ``[n]`` with its interval; not below 0 where no value is."""
    if not len(values):
        return Estimate()
    mean = float(values.mean())
    least = 0.0 if values.min() >= 0.0 else -np.inf
    found = spread(values - mean, strata, blocks)
    return skewed_estimate(mean, found, confidence=confidence, least=least)


def root_of(square: Estimate) -> Estimate:
    """The root of an estimate that is not negative, and of its bounds."""
    bounds = (square.value, square.low, square.high)
    return Estimate(*(None if one is None else float(np.sqrt(max(one, 0.0))) for one in bounds))


def estimate(
    value: float,
    found: Spread | None,
    *,
    scale: Scale,
    units: int,
    confidence: float = 0.95,
) -> Estimate:
    """``value`` with the interval of Student's t on ``scale``; ``units`` are those of
    ``bootstrap.interval``. Unknown bounds without a spread."""
    if not np.isfinite(value):
        return Estimate()
    if found is None:
        return Estimate(float(value))
    from scipy.special import stdtrit

    used = on_scale(scale, np.array([value]), units)
    at = float(used.forward(np.array([value]))[0])
    quantile = float(stdtrit(found.degrees, (1.0 + confidence) / 2.0))
    reach = quantile * found.error * used.slope(float(value))
    low, high = used.back(np.array([at - reach, at + reach]))
    low, high = used.beyond_edges(float(value), float(low), float(high), units, confidence)
    return Estimate(float(value), min(low, float(value)), max(high, float(value)))


def _of_blocks(influences: Values, blocks: Blocks) -> Spread | None:
    rows, codes = len(influences), np.unique(blocks, return_inverse=True)[1]
    sums = np.bincount(codes, influences - influences.mean() if rows else influences)
    if len(sums) < 2:
        return None
    total = float((sums**2).sum()) * len(sums) / (len(sums) - 1.0) / rows**2
    skewness = _skewness(float((sums**3).sum()) / rows**3, total)
    return Spread(float(np.sqrt(total)), len(sums) - 1.0, skewness)


def _skewness(third: float, variance: float) -> float:
    return third / variance**1.5 if variance > 0.0 else 0.0


def _pivot(quantile: float, skewness: float) -> float:
    """The quantile of a studentised mean, from that of Student's t."""
    if abs(skewness) < 1e-6:
        return quantile
    cube = 1.0 + skewness * (quantile - skewness / 6.0)
    return float(3.0 / skewness * (np.cbrt(cube) - 1.0))
