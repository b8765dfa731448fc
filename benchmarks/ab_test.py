"""How often a test of a challenger is wrong, and how often it finds what it was planned to find.

    .venv/bin/python benchmarks/ab_test.py [TESTS]

Belongs here: long simulations of whole tests, with a look after every batch. Does not belong here:
the quick form of the same, which the test suite runs (``tests/ab_test/test_always_valid.py``).
"""

import sys
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ab_test"))

from simulated import World, naive_rejects, plan_for, rejects, simulate

from mlops_assets.serving.traffic_plan import Mode

TESTS = 500
EQUALS: tuple[tuple[str, World, Mode, float, int], ...] = (
    ("A/B, share 0.5", World(), "ab", 0.5, 20_000),
    ("A/B, share 0.1", World(), "ab", 0.1, 40_000),
    ("A/B, share 0.02", World(), "ab", 0.02, 60_000),
    ("A/B, share 0.1, positives 2%", World(0.02, 1.0), "ab", 0.1, 60_000),
    ("A/B, share 0.1, positives 0.5%", World(0.005, 0.5), "ab", 0.1, 200_000),
    ("shadow", World(), "shadow", 1.0, 20_000),
    ("shadow, positives 2%", World(0.02, 1.0), "shadow", 1.0, 20_000),
    ("shadow, positives 0.5%", World(0.005, 0.5), "shadow", 1.0, 60_000),
)
DIFFERENCES: tuple[tuple[str, World, Mode, float], ...] = (
    ("A/B, share 0.5", World(bias=0.5), "ab", 0.5),
    ("A/B, share 0.1", World(bias=0.5), "ab", 0.1),
    ("shadow", World(bias=0.3), "shadow", 1.0),
    ("shadow, positives 2%", World(0.02, 1.0, bias=0.5), "shadow", 1.0),
)


def main() -> None:
    """Print both tables."""
    tests = int(sys.argv[1]) if len(sys.argv) > 1 else TESTS
    print(f"A model against its equal, {tests} tests, a look after every half percent of rows")
    _heads("entities", "concludes", "wrong", "naive")
    for name, world, mode, share, entities in EQUALS:
        _equals(name, world, mode, share, entities, tests)
    print(f"\nA difference of the planned size (power 80%), {tests} tests")
    _heads("planned", "at once", "found", "after")
    for name, world, mode, share in DIFFERENCES:
        _difference(name, world, mode, share, tests)


def _heads(first: str, second: str, third: str, last: str) -> None:
    print(f"{'test':32} {first:>9} {second:>10} {third:>7} {'95% interval':>16} {last:>7}")


def _equals(name: str, world: World, mode: Mode, share: float, entities: int, tests: int) -> None:
    plan = plan_for(world, mode, share, effect=0.01)
    rng = np.random.default_rng(1)
    said = wrong = naive = 0
    for _ in range(tests):
        sequence, contributions = simulate(world, plan, mode, share, entities, rng)
        said += bool(np.isfinite(sequence.high[-1]))
        wrong += rejects(sequence)
        naive += naive_rejects(contributions)
    print(
        f"{name:32} {entities:9,} {said / tests:10.0%} {wrong / tests:7.1%} "
        f"{_interval(wrong, tests):>16} {naive / tests:7.0%}"
    )


def _difference(name: str, world: World, mode: Mode, share: float, tests: int) -> None:
    champion, challenger = world.losses(1_000_000, np.random.default_rng(2))
    plan = plan_for(world, mode, share, float((challenger - champion).mean()))
    rng = np.random.default_rng(3)
    after = []
    for _ in range(tests):
        sequence, _ = simulate(world, plan, mode, share, plan.entities, rng)
        beyond = np.flatnonzero(sequence.low > 0.0)
        after += [int(sequence.counts[beyond[0]])] if len(beyond) else []
    print(
        f"{name:32} {plan.entities:9,} {plan.fixed_entities:10,} {len(after) / tests:7.1%} "
        f"{_interval(len(after), tests):>16} {int(np.median(after)) if after else 0:7,}"
    )


def _interval(hits: int, tests: int) -> str:
    found = binomtest(hits, tests).proportion_ci(0.95, method="exact")
    return f"{found.low:.1%} to {found.high:.1%}"


if __name__ == "__main__":
    main()
