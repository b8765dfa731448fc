"""Snapped thresholds decide every float32 as before, and snapped leaves add up exactly."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from mlops_assets.training.thresholds import float32_below, snap_thresholds, snap_trees

LARGEST = float(np.finfo(np.float32).max)


def test_a_threshold_between_two_floats_is_not_rounded_up() -> None:
    low = np.float32(1.0000001)
    high = np.nextafter(low, np.float32(2))
    threshold = np.array([(float(low) + float(high)) / 2])
    assert threshold.astype(np.float32)[0] == high, "plain rounding would move the upper value left"
    assert float32_below(threshold)[0] == low


@given(
    threshold=st.floats(allow_nan=False),
    feature=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
@example(threshold=1e300, feature=LARGEST)
@example(threshold=-1e300, feature=-LARGEST)
@example(threshold=1e-60, feature=0.0)
@example(threshold=-1e-60, feature=0.0)
def test_no_float32_is_decided_differently(threshold: float, feature: float) -> None:
    snapped = float32_below(np.array([threshold]))[0]
    assert snapped.dtype == np.float32
    around = [np.nextafter(snapped, np.float32(-np.inf)), snapped]
    if snapped < LARGEST:
        around.append(np.nextafter(snapped, np.float32(np.inf)))
    for x in [np.float32(feature), *(value for value in around if np.isfinite(value))]:
        assert (float(x) <= threshold) == (x <= snapped)


def hostile_features() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Tied, skewed and neighbouring float32 values, whose midpoints float32 cannot hold."""
    rng = np.random.default_rng(7)
    neighbours = np.float32(1000) + rng.integers(0, 40, 3000) * np.spacing(np.float32(1000))
    skewed = np.exp(rng.normal(0, 3, 3000))
    tied = rng.integers(0, 5, 3000) / 7
    features = np.column_stack([neighbours, skewed, tied]).astype(np.float32)
    rate = 0.15 + 0.5 * (features[:, 0] > np.median(features[:, 0])) + 0.3 * (tied > 0.4)
    return features, (rng.random(3000) < rate).astype(np.int64)


def thresholds_of(estimator: Any) -> list[NDArray[np.float64]]:
    """For every feature, the thresholds of its numeric splits."""
    if isinstance(estimator, RandomForestClassifier):
        trees = [tree.tree_ for tree in estimator.estimators_]
        pairs = [(t.feature[t.feature >= 0], t.threshold[t.feature >= 0]) for t in trees]
    else:
        nodes = [p.nodes[p.nodes["is_leaf"] == 0] for stage in estimator._predictors for p in stage]
        pairs = [(n["feature_idx"], n["num_threshold"]) for n in nodes]
    features, thresholds = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return [thresholds[features == feature] for feature in range(3)]


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(20, random_state=0, n_jobs=1),
        HistGradientBoostingClassifier(max_iter=20, random_state=0),
    ],
    ids=["forest", "boosting"],
)
def test_a_snapped_ensemble_predicts_as_before(estimator: Any) -> None:
    features, labels = hostile_features()
    with threadpool_limits(limits=1):
        estimator.fit(features, labels)
        before = thresholds_of(estimator)
        probes = at_thresholds(before, features)
        expected = estimator.predict_proba(probes)
        snap_thresholds(estimator)
        answers = estimator.predict_proba(probes)
    after = thresholds_of(estimator)
    assert any((t.astype(np.float32) != t).any() for t in before), "nothing to snap proves nothing"
    assert all((t.astype(np.float32) == t).all() for t in after)
    assert all((new <= old).all() for new, old in zip(after, before, strict=True))
    np.testing.assert_array_equal(answers, expected)


def at_thresholds(
    thresholds: list[NDArray[np.float64]], features: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The rows themselves, and copies with one feature at, just below or just above a threshold."""
    probes = [features]
    rng = np.random.default_rng(0)
    for feature, values in enumerate(thresholds):
        nearest = np.unique(values).astype(np.float32)
        for x in (nearest, np.nextafter(nearest, -np.inf), np.nextafter(nearest, np.inf)):
            rows = features[rng.integers(0, len(features), len(x))].copy()
            rows[:, feature] = x
            probes.append(rows)
    return np.concatenate(probes).astype(np.float32)


def test_other_estimators_are_left_alone() -> None:
    features, labels = hostile_features()
    model = LogisticRegression().fit(features[:, 2:], labels)
    before = model.coef_.copy()
    snap_thresholds(model)
    np.testing.assert_array_equal(model.coef_, before)


def ensembles() -> list[Any]:
    forest = {"n_estimators": 30, "random_state": 0, "n_jobs": 1}
    boosting = {"max_iter": 40, "random_state": 0}
    return [
        RandomForestClassifier(**forest),
        RandomForestRegressor(**forest),
        HistGradientBoostingClassifier(**boosting),
        HistGradientBoostingRegressor(**boosting),
    ]


def leaves_of(estimator: Any) -> list[NDArray[np.float64]]:
    """The leaves of each tree, ``[leaves, outputs]``."""
    if hasattr(estimator, "_predictors"):
        trees = [tree.nodes for stage in estimator._predictors for tree in stage]
        return [nodes["value"][nodes["is_leaf"] == 1][:, None] for nodes in trees]
    return [t.tree_.value[t.tree_.children_left < 0, 0] for t in estimator.estimators_]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("skew", [1.0, 1e6, 1e-6])
def test_sums_of_snapped_leaves_are_exact_in_float32(number: int, skew: float) -> None:
    features, labels = hostile_features()
    estimator = ensembles()[number]
    is_number = number % 2 == 1
    targets = np.exp(features[:, 2] * 9) * skew if is_number else labels
    with threadpool_limits(limits=1):
        estimator.fit(features, targets)
        before = estimator.predict(features) if is_number else estimator.predict_proba(features)
        snap_trees(estimator)
        after = estimator.predict(features) if is_number else estimator.predict_proba(features)
    largest = sum(np.abs(leaves).max() for leaves in leaves_of(estimator))
    assert np.abs(after - before).max() <= 4e-6 * (largest if is_number else 1.0)
    rng = np.random.default_rng(0)
    leaves = leaves_of(estimator)
    for _ in range(200):
        chosen = np.array([leaf[rng.integers(len(leaf)), 0] for leaf in leaves])
        exact = chosen.sum()
        rng.shuffle(chosen)
        assert np.float64(np.cumsum(chosen.astype(np.float32), dtype=np.float32)[-1]) == exact


def test_snapping_again_changes_nothing() -> None:
    features, labels = hostile_features()
    for estimator in ensembles():
        with threadpool_limits(limits=1):
            snap_trees(estimator.fit(features, labels))
        once = [leaves.copy() for leaves in leaves_of(estimator)]
        snap_trees(estimator)
        for first, second in zip(once, leaves_of(estimator), strict=True):
            np.testing.assert_array_equal(first, second)


def test_trees_that_answer_zero_are_left_so() -> None:
    features, _ = hostile_features()
    booster = HistGradientBoostingRegressor(max_iter=3).fit(features, np.zeros(len(features)))
    snap_trees(booster)
    assert not booster.predict(features).any()
