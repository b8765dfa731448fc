"""Columns that tell rows apart."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_assets.scaffolding.row_order import identifying_columns

DAY = np.array(["2020-01-01", "2020-01-01", "2020-01-02", "2020-01-02"], dtype="datetime64[us]")
ALL_UNLIKE = DAY + np.arange(4) * np.timedelta64(1, "s")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"when": ALL_UNLIKE, "text": list("abcd"), "id": ["x", "y", "z", "a"]}, ("id",)),
        ({"when": ALL_UNLIKE, "text": list("abcd"), "n": [4, 3, 2, 1]}, ("n",)),
        ({"when": ALL_UNLIKE, "text": list("abca")}, ("when",)),
        ({"when": DAY, "shop": [1, 2, 1, 2], "price": [0.1, 0.2, 0.3, 0.4]}, ("when", "shop")),
        (
            {"when": DAY, "a": list("ppqq"), "b": list("xyxy"), "c": list("zzzz")},
            ("when", "b"),
        ),
        ({"when": DAY, "price": [0.1, 0.2, 0.3, 0.4]}, ()),
        ({"when": DAY, "shop": [1, 1, 1, 2]}, ()),
    ],
)
def test_few_columns(columns: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert identifying_columns(pa.table(columns), "when") == expected
