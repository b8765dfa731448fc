"""The envelope holds single values and what goes together, with numpy alone."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from mlops_assets.serving import envelope as module
from mlops_assets.serving.envelope import outside_envelope

ENVELOPE: dict[str, Any] = {
    "rows": 100,
    "columns": [
        {
            "name": "age",
            "kind": "number",
            "low": 10.0,
            "high": 90.0,
            "quantiles": [20.0, 50.0, 80.0],
            "scores": [-1.0, 0.0, 1.0],
            "spread": 15.0,
            "missing": True,
        },
        {
            "name": "city",
            "kind": "category",
            "levels": ["Ghent", "Metz"],
            "surprisals": [0.3, 1.3],
            "unknown": 5.0,
            "centre": 0.6,
            "open": False,
            "missing": False,
        },
    ],
    "joint": {"mean": [0.0, 0.0], "precision": [[1.0, 0.0], [0.0, 1.0]], "limit": 2.5},
}


def outside(age: list[float], city: list[str], **changes: Any) -> list[bool]:
    columns = {"age": np.array(age), "city": np.array(city, object)}
    return outside_envelope({**ENVELOPE, **changes}, columns).tolist()


def test_single_values_are_held() -> None:
    ages = [50.0, 9.0, 91.0, 50.0, 50.0, np.nan]
    cities = ["Ghent", "Ghent", "Ghent", "Nancy", "", "Metz"]
    # A city was never missing, an age was.
    assert outside(ages, cities) == [False, True, True, True, True, False]


def test_values_that_do_not_go_together_are_outside() -> None:
    precision = [[4.0, 0.0], [0.0, 4.0]]
    tight = {"mean": [0.0, 0.0], "precision": precision, "limit": 1.9}
    assert outside([50.0, 88.0], ["Metz", "Metz"], joint=tight) == [False, True]


def test_an_open_category_may_be_new() -> None:
    columns = [ENVELOPE["columns"][0], {**ENVELOPE["columns"][1], "open": True}]
    joint = {**ENVELOPE["joint"], "limit": None}
    assert outside([50.0], ["Nancy"], columns=columns, joint=joint) == [False]


def test_columns_of_either_shape_and_any_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    ages = np.linspace(0.0, 100.0, 101)
    columns: dict[str, Any] = {"age": ages, "city": np.array(["Ghent"] * 101, object)}
    flat = outside_envelope(ENVELOPE, columns)
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    stood = {name: values[:, None] for name, values in columns.items()}
    assert np.array_equal(flat, outside_envelope(json.loads(json.dumps(ENVELOPE)), stood))


def test_integers_that_travel_as_doubles_are_known() -> None:
    codes = {**ENVELOPE["columns"][1], "levels": [1, 2], "missing": True}
    held = {**ENVELOPE, "columns": [codes], "joint": {"limit": None}}
    sent = {"city": np.array([1.0, 3.0, np.nan])}
    assert outside_envelope(held, sent).tolist() == [False, True, False]


def test_no_rows_are_no_rows() -> None:
    assert outside([], []) == []


def test_needs_neither_pandas_nor_scikit_learn() -> None:
    code = (
        "import sys, mlops_assets.serving.envelope; "
        "sys.exit(bool({'pandas', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
