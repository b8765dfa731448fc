"""Targets of several classes and of numbers: guessed, written down, and tried out on real data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine

from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.features import build_features
from mlops_assets.scaffolding.sample_trial import Finders, leaks
from mlops_assets.scaffolding.target_guess import guess_target
from mlops_assets.use_case import UseCase

Scaffold = Callable[..., tuple[str, UseCase]]


def guess(values: list[Any]) -> Any:
    return guess_target("y", pa.chunked_array([pa.array(values)]))


@pytest.mark.parametrize(
    ("values", "type_", "classes"),
    [
        (["b", "a", " c "] * 30, "string", ("a", "b", "c")),
        ([3, 1, 2, None] * 30, "integer", (1, 2, 3)),
        ([2.0, 0.0, 1.0] * 30, "integer", (0, 1, 2)),
        (["10", "9", "0"] * 30, "integer", (0, 9, 10)),
        (["01", "02", "03"] * 30, "string", ("01", "02", "03")),
        (["true", "false", "maybe"] * 30, "string", ("false", "maybe", "true")),
        ([*["0", "1", "2"] * 30, "?"], "integer", (0, 1, 2)),
        (["none", "mild", "severe"] * 30, "string", ("mild", "none", "severe")),
        (list(range(20)) * 30, "integer", tuple(range(20))),
        ([f"k{n:02d}" for n in range(50)] * 30, "string", tuple(f"k{n:02d}" for n in range(50))),
    ],
)
def test_several_classes(values: list[Any], type_: str, classes: tuple[Any, ...]) -> None:
    found = guess(values)

    assert (found.task, found.type, found.classes) == ("multiclass", type_, classes)
    assert found.declared.class_names == tuple(map(str, classes))
    assert ("TODO" in found.why_task) == (type_ == "integer")


@pytest.mark.parametrize(
    ("values", "type_", "why"),
    [
        (list(range(21)) * 5, "integer", "21 distinct numbers from 0 to 20 in 105 rows"),
        ([0.5, 1.5, 2.5], "number", "3 distinct numbers from 0.5 to 2.5 in 3 rows"),
        ([float(n) for n in range(50)], "number", "50 distinct numbers from 0 to 49 in 50 rows"),
        ([str(n / 4) for n in range(99)], "number", "99 distinct numbers from 0 to 24.5"),
        ([str(n) for n in range(99)], "integer", "99 distinct numbers from 0 to 98 in 99 rows"),
        ([*np.arange(99.5), None], "number", "in 100 rows; not known in 1 more"),
        ([*np.arange(99.5), float("inf")], "number", "infinite in 1: these go to the quarantine"),
    ],
)
def test_numbers(values: list[Any], type_: str, why: str) -> None:
    found = guess(values)

    assert (found.task, found.type, found.classes) == ("regression", type_, ())
    assert why in found.why
    assert found.declared.task == "regression"


@settings(max_examples=20)
@given(st.permutations(["a", "b", "c"] * 8), st.permutations([*range(24)]))
def test_the_order_of_rows_does_not_decide(words: list[str], numbers: list[int]) -> None:
    assert guess(words) == guess(sorted(words))
    assert guess(numbers) == guess(sorted(numbers))


def test_too_few_rows_of_a_class_are_told() -> None:
    assert "ONLY 7 of the rarest class" in guess(["a"] * 50 + ["b"] * 50 + ["c"] * 7).why


@pytest.mark.parametrize(
    ("load", "task", "classes"),
    [
        (load_iris, "multiclass", ("0", "1", "2")),
        (load_wine, "multiclass", ("0", "1", "2")),
        (load_digits, "multiclass", ("0", "1", "2", "3")),
        (load_diabetes, "regression", ()),
    ],
)
def test_known_sets_become_use_cases_whose_window_can_be_learned_from(
    load: Callable[..., Any], task: str, classes: tuple[str, ...], scaffold: Scaffold
) -> None:
    frame = load(as_frame=True, **({"n_class": 4} if load is load_digits else {})).frame
    text, use_case = scaffold(frame, "target")

    assert (use_case.target.task, use_case.target.class_names) == (task, classes)
    assert f"    task: {task}  # " in text
    assert use_case.leaks == () and len(use_case.inputs) >= 4
    cleaned = clean(pa.Table.from_pandas(frame, preserve_index=False), use_case, "only")
    assert cleaned.counts["quarantined"] == 0
    assert len(build_features({"only": cleaned.rows.to_pandas()}, use_case)) == len(frame)


def test_the_delay_of_flights_is_a_number_and_its_leaks_are_found(
    scaffold: Scaffold, project: Path, nothing: Finders
) -> None:
    month = pq.read_table(project / "mlops_assets/defs/flight_delays/data/2013-02.parquet")
    finders = Finders(nothing.personal_data, nothing.identifiers, leaks)
    text, use_case = scaffold({"2013-02": month}, "arrival_delay", finders)

    assert (use_case.target.task, use_case.target.type) == ("regression", "integer")
    assert set(use_case.leaks) == {"departure_delay", "air_time", "late"}
    assert use_case.training.split.time_column == "scheduled_departure"
    assert "    type: integer  # " in text and " distinct numbers from -" in text
    assert "unit: ''  # TODO: what the number counts" in text


@pytest.mark.parametrize(
    "classes", [["a: b #c", "{x}", "- z"], ["1e3x", "~", "é"], ["1", "x", "2"]]
)
def test_classes_are_read_as_they_were_written(scaffold: Scaffold, classes: list[str]) -> None:
    rows = pa.table({"x": np.arange(120) % 7, "y": classes * 40})
    _, use_case = scaffold(rows, "y")

    cleaned = clean(rows, use_case, "b")

    assert use_case.target.classes == tuple(sorted(classes))
    assert cleaned.rows.column("y").to_pylist() == classes * 40


def test_a_leak_of_a_class_is_no_input(scaffold: Scaffold, nothing: Finders) -> None:
    finders = Finders(nothing.personal_data, nothing.identifiers, leaks)
    rng = np.random.default_rng(2)
    words = rng.choice(["low", "middle", "high"], 600)
    rows = pa.table({"x": rng.normal(size=600), "is_high": words == "high", "y": words})
    text, use_case = scaffold(rows, "y", finders)

    assert use_case.leaks == ("is_high",)
    assert "description: the class in y  # TODO: what the classes mean" in text


def test_the_first_training_waits_for_every_class(scaffold: Scaffold) -> None:
    rng = np.random.default_rng(3)

    def batch(words: list[str]) -> pa.Table:
        return pa.table({"x": rng.normal(size=400), "y": rng.choice(words, 400)})

    two, three = ["a", "b"], ["a", "b", "c"]
    batches = {str(n): batch(words) for n, words in enumerate([two, two, two, three, three])}
    _, use_case = scaffold(batches, "y")

    assert use_case.training.first_batches == 4
