"""The metrics against scikit-learn, their intervals against a bootstrap written out plainly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scored_rows import some_rows, stratified_resamples
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.metrics import (
    LOG_LOSS_FLOOR,
    METRICS,
    Estimate,
    by_group,
    evaluate,
)

Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


def reference(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, float]:
    decided = scores >= 0.5
    return {
        "roc_auc": roc_auc_score(labels, scores),
        "pr_auc": average_precision_score(labels, scores),
        "log_loss": log_loss(labels, scores),
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
@settings(deadline=None, max_examples=100)
def test_values_agree_with_scikit_learn_though_many_probabilities_are_tied(
    rows: list[tuple[int, int]],
) -> None:
    labels = np.array([label for label, _ in rows])
    scores = np.array([twentieths / 20 for _, twentieths in rows])
    found = evaluate(labels, scores, seed=0, resamples=2)
    for name, expected in reference(labels, scores).items():
        value = found[name].value
        if np.isnan(expected):
            assert value is None
        else:
            assert value == pytest.approx(expected, abs=1e-9)


def test_values_agree_with_scikit_learn_on_many_rows() -> None:
    labels, scores = some_rows(20_000)
    found = evaluate(labels, scores, seed=0, resamples=2)
    expected = reference(labels, scores)
    assert {name: found[name].value for name in METRICS} == pytest.approx(expected, abs=1e-9)


def test_intervals_agree_with_a_plain_stratified_bootstrap() -> None:
    labels, scores = some_rows(300)
    found = evaluate(labels, scores, seed=1, resamples=4000)
    drawn = [reference(labels[r], scores[r]) for r in stratified_resamples(labels, 200, seed=2)]
    for name in METRICS:
        draws = np.array([one[name] for one in drawn])
        spread = draws.std()
        low, high = np.quantile(draws, [0.025, 0.975])
        assert found[name].low == pytest.approx(low, abs=0.6 * spread)
        assert found[name].high == pytest.approx(high, abs=0.6 * spread)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    hits = 0
    expected = roc_auc_score(*some_rows(200_000, seed=99))
    for seed in range(120):
        found = evaluate(*some_rows(400, seed=seed), seed=seed, resamples=100, confidence=0.9)
        low, high = found["roc_auc"].low, found["roc_auc"].high
        assert low is not None
        assert high is not None
        hits += low <= expected <= high
    assert 0.8 <= hits / 120 <= 0.97


def test_a_higher_confidence_gives_a_wider_interval() -> None:
    rows = some_rows(500)
    narrow = evaluate(*rows, seed=0, confidence=0.5)
    wide = evaluate(*rows, seed=0, confidence=0.99)
    for name in METRICS:
        bounds = wide[name].low, narrow[name].low, narrow[name].high, wide[name].high
        numbers = np.array(bounds, dtype=np.float64)
        assert (np.diff(numbers) > 0).all()


def test_the_same_seed_gives_the_same_bounds_whatever_the_order_of_the_rows() -> None:
    labels, scores = some_rows(400)
    scores = scores.round(2)
    order = np.random.default_rng(5).permutation(400)
    assert evaluate(labels, scores, seed=3) == evaluate(labels[order], scores[order], seed=3)
    assert evaluate(labels, scores, seed=3) != evaluate(labels, scores, seed=4)


def test_log_loss_is_finite_where_a_model_was_certain_and_wrong() -> None:
    found = evaluate(np.array([1, 0]), np.array([0.0, 1.0]), seed=0, resamples=5)
    assert found["log_loss"].value == pytest.approx(-np.log(LOG_LOSS_FLOOR), rel=1e-3)


def test_no_rows_leave_everything_unknown() -> None:
    found = evaluate(np.zeros(0, np.int64), np.zeros(0), seed=0)
    assert found == {name: Estimate() for name in METRICS}


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_what_compares_classes_unknown(label: int) -> None:
    scores = np.array([0.2, 0.7, 0.7])
    found = evaluate(np.full(3, label), scores, seed=0)
    for name in ("roc_auc", "pr_auc", "precision", "recall", "f1"):
        assert found[name] == Estimate()
    assert found["log_loss"].value == pytest.approx(
        log_loss(np.full(3, label), scores, labels=[0, 1])
    )
    assert found["brier"].value == pytest.approx(((label - scores) ** 2).mean())


def test_precision_is_unknown_where_nothing_is_decided_positive() -> None:
    found = evaluate(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]), seed=0)
    assert found["precision"] == Estimate()
    assert found["recall"].value == 0.0


def test_a_resample_without_precision_widens_its_interval_to_the_worst_and_the_best() -> None:
    labels = np.array([1] * 10 + [0] * 10)
    scores = np.array([0.9] + [0.1] * 19)
    found = evaluate(labels, scores, seed=0)["precision"]
    assert found == Estimate(value=1.0, low=0.0, high=1.0)


def test_probability_one_half_is_decided_positive() -> None:
    found = evaluate(np.array([1, 0]), np.array([0.5, 0.4999]), seed=0)
    assert (found["precision"].value, found["recall"].value) == (1.0, 1.0)


def test_float32_probabilities_are_widened_before_anything_else() -> None:
    labels, scores = some_rows(100)
    single = scores.astype(np.float32)
    assert evaluate(labels, single.astype(np.float64), seed=0) == evaluate(labels, single, seed=0)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 2], [0.1, 0.2], "labels other than 0 and 1"),
        ([0, 1], [0.1, 1.2], "outside 0 to 1"),
        ([0, 1], [0.1, np.nan], "NaN"),
        ([0, 1, 1], [0.1, 0.2], "do not match"),
    ],
)
def test_what_is_no_label_or_probability_is_refused(
    labels: list[int], scores: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(np.array(labels), np.array(scores), seed=0)


def test_an_estimate_is_written_as_plain_json() -> None:
    found = {name: e.to_dict() for name, e in evaluate(*some_rows(60), seed=0).items()}
    assert b'"low"' in json_bytes(found)


# Groups


def test_a_group_is_measured_as_if_it_were_alone() -> None:
    labels, scores = some_rows(400)
    first = np.arange(400) < 150
    found = by_group(labels, scores, {"first": first, "rest": ~first}, seed=2)
    assert [(g.name, g.rows, g.verdict) for g in found] == [
        ("first", 150, "measured"),
        ("rest", 250, "measured"),
    ]
    assert found[0].positives == labels[:150].sum()
    assert found[0].metrics == evaluate(labels[:150], scores[:150], seed=2)
    json_bytes([group.to_dict() for group in found])


def test_a_group_too_small_or_of_one_class_is_insufficient_evidence() -> None:
    labels, scores = some_rows(400)
    rows = np.arange(400)
    groups = {"few": rows < 49, "ones": labels == 1, "zeros": labels == 0, "nobody": rows < 0}
    for group in by_group(labels, scores, groups, seed=0):
        assert group.verdict == "insufficient evidence"
        assert set(group.metrics.values()) == {Estimate()}


def test_fifty_rows_are_enough() -> None:
    labels, scores = some_rows(400)
    (group,) = by_group(labels, scores, {"group": np.arange(400) < 50}, seed=0)
    assert group.verdict == "measured"
