"""Tests of a challenger in simulation: skewed probabilities, log losses, both forms of a test.

Belongs here: making up what the two variants of a test lose. Does not belong here: what is
concluded from it (the tests beside this file, ``benchmarks/ab_test.py``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ab_test.confidence_sequence import Sequence, confidence_sequence
from mlops_assets.ab_test.planning import Plan, losses_of, plan_test
from mlops_assets.ab_test.units import Units, contributions, first_conclusive, looks_at
from mlops_assets.serving.traffic_plan import Mode
from mlops_assets.serving_declaration import AbTest

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Rows with a rare or a common class: the positive class has probability Beta(``rate`` *
    ``concentration``, ...); each release sees its log odds with noise, and the challenger's are
    off by ``bias`` more."""

    rate: float = 0.2
    concentration: float = 2.0
    noise: float = 0.3
    bias: float = 0.0

    def losses(self, rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Log losses of champion and challenger on the same rows."""
        beta = self.rate * self.concentration, (1.0 - self.rate) * self.concentration
        chances = np.clip(rng.beta(*beta, rows), 1e-12, 1.0 - 1e-12)
        positive = rng.random(rows) < chances
        odds = np.log(chances / (1.0 - chances))
        champion, challenger = (
            odds + self.noise * rng.standard_normal(rows) + off for off in (0.0, self.bias)
        )
        signs = np.where(positive, -1.0, 1.0)
        return np.logaddexp(0.0, signs * champion), np.logaddexp(0.0, signs * challenger)


def plan_for(world: World, mode: Mode, share: float, effect: float, sample: int = 50_000) -> Plan:
    """A test of ``effect``, planned by a sample of the world."""
    losses = losses_of(*world.losses(sample, np.random.default_rng(99)), np.arange(sample))
    return plan_test(AbTest(minimum_effect=effect), losses, mode, share, "a sample")


def simulate(
    world: World, plan: Plan, mode: Mode, share: float, entities: int, rng: np.random.Generator
) -> tuple[Sequence, Floats]:
    """One test: its sequence at every look, and the contributions it is made of."""
    losses = np.stack(world.losses(entities, rng), axis=1)
    by_challenger = np.zeros(entities, np.bool_)
    if mode == "ab":
        by_challenger = rng.random(entities) < share
        losses[by_challenger, 0] = losses[~by_challenger, 1] = np.nan
    units = Units(
        np.arange(entities, dtype=np.uint64),
        by_challenger,
        np.full(entities, share),
        losses,
        np.ones(entities, np.int64),
    )
    found = contributions(units, mode, plan.losses.expected)
    first = first_conclusive(units, mode, plan.burn_in, plan.min_labelled)
    return confidence_sequence(found, looks_at(entities), plan.mixture, first), found


def rejects(sequence: Sequence, truth: float = 0.0) -> bool:
    """Whether an interval of any look excludes the truth."""
    return bool(((sequence.low > truth) | (sequence.high < truth)).any())


def naive_rejects(contributions: Floats, looks: int = 40, first: int = 400) -> bool:
    """Whether a z-test at the 5% level rejects at any of evenly spaced looks."""
    counts = np.linspace(first, len(contributions), looks).astype(np.int64)
    means = np.cumsum(contributions)[counts - 1] / counts
    squares = np.cumsum(contributions**2)[counts - 1] / counts
    errors = np.sqrt((squares - means**2) / counts)
    return bool((np.abs(means) > 1.96 * errors).any())
