"""The metrics of predicted numbers against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scored_rows import numbered
from sklearn.metrics import (
    mean_absolute_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from mlops_assets.evidence.metrics.bootstrap import Estimate
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate

NAMES = METRICS["regression"]
Floats = NDArray[np.float64]


def reference(labels: Floats, answers: Floats, variance: float = 1.0) -> dict[str, float]:
    predicted = answers[:, 0]
    return {
        "rmse": root_mean_squared_error(labels, predicted),
        "mae": mean_absolute_error(labels, predicted),
        "median_absolute_error": median_absolute_error(labels, predicted),
        "r2": r2_score(labels, predicted),
        "bias": float((predicted - labels).mean()),
        "loss": float(((predicted - labels) ** 2).mean() / variance),
        "coverage": float(((answers[:, 1] <= labels) & (labels <= answers[:, 2])).mean()),
        "interval_width": float((answers[:, 2] - answers[:, 1]).mean()),
    }


@given(
    st.lists(st.tuples(*[st.integers(-20, 20)] * 2), min_size=2, max_size=60).filter(
        lambda rows: len({row[0] for row in rows}) > 1
    )
)
@settings(max_examples=40)
def test_values_agree_with_scikit_learn_though_errors_are_tied(
    rows: list[tuple[int, int]],
) -> None:
    labels, predicted = np.array(rows, dtype=np.float64).T
    answers = np.stack([predicted, predicted - 3.0, predicted + 5.0], axis=1)
    found = evaluate("regression", labels, answers, seed=0, resamples=2, variance=4.0)
    expected = reference(labels, answers, variance=4.0)
    assert {n: found[n].value for n in NAMES} == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_intervals_agree_with_a_plain_bootstrap() -> None:
    labels, answers = numbered(300)
    found = evaluate("regression", labels, answers, seed=1, resamples=4000)
    rng = np.random.default_rng(2)
    rows = [rng.integers(0, 300, 300) for _ in range(300)]
    drawn = [reference(labels[r], answers[r]) for r in rows]
    for name in NAMES:
        draws = np.array([one[name] for one in drawn])
        low, high = np.quantile(draws, [0.025, 0.975])
        assert found[name].low == pytest.approx(low, abs=0.9 * draws.std())
        # It reaches further than percentiles do on the side of the long tail.
        assert found[name].high == pytest.approx(high, abs=1.1 * draws.std())


def test_a_large_mean_does_not_swallow_the_spread() -> None:
    labels, answers = numbered(200)
    near = evaluate("regression", labels, answers, seed=0)["r2"]
    far = evaluate("regression", labels + 1e9, answers + 1e9, seed=0)["r2"]
    assert far.value == pytest.approx(near.value, abs=1e-6)
    assert far.low == pytest.approx(near.low, abs=1e-6)


def test_r2_is_unknown_where_every_number_is_the_same() -> None:
    found = evaluate("regression", np.full(60, 3.0), numbered(60)[1], seed=0)
    assert found["r2"] == Estimate()
    assert found["rmse"].value is not None


def test_the_bounds_of_an_interval_belong_to_it() -> None:
    answers = np.array([[2.0, 1.0, 3.0]] * 4)
    labels = np.array([1.0, 3.0, 0.9999, 3.0001])
    assert evaluate("regression", labels, answers, seed=0)["coverage"].value == 0.5


def test_answering_the_mean_costs_one_whatever_the_unit() -> None:
    labels = numbered(4000)[0]
    for unit in (1.0, 60.0):
        mean = np.repeat(labels.mean() * unit, len(labels))[:, None] + np.array([[0.0, -1.0, 1.0]])
        variance = float(labels.var()) * unit**2
        found = evaluate("regression", labels * unit, mean, seed=0, variance=variance)
        assert found["loss"].value == pytest.approx(1.0)
