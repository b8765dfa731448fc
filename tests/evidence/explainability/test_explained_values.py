"""Values as an explanation writes them: plain for JSON, words for a reader, and rounded."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mlops_assets.evidence.explainability.explained_values import plain_value, rounded, value_text

Floats = NDArray[np.float64]


@pytest.mark.parametrize(
    ("value", "plain", "text"),
    [
        (np.int64(1830), 1830, "1830"),
        (np.float32(0.1), 0.1, "0.1"),
        (float("nan"), None, "missing"),
        (None, None, "missing"),
        (np.bool_(True), True, "yes"),
        (pd.Timestamp("2020-01-02 03:04"), "2020-01-02 03:04:00", "2020-01-02 03:04:00"),
        ("Metz", "Metz", "Metz"),
        (1013.25, 1013.25, "1013.25"),
    ],
)
def test_raw_values(value: Any, plain: Any, text: str) -> None:
    assert plain_value(value) == plain
    assert type(plain_value(value)) is type(plain)
    assert value_text(plain) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.12345678, 0.123457), (-0.0, 0.0), (float("inf"), None), (float("nan"), None)],
)
def test_rounded(value: float, expected: float | None) -> None:
    assert rounded(value) == expected
    assert str(rounded(-0.0)) == "0.0"
