"""Two models on the same rows: the paired difference of their losses, with its bounds."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scored_rows import TASKS, scored, some_rows, stratified_resamples
from sklearn.metrics import log_loss, roc_auc_score

from mlops_assets.answers import Answers, Labels, row_losses
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.metrics.comparison import paired_difference
from mlops_assets.target_declaration import Task

EACH_TASK = pytest.mark.parametrize("task", TASKS)


def better_and_worse(n: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    labels, worse = scored(n, skill=0.2)
    return labels, worse, np.clip(worse + 0.2 * (labels[:, None] - 0.3), 0.01, 0.99)


def worse_than(task: Task, labels: Labels, answers: Answers) -> Answers:
    """Answers that know less: drawn to those of a model that knows nothing."""
    nothing = np.full_like(answers, labels.mean() if task != "multiclass" else 0.25)
    return 0.5 * answers + 0.5 * nothing


def test_a_positive_difference_speaks_for_the_challenger() -> None:
    labels, worse, better = better_and_worse(2000)
    found = paired_difference("binary", labels, worse, better, seed=0)
    assert found.loss == pytest.approx(log_loss(labels, worse) - log_loss(labels, better))
    assert found.roc_auc == pytest.approx(
        roc_auc_score(labels, better) - roc_auc_score(labels, worse)
    )
    assert found.loss_low is not None
    assert found.loss is not None
    assert found.roc_auc_low is not None
    assert found.roc_auc is not None
    assert 0.0 < found.loss_low < found.loss
    assert 0.0 < found.roc_auc_low < found.roc_auc
    turned = paired_difference("binary", labels, better, worse, seed=0)
    assert turned.loss == pytest.approx(-found.loss)
    assert turned.roc_auc == pytest.approx(-found.roc_auc)
    assert turned.loss_low is not None
    assert turned.loss_low < 0.0


def test_the_lower_bound_is_that_of_a_plain_paired_bootstrap() -> None:
    labels, worse, better = better_and_worse(400)
    better = np.clip(better + 0.1 * np.random.default_rng(1).normal(size=(400, 1)), 0.01, 0.99)
    found = paired_difference(
        "binary", labels, worse, better, seed=0, resamples=4000, confidence=0.9
    )
    rng = np.random.default_rng(7)
    draws = []
    for _ in range(150):
        rows = rng.integers(0, 400, 400)
        draws.append(log_loss(labels[rows], worse[rows]) - log_loss(labels[rows], better[rows]))
    spread = float(np.std(draws))
    assert found.loss_low == pytest.approx(np.quantile(draws, 0.1), abs=0.3 * spread)
    areas = [
        roc_auc_score(labels[r], better[r]) - roc_auc_score(labels[r], worse[r])
        for r in stratified_resamples(labels, 80, seed=3)
    ]
    assert found.roc_auc_low == pytest.approx(np.quantile(areas, 0.1), abs=0.4 * np.std(areas))


def test_models_that_differ_by_noise_are_not_told_apart() -> None:
    labels, scores = scored(2000)
    noise = 0.02 * np.random.default_rng(3).normal(size=(2, 2000, 1))
    answers = np.clip(scores + noise, 0.01, 0.99)
    found = paired_difference("binary", labels, answers[0], answers[1], seed=0)
    assert found.loss_low is not None
    assert found.loss_low < 0.0


def test_identical_models_differ_by_nothing() -> None:
    labels, scores = scored(200)
    found = paired_difference("binary", labels, scores, scores, seed=0)
    assert (found.loss, found.loss_low, found.roc_auc, found.roc_auc_low) == (0, 0, 0, 0)


@EACH_TASK
def test_the_difference_is_that_of_the_mean_losses(task: Task) -> None:
    labels, better = some_rows(task, 500)
    worse = worse_than(task, labels, better)
    found = paired_difference(task, labels, worse, better, seed=0, variance=9.0)
    losses = [row_losses(task, labels, answers, 9.0).mean() for answers in (worse, better)]
    assert found.loss == pytest.approx(losses[0] - losses[1])
    assert found.loss is not None
    assert found.loss_low is not None
    assert 0.0 < found.loss_low < found.loss
    assert (found.roc_auc is None) is (task != "binary")


@EACH_TASK
def test_the_order_of_the_rows_changes_no_bit(task: Task) -> None:
    labels, better = some_rows(task, 300)
    worse = worse_than(task, labels, better)
    order = np.random.default_rng(5).permutation(300)
    shuffled = paired_difference(task, labels[order], worse[order], better[order], seed=1)
    assert shuffled == paired_difference(task, labels, worse, better, seed=1)


def test_the_bound_of_a_regression_is_that_of_a_plain_bootstrap() -> None:
    labels, better = some_rows("regression", 400)
    worse = better + np.random.default_rng(1).normal(size=(400, 1))
    found = paired_difference(
        "regression", labels, worse, better, seed=0, resamples=4000, confidence=0.9
    )
    gains = row_losses("regression", labels, worse) - row_losses("regression", labels, better)
    rng = np.random.default_rng(7)
    draws = [gains[rng.integers(0, 400, 400)].mean() for _ in range(2000)]
    assert found.loss_low == pytest.approx(np.quantile(draws, 0.1), abs=0.15 * np.std(draws))


def test_more_confidence_asks_for_a_lower_bound() -> None:
    rows = better_and_worse(300)
    sure = paired_difference("binary", *rows, seed=1, confidence=0.99).loss_low
    unsure = paired_difference("binary", *rows, seed=1, confidence=0.6).loss_low
    assert sure is not None
    assert unsure is not None
    assert sure < unsure


def test_too_few_rows_have_no_bounds() -> None:
    enough, few = (paired_difference("binary", *better_and_worse(n), seed=0) for n in (50, 49))
    assert enough.loss_low is not None
    assert few.loss is not None
    assert (few.loss_low, few.roc_auc_low) == (None, None)


def test_a_comparison_on_no_rows_or_one_class_does_not_fail() -> None:
    nothing = paired_difference(
        "binary", np.zeros(0, np.int64), np.zeros((0, 1)), np.zeros((0, 1)), seed=0
    )
    assert (nothing.rows, nothing.loss, nothing.loss_low) == (0, None, None)
    one = paired_difference(
        "binary", np.ones(60, np.int64), np.full((60, 1), 0.4), np.full((60, 1), 0.6), seed=0
    )
    assert one.loss == pytest.approx(np.log(0.6 / 0.4))
    assert (one.roc_auc, one.roc_auc_low) == (None, None)
    json_bytes(one.to_dict())
