"""Points of a swarm stay in their row and nearly equal ones do not cover each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.reporting.swarm import ROW_REACH, swarm_offsets


@given(st.lists(st.floats(-1, 1), max_size=200))
def test_points_stay_in_their_row(values: list[float]) -> None:
    offsets = swarm_offsets(np.array(values), -1.0, 1.0)
    assert offsets.shape == (len(values),)
    assert np.abs(offsets).max(initial=0.0) <= ROW_REACH + 1e-12


def test_equal_values_stand_apart_and_the_fullest_bin_fills_the_row() -> None:
    offsets = swarm_offsets(np.zeros(41), -1.0, 1.0)
    assert len(set(offsets.tolist())) == 41
    assert offsets.max() == pytest.approx(ROW_REACH)
    assert offsets.min() == pytest.approx(-ROW_REACH)


def test_a_lonely_point_stands_on_its_line() -> None:
    assert swarm_offsets(np.array([0.3]), -1.0, 1.0).tolist() == [0.0]


def test_without_a_range_nothing_is_moved() -> None:
    assert swarm_offsets(np.array([2.0, 2.0]), 2.0, 2.0).tolist() == [0.0, 0.0]
