"""The comparison counts, finds the worst row, and never agrees on nothing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.answers import Answers, Cut
from mlops_assets.export.parity import compare
from mlops_assets.target_declaration import Task


def positive(*probabilities: float) -> Answers:
    return np.array(probabilities)[:, None]


def test_figures_of_a_known_difference() -> None:
    model = np.full((1000, 1), 0.3)
    onnx = model.copy()
    onnx[7], onnx[9] = 0.31, 0.6
    assert compare("binary", model, onnx, 0.05) == {
        "rows_compared": 1000,
        "rows_not_finite": 0,
        "limit": 0.05,
        "largest_difference": pytest.approx(0.3),
        "percentile_99_9": pytest.approx(np.percentile([0.3, 0.01] + [0.0] * 998, 99.9)),
        "rows_above_limit": 1,
        "decisions_flipped": 1,
        "agrees": False,
    }


def test_flips_are_counted_at_the_threshold_of_each_row() -> None:
    model, onnx = positive(0.3, 0.3, 0.6), positive(0.2, 0.2, 0.4)
    flipped = [
        compare("binary", model, onnx, 1.0, cut=cut)["decisions_flipped"]
        for cut in (None, Cut(0.25), Cut(np.array([0.25, 0.5, 0.7])))
    ]
    assert flipped == [1, 2, 1]


def test_of_several_classes_the_largest_difference_counts() -> None:
    model = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    onnx = np.array([[0.3, 0.35, 0.35], [0.1, 0.2, 0.7]])
    figures = compare("multiclass", model, onnx, 0.1)
    assert figures["largest_difference"] == pytest.approx(0.2)
    assert figures["rows_above_limit"] == 1
    assert figures["decisions_flipped"] == 1


def test_numbers_differ_in_deviations_of_the_target_and_decide_nothing() -> None:
    model = np.array([[100.0, 90.0, 110.0], [50.0, 40.0, 60.0]])
    onnx = model + 3.0
    figures = compare("regression", model, onnx, 0.2, variance=400.0)
    assert figures["largest_difference"] == pytest.approx(0.15)
    assert figures["decisions_flipped"] is None
    assert figures["agrees"]


def test_a_difference_of_exactly_the_limit_agrees() -> None:
    assert compare("binary", positive(0.5), positive(0.75), 0.25)["agrees"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_is_not_finite_never_agrees(task: Task, value: float) -> None:
    columns = 1 if task == "binary" else 3
    good = np.full((2, columns), 0.2)
    bad = good.copy()
    bad[1, -1] = value
    for pair in ((good, bad), (bad, good), (bad, bad)):
        figures = compare(task, *pair, limit=1.0)
        assert figures["rows_not_finite"] == 1
        assert figures["largest_difference"] is None
        assert not figures["agrees"]


def test_no_rows_never_agree() -> None:
    figures = compare("binary", np.empty((0, 1)), np.empty((0, 1)), 1.0)
    assert figures["rows_compared"] == 0
    assert not figures["agrees"]


@pytest.mark.parametrize(
    ("left", "right"), [((3, 1), (2, 1)), ((3, 3), (3, 1)), ((2,), (2,)), ((1, 2, 2), (1, 2, 2))]
)
def test_wrong_shapes_are_an_error(left: Any, right: Any) -> None:
    with pytest.raises(ValueError, match="shape"):
        compare("binary", np.zeros(left), np.zeros(right), 1.0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1), st.floats(0, 1))
def test_agreement_is_no_row_above_the_limit(
    pairs: list[tuple[float, float]], limit: float
) -> None:
    model, onnx = (positive(*side) for side in zip(*pairs, strict=True))
    figures = compare("binary", model, onnx, limit)
    assert figures["agrees"] == (figures["rows_above_limit"] == 0)
    assert figures["agrees"] == (figures["largest_difference"] <= limit)
    assert figures["percentile_99_9"] <= figures["largest_difference"]
