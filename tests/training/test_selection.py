"""The one-standard-error rule on paired differences, and folds that respect time."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlops_assets.training.selection import Score, choose, forward_folds, thin

# Sums of powers of two, so that ties are exact.
FOLDS = (0.5, 0.75, 1.0, 1.25)
TIE = (0.0, 0.0, 0.0, 0.25)  # a mean of 1/16, and as much standard error


def _shifted(name: str, parameters: int, *shifts: float) -> Score:
    """A score that differs from ``FOLDS`` by ``shifts``, one a fold."""
    return Score(name, tuple(np.add(FOLDS, shifts).tolist()), parameters)


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
        ([BEST, _shifted("tied", 1, *TIE), _shifted("closer", 1, 0, 0, 0, 0.125)], "closer"),
        ([BEST, _shifted("small", 5, 0, 0, 0, 0.125), _shifted("tiny", 2, *TIE)], "tiny"),
    ],
)
def test_the_simplest_within_one_standard_error_of_the_best_is_chosen(
    scores: list[Score], chosen: str
) -> None:
    for order in itertools.permutations(scores):
        assert _chosen(*order) == chosen


def test_the_difference_is_paired_so_that_folds_of_different_level_hide_nothing() -> None:
    hard = np.array([0.1, 5.0, 0.2, 9.0])
    best = Score("best", tuple(hard.tolist()), 100)
    simple = Score("simple", tuple((hard + 0.001).tolist()), 1)

    rankings = choose([simple, best])

    unpaired_error = hard.std(ddof=1) / 2
    assert unpaired_error > 1000 * 0.001
    assert [r.score.name for r in rankings if r.chosen] == ["best"]
    assert rankings[1].difference == pytest.approx(0.001)
    assert rankings[1].standard_error == pytest.approx(0.0, abs=1e-12)


def test_difference_and_standard_error_are_those_of_a_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    best = Score("best", tuple(rng.normal(0.4, 0.1, 6).tolist()), 1)
    other = Score("other", tuple(rng.normal(0.7, 0.1, 6).tolist()), 2)

    (ranking,) = [r for r in choose([other, best]) if r.score is other]

    test = stats.ttest_rel(other.fold_losses, best.fold_losses)
    assert ranking.difference / ranking.standard_error == pytest.approx(test.statistic)
    assert ranking.difference == pytest.approx(
        np.subtract(other.fold_losses, best.fold_losses).mean()
    )


def test_candidates_are_ranked_by_their_mean_and_each_says_why() -> None:
    rankings = choose(
        [
            _shifted("far", 1, 0.03, 0.03, 0.03, 0.03),
            _shifted("near", 50, 0.0, 0.0, 0.0, 0.0625),
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
    assert (rankings[0].difference, rankings[0].standard_error) == (0.0, 0.0)


def test_no_candidate_is_an_error_that_says_what_to_raise() -> None:
    with pytest.raises(ValueError, match=r"raise training\.search\.max_fits"):
        choose([])


LOSSES = st.lists(st.floats(0.1, 2.0), min_size=4, max_size=4).map(tuple)


@given(st.lists(st.tuples(LOSSES, st.integers(1, 9)), min_size=1, max_size=6))
def test_exactly_one_is_chosen_and_none_is_both_simpler_and_tied(
    drawn: list[tuple[tuple[float, ...], int]],
) -> None:
    scores = [Score(f"c{i}", losses, size) for i, (losses, size) in enumerate(drawn)]

    rankings = choose(scores)

    (chosen,) = [r for r in rankings if r.chosen]
    assert chosen.difference <= chosen.standard_error
    for other in rankings:
        if other.difference <= other.standard_error:
            assert chosen.score.parameters <= other.score.parameters
    assert [r.score.mean for r in rankings] == sorted(r.score.mean for r in rankings)


@given(st.integers(30, 500), st.integers(3, 8))
def test_folds_are_validated_by_later_rows_than_they_are_fitted_on(rows: int, folds: int) -> None:
    pairs = list(forward_folds(rows, folds))

    assert len(pairs) == folds
    for fitted, validated in pairs:
        assert fitted.tolist() == list(range(int(validated[0])))
        assert np.all(np.diff(validated) == 1)
    together = np.concatenate([validated for _, validated in pairs])
    assert together.tolist() == list(range(len(pairs[0][0]), rows))
    sizes = [len(validated) for _, validated in pairs]
    assert max(sizes) - min(sizes) <= 1
    assert abs(len(pairs[0][0]) - sizes[0]) <= 1


@given(st.integers(0, 300), st.integers(2, 100))
def test_thinning_keeps_at_most_so_many_from_first_to_last(rows: int, at_most: int) -> None:
    positions = np.arange(rows) * 3

    kept = thin(positions, at_most)

    assert len(kept) == min(rows, at_most)
    assert set(kept.tolist()) <= set(positions.tolist())
    assert np.all(np.diff(kept) > 0)
    if rows:
        assert (kept[0], kept[-1]) == (positions[0], positions[-1])
    if rows > at_most:
        gaps = np.diff(kept) // 3
        assert gaps.max() - gaps.min() <= 1
