"""How many rows a test needs, worked out before it begins.

Belongs here: the sample size of the sequential test, and what losses are like, on which it rests.
Does not belong here: the interval itself (``confidence_sequence.py``), or keeping the plan
(``experiments.py``).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ab_test.confidence_sequence import MAX_SHARE_OF_VARIANCE, Mixture, optimum
from mlops_assets.serving.traffic_plan import Mode
from mlops_assets.serving_declaration import AbTest

SMALLEST_VARIANCE = 1e-12
"""Of variants that answer alike, so that nothing is divided by zero."""
ENTITIES_A_SQUARED_SKEWNESS = 25.0
"""How many a skewed mean needs before it is near a Gaussian (Cochran, Sampling Techniques, 3rd ed.,
section 2.15); ``benchmarks/ab_test.py`` holds it to what it is used for here."""


@dataclass(frozen=True)
class Moments:
    """What one thing is like over entities: mean, variance, third central moment, and the largest
    distance from the mean."""

    mean: float
    variance: float
    third: float
    largest: float


@dataclass(frozen=True)
class Losses:
    """The losses of entities (mean over an entity's rows) on rows that both releases were asked
    about: those of each and their differences, over ``entities`` with ``rows`` rows."""

    champion: Moments
    challenger: Moments
    difference: Moments
    rows: int
    entities: int

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> "Losses":
        names = ("champion", "challenger", "difference")
        parsed = {name: Moments(**record[name]) for name in names}
        return cls(**{**record, **parsed})

    @property
    def expected(self) -> tuple[float, float]:
        """The mean losses of champion and challenger."""
        return self.champion.mean, self.challenger.mean

    def contribution(self, mode: Mode, share: float) -> Moments:
        """Of one entity's contribution (see ``units.py``). Raises ``ValueError`` for a share that
        leaves a variant of an A/B test without traffic."""
        if mode == "shadow":
            return self.difference
        if not 0.0 < share < 1.0:
            raise ValueError(
                f"an A/B test divides the traffic: no variant can have all of it, and "
                f"the share is {share}"
            )
        one, rest = self.challenger, 1.0 - share
        return Moments(
            self.difference.mean,
            one.variance / share + self.champion.variance / rest,
            one.third / share**2 - self.champion.third / rest**2,
            max(one.largest / share, self.champion.largest / rest),
        )


@dataclass(frozen=True)
class Plan:
    """A test as it was planned: ``entities`` contributions (``rows`` rows) answered and labelled,
    with which a difference of ``minimum_effect`` of the mean loss is found with probability
    ``power`` at ``confidence``. ``fixed_entities`` would do where one looks only once. Nothing is
    said before ``burn_in`` of them, nor before each variant has ``min_labelled``. ``variance`` is
    of one contribution, ``losses`` what it comes from, ``measured_on`` where those were seen.
    """

    rows: int
    entities: int
    fixed_entities: int
    minimum_effect: float
    confidence: float
    power: float
    min_labelled: int
    burn_in: int
    variance: float
    losses: Losses
    measured_on: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> "Plan":
        return cls(**{**record, "losses": Losses.parse(record["losses"])})

    @property
    def mixture(self) -> Mixture:
        return Mixture(1.0 - self.confidence, self.entities, self.variance, self.burn_in)


def plan_test(declared: AbTest, losses: Losses, mode: Mode, share: float, measured_on: str) -> Plan:
    """The plan of a test of ``declared``. Raises ``ValueError`` for a share that leaves one variant
    without traffic."""
    one = losses.contribution(mode, share)
    variance = max(one.variance, SMALLEST_VARIANCE)
    alpha = 1.0 - declared.confidence
    ratio = variance / declared.minimum_effect**2
    squared_skewness = one.third**2 / variance**3
    burn_in = max(declared.min_labelled, ceil(ENTITIES_A_SQUARED_SKEWNESS * squared_skewness))
    # The smaller variant, too, needs its fewest answers; and no contribution may weigh too much.
    smaller = min(share, 1.0 - share) if mode == "ab" else 1.0
    entities = max(
        ceil(ratio * sequential_factor(alpha, declared.power)),
        burn_in,
        ceil(declared.min_labelled / smaller),
        ceil(one.largest**2 / (MAX_SHARE_OF_VARIANCE * variance)),
    )
    return Plan(
        rows=ceil(entities * losses.rows / losses.entities),
        entities=entities,
        fixed_entities=ceil(ratio * fixed_factor(alpha, declared.power)),
        minimum_effect=declared.minimum_effect,
        confidence=declared.confidence,
        power=declared.power,
        min_labelled=declared.min_labelled,
        burn_in=burn_in,
        variance=variance,
        losses=losses,
        measured_on=measured_on,
    )


def sequential_factor(alpha: float, power: float) -> float:
    """Contributions needed, in units of the variance over the squared effect, for the mixture
    boundary, which is narrowest there, to have been crossed: by the chance of being beyond it at
    that moment alone, so that the real power is a little higher."""
    from scipy.stats import norm

    scaled = optimum(alpha)
    boundary = sqrt((1.0 + 1.0 / scaled) * (log(1.0 + scaled) - 2.0 * log(alpha)))
    return float((boundary + norm.ppf(power)) ** 2)


def fixed_factor(alpha: float, power: float) -> float:
    """The same for a test that is looked at once."""
    from scipy.stats import norm

    return float((norm.ppf(1.0 - alpha / 2.0) + norm.ppf(power)) ** 2)


def losses_of(
    champion: NDArray[np.float64], challenger: NDArray[np.float64], entities: NDArray[Any]
) -> Losses:
    """From the losses of the same rows ``[n]`` and the entity of each ``[n]``.

    Raises ``ValueError`` where there are fewer than two entities.
    """
    _, codes = np.unique(entities, return_inverse=True)
    rows = np.bincount(codes) if len(codes) else np.zeros(0, np.int64)
    if len(rows) < 2:
        raise ValueError("how the losses of fewer than two entities vary is unknown")
    own, others, apart = (
        _moments(np.bincount(codes, of) / rows)
        for of in (champion, challenger, challenger - champion)
    )
    return Losses(own, others, apart, len(codes), len(rows))


def _moments(values: NDArray[np.float64]) -> Moments:
    mean = float(values.mean())
    apart = values - mean
    return Moments(
        mean,
        float(np.var(values, ddof=1)),
        float((apart**3).mean()),
        float(np.abs(apart).max()),
    )
