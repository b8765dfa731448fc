"""Codes of a column's weights: within half a step, exact for nothing, and best where rows are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.export.category_codes import category_codes

WEIGHTS = st.lists(st.floats(-50.0, 50.0, width=32), min_size=0, max_size=40)


@given(weights=WEIGHTS, levels=st.sampled_from([128, 255]))
def test_codes_are_few_and_their_weights_near(weights: list[float], levels: int) -> None:
    exact = np.array(weights, np.float32)
    shares = np.full(len(exact), 1.0 / max(len(exact), 1))
    found = category_codes(exact, shares, levels)
    codes = [*found.codes.tolist(), found.zero]
    assert min(codes) >= 0
    assert max(codes) < levels
    error = np.abs(found.step * (found.codes - found.zero) - exact)
    assert (error <= found.step * 0.5 + 1e-12).all() or not exact.any()


def test_frequent_weights_are_met_more_closely() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=100).astype(np.float32)
    shares = np.full(100, 1e-6)
    shares[:3] = 1 / 3
    frequent = category_codes(weights, shares, 128)
    even = category_codes(weights, np.full(100, 0.01), 128)

    def spread(found: object) -> float:
        values = found.step * (found.codes - found.zero)  # type: ignore[attr-defined]
        return float(np.ptp((values - weights)[:3]))

    assert spread(frequent) < 0.3 * spread(even)
