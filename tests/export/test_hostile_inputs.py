"""Raw values at, just below and just above every split threshold are answered as scikit-learn does,
by every family and for every task."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.answers import from_outputs
from mlops_assets.column_declaration import Column
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.parity import compare
from mlops_assets.export.tensors import to_tensors
from mlops_assets.export.tree_nodes import read_ensemble
from mlops_assets.serving.predictor import open_session
from mlops_assets.target_declaration import Target, Task
from mlops_assets.training.thresholds import BOOSTERS, FORESTS

COLUMNS = {
    "skewed": Column(type="number", nullable=True),
    "tied": Column(type="number"),
    "near": Column(type="number"),
    "identifier": Column(type="integer"),
    "count": Column(type="integer", nullable=True),
    "city": Column(type="string", nullable=True),
}
NUMBERS = ("skewed", "tied", "near", "identifier", "count")
LIMITS = {"random_forest": 1e-6, "histogram_gradient_boosting": 1e-6, "linear": 1e-5, "mlp": 1e-5}


def training_rows(count: int) -> pd.DataFrame:
    """Skewed, tied and neighbouring values, and integers that float32 does not hold."""
    rng = np.random.default_rng(11)
    skewed = pd.Series(np.exp(rng.normal(0, 3, count))).mask(rng.random(count) < 0.1)
    near = np.float32(1000) + rng.integers(0, 40, count) * np.spacing(np.float32(1000)) / 2
    return pd.DataFrame(
        {
            "skewed": skewed,
            "tied": rng.integers(0, 5, count) / 7,
            "near": near.astype(np.float64),
            "identifier": 2**24 + rng.integers(0, 30, count),
            "count": pd.array(rng.integers(0, 9, count), "Int64"),
            "city": pd.Series(rng.choice(["Oslo", "Metz", ""], count), dtype="str"),
        }
    )


def labels_of(rows: pd.DataFrame, task: Task) -> NDArray[Any]:
    signal = np.log(rows["skewed"].fillna(1.0)) / 3 + (rows["near"] > 1000.001) + rows["tied"]
    signal = signal + (rows["identifier"] > 2**24 + 15) + (rows["city"] == "Oslo")
    noisy = signal.to_numpy(np.float64) + np.random.default_rng(1).normal(0, 0.5, len(rows))
    if task == "regression":
        return 50.0 + 20.0 * noisy
    return np.digitize(noisy, [1.5] if task == "binary" else [0.8, 2.0])


def around(value: float) -> list[float]:
    """A number, its neighbours in float64, and its neighbours in float32."""
    single = np.float32(value)
    near = [np.nextafter(single, np.float32(way)) for way in (-np.inf, np.inf)]
    exact = [np.nextafter(value, way) for way in (-np.inf, np.inf)]
    halves = [(float(single) + float(n)) / 2 for n in near]
    return [value, *exact, float(single), *(float(n) for n in near), *halves]


@cache
def thresholds_of(estimator: Any) -> dict[int, list[float]]:
    """Every split threshold of each encoded column."""
    if not isinstance(estimator, (*FORESTS, *BOOSTERS)):
        return {}
    found: dict[int, set[float]] = {}
    for tree in read_ensemble(estimator).trees:
        splits = ~tree.is_leaf
        for column, threshold in zip(tree.feature[splits], tree.threshold[splits], strict=True):
            found.setdefault(int(column), set()).add(float(threshold))
    return {column: sorted(values) for column, values in found.items()}


def rows_at_thresholds(model: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, and a row for each value around each threshold of each column."""
    encoder = model.pipeline.named_steps["encode"]
    values = thresholds_of(model.pipeline.named_steps["estimate"])
    found = [rows]
    for position, name in enumerate(encoder.feature_names_):
        wanted = np.array([x for v in values.get(position, []) for x in around(v)])
        if name not in NUMBERS or not len(wanted):
            continue
        probes = rows.iloc[np.arange(len(wanted)) % len(rows)].copy()
        whole = COLUMNS[name].type == "integer"
        probes[name] = np.rint(wanted).astype(np.int64) if whole else wanted
        found.append(probes.astype(rows.dtypes.to_dict()))
    return pd.concat(found, ignore_index=True)


@pytest.fixture(scope="module")
def exported(family: str, task: Task, fit: Any, targets: dict[Task, Target]) -> Any:
    """A fitted model, its session, and the family's limit."""
    rows = training_rows(1500)
    labels = labels_of(rows, task)
    model = fit(family, COLUMNS, rows, labels, 1000, task)
    variance = float(labels.var()) if task == "regression" else 1.0
    return model, open_session(to_onnx(model, targets[task])), LIMITS[family], variance


def check(exported: Any, rows: pd.DataFrame) -> None:
    model, session, limit, variance = exported
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, to_tensors(rows, COLUMNS)), strict=True))
    figures = compare(model.task, model.answers(rows), from_outputs(outputs), limit, variance)
    assert figures["rows_compared"] == len(rows)
    assert figures["agrees"], figures
    if model.task == "regression" and limit == LIMITS["random_forest"]:
        np.testing.assert_array_equal(from_outputs(outputs), model.answers(rows))


def test_every_row_at_every_threshold_is_answered_alike(exported: Any) -> None:
    rows = rows_at_thresholds(exported[0], training_rows(500))
    of_trees = isinstance(exported[0].pipeline.named_steps["estimate"], (*FORESTS, *BOOSTERS))
    assert len(rows) > (1500 if of_trees else 499)
    check(exported, rows)


numbers = st.floats(allow_nan=False) | st.sampled_from(
    [0.0, -0.0, 5e-324, 1e-45, -1e-45, 1.2e-38, np.inf, -np.inf, 1e39, 3.4e38, 1000.0, 2 / 7]
)
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(2**24 - 2, 2**24 + 32)


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            numbers | st.just(np.nan),
            numbers,
            numbers,
            integers,
            st.none() | integers,
            st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_anything_a_column_can_hold_is_answered_alike(exported: Any, rows: list[Any]) -> None:
    dtypes: list[Any] = ["float64", "float64", "float64", "int64", "Int64", "str"]
    columns = {
        name: pd.array([row[i] for row in rows], dtype=dtypes[i]) for i, name in enumerate(COLUMNS)
    }
    with np.errstate(over="ignore", invalid="ignore"):
        check(exported, pd.DataFrame(columns))
