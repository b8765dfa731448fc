"""An interval of a mean that holds at every moment at once: look whenever, stop whenever.

Belongs here: the confidence sequence of the mean of independent contributions. Does not belong
here: what a contribution is (``contributions.py``), how many are needed (``planning.py``), or what
is concluded (``verdict.py``).

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", Annals of Statistics 52 (2024): the Gaussian mixture boundary of
Robbins with an estimated variance, in the form for martingale differences whose variance changes
(Lindeberg), here for a fixed mean. As with any statement that rests on a central limit theorem, the
first contributions are a burn-in. Three things guard small samples and heavy tails, none of which
changes the limit: the variance begins as the planned one, with the weight of the burn-in; nothing
is concluded within the burn-in, which is longer where the contributions are skewed (a rare class,
a small share); nor while a single contribution makes up a large part of all variance, which is
Lindeberg's condition, looked at in the data.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_SHARE_OF_VARIANCE = 0.2
"""Largest part of the sum of squares that one contribution may make up."""


@dataclass(frozen=True)
class Mixture:
    """What is fixed before the first look: ``alpha``, one minus the confidence; ``planned``, the
    number of contributions at which the interval is to be narrowest; ``variance``, that of a
    contribution as planned; ``burn_in``, the number of contributions that it weighs."""

    alpha: float
    planned: int
    variance: float
    burn_in: int

    @property
    def precision(self) -> float:
        """The square of the mixture's standard deviation (rho squared), in units of one over the
        variance of the sum."""
        return optimum(self.alpha) / (self.planned * self.variance)


@dataclass(frozen=True)
class Sequence:
    """After each of the looks: how many contributions, their mean, and the interval, float64
    ``[looks]`` each. ``low`` and ``high`` are what all looks up to this one agree on; infinite
    where nothing can be said yet. Where ``low`` is above ``high``, they contradict each other."""

    counts: NDArray[np.int64]
    means: Floats
    low: Floats
    high: Floats


def optimum(alpha: float) -> float:
    """rho squared times the number at which the boundary is narrowest (approximately; Waudby-Smith
    et al., appendix B.2)."""
    log = -2.0 * np.log(alpha)
    return float(log + np.log(log + 1.0))


def radius(counts: Floats, variances: Floats, mixture: Mixture) -> Floats:
    """Half the width of the interval, float64 as ``counts``: ``variances`` are those of one
    contribution."""
    scaled = counts * variances * mixture.precision
    squared = (scaled + 1.0) / (counts**2 * mixture.precision)
    squared = squared * (np.log(scaled + 1.0) - 2.0 * np.log(mixture.alpha))
    result: Floats = np.sqrt(squared)
    return result


def confidence_sequence(
    contributions: Floats, looks: NDArray[np.int64], mixture: Mixture, first: int
) -> Sequence:
    """The interval after each of ``looks`` (rising counts of ``contributions`` ``[n]``, at least
    1), nothing being said before ``first`` of them.

    Raises ``ValueError`` for a look beyond the contributions.
    """
    if len(looks) and (looks.min() < 1 or looks.max() > len(contributions)):
        raise ValueError("a look at contributions that are not there")
    # About their mean, so that squares lose no digits.
    centre = contributions.mean() if len(contributions) else 0.0
    sums = np.cumsum(contributions - centre)[looks - 1]
    squares = np.cumsum((contributions - centre) ** 2)[looks - 1]
    counts = looks.astype(np.float64)
    spread = np.maximum(squares - sums**2 / counts, 0.0)
    shrunk = (mixture.burn_in * mixture.variance + spread) / (mixture.burn_in + counts)
    half = radius(counts, shrunk, mixture)
    means = centre + sums / counts
    largest = np.maximum.accumulate(np.abs(_surprises(contributions)))[looks - 1] ** 2
    total = spread + mixture.burn_in * mixture.variance
    is_silent = (looks < first) | (largest > MAX_SHARE_OF_VARIANCE * total)
    low = np.where(is_silent, -np.inf, means - half)
    high = np.where(is_silent, np.inf, means + half)
    return Sequence(
        looks.astype(np.int64), means, np.maximum.accumulate(low), np.minimum.accumulate(high)
    )


def _surprises(contributions: Floats) -> Floats:
    """How far each contribution is from the mean of those before it, which a later one does not
    change."""
    before = np.cumsum(contributions) - contributions
    means = before / np.maximum(np.arange(len(contributions)), 1)
    result: Floats = contributions - means
    return result
