"""The threshold costs least where that can be known, and follows no noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.answers import Cut, decisions
from mlops_assets.evidence_declaration import BinaryCosts
from mlops_assets.training.decision_threshold import (
    FEWEST_OF_A_CLASS,
    NOT_BETTER,
    PROVED_CHEAPER,
    TOO_FEW_ROWS,
    bayes_threshold,
    between,
    choose_threshold,
    mean_cost,
    regrets,
)

Answers = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60).map(np.array)
Mistakes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def _costs(false_positive: float, false_negative: float) -> BinaryCosts:
    return BinaryCosts(false_positive=false_positive, false_negative=false_negative)


def _calibrated(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chances = rng.beta(1.0, 3.0, rows)
    return (rng.random(rows) < chances).astype(np.int64), chances


def _cost(labels: np.ndarray, answers: np.ndarray, threshold: float, costs: BinaryCosts) -> float:
    decided = decisions("binary", answers[:, None], Cut(threshold))
    assert decided is not None
    cost = mean_cost(labels, decided, costs)
    assert cost is not None
    return cost


def test_the_bayes_threshold_is_where_both_decisions_cost_the_same() -> None:
    costs = BinaryCosts(
        true_positive=-2.0, false_positive=1.0, false_negative=5.0, true_negative=-0.5
    )  # fmt: skip
    chance = bayes_threshold(costs)

    positive = chance * costs.true_positive + (1 - chance) * costs.false_positive
    negative = chance * costs.false_negative + (1 - chance) * costs.true_negative
    assert positive == pytest.approx(negative, abs=1e-6)
    assert chance == np.float32(chance)


@given(Answers)
def test_thresholds_between_answers_are_all_ways_to_divide_them(answers: np.ndarray) -> None:
    thresholds = between(answers)

    assert np.array_equal(thresholds, thresholds.astype(np.float32))
    assert (np.diff(thresholds) > 0).all()
    divisions = {tuple(answers >= threshold) for threshold in thresholds}
    distinct = np.unique(answers.astype(np.float32))
    assert tuple(answers >= 0.0) in divisions and (False,) * len(answers) in divisions
    far = distinct[1:][np.diff(distinct) > 1e-6]
    assert {tuple(answers.astype(np.float32) >= t) for t in far} <= {
        tuple(answers.astype(np.float32) >= t) for t in thresholds
    }


@given(Answers, Mistakes, st.integers(0, 99))
def test_regrets_are_costs_but_for_their_unit(
    answers: np.ndarray, mistakes: tuple[int, int], seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 2, len(answers))
    costs = _costs(*mistakes)
    thresholds = np.array([0.0, 0.25, 0.5, 0.75])

    found = regrets(labels, answers, thresholds, bayes_threshold(costs)) * sum(mistakes)

    expected = [_cost(labels, answers, t, costs) for t in thresholds]
    assert found == pytest.approx(expected, abs=1e-5)


@given(st.integers(0, 200), Mistakes, st.sampled_from([0.25, 1.0, 4.0]))
def test_the_chosen_threshold_costs_no_more_than_the_bayes_threshold(
    seed: int, mistakes: tuple[int, int], power: float
) -> None:
    labels, chances = _calibrated(300, seed)
    answers, costs = chances**power, _costs(*mistakes)

    chosen = choose_threshold(labels, answers, costs)

    bayes = bayes_threshold(costs)
    assert _cost(labels, answers, chosen.threshold, costs) <= (
        _cost(labels, answers, bayes, costs) + 1e-6
    )
    assert chosen.threshold == np.float32(chosen.threshold)
    if chosen.why == PROVED_CHEAPER:
        regret = regrets(labels, answers, np.array([*between(answers), chosen.threshold]), bayes)
        assert regret[-1] == regret.min()
    else:
        assert chosen.threshold == bayes


@given(
    st.integers(0, 50),
    st.sampled_from([1.0, 4.0]),
    st.sampled_from([2.0**-7, 8.0, 1024.0]),
    st.tuples(*[st.integers(-64, 64).map(lambda n: n / 4)] * 2),
)
def test_only_the_ratio_of_what_mistakes_cost_matters(
    seed: int, power: float, scale: float, shifts: tuple[float, float]
) -> None:
    labels, chances = _calibrated(400, seed)
    negative, positive = shifts
    moved = BinaryCosts(
        true_negative=negative * scale,
        false_positive=(negative + 1.0) * scale,
        true_positive=positive * scale,
        false_negative=(positive + 3.0) * scale,
    )

    first, other = (choose_threshold(labels, chances**power, c) for c in (_costs(1.0, 3.0), moved))

    assert first == other


def test_calibrated_answers_are_seldom_decided_by_the_noise_of_the_rows() -> None:
    whys = [choose_threshold(*_calibrated(600, seed), _costs(1.0, 4.0)).why for seed in range(200)]

    # Of those that 5% pass, more than 20 in 200 have a chance of one in two thousand.
    assert whys.count(PROVED_CHEAPER) <= 20
    assert whys.count(PROVED_CHEAPER) + whys.count(NOT_BETTER) == 200


def test_answers_that_do_not_mean_what_they_say_are_corrected() -> None:
    labels, chances = _calibrated(4000, 0)
    costs = _costs(1.0, 4.0)

    chosen = choose_threshold(labels, chances**3, costs)

    assert chosen.why == PROVED_CHEAPER
    # The true chance is the cubic root of the answer.
    assert chosen.threshold == pytest.approx(0.2**3, rel=0.5)
    fresh, fresh_chances = _calibrated(100_000, 1)
    assert _cost(fresh, fresh_chances**3, chosen.threshold, costs) < (
        0.9 * _cost(fresh, fresh_chances**3, bayes_threshold(costs), costs)
    )
    assert chosen.gain is not None and chosen.gain > 0.0


def test_of_few_rows_the_costs_decide_alone() -> None:
    labels = np.array([1] * (FEWEST_OF_A_CLASS - 1) + [0] * 500)
    answers = np.where(labels == 1, 0.1, 0.01)

    chosen = choose_threshold(labels, answers, _costs(1.0, 1.0))

    assert (chosen.threshold, chosen.why, chosen.gain) == (0.5, TOO_FEW_ROWS, None)


def test_of_equally_cheap_thresholds_the_nearest_to_the_bayes_threshold_is_taken() -> None:
    labels = np.tile([0, 1], 100)
    answers = np.where(labels == 1, 0.25, 0.125)

    chosen = choose_threshold(labels, answers, _costs(3.0, 1.0))

    assert chosen.why == PROVED_CHEAPER
    assert chosen.threshold == 0.1875, "the only one that makes no mistake"
