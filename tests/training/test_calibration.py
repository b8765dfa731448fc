"""Platt scaling: probabilities that mean what they say, on rows that the pipeline has not seen."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from scipy.special import logit as reference_logit
from sklearn.metrics import log_loss

from mlops_assets.training.calibration import (
    PROBABILITY_CEILING,
    PROBABILITY_FLOOR,
    CalibratedClassifier,
    logit,
)


class Answers:
    """A fitted pipeline whose probability is the column ``p``."""

    def predict_proba(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        positive = rows["p"].to_numpy()
        return np.column_stack([1.0 - positive, positive])


def _rows(probabilities: Any) -> pd.DataFrame:
    return pd.DataFrame({"p": np.asarray(probabilities, np.float64)})


@pytest.fixture(scope="module")
def overconfident() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Answers whose log odds are twice as large as the truth's, and half a unit too high."""
    rng = np.random.default_rng(1)
    truth = rng.normal(-1.0, 1.0, 4000)
    labels = (rng.random(4000) < expit(truth)).astype(np.int64)
    return _rows(expit(2.0 * truth + 0.5)), labels


def test_what_was_wrong_with_the_probabilities_is_found(
    overconfident: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = overconfident

    model = CalibratedClassifier(Answers()).fit(rows, labels)

    assert model.slope_ == pytest.approx(0.5, abs=0.05)
    assert model.intercept_ == pytest.approx(-0.25, abs=0.1)
    calibrated = model.predict_proba(rows)[:, 1]
    assert log_loss(labels, calibrated) < log_loss(labels, rows["p"]) - 0.05


def test_the_fit_is_the_maximum_of_the_likelihood(
    overconfident: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = overconfident

    residuals = CalibratedClassifier(Answers()).fit(rows, labels).predict_proba(rows)[:, 1] - labels

    assert abs(residuals.mean()) < 1e-3
    assert abs((residuals * logit(rows["p"].to_numpy())).mean()) < 1e-3


def test_slope_and_intercept_are_float32_numbers_and_the_answers_follow_from_them(
    overconfident: tuple[pd.DataFrame, NDArray[np.int64]],
) -> None:
    rows, labels = overconfident

    model = CalibratedClassifier(Answers()).fit(rows, labels)

    assert model.slope_ == float(np.float32(model.slope_))
    assert model.intercept_ == float(np.float32(model.intercept_))
    answers = model.predict_proba(_rows([0.2, 0.7]))
    expected = expit(model.slope_ * reference_logit([0.2, 0.7]) + model.intercept_)
    np.testing.assert_allclose(answers[:, 1], expected)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_cannot_calibrate(label: int) -> None:
    with pytest.raises(ValueError, match="one class only: add batches"):
        CalibratedClassifier(Answers()).fit(_rows([0.1, 0.9]), np.array([label, label]))


def test_labels_are_decided_at_one_half() -> None:
    model = CalibratedClassifier(Answers())
    model.slope_, model.intercept_ = 1.0, 0.0

    assert model.predict(_rows([0.49, 0.5, 0.51])).tolist() == [0, 1, 1]


@given(st.floats(PROBABILITY_FLOOR, PROBABILITY_CEILING))
def test_the_logit_is_the_log_odds(probability: float) -> None:
    assert logit(np.array([probability]))[0] == pytest.approx(reference_logit(probability))


@pytest.mark.parametrize(
    ("probability", "clipped"),
    [(0.0, PROBABILITY_FLOOR), (1e-9, PROBABILITY_FLOOR), (1.0, PROBABILITY_CEILING)],
)
def test_certainty_is_clipped_before_the_logit(probability: float, clipped: float) -> None:
    found = logit(np.array([probability], np.float32))

    assert found.dtype == np.float64
    assert found[0] == pytest.approx(reference_logit(clipped))
