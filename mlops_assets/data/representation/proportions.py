"""Shares and their differences: intervals and tests of counts.

Belongs here: statistics of proportions. Does not belong here: whose proportions they are
(``report.py``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2.0)


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its interval; all ``None`` where it cannot be computed."""

    value: float | None
    low: float | None
    high: float | None

    def divided_by(self, divisor: float | None) -> "Estimate":
        """The same in units of an exact ``divisor``; unknown where that is unknown or zero."""
        if not divisor or self.value is None or self.low is None or self.high is None:
            return UNKNOWN
        return Estimate(self.value / divisor, self.low / divisor, self.high / divisor)

    def as_figures(self) -> dict[str, float | None]:
        """The numbers by name, to six decimals."""
        bounds = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if x is None else round(x, 6) for name, x in bounds.items()}


UNKNOWN = Estimate(None, None, None)


def wilson(successes: int, trials: int, standard_errors: float = _Z) -> Estimate:
    """The share of successes with its score interval (E. Wilson, "Probable inference, the law of
    succession, and statistical inference", 1927), by default at 95%; unknown without trials."""
    if trials == 0:
        return UNKNOWN
    share, z2 = successes / trials, standard_errors**2 / trials
    middle, scale = share + z2 / 2.0, 1.0 + z2
    spread = math.sqrt(z2 * (share * (1.0 - share) + z2 / 4.0))
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == trials else (middle + spread) / scale
    return Estimate(share, low, high)


@dataclass(frozen=True)
class Difference:
    """Two groups by position, the share of the first minus that of the second (never negative), and
    the chance of so large a difference between groups that are alike."""

    first: int
    second: int
    difference: float
    p_value: float


def differences(
    successes: Sequence[int], trials: Sequence[int], compared: Sequence[int]
) -> list[Difference]:
    """Every pair of the ``compared`` groups, the largest difference first, with the p-value of the
    two-proportion z-test with pooled variance, two-sided, not corrected for the number of pairs.

    Rows are taken as independent of each other. Every compared group must have trials.
    """
    rates = {place: successes[place] / trials[place] for place in compared}
    ranked = sorted(compared, key=lambda place: (-rates[place], place))
    found = []
    for first, second in combinations(ranked, 2):
        difference = rates[first] - rates[second]
        pooled = (successes[first] + successes[second]) / (trials[first] + trials[second])
        variance = pooled * (1.0 - pooled) * (1.0 / trials[first] + 1.0 / trials[second])
        chance = math.erfc(difference / math.sqrt(2.0 * variance)) if variance > 0.0 else 1.0
        found.append(Difference(first, second, difference, chance))
    return sorted(found, key=lambda one: (-one.difference, one.p_value, one.first, one.second))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number, in their order (S. Holm, "A simple sequentially
    rejective multiple test procedure", 1979)."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
