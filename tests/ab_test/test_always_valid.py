"""Five hundred tests of a model against its equal: looking after every batch stays at 5%."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parent))

from simulated import World, naive_rejects, plan_for, rejects, simulate

from mlops_assets.serving.traffic_plan import Mode

TESTS = 500
RARE = World(rate=0.02, concentration=1.0)


@pytest.mark.parametrize(
    ("world", "mode", "share", "entities"),
    [
        (World(), "ab", 0.5, 4_000),
        (World(), "ab", 0.1, 6_000),
        (World(), "shadow", 1.0, 4_000),
        (RARE, "shadow", 1.0, 4_000),
    ],
    ids=["A/B half", "A/B tenth", "shadow", "shadow of a rare class"],
)
def test_equals_are_told_apart_in_at_most_5_of_100_tests_and_by_a_naive_test_in_many(
    world: World, mode: Mode, share: float, entities: int
) -> None:
    rng = np.random.default_rng(6)
    plan = plan_for(world, mode, share, effect=0.03)
    said = wrong = naive = 0
    for _ in range(TESTS):
        sequence, contributions = simulate(world, plan, mode, share, entities, rng)
        said += bool(np.isfinite(sequence.high[-1]))
        wrong += rejects(sequence)
        naive += naive_rejects(contributions)

    # Silence would be valid as well, and of no use.
    assert said > 0.8 * TESTS
    interval = binomtest(wrong, TESTS).proportion_ci(0.95, method="exact")
    assert wrong / TESTS <= 0.05, f"{wrong / TESTS:.1%}, {interval.low:.1%} to {interval.high:.1%}"
    assert naive / TESTS > 0.15


@pytest.mark.parametrize(("mode", "share"), [("ab", 0.5), ("ab", 0.2), ("shadow", 1.0)])
def test_a_difference_of_the_planned_size_is_found_in_at_least_the_planned_share(
    mode: Mode, share: float
) -> None:
    rng = np.random.default_rng(7)
    world = World(bias=0.9)
    sample = world.losses(400_000, np.random.default_rng(5))
    effect = float((sample[1] - sample[0]).mean())
    plan = plan_for(world, mode, share, effect)
    found = sum(
        bool((simulate(world, plan, mode, share, plan.entities, rng)[0].low > 0.0).any())
        for _ in range(200)
    )

    assert plan.entities > plan.fixed_entities
    assert binomtest(found, 200, plan.power, alternative="less").pvalue > 0.01
    assert found / 200 >= plan.power


def test_a_change_of_the_share_midway_does_not_tell_equals_apart() -> None:
    """Losses rise with time, and so does the share: a difference of plain means is then far off."""
    from mlops_assets.ab_test.confidence_sequence import confidence_sequence
    from mlops_assets.ab_test.units import Units, contributions, first_conclusive, looks_at

    rng = np.random.default_rng(8)
    entities = 6_000
    plan = plan_for(World(), "ab", 0.1, effect=0.03)
    shares = np.where(np.arange(entities) < entities // 2, 0.1, 0.6)
    wrong, plain = 0, []
    for _ in range(200):
        losses = np.stack(World().losses(entities, rng), axis=1)
        losses += np.where(np.arange(entities) < entities // 2, 0.0, 1.0)[:, None]
        by = rng.random(entities) < shares
        losses[by, 0] = losses[~by, 1] = np.nan
        rows = np.ones(entities, np.int64)
        units = Units(np.arange(entities, dtype=np.uint64), by, shares, losses, rows)
        found = contributions(units, "ab", plan.losses.expected)
        first = first_conclusive(units, "ab", plan.burn_in, plan.min_labelled)
        sequence = confidence_sequence(found, looks_at(entities), plan.mixture, first)
        wrong += rejects(sequence)
        plain.append(float(np.nanmean(losses[:, 1]) - np.nanmean(losses[:, 0])))

    assert wrong / 200 <= 0.05
    assert np.mean(plain) > 0.2
