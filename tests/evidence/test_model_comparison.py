"""Two models on the same rows: the paired difference of their log losses, with its bounds."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scored_rows import some_rows, stratified_resamples
from sklearn.metrics import (
    log_loss,
    roc_auc_score,
)

from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.metrics import (
    paired_difference,
)

Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


def better_and_worse(n: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    labels, worse = some_rows(n, skill=0.2)
    return labels, worse, np.clip(worse + 0.2 * (labels - 0.3), 0.01, 0.99)


def test_a_positive_difference_speaks_for_the_challenger() -> None:
    labels, worse, better = better_and_worse(2000)
    found = paired_difference(labels, worse, better, seed=0)
    assert found.log_loss == pytest.approx(log_loss(labels, worse) - log_loss(labels, better))
    assert found.roc_auc == pytest.approx(
        roc_auc_score(labels, better) - roc_auc_score(labels, worse)
    )
    assert found.log_loss_low is not None
    assert found.log_loss is not None
    assert found.roc_auc_low is not None
    assert found.roc_auc is not None
    assert 0.0 < found.log_loss_low < found.log_loss
    assert 0.0 < found.roc_auc_low < found.roc_auc
    turned = paired_difference(labels, better, worse, seed=0)
    assert turned.log_loss == pytest.approx(-found.log_loss)
    assert turned.roc_auc == pytest.approx(-found.roc_auc)
    assert turned.log_loss_low is not None
    assert turned.log_loss_low < 0.0


def test_the_lower_bound_is_that_of_a_plain_paired_bootstrap() -> None:
    labels, worse, better = better_and_worse(400)
    better = np.clip(better + 0.1 * np.random.default_rng(1).normal(size=400), 0.01, 0.99)
    found = paired_difference(labels, worse, better, seed=0, resamples=4000, confidence=0.9)
    rng = np.random.default_rng(7)
    draws = []
    for _ in range(250):
        rows = rng.integers(0, 400, 400)
        draws.append(log_loss(labels[rows], worse[rows]) - log_loss(labels[rows], better[rows]))
    spread = float(np.std(draws))
    assert found.log_loss_low == pytest.approx(np.quantile(draws, 0.1), abs=0.3 * spread)
    areas = [
        roc_auc_score(labels[r], better[r]) - roc_auc_score(labels[r], worse[r])
        for r in stratified_resamples(labels, 200, seed=3)
    ]
    assert found.roc_auc_low == pytest.approx(np.quantile(areas, 0.1), abs=0.4 * np.std(areas))


def test_models_that_differ_by_noise_are_not_told_apart() -> None:
    labels, scores = some_rows(2000)
    noise = 0.02 * np.random.default_rng(3).normal(size=(2, 2000))
    answers = np.clip(scores + noise, 0.01, 0.99)
    found = paired_difference(labels, answers[0], answers[1], seed=0)
    assert found.log_loss_low is not None
    assert found.log_loss_low < 0.0


def test_identical_models_differ_by_nothing() -> None:
    labels, scores = some_rows(200)
    found = paired_difference(labels, scores, scores, seed=0)
    assert (found.log_loss, found.log_loss_low, found.roc_auc, found.roc_auc_low) == (0, 0, 0, 0)


def test_the_paired_bounds_do_not_depend_on_the_order_of_the_rows() -> None:
    labels, worse, better = better_and_worse(300)
    order = np.random.default_rng(5).permutation(300)
    shuffled = paired_difference(labels[order], worse[order], better[order], seed=1)
    assert shuffled == paired_difference(labels, worse, better, seed=1)


def test_more_confidence_asks_for_a_lower_bound() -> None:
    rows = better_and_worse(300)
    sure = paired_difference(*rows, seed=1, confidence=0.99).log_loss_low
    unsure = paired_difference(*rows, seed=1, confidence=0.6).log_loss_low
    assert sure is not None
    assert unsure is not None
    assert sure < unsure


def test_too_few_rows_have_no_bounds() -> None:
    enough, few = (paired_difference(*better_and_worse(n), seed=0) for n in (50, 49))
    assert enough.log_loss_low is not None
    assert few.log_loss is not None
    assert (few.log_loss_low, few.roc_auc_low) == (None, None)


def test_a_comparison_on_no_rows_or_one_class_does_not_fail() -> None:
    nothing = paired_difference(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), seed=0)
    assert (nothing.rows, nothing.log_loss, nothing.log_loss_low) == (0, None, None)
    one = paired_difference(np.ones(60, np.int64), np.full(60, 0.4), np.full(60, 0.6), seed=0)
    assert one.log_loss == pytest.approx(np.log(0.6 / 0.4))
    assert (one.roc_auc, one.roc_auc_low) == (None, None)
    json_bytes(one.to_dict())
