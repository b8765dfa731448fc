"""Golden rows are nobody's, ask about everything that is hard, and come out the same every time."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlops_assets.answers import DecisionRule
from mlops_assets.column_declaration import Column
from mlops_assets.content_hash import json_bytes
from mlops_assets.export.tensors import to_tensors
from mlops_assets.release.golden import (
    EIGHT_BIT_TOLERANCE,
    FLOAT_TOLERANCE,
    golden_file,
    golden_rows,
)
from mlops_assets.release.golden_values import UNKNOWN_TEXTS, hostile_values
from mlops_assets.serving.protocol import read_columns

COLUMNS = {
    "city": Column(type="string", nullable=True),
    "size": Column(type="string", values=("large", "small")),
    "customer": Column(type="string", personal="pseudonymise"),
    "amount": Column(type="number", nullable=True),
    "share": Column(type="number", minimum=0, maximum=1),
    "never": Column(type="number", nullable=True),
    "parcels": Column(type="integer", minimum=0, maximum=100),
    "huge": Column(type="integer", minimum=-(2**63), maximum=2**63 - 1),
    "age": Column(type="integer", nullable=True),
    "code": Column(type="integer", categorical=True),
    "maybe": Column(type="integer", categorical=True, nullable=True),
    "fragile": Column(type="boolean"),
    "consent": Column(type="boolean", nullable=True),
    "due": Column(type="timestamp"),
}


def calibration(rows: int = 500, seed: int = 0) -> pd.DataFrame:
    """Rows with a rare city, a rare code, and one customer a few rows."""
    rng = np.random.default_rng(seed)
    cities = rng.choice(["Ghent", "Lille", "Metz"], rows).astype(object)
    cities[:4] = "Smallville"
    codes = rng.choice([1, 2, 3], rows)
    codes[:4] = 4711

    def missing(values: Any, dtype: str) -> pd.Series:
        return pd.Series(values).astype(dtype).mask(rng.random(rows) < 0.2)

    return pd.DataFrame(
        {
            "city": missing(cities, "str"),
            "size": rng.choice(["large", "small"], rows),
            "customer": [f"c{i // 10}" for i in range(rows)],
            "amount": missing(np.exp(rng.normal(0, 3, rows)), "float64"),
            "share": rng.random(rows),
            "never": np.full(rows, np.nan),
            "parcels": rng.integers(0, 100, rows),
            "huge": rng.integers(-(2**62), 2**62, rows),
            "age": missing(rng.integers(18, 99, rows), "Int64"),
            "code": codes,
            "maybe": missing(rng.choice([5, 6], rows), "Int64"),
            "fragile": rng.random(rows) < 0.5,
            "consent": missing(rng.random(rows) < 0.5, "boolean"),
            "due": pd.Series(rng.integers(10**15, 2 * 10**15, rows)).astype("datetime64[us]"),
        }
    )


def listed(tensors: dict[str, NDArray[Any]]) -> list[tuple[Any, ...]]:
    columns = [[repr(value) for value in tensor[:, 0].tolist()] for tensor in tensors.values()]
    return [*zip(*columns, strict=True)]


def test_shapes_and_types_are_those_of_the_model() -> None:
    real, made = to_tensors(calibration(), COLUMNS), golden_rows(calibration(), COLUMNS, seed=3)
    assert [*made] == [*COLUMNS]
    for name, tensor in made.items():
        assert tensor.shape == (64, 1)
        assert tensor.dtype == real[name].dtype


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_row_is_real_and_none_comes_twice(seed: int) -> None:
    narrow = {name: COLUMNS[name] for name in ("city", "size", "fragile", "code")}
    for columns in (COLUMNS, narrow):
        made = listed(golden_rows(calibration(), columns, seed))
        assert not {*made} & {*listed(to_tensors(calibration(), columns))}
        assert len({*made}) == len(made) > 16


def test_columns_are_drawn_independently() -> None:
    frame = calibration()
    frame["amount"] = np.where(frame["city"] == "Ghent", 1000.0, -1000.0)
    made = golden_rows(frame, COLUMNS, seed=0, rows=512)
    usual = made["city"][:256, 0] == "Ghent"
    high = made["amount"][:256, 0] > 0
    assert 0.35 < high[usual].mean() < 0.65 and 0.35 < high[~usual].mean() < 0.65


def test_only_what_many_rows_share_travels() -> None:
    made = golden_rows(calibration(), COLUMNS, seed=1, rows=512)
    assert {*made["city"][:, 0]} == {"Ghent", "Lille", "Metz", "", *UNKNOWN_TEXTS}
    assert {*made["size"][:, 0]} == {"large", "small", "", *UNKNOWN_TEXTS}
    assert {*made["customer"][:, 0]} == {"", *UNKNOWN_TEXTS}
    assert 4711 not in made["code"]
    frame = calibration()
    for name in ("amount", "due"):
        extremes = to_tensors(frame[[name]].dropna().agg(["min", "max"]), {name: COLUMNS[name]})
        assert not np.isin(extremes[name], made[name]).any()


def test_every_hostile_value_is_asked_about() -> None:
    made = golden_rows(calibration(), COLUMNS, seed=2)
    for name, column in COLUMNS.items():
        hostile = hostile_values(calibration()[name], column)
        wanted = {repr(value) for value in hostile.tolist()}
        assert wanted <= {repr(value) for value in made[name][:, 0].tolist()}, name
    assert np.isnan(made["amount"]).any() and np.isnan(made["consent"]).any()
    assert {0, 100, -1, -100, 200, 2**24 + 1} <= {*made["parcels"][:, 0].tolist()}
    assert {True, False} == {*made["fragile"][:, 0].tolist()}
    assert (made["due"] < 0).any()


def test_the_first_half_is_ordinary() -> None:
    made = golden_rows(calibration(), COLUMNS, seed=2)
    assert {*made["city"][:32, 0]} <= {"Ghent", "Lille", "Metz"}
    assert ((made["parcels"][:32] >= 0) & (made["parcels"][:32] <= 100)).all()
    assert np.isfinite(made["amount"][:32]).all()


def test_same_seed_same_bytes() -> None:
    first, again, other = (golden_rows(calibration(), COLUMNS, seed) for seed in (5, 5, 6))
    outputs = {"model.onnx": answers_of(first)}
    assert json_bytes(golden_file(first, outputs)) == json_bytes(golden_file(again, outputs))
    assert listed(first) != listed(other)
    shuffled = calibration().sample(frac=1, random_state=1)
    assert listed(golden_rows(shuffled, COLUMNS, 5)) == listed(first)


def test_where_every_combination_is_real_they_are_what_there_is() -> None:
    columns = {name: COLUMNS[name] for name in ("fragile",)}
    assert sorted(listed(golden_rows(calibration(), columns, 0))) == [("False",), ("True",)]


def test_an_empty_calibration_split_still_has_golden_rows() -> None:
    assert len(golden_rows(calibration().iloc[:0], COLUMNS, 0)["city"]) == 64


def answers_of(rows: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    count = len(next(iter(rows.values())))
    positive = np.linspace(0.01, 0.99, count, dtype=np.float32)
    return {
        "label": (positive >= 0.5).astype(np.int64),
        "probabilities": np.stack([1 - positive, positive], axis=1),
    }


def test_the_file_is_a_request_and_what_is_expected() -> None:
    rows = golden_rows(calibration(), COLUMNS, 0)
    answers = answers_of(rows)
    answers["probabilities"][7] = [0.5002, 0.4998]
    made = golden_file(rows, {"model.onnx": answers, "quantized.onnx": answers_of(rows)})
    parsed = json.loads(json_bytes(made))
    kept = np.arange(64) != 7
    for name, tensor in read_columns(parsed["request"]).items():
        np.testing.assert_array_equal(tensor, rows[name][kept])
    for file, tolerance in (
        ("model.onnx", FLOAT_TOLERANCE),
        ("quantized.onnx", EIGHT_BIT_TOLERANCE),
    ):
        response = parsed["responses"][file]
        assert [output["shape"] for output in response["outputs"]] == [[63], [63, 2]]
        assert response["tolerances"]["probabilities"] == {"absolute": tolerance, "relative": 0.0}


def test_the_tolerance_of_numbers_is_not_led_by_hostile_answers() -> None:
    rows = golden_rows(calibration(), COLUMNS, 0)
    prediction = np.linspace(0, 100, 64, dtype=np.float32)
    prediction[-1] = 1e30
    interval = np.stack([prediction - 1, prediction + 1], axis=1)
    answers = {"prediction": prediction, "interval": interval}
    made = golden_file(rows, {"model.onnx": answers})["responses"]["model.onnx"]
    assert made["tolerances"]["prediction"]["absolute"] == pytest.approx(50 * FLOAT_TOLERANCE)


def test_an_answer_that_is_no_number_is_no_golden_answer() -> None:
    rows = golden_rows(calibration(), COLUMNS, 0)
    for value in (np.nan, np.inf):
        answers = answers_of(rows)
        answers["probabilities"][3, 1] = value
        with pytest.raises(ValueError, match=r"model\.onnx .* probabilities that is no number"):
            golden_file(rows, {"model.onnx": answers})


def test_without_a_clear_answer_there_is_no_file() -> None:
    rows = golden_rows(calibration(), COLUMNS, 0)
    answers = answers_of(rows)
    answers["probabilities"][:] = 0.5
    with pytest.raises(ValueError, match="no golden row is left"):
        golden_file(rows, {"model.onnx": answers})


def test_rows_near_the_threshold_of_their_group_are_left_out() -> None:
    rows = golden_rows(calibration(), COLUMNS, 0)
    city = rows["city"][:, 0]
    named = next(value for value in city if value)
    answers = answers_of(rows)
    near = np.where(city == named, np.float32(0.252), np.float32(0.498))
    answers["probabilities"] = np.stack([1 - near, near], axis=1)
    answers["probabilities"][3] = [0.01, 0.99]
    rule = DecisionRule(0.5, None, "city", ((named, 0.25),))

    made = golden_file(rows, {"model.onnx": answers}, rule)

    assert len(made["request"]["inputs"][0]["data"]) == 1
    other = DecisionRule(0.9, None, "city", ((named, 0.9),))
    every = golden_file(rows, {"model.onnx": answers}, other)
    assert len(every["request"]["inputs"][0]["data"]) == 64


def test_of_several_classes_a_row_is_clear_by_what_decisions_cost() -> None:
    rows = golden_rows(calibration(), COLUMNS, 0)
    chances = np.tile(np.float32([0.2, 0.5, 0.3]), (64, 1))
    chances[:10] = [0.6, 0.398, 0.002]
    answers = {"label": np.ones(64, np.int64), "probabilities": chances}
    # Of class 2 decided as 0, a hundred times the cost: 0.6 < 0.398 + 0.002 * 100 within its reach.
    rule = DecisionRule(costs=((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (100.0, 1.0, 0.0)))

    plain = golden_file(rows, {"model.onnx": answers})
    by_cost = golden_file(rows, {"model.onnx": answers}, rule)

    counts = [len(made["request"]["inputs"][0]["data"]) for made in (plain, by_cost)]
    assert counts == [64, 54]
