"""The metrics of many classes against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scored_rows import classed, stratified_resamples
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    recall_score,
    roc_auc_score,
)
from sklearn.metrics import (
    confusion_matrix as sklearn_confusion,
)

from mlops_assets.evidence.metrics.bootstrap import Estimate
from mlops_assets.evidence.metrics.decision_shares import confusion
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate

NAMES = METRICS["multiclass"]


def reference(labels: NDArray[np.int64], answers: NDArray[np.float64]) -> dict[str, float]:
    given_class, classes = answers.argmax(axis=1), np.arange(answers.shape[1])
    present = np.unique(labels)
    areas = [roc_auc_score(labels == k, answers[:, k]) for k in present]
    return {
        "accuracy": accuracy_score(labels, given_class),
        "balanced_accuracy": recall_score(labels, given_class, labels=present, average="macro"),
        "macro_f1": f1_score(labels, given_class, average="macro"),
        "macro_roc_auc": float(np.mean(areas)),
        "loss": log_loss(labels, answers, labels=classes),
        "brier": float(((answers - np.eye(len(classes))[labels]) ** 2).sum(axis=1).mean()),
    }


@given(
    st.lists(
        st.tuples(st.integers(0, 2), *[st.integers(1, 6)] * 3), min_size=2, max_size=60
    ).filter(lambda rows: len({row[0] for row in rows}) > 1)
)
@settings(max_examples=40)
def test_values_agree_with_scikit_learn_though_answers_are_tied_and_classes_are_absent(
    rows: list[tuple[int, int, int, int]],
) -> None:
    labels = np.array([row[0] for row in rows])
    weights = np.array([row[1:] for row in rows], dtype=np.float64)
    answers = weights / weights.sum(axis=1, keepdims=True)
    found = evaluate("multiclass", labels, answers, seed=0, resamples=2)
    expected = reference(labels, answers)
    assert {name: found[name].value for name in expected} == pytest.approx(expected, abs=1e-9)


def test_intervals_agree_with_a_plain_stratified_bootstrap() -> None:
    labels, answers = classed(300)
    found = evaluate("multiclass", labels, answers, seed=1, resamples=4000)
    drawn = [reference(labels[r], answers[r]) for r in stratified_resamples(labels, 80, seed=2)]
    for name in drawn[0]:
        draws = np.array([one[name] for one in drawn])
        low, high = np.quantile(draws, [0.025, 0.975])
        assert found[name].low == pytest.approx(low, abs=0.8 * draws.std())
        assert found[name].high == pytest.approx(high, abs=0.8 * draws.std())


def test_one_class_leaves_what_compares_classes_unknown() -> None:
    answers = classed(60)[1]
    found = evaluate("multiclass", np.zeros(60, np.int64), answers, seed=0)
    for name in ("balanced_accuracy", "macro_f1", "macro_roc_auc"):
        assert found[name] == Estimate()
    assert found["accuracy"].value == pytest.approx((answers.argmax(axis=1) == 0).mean())
    assert found["loss"].value == pytest.approx(-np.log(answers[:, 0]).mean())


def test_the_confusion_matrix_is_that_of_scikit_learn() -> None:
    labels, answers = classed(200)
    expected = sklearn_confusion(labels, answers.argmax(axis=1), labels=range(4))
    assert confusion(labels, answers.argmax(axis=1), 4).tolist() == expected.tolist()


def test_a_class_that_nobody_has_keeps_its_line_and_column() -> None:
    found = confusion(np.array([2, 2]), np.array([2, 0]), 3)
    assert found.tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 1]]
