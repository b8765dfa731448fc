"""The one-standard-error rule on paired differences."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from mlops_assets.training.selection import Score, choose, covarying, paired, standard_error

# Sums of powers of two, so that equal means are exactly equal.
FOLDS = (0.5, 0.75, 1.0, 1.25)
TIE = (0.0, 0.0, -0.125, 0.375)  # a mean of 0.063, and a standard error of 0.090
CLOSER = (0.0, 0.0, -0.125, 0.25)  # a mean of 0.031, and a standard error of 0.062


def _shifted(name: str, operations: int, *shifts: float, parameters: int = 1) -> Score:
    """A score that differs from ``FOLDS`` by ``shifts``, one a fold."""
    return Score(name, tuple(np.add(FOLDS, shifts).tolist()), operations, parameters)


def _chosen(*scores: Score) -> str:
    (name,) = (ranking.score.name for ranking in choose(scores) if ranking.chosen)
    return name


BEST = _shifted("best", 100, 0, 0, 0, 0)

CLEAR = (0.0, 0.02, 0.02, 0.08)  # a mean of 0.03, and a standard error of 0.017


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([BEST], "best"),
        ([BEST, _shifted("simple", 1, *CLEAR)], "best"),
        ([BEST, _shifted("simple", 1, 0.03, 0.03, 0.03, 0.03)], "best"),
        ([BEST, _shifted("simple", 1, -0.03, 0.04, 0.0, 0.0)], "simple"),
        ([BEST, _shifted("simple", 1, *TIE)], "simple"),
        ([BEST, _shifted("simple", 1, 0.0625, 0.0, 0.0, 0.25)], "best"),
        ([BEST, _shifted("complex", 1000, *TIE)], "best"),
        ([BEST, _shifted("same", 1, 0, 0, 0, 0)], "same"),
        ([BEST, _shifted("same", 1000, 0, 0, 0, 0)], "best"),
        ([BEST, _shifted("another", 100, 0, 0, 0, 0)], "another"),
        ([BEST, _shifted("tied", 1, *TIE), _shifted("closer", 1, *CLOSER)], "closer"),
        ([BEST, _shifted("small", 5, *CLOSER), _shifted("tiny", 2, *TIE)], "tiny"),
    ],
)
def test_the_simplest_within_one_standard_error_of_the_best_is_chosen(
    scores: list[Score], chosen: str
) -> None:
    for order in itertools.permutations(scores):
        assert _chosen(*order) == chosen


def test_the_difference_is_paired_so_that_folds_of_different_level_hide_nothing() -> None:
    hard = np.array([0.1, 5.0, 0.2, 9.0])
    best = Score("best", tuple(hard.tolist()), 100, 1)
    simple = Score("simple", tuple((hard + 0.001).tolist()), 1, 1)

    rankings = choose([simple, best])

    unpaired_error = hard.std(ddof=1) / 2
    assert unpaired_error > 1000 * 0.001
    assert [r.score.name for r in rankings if r.chosen] == ["best"]
    assert rankings[1].difference.mean == pytest.approx(0.001)
    assert rankings[1].difference.standard_error == pytest.approx(0.0, abs=1e-12)


def test_difference_and_standard_error_are_those_of_newey_and_west() -> None:
    rng = np.random.default_rng(0)
    best = Score("best", tuple(rng.normal(0.4, 0.1, 30).tolist()), 1, 1)
    other = Score("other", tuple(rng.normal(0.7, 0.1, 30).tolist()), 2, 1)

    (ranking,) = [r for r in choose([other, best]) if r.score is other]

    differences = np.subtract(other.losses, best.losses)
    assert ranking.difference.mean == pytest.approx(differences.mean())
    assert ranking.difference.standard_error == pytest.approx(_newey_west(differences))


def _newey_west(series: NDArray[np.float64]) -> float:
    """As a quadratic form of the errors with the weights of Bartlett."""
    n, errors = len(series), series - series.mean()
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    weights = np.clip(1.0 - apart / (covarying(n) + 1.0), 0.0, None)
    return float(np.sqrt(errors @ weights @ errors / (n * (n - 1))))


def test_candidates_are_ranked_by_their_mean_and_each_says_why() -> None:
    rankings = choose(
        [
            _shifted("far", 1, 0.03, 0.03, 0.03, 0.03),
            _shifted("near", 50, 0.0, 0.0, -0.0625, 0.125),
            BEST,
        ]
    )

    assert [(r.score.name, r.chosen) for r in rankings] == [
        ("best", False),
        ("near", True),
        ("far", False),
    ]
    assert [r.why for r in rankings] == [
        "within one standard error of the best, but not the simplest",
        "the simplest within one standard error of the best",
        "worse than the best by more than one standard error",
    ]
    best = rankings[0].difference
    assert (best.mean, best.standard_error, best.is_measurable) == (0.0, 0.0, False)
    assert rankings[2].difference.is_measurable


def test_no_candidate_is_an_error_that_says_what_to_raise() -> None:
    with pytest.raises(ValueError, match=r"raise training\.search\.max_fits"):
        choose([])


def test_operations_decide_what_is_simple_and_parameters_between_equals() -> None:
    forest = _shifted("forest", 10, 0, 0, 0, 0, parameters=9_000)
    network = _shifted("network", 20, 0, 0, 0, 0, parameters=30)
    smaller = _shifted("smaller forest", 10, 0, 0, 0, 0, parameters=8_000)

    assert _chosen(forest, network) == "forest"
    assert _chosen(forest, network, smaller) == "smaller forest"


def test_what_is_excluded_is_neither_chosen_nor_what_others_are_held_to() -> None:
    best = _shifted("too large", 100, 0, 0, 0, 0)
    second = _shifted("second", 50, 0.03, 0.03, 0.03, 0.03)
    simple = _shifted("simple", 1, 0.03, 0.03, 0.02, 0.05)

    rankings = choose([simple, best, second], {"too large": "operations 100, at most 60"})

    assert [(r.score.name, r.chosen, r.why) for r in rankings] == [
        ("too large", False, "operations 100, at most 60"),
        ("second", False, "within one standard error of the best, but not the simplest"),
        ("simple", True, "the simplest within one standard error of the best"),
    ]
    assert rankings[0].difference.mean == pytest.approx(-0.03)
    with pytest.raises(ValueError, match="no candidate may be chosen"):
        choose([best], {"too large": "why"})


def test_one_block_has_no_standard_error_and_measures_nothing() -> None:
    difference = paired([0.9], [0.1])

    assert (difference.mean, difference.standard_error) == (0.8, None)
    assert not difference.is_measurable
    assert standard_error([0.9]) is None
    assert standard_error([0.3, 0.3, 0.3]) == pytest.approx(0.0, abs=1e-9)


def test_no_covariance_counts_beyond_a_part_of_the_blocks() -> None:
    assert [covarying(n) for n in (2, 3, 10, 30, 100, 1_000)] == [1, 1, 2, 3, 4, 6]


def test_the_standard_error_is_honest_about_losses_that_go_together() -> None:
    rng = np.random.default_rng(8)
    noise = rng.normal(size=(2_000, 130))
    for place in range(1, 130):
        noise[:, place] += 0.4 * noise[:, place - 1]
    runs = noise[:, -30:]

    found = np.sqrt(np.mean([(standard_error(run.tolist()) or 0.0) ** 2 for run in runs]))

    true = runs.mean(axis=1).std()
    assert 0.75 * true < found < 1.05 * true
    assert stats.sem(runs, axis=1).mean() < 0.7 * true


LOSSES = st.lists(st.floats(0.1, 2.0), min_size=4, max_size=4).map(tuple)


@given(st.lists(st.tuples(LOSSES, st.integers(1, 9)), min_size=1, max_size=6))
def test_exactly_one_is_chosen_and_none_is_both_simpler_and_tied(
    drawn: list[tuple[tuple[float, ...], int]],
) -> None:
    scores = [Score(f"c{i}", losses, size, 1) for i, (losses, size) in enumerate(drawn)]

    rankings = choose(scores)

    (chosen,) = [r for r in rankings if r.chosen]
    assert not chosen.difference.is_measurable
    for other in rankings:
        if not other.difference.is_measurable:
            assert chosen.score.operations <= other.score.operations
    assert [r.score.mean for r in rankings] == sorted(r.score.mean for r in rankings)
