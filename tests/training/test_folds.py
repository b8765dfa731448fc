"""Folds that respect time: what is judged is newer than what is fitted."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.answers import Labels
from mlops_assets.data.batch_error import BatchError
from mlops_assets.target_declaration import Task
from mlops_assets.training.folds import (
    Positions,
    fold_count,
    forward_folds,
    is_varied,
    make_folds,
    thin,
)
from mlops_assets.training_declaration import Search


@given(st.integers(30, 500), st.integers(2, 8))
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


@pytest.mark.parametrize(
    ("rows", "asked", "made"),
    [(140, 6, 3), (100, 6, 2), (20, 6, 2), (210, 6, 6), (100_000, 6, 6), (100_000, 20, 20)],
)
def test_few_rows_make_fewer_folds_than_asked(rows: int, asked: int, made: int) -> None:
    search = Search(folds=asked)

    assert fold_count(rows, search) == made
    folds = make_folds("binary", np.arange(rows) % 2, search, None)
    assert len(folds) == made
    if made > 2:
        assert min(len(fold.judged) for fold in folds) >= 30


def _labels(*runs: tuple[int, int]) -> Labels:
    return np.concatenate([np.full(rows, label) for label, rows in runs])


def test_folds_that_begin_with_one_class_are_left_out() -> None:
    labels = _labels((0, 150), (1, 50), (0, 200))

    folds = make_folds("binary", labels, Search(folds=3), None)

    assert [len(fold.fitted) for fold in folds] == [200, 300]


@pytest.mark.parametrize(
    ("task", "labels", "words"),
    [
        ("binary", _labels((0, 350), (1, 50)), "rows of one class only: of the folds 0 can be"),
        ("multiclass", _labels((0, 250), (2, 150)), "one class only: of the folds 1 can be"),
        ("regression", _labels((7, 399), (8, 1)) * 1.0, "rows of one value only: of the folds 0"),
    ],
)
def test_too_few_folds_to_compare_are_refused(task: Task, labels: Labels, words: str) -> None:
    with pytest.raises(BatchError, match=words):
        make_folds(task, labels, Search(folds=3), None)


def test_what_is_judged_is_never_drawn_and_both_sides_are_thinned() -> None:
    drawn: list[int] = []

    def draw(before: Positions) -> Positions:
        drawn.append(len(before))
        return np.repeat(before, 2)

    folds = make_folds("binary", np.arange(2_000) % 2, Search(folds=3, max_rows=400), draw)

    assert drawn == [500, 1_000, 1_500]
    for fold in folds:
        assert len(fold.fitted) == len(fold.judged) == 400
        assert fold.fitted.max() < fold.judged.min()
        assert np.all(np.diff(fold.judged) > 0)


@pytest.mark.parametrize(
    ("labels", "varied"), [([], False), ([1], False), ([1, 1], False), ([1, 0], True)]
)
def test_labels_vary_where_two_differ(labels: Sequence[int], varied: bool) -> None:
    assert is_varied(np.array(labels)) == varied
