"""How many rows a test needs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm, skew

sys.path.insert(0, str(Path(__file__).parent))

from simulated import World

from mlops_assets.ab_test.confidence_sequence import Mixture, radius
from mlops_assets.ab_test.planning import (
    Plan,
    fixed_factor,
    losses_of,
    plan_test,
    sequential_factor,
)
from mlops_assets.serving_declaration import AbTest

CHAMPION, CHALLENGER = World().losses(5_000, np.random.default_rng(1))
EACH = np.arange(5_000)


def test_the_sequential_number_has_the_power_at_the_moment_it_is_reached() -> None:
    factor, alpha, variance, effect = sequential_factor(0.05, 0.8), 0.05, 2.0, 0.1
    entities = factor * variance / effect**2

    mixture = Mixture(alpha, round(entities), variance, 0)
    half = radius(np.array([entities]), np.array([variance]), mixture)[0]
    power = norm.cdf((effect - half) / np.sqrt(variance / entities))

    assert power == pytest.approx(0.8, abs=1e-3)


def test_the_fixed_number_is_the_textbooks() -> None:
    assert fixed_factor(0.05, 0.8) == pytest.approx((1.959964 + 0.841621) ** 2, rel=1e-5)
    assert 1.8 < sequential_factor(0.05, 0.8) / fixed_factor(0.05, 0.8) < 2.0


def test_moments_are_those_of_the_contributions() -> None:
    losses = losses_of(CHAMPION, CHALLENGER, EACH)
    rng = np.random.default_rng(2)
    by = rng.random(2_000_000) < 0.2
    drawn = rng.integers(0, 5_000, len(by))
    weighted = np.where(
        by,
        (CHALLENGER[drawn] - CHALLENGER.mean()) / 0.2,
        -(CHAMPION[drawn] - CHAMPION.mean()) / 0.8,
    )

    found = losses.contribution("ab", 0.2)

    assert found.variance == pytest.approx(weighted.var(), rel=0.02)
    assert found.third / found.variance**1.5 == pytest.approx(skew(weighted), rel=0.05)
    assert found.largest >= np.abs(weighted).max() - 1e-9
    shadow = losses.contribution("shadow", 1.0)
    assert shadow.variance == pytest.approx(np.var(CHALLENGER - CHAMPION, ddof=1))
    assert shadow.mean == pytest.approx((CHALLENGER - CHAMPION).mean())


def test_a_shadow_needs_far_fewer_rows_and_a_small_share_more() -> None:
    losses = losses_of(CHAMPION, CHALLENGER, EACH)

    def rows(mode: str, share: float) -> int:
        return plan_test(AbTest(), losses, mode, share, "b").rows  # type: ignore[arg-type]

    assert rows("shadow", 1.0) * 10 < rows("ab", 0.5) < rows("ab", 0.1) < rows("ab", 0.01)


def test_rows_of_one_entity_are_one_contribution() -> None:
    four = np.repeat(np.arange(1_250), 4)
    losses = losses_of(CHAMPION, CHALLENGER, four)

    assert (losses.rows, losses.entities) == (5_000, 1_250)
    means = CHAMPION.reshape(-1, 4).mean(axis=1)
    assert losses.champion.variance == pytest.approx(means.var(ddof=1))
    plan = plan_test(AbTest(), losses, "ab", 0.5, "2020-01")
    assert plan.rows == 4 * plan.entities


def test_a_rare_class_has_a_longer_burn_in() -> None:
    rare = losses_of(*World(0.01, 1.0).losses(50_000, np.random.default_rng(3)), np.arange(50_000))
    usual = losses_of(CHAMPION, CHALLENGER, EACH)

    plans = [plan_test(AbTest(), one, "ab", 0.1, "2020-01") for one in (rare, usual)]

    assert plans[0].burn_in > 10 * plans[1].burn_in
    assert all(plan.entities >= plan.burn_in >= plan.min_labelled for plan in plans)


def test_each_variant_is_planned_to_have_its_fewest_labels() -> None:
    losses = losses_of(CHAMPION, CHALLENGER, EACH)

    plan = plan_test(AbTest(minimum_effect=5.0), losses, "ab", 0.05, "2020-01")

    assert plan.entities >= 200 / 0.05


def test_a_plan_is_read_as_it_was_written() -> None:
    plan = plan_test(AbTest(), losses_of(CHAMPION, CHALLENGER, EACH), "ab", 0.1, "2020-01")

    assert Plan.parse(json.loads(json.dumps(plan.to_dict()))) == plan


def test_releases_that_answer_alike_are_planned_for() -> None:
    plan = plan_test(AbTest(), losses_of(CHAMPION, CHAMPION, EACH), "shadow", 1.0, "2020-01")

    assert plan.entities == 200 and plan.variance > 0.0


def test_an_ab_test_needs_traffic_for_both() -> None:
    with pytest.raises(ValueError, match="the share is 1"):
        plan_test(AbTest(), losses_of(CHAMPION, CHALLENGER, EACH), "ab", 1.0, "2020-01")


def test_one_entity_says_nothing_of_a_variance() -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        losses_of(CHAMPION[:3], CHALLENGER[:3], np.zeros(3))
