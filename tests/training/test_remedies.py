"""Weighing and drawing rows: shares reached, rows of judgement untouched, refusals in words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.representation.groups import Grouping
from mlops_assets.training.folds import forward_folds, make_folds
from mlops_assets.training.remedies import (
    ClassWeights,
    Resampler,
    require_group_rows,
    resampler,
)
from mlops_assets.training_declaration import Search
from mlops_assets.use_case import UseCase

Make = Callable[..., UseCase]
Codes = st.lists(st.integers(0, 3), min_size=1, max_size=200)


@pytest.fixture(scope="module")
def make(declared: Callable[[], dict[str, Any]]) -> Make:
    """Makes the small use case with remedies and what is said of representation."""

    def made(remedies: dict[str, Any], **said: Any) -> UseCase:
        changed = declared()
        changed["columns"]["age"] = {"type": "number", "role": "sensitive", "nullable": True}
        changed["training"]["remedies"] = remedies
        return UseCase(**{**changed, "representation": said})

    return made


def _resampler(codes: Any, shares: dict[str, float] | None = None, seed: int = 0) -> Resampler:
    """Groups 0 to 2, and 3 of rows that do not say."""
    labels = ("0", "1", "2", "missing")
    grouping = Grouping(
        "g", labels, labels, np.asarray(codes, np.int32), "values", frozenset({3})
    )  # fmt: skip
    return Resampler(grouping, shares, seed)


def _features(groups: Any, ages: Any = 40.0, split: Any = "train") -> pd.DataFrame:
    return pd.DataFrame({"group": groups, "age": ages, "split": split})


@given(st.lists(st.booleans(), min_size=2, max_size=300).filter(lambda x: 0 < sum(x) < len(x)))
def test_weights_are_scikit_learns_balanced_ones(positive: list[bool]) -> None:
    labels = np.array(positive, np.int64)

    found = ClassWeights.balanced(labels, 2).of_rows(labels)

    assert found == pytest.approx(compute_sample_weight("balanced", labels), rel=1e-15)
    assert found[labels == 1].sum() == pytest.approx(found[labels == 0].sum())


@given(st.lists(st.integers(0, 4), min_size=2, max_size=300).filter(lambda x: len(set(x)) > 1))
def test_weights_of_many_classes_are_those_too_whichever_occur(codes: list[int]) -> None:
    labels = np.array(codes, np.int64)

    found = ClassWeights.balanced(labels, 5)

    weights = compute_sample_weight("balanced", labels)
    assert found.of_rows(labels) == pytest.approx(weights, rel=1e-15)
    assert all(found.weights[code] == 1.0 for code in range(5) if code not in codes)


def test_one_class_cannot_be_balanced() -> None:
    with pytest.raises(ValueError, match="one class"):
        ClassWeights.balanced(np.ones(3, np.int64), 2)


def test_undone_weights_give_back_the_share_of_positives() -> None:
    weights = ClassWeights.balanced(np.array([1] * 10 + [0] * 90), 2)

    # Weighed alike, a model that knows nothing says one half.
    positive = np.array([0.5, 0.0, 1.0])
    undone = weights.undone(np.column_stack([1.0 - positive, positive]))
    assert undone[:, 1] == pytest.approx([0.1, 0.0, 1.0])


@given(st.lists(st.integers(1, 50), min_size=3, max_size=3), st.integers(0, 9))
def test_undone_weights_are_what_bayes_says_of_other_shares(counts: list[int], seed: int) -> None:
    labels = np.repeat([0, 1, 2], counts)
    shares = np.array(counts) / sum(counts)
    likelihoods = np.random.default_rng(seed).random((4, 3)) + 0.01

    # Weighed, all classes are as likely beforehand; then only the likelihoods speak.
    alike = likelihoods / likelihoods.sum(axis=1, keepdims=True)

    truth = likelihoods * shares
    expected = truth / truth.sum(axis=1, keepdims=True)
    assert ClassWeights.balanced(labels, 3).undone(alike) == pytest.approx(expected)


@given(Codes, st.integers(0, 5))
def test_equal_brings_every_group_to_the_largest(codes: list[int], seed: int) -> None:
    again = _resampler(codes, seed=seed)

    drawn = again.draw(np.arange(len(codes)))

    before, after = again.grouping.counts(), again.grouping.at(drawn).counts()
    present = before[:3] > 0
    assert (after[:3][present] == before[:3].max()).all() and not after[:3][~present].any()
    assert after[3] == before[3], "who does not say is not drawn again"
    assert set(range(len(codes))) == set(drawn.tolist()) and (np.diff(drawn) >= 0).all()


@given(Codes, st.tuples(*[st.integers(1, 50)] * 3))
def test_the_reference_is_met_within_one_row(codes: list[int], parts: tuple[int, ...]) -> None:
    shares = {str(i): part / sum(parts) for i, part in enumerate(parts)}
    again = _resampler(codes, shares)

    after = again.grouping.at(again.draw(np.arange(len(codes)))).counts()[:3]

    present = after > 0
    expected = np.array([*shares.values()])[present]
    expected = expected / expected.sum() * after.sum()
    assert np.abs(after[present] - expected).max(initial=0.0) <= 1.0
    if present.any():
        assert (after >= again.grouping.counts()[:3]).all()


def test_groups_that_the_reference_does_not_know_stay_as_they_are() -> None:
    again = _resampler([0] * 30 + [1] * 10 + [2] * 7, {"0": 0.5, "1": 0.5})

    assert again.grouping.at(again.draw(np.arange(47))).counts().tolist() == [30, 30, 7, 0]


def test_the_same_seed_draws_the_same_rows_and_another_others() -> None:
    codes = [0] * 300 + [1] * 40
    fitted = np.arange(340)

    first = _resampler(codes, seed=1).draw(fitted)

    assert np.array_equal(first, _resampler(codes, seed=1).draw(fitted))
    assert not np.array_equal(first, _resampler(codes, seed=2).draw(fitted))


@pytest.mark.parametrize(("max_rows", "within"), [(200, 0.05), (100_000, 0.001)])
def test_rows_that_a_fold_is_validated_on_are_never_drawn(max_rows: int, within: float) -> None:
    codes = np.random.default_rng(0).choice(3, 1500, p=[0.8, 0.15, 0.05])
    search = Search(max_fits=5, folds=5, max_rows=max_rows)

    labels = np.arange(1500) % 2
    plain, remedied = (
        make_folds("binary", labels, search, draw) for draw in (None, _resampler(codes).draw)
    )

    whole = list(forward_folds(1500, 5))
    for one, other, (before, _) in zip(plain, remedied, whole, strict=True):
        fitted, validated = other.fitted, other.judged
        assert np.array_equal(validated, one.judged)
        assert len(np.unique(validated)) == len(validated)
        assert set(fitted.tolist()) <= set(before.tolist()), "only what came before is fitted on"
        assert not set(fitted.tolist()) & set(validated.tolist())
        assert len(fitted) <= max_rows
        shares = np.bincount(codes[fitted]) / len(fitted)
        assert shares == pytest.approx([1 / 3] * 3, abs=within)


def test_groups_crossed_and_in_their_bands_are_drawn_among_train_rows_only(make: Make) -> None:
    rows = _features([1] * 40 + [2] * 20, [20.0, 60.0] * 30, ["train"] * 50 + ["test"] * 10)
    use_case = make({"resample": {"by": ["group", "age"], "to": "equal"}}, bands={"age": [30]})
    train = np.flatnonzero(rows["split"] == "train")[::-1]

    again = resampler(rows, train, use_case)

    assert again is not None
    assert dict(zip(again.grouping.names, again.grouping.counts(), strict=True)) == {
        "group = 1, age below 30": 20, "group = 1, age from 30": 20,
        "group = 2, age below 30": 5, "group = 2, age from 30": 5,
    }  # fmt: skip
    assert resampler(rows, train, make({})) is None


def test_a_group_of_the_reference_without_rows_is_refused_by_name(make: Make) -> None:
    said = {"reference": {"group": {1: 0.5, 2: 0.5}}, "reference_source": "a census"}
    use_case = make({"resample": {"by": ["group"]}}, **said)

    with pytest.raises(BatchError, match=r"no train row of group = 2 could be drawn"):
        resampler(_features([1] * 9, split=["train"] * 9), np.arange(9), use_case)


def test_a_fit_of_far_more_rows_is_refused(make: Make) -> None:
    said = {"reference": {"group": {1: 0.01, 2: 0.99}}, "reference_source": "a census"}
    use_case = make({"resample": {"by": ["group"]}}, **said)

    with pytest.raises(BatchError, match=r"would fit 50 times the train rows, and 20 times is"):
        resampler(_features([1] * 50 + [2] * 50), np.arange(100), use_case)


def test_too_few_train_rows_of_a_group_are_refused_with_their_number(make: Make) -> None:
    rows = _features(
        [1] * 30 + [2] * 20, [20.0] * 47 + [None] * 3, ["train"] * 39 + ["test"] * 11
    )  # fmt: skip

    require_group_rows(rows, make({"min_group_rows": 9}))
    with pytest.raises(BatchError, match=r"is 10, and the train split .* of group = 2 \(9\): "):
        require_group_rows(rows, make({"min_group_rows": 10}))
    with pytest.raises(BatchError, match=r"age below 18 \(0\), age from 50 \(0\): "):
        require_group_rows(rows, make({"min_group_rows": 1}, bands={"age": [18, 50]}))


def test_a_refusal_names_no_value_that_may_be_a_persons(declared: Any) -> None:
    changed = declared()
    changed["columns"]["group"] = {"type": "string", "role": "sensitive"}
    changed["training"]["remedies"] = {"min_group_rows": 40}
    rows = _features([f"Person {i:02}" for i in range(30)], split=["train"] * 30)

    with pytest.raises(BatchError, match=r"group \(rare values\) \(30\)") as caught:
        require_group_rows(rows, UseCase(**changed))
    assert "Person" not in str(caught.value)
