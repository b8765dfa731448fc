"""The comparison counts, finds the worst row, and never agrees on nothing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.export.parity import compare


def both(positive: NDArray[Any]) -> NDArray[np.float64]:
    return np.column_stack([1 - positive, positive])


def test_figures_of_a_known_difference() -> None:
    model = both(np.full(1000, 0.3))
    onnx = model.copy()
    onnx[7] = [0.69, 0.31]
    onnx[9] = [0.4, 0.6]
    assert compare(model, onnx, 0.05) == {
        "rows_compared": 1000,
        "rows_not_finite": 0,
        "limit": 0.05,
        "largest_difference": pytest.approx(0.3),
        "percentile_99_9": pytest.approx(np.percentile([0.3, 0.01] + [0.0] * 998, 99.9)),
        "rows_above_limit": 1,
        "decisions_flipped": 1,
        "agrees": False,
    }


def test_positive_probabilities_alone_are_enough() -> None:
    one = compare(np.array([0.2, 0.5]), np.array([0.2, 0.4]), 0.2)
    assert one["largest_difference"] == pytest.approx(0.1)
    assert one["decisions_flipped"] == 1
    assert one["agrees"]


def test_a_difference_of_exactly_the_limit_agrees() -> None:
    assert compare(np.array([0.5]), np.array([0.75]), 0.25)["agrees"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_agrees(value: float) -> None:
    good, bad = np.array([0.2, 0.4]), np.array([0.2, value])
    for pair in ((good, bad), (bad, good), (bad, bad)):
        figures = compare(*pair, limit=1.0)
        assert figures["rows_not_finite"] == 1
        assert figures["largest_difference"] is None
        assert not figures["agrees"]


def test_no_rows_never_agree() -> None:
    figures = compare(np.empty((0, 2)), np.empty((0, 2)), 1.0)
    assert figures["rows_compared"] == 0
    assert not figures["agrees"]


@pytest.mark.parametrize(
    ("left", "right"), [((3, 2), (2, 2)), ((3, 3), (3, 3)), ((2,), (2, 2)), ((1, 2, 2), (1, 2, 2))]
)
def test_wrong_shapes_are_an_error(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        compare(np.zeros(left), np.zeros(right), 1.0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1), st.floats(0, 1))
def test_agreement_is_no_row_above_the_limit(
    pairs: list[tuple[float, float]], limit: float
) -> None:
    model, onnx = (np.array(side) for side in zip(*pairs, strict=True))
    figures = compare(model, onnx, limit)
    assert figures["agrees"] == (figures["rows_above_limit"] == 0)
    assert figures["agrees"] == (figures["largest_difference"] <= limit)
    assert figures["percentile_99_9"] <= figures["largest_difference"]
