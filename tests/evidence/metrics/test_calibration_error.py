"""The calibration error: about 0 for a calibrated model, right for one that is not."""

import numpy as np
import pytest

from mlops_assets.evidence.metrics.calibration_error import calibration_error, coverage_shortfall


def test_a_calibrated_model_of_few_rows_is_not_accused() -> None:
    rng, values, held = np.random.default_rng(0), [], 0
    for _ in range(400):
        chances = rng.beta(1.0, 3.0, 300)
        labels = (rng.random(300) < chances).astype(np.int64)
        found = calibration_error("binary", labels, chances[:, None])
        values.append(found.value)
        held += found.low == 0.0
    assert np.median(values) <= 0.02
    assert held / 400 >= 0.95


@pytest.mark.parametrize("shift", [0.05, 0.15])
def test_the_interval_holds_the_error_of_a_model_that_is_off(shift: float) -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(1000):
        chances = rng.uniform(0.2, 0.7, 800)
        labels = (rng.random(800) < chances).astype(np.int64)
        found = calibration_error("binary", labels, chances[:, None] + shift)
        held += found.low <= shift <= found.high  # type: ignore[operator]
    assert 0.93 <= held / 1000 <= 0.97


def test_of_many_classes_the_one_answered_is_looked_at() -> None:
    answers = np.tile([0.9, 0.05, 0.05], (1000, 1))
    labels = np.where(np.arange(1000) % 10 < 6, 0, 1)
    found = calibration_error("multiclass", labels, answers)
    assert found.value == pytest.approx(0.3, abs=0.01)


def test_equal_probabilities_are_one_bin() -> None:
    labels = np.arange(1000) % 2
    found = calibration_error("binary", labels, np.full((1000, 1), 0.5))
    assert found.value == 0.0


def test_a_regression_is_short_of_its_interval() -> None:
    labels = np.arange(1000) % 10
    answers = np.tile([0.0, -1.0, 7.5], (1000, 1))
    found = coverage_shortfall(labels.astype(np.float64), answers, 0.9)
    assert found.value == pytest.approx(0.1)
    assert found.low is not None and found.high is not None
    assert 0.07 < found.low < 0.1 < found.high < 0.13
    assert coverage_shortfall(labels.astype(np.float64), answers, 0.7).value == 0.0
