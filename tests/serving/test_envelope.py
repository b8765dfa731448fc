"""The envelope holds single values and what goes together, with numpy alone."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import plain_envelope
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.serving import envelope as module
from mlops_assets.serving.envelope import PreparedEnvelope, outside_envelope

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


def test_it_is_prepared_once_and_says_the_same() -> None:
    prepared = PreparedEnvelope(ENVELOPE)
    columns = {"age": np.array([50.0, 9.0, np.nan]), "city": np.array(["Metz", "Metz", ""], object)}
    for _ in range(2):
        assert prepared.outside(columns).tolist() == [False, True, True]
    assert prepared.names == ["age", "city"]


FLOATS = st.floats(-1e6, 1e6, width=32)
NUMBERS = st.builds(
    lambda low, spread, quantiles, **rest: {
        "kind": "number",
        "low": low,
        "high": None if low is None else low + spread,
        "quantiles": sorted(quantiles),
        "scores": np.linspace(-2.0, 2.0, len(quantiles)).tolist(),
        "spread": spread,
        **rest,
    },
    low=st.none() | FLOATS,
    spread=st.floats(0.1, 1e6),
    quantiles=st.sets(FLOATS, max_size=5),
    missing=st.booleans(),
)
LEVELS = ["", "a", "b", "c", "A", "1"], [1, 2, 0, True, 3.0]
CATEGORIES = st.builds(
    lambda levels, surprisals, **rest: {
        "kind": "category",
        "levels": levels,
        "surprisals": surprisals[: len(levels)],
        **rest,
    },
    levels=st.one_of(*(st.lists(st.sampled_from(some), unique=True) for some in LEVELS)),
    surprisals=st.lists(st.floats(0.0, 9.0), min_size=6, max_size=6),
    unknown=st.floats(0.0, 9.0),
    centre=st.floats(0.0, 9.0),
    open=st.booleans(),
    missing=st.booleans(),
)
TEXTS = st.sampled_from(["", "a", "b", "A", "x", None])


@given(st.lists(NUMBERS | CATEGORIES, min_size=1, max_size=4), st.integers(0, 5), st.data())
def test_every_row_is_what_it_is_by_itself(
    described: list[dict[str, Any]], rows: int, data: st.DataObject
) -> None:
    columns: dict[str, Any] = {}
    for place, one in enumerate(described):
        one["name"] = f"column {place}"
        texts = one["kind"] == "category" and data.draw(st.booleans())
        values = TEXTS if texts else FLOATS | st.sampled_from([np.nan, np.inf, 0.0, 1.0, 2.0])
        drawn = data.draw(st.lists(values, min_size=rows, max_size=rows))
        columns[one["name"]] = np.array(drawn, object if texts else np.float64)
    mix = np.eye(len(described)) + 0.1
    joint = {"mean": [0.5] * len(described), "precision": mix.tolist(), "limit": 6.0}
    envelope = {"columns": described, "joint": joint}
    each = [{name: values.tolist()[row] for name, values in columns.items()} for row in range(rows)]

    found = [plain_envelope.places(envelope, row) for row in each]
    expected = np.array(found).reshape(rows, len(described))
    np.testing.assert_allclose(module.positions(envelope, columns), expected, rtol=1e-12)
    distances = module.joint_distances(envelope, columns)
    far = [plain_envelope.distance(envelope, row) for row in each]
    np.testing.assert_allclose(distances, far, rtol=1e-9)
    alone = [plain_envelope.is_outside_alone(envelope, row) for row in each]
    assert module.outside_alone(envelope, columns).tolist() == alone
    either = np.array(alone, np.bool_) | (distances > 6.0)
    assert outside_envelope(envelope, columns).tolist() == either.tolist()
