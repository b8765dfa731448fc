"""The metrics of two classes against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scored_rows import scored, stratified_resamples
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from mlops_assets.answers import PROBABILITY_FLOOR, Cut
from mlops_assets.evidence.metrics.bootstrap import Estimate
from mlops_assets.evidence.metrics.metrics import evaluate


def reference(labels: NDArray[np.int64], answers: NDArray[np.float64]) -> dict[str, float]:
    scores = answers[:, 0]
    decided = scores >= 0.5
    return {
        "roc_auc": roc_auc_score(labels, scores),
        "pr_auc": average_precision_score(labels, scores),
        "loss": log_loss(labels, scores),
        "brier": brier_score_loss(labels, scores),
        "precision": precision_score(labels, decided, zero_division=np.nan),
        "recall": recall_score(labels, decided),
        "f1": f1_score(labels, decided),
    }


def both_classes(rows: list[tuple[int, int]]) -> bool:
    return {label for label, _ in rows} == {0, 1}


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 19)), min_size=2, max_size=80).filter(
        both_classes
    )
)
@settings(max_examples=40)
def test_values_agree_with_scikit_learn_though_many_probabilities_are_tied(
    rows: list[tuple[int, int]],
) -> None:
    labels = np.array([label for label, _ in rows])
    answers = np.array([[twentieths / 20] for _, twentieths in rows])
    found = evaluate("binary", labels, answers, seed=0, resamples=2)
    for name, expected in reference(labels, answers).items():
        value = found[name].value
        if np.isnan(expected):
            assert value is None
        else:
            assert value == pytest.approx(expected, abs=1e-9)


def test_values_agree_with_scikit_learn_on_many_rows() -> None:
    labels, answers = scored(20_000)
    found = evaluate("binary", labels, answers, seed=0, resamples=2)
    expected = reference(labels, answers)
    assert {n: found[n].value for n in expected} == pytest.approx(expected, abs=1e-9)


def test_intervals_agree_with_a_plain_stratified_bootstrap() -> None:
    labels, answers = scored(300)
    found = evaluate("binary", labels, answers, seed=1, resamples=4000)
    drawn = [reference(labels[r], answers[r]) for r in stratified_resamples(labels, 80, seed=2)]
    for name in drawn[0]:
        draws = np.array([one[name] for one in drawn])
        low, high = np.quantile(draws, [0.025, 0.975])
        assert found[name].low == pytest.approx(low, abs=0.8 * draws.std())
        assert found[name].high == pytest.approx(high, abs=0.8 * draws.std())


def test_log_loss_is_finite_where_a_model_was_certain_and_wrong() -> None:
    found = evaluate("binary", np.array([1, 0]), np.array([[0.0], [1.0]]), seed=0, resamples=5)
    assert found["loss"].value == pytest.approx(-np.log(PROBABILITY_FLOOR), rel=1e-3)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_what_compares_classes_unknown(label: int) -> None:
    answers, labels = np.array([[0.2], [0.7], [0.7]]), np.full(3, label)
    found = evaluate("binary", labels, answers, seed=0)
    for name in ("roc_auc", "pr_auc", "precision", "recall", "f1"):
        assert found[name] == Estimate()
    expected = log_loss(labels, answers[:, 0], labels=[0, 1])
    assert found["loss"].value == pytest.approx(expected)
    assert found["brier"].value == pytest.approx(((label - answers) ** 2).mean())


def test_precision_is_unknown_where_nothing_is_decided_positive() -> None:
    answers = np.array([[0.1], [0.2], [0.3], [0.4]])
    found = evaluate("binary", np.array([0, 1, 0, 1]), answers, seed=0)
    assert found["precision"] == Estimate()
    assert found["recall"].value == 0.0


def test_one_decision_leaves_its_precision_open() -> None:
    labels = np.array([1] * 10 + [0] * 10)
    answers = np.array([[0.9]] + [[0.1]] * 19)
    found = evaluate("binary", labels, answers, seed=0)["precision"]
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low is not None and found.low < 0.3


def test_decisions_are_those_of_the_cut() -> None:
    labels, answers = scored(400)
    threshold = np.where(np.arange(400) < 200, 0.2, 0.4)
    found = evaluate("binary", labels, answers, seed=0, cut=Cut(threshold))
    decided = answers[:, 0] >= threshold
    assert found["precision"].value == pytest.approx(precision_score(labels, decided))
    assert found["recall"].value == pytest.approx(recall_score(labels, decided))
    assert found["roc_auc"] == evaluate("binary", labels, answers, seed=0)["roc_auc"]


def test_probability_one_half_is_decided_positive() -> None:
    found = evaluate("binary", np.array([1, 0]), np.array([[0.5], [0.4999]]), seed=0)
    assert (found["precision"].value, found["recall"].value) == (1.0, 1.0)
