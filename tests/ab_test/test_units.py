"""Which rows of an entity count, and what it says about the difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.ab_test.units import (
    LabelledRows,
    Units,
    contributions,
    first_conclusive,
    joined_units,
    looks_at,
    new_units,
)

NAN = np.nan


def rows_of(*rows: tuple[int, int, bool, float]) -> LabelledRows:
    """Rows of entity, time, whether by the challenger, loss."""
    entities, times, by, losses = (np.array(column) for column in zip(*rows, strict=True))
    both = np.full((len(rows), 2), NAN)
    both[np.arange(len(rows)), by.astype(int)] = losses
    shares = np.full(len(rows), 0.5)
    return LabelledRows(entities.astype(np.uint64), times, by, shares, both)


def test_an_entity_counts_once_with_the_mean_of_its_rows() -> None:
    rows = rows_of((7, 30, True, 1.0), (5, 20, False, 4.0), (7, 10, True, 3.0))

    found = new_units(rows, np.empty(0, np.uint64))

    assert found.entities.tolist() == [7, 5]  # in the order of the first answers
    assert found.losses[0, 1] == 2.0 and found.losses[1, 0] == 4.0
    assert found.rows.tolist() == [2, 1]
    assert found.by_challenger.tolist() == [True, False]


def test_an_entity_that_changes_sides_counts_for_the_first_one() -> None:
    rows = rows_of((7, 20, True, 1.0), (7, 10, False, 3.0), (7, 30, False, 5.0))

    found = new_units(rows, np.empty(0, np.uint64))

    assert found.by_challenger.tolist() == [False]
    assert found.losses[0, 0] == 4.0 and found.rows.tolist() == [2]


def test_an_entity_that_was_counted_before_is_not_counted_again() -> None:
    rows = rows_of((3, 1, True, 1.0), (7, 2, True, 1.0), (9, 3, False, 1.0))

    found = new_units(rows, np.array([3, 9], np.uint64))

    assert found.entities.tolist() == [7]
    assert len(new_units(rows, np.array([3, 7, 9], np.uint64))) == 0


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(random: "np.random.Generator") -> None:
    rng = np.random.default_rng(4)
    rows = [
        (int(rng.integers(0, 8)), time, bool(rng.random() < 0.5), float(rng.random()))
        for time in range(40)
    ]
    shuffled = list(rows)
    random.shuffle(shuffled)

    one = new_units(rows_of(*rows), np.empty(0, np.uint64))
    other = new_units(rows_of(*shuffled), np.empty(0, np.uint64))

    np.testing.assert_array_equal(one.entities, other.entities)
    np.testing.assert_allclose(one.losses, other.losses)


def units(by: np.ndarray, losses: np.ndarray, shares: np.ndarray) -> Units:
    both = np.stack([np.where(by, NAN, losses), np.where(by, losses, NAN)], axis=1)
    number = np.arange(len(by), dtype=np.uint64)
    return Units(number, by, shares, both, np.ones(len(by), np.int64))


def test_a_contribution_is_worked_out_by_hand() -> None:
    found = contributions(
        units(np.array([True, False]), np.array([3.0, 1.0]), np.array([0.25, 0.25])),
        "ab",
        expected=(1.0, 2.0),
    )

    first = (2.0 - 1.0) + (3.0 - 2.0) / 0.25
    challenger = (10 * 2.0 + 3.0) / 11
    second = (challenger - 1.0) - (1.0 - 1.0) / 0.75
    np.testing.assert_allclose(found, [first, second])


def test_contributions_are_right_on_average_whatever_the_shares() -> None:
    rng = np.random.default_rng(5)
    number = 400_000
    shares = np.where(np.arange(number) % 3 == 0, 0.05, 0.7)
    by = rng.random(number) < shares
    level = np.linspace(0.0, 3.0, number)  # the same for both, and not in time
    losses = rng.exponential(1.0, number) + level + 0.2 * by

    found = contributions(units(by, losses, shares), "ab", expected=(0.0, 0.0))

    assert found.mean() == pytest.approx(0.2, abs=4 * found.std() / np.sqrt(number))


def test_a_shadow_compares_the_same_rows() -> None:
    both = Units(
        np.arange(2, dtype=np.uint64),
        np.zeros(2, np.bool_),
        np.ones(2),
        np.array([[1.0, 3.0], [2.0, 1.5]]),
        np.ones(2, np.int64),
    )

    assert contributions(both, "shadow", (0.0, 0.0)).tolist() == [2.0, -0.5]


def test_nothing_is_said_before_both_variants_have_their_labels() -> None:
    by = np.array([False] * 10 + [True] * 3 + [False] * 5)
    own = units(by, np.ones(18), np.full(18, 0.5))

    assert first_conclusive(own, "ab", burn_in=1, min_labelled=3) == 13
    assert first_conclusive(own, "ab", burn_in=16, min_labelled=3) == 16
    assert first_conclusive(own, "ab", burn_in=1, min_labelled=4) > 18
    assert first_conclusive(own, "shadow", burn_in=5, min_labelled=9) == 9


@pytest.mark.parametrize("number", [1, 2, 57, 1_000, 123_456])
def test_looks_are_the_same_however_many_there_will_be(number: int) -> None:
    now, later = looks_at(number), looks_at(10 * number)

    assert now[-1] == number and np.all(np.diff(now) > 0) and now[0] == 1
    assert set(now[:-1].tolist()) <= set(later.tolist())
    assert len(looks_at(0)) == 0


def test_batches_follow_each_other() -> None:
    one = new_units(rows_of((3, 1, True, 1.0)), np.empty(0, np.uint64))
    other = new_units(rows_of((1, 0, False, 1.0)), one.entities)

    assert joined_units([one, other]).entities.tolist() == [3, 1]
    assert len(joined_units([])) == 0
