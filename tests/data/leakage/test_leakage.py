"""Leakage tests: each planted leak is found, real leaks without being told, honest data passes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from planted_leaks import SEEDS, honest_rows, labels_of, verdicts
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from mlops_assets.data.leakage.column_power import MIN_PER_CLASS
from mlops_assets.data.leakage.leakage import (
    find_leaks,
    judge_columns,
    predicts_too_well,
)


def read(project: Path, use_case: str, batch: str) -> pd.DataFrame:
    return pd.read_parquet(project / f"mlops_assets/defs/{use_case}/data/{batch}.parquet")


@pytest.mark.parametrize("batch", ["2013-01", "2013-04", "2013-11"])
def test_the_three_leaks_of_the_flights_are_found_and_nothing_else(
    project: Path, batch: str
) -> None:
    rows = read(project, "flight_delays", batch)

    found = judge_columns(rows.drop(columns="late"), rows["late"], seed=0)

    leaks = {"departure_delay", "air_time", "arrival_delay"}
    assert {f.column for f in found if f.verdict == "leak"} == leaks
    assert {f.column for f in found if f.verdict != "ok"} == leaks
    assert find_leaks(rows.drop(columns="late"), rows["late"], seed=0) == tuple(
        f for f in found if f.verdict == "leak"
    )


def test_among_labelled_flights_the_delays_are_seen_by_their_power(project: Path) -> None:
    rows = read(project, "flight_delays", "2013-01").dropna(subset="late")

    found = judge_columns(rows.drop(columns="late"), rows["late"], seed=0)

    assert verdicts(found) == {
        ("predicts_too_well", "arrival_delay"): "leak",
        ("predicts_too_well", "departure_delay"): "suspicious",
    }


def test_nothing_is_found_in_the_employment_data(project: Path) -> None:
    rows = read(project, "employment", "2015")

    assert verdicts(judge_columns(rows.drop(columns="employed"), rows["employed"], seed=0)) == {}


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_iris])
@pytest.mark.parametrize("positive", [0, 1])
def test_strong_but_honest_measurements_warn_and_do_not_block(
    load: Callable[..., Any], positive: int
) -> None:
    data = load(as_frame=True)

    found = judge_columns(data.data, data.target == positive, seed=0)

    assert "leak" not in verdicts(found).values()
    strongest = max(found, key=lambda f: f.number or 0.0)
    expected = "suspicious" if (strongest.number or 0.0) >= 0.95 else "ok"
    assert strongest.verdict == expected


@settings(max_examples=40)
@given(seed=SEEDS, rows=st.integers(100, 800), share=st.floats(0.25, 0.75))
def test_nothing_is_found_in_random_data(seed: int, rows: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    target = pd.Series(labels_of(rows, share, rng)).astype(object)
    target[rng.random(rows) < 0.2] = None
    if target.value_counts().min() < MIN_PER_CLASS:
        return

    assert verdicts(judge_columns(honest_rows(rows, rng), target, seed=seed)) == {}


@settings(max_examples=20)
@given(seed=SEEDS, copies=st.integers(1, 3))
def test_copies_of_a_leak_do_not_hide_each_other(seed: int, copies: int) -> None:
    rng = np.random.default_rng(seed)
    labels = labels_of(500, 0.3, rng)
    rows = honest_rows(500, rng)
    for number in range(copies):
        rows[f"cost{number}"] = 100.0 * labels + rng.normal(size=500)

    found = find_leaks(rows, pd.Series(labels), seed=seed)

    assert {f.column for f in found if f.name == "predicts_too_well"} == {
        f"cost{number}" for number in range(copies)
    }


@settings(max_examples=15)
@given(seed=SEEDS, sign=st.sampled_from([1.0, -1.0]), names=st.permutations(list("abcdefgh")))
def test_names_order_and_direction_do_not_change_a_verdict(
    seed: int, sign: float, names: list[str]
) -> None:
    rng = np.random.default_rng(seed)
    labels = labels_of(400, 0.4, rng)
    rows = honest_rows(400, rng).assign(cost=50.0 * labels + rng.normal(size=400))
    renamed = rows.assign(cost=sign * rows["cost"]).set_axis(names, axis=1)
    drawn = rng.permutation(400)

    first = find_leaks(rows, pd.Series(labels), seed=1)
    second = find_leaks(renamed.iloc[drawn], pd.Series(labels[drawn]), seed=2)

    back = dict(zip(names, rows.columns, strict=True))
    assert [f.column for f in first] == ["cost"]
    assert [(f.name, back[str(f.column)]) for f in second] == [(f.name, f.column) for f in first]


def informed(labels: NDArray[np.int64], auc: float, rng: np.random.Generator) -> Any:
    """Normal numbers of two classes that a ROC AUC of ``auc`` lies between."""
    return rng.normal(size=len(labels)) + np.sqrt(2.0) * norm.ppf(auc) * labels


@pytest.mark.parametrize(("helpers", "expected"), [(4, None), (0, "suspicious")])
def test_a_strong_column_is_suspicious_only_far_above_the_others_together(
    helpers: int, expected: str | None
) -> None:
    rng = np.random.default_rng(11)
    labels = labels_of(4000, 0.5, rng)
    rows = pd.DataFrame({"strong": informed(labels, 0.9, rng), "noise": rng.normal(size=4000)})
    for number in range(helpers):
        rows[f"helper{number}"] = informed(labels, 0.72, rng)

    found = verdicts(predicts_too_well(rows, labels, seed=0))

    assert found == ({("predicts_too_well", "strong"): expected} if expected else {})


@pytest.mark.parametrize(
    ("strong", "other", "alone", "beside"),
    [(0.9995, 0.97, "leak", "suspicious"), (0.88, 0.84, "suspicious", "ok")],
)
def test_a_known_leak_is_no_yardstick(strong: float, other: float, alone: str, beside: str) -> None:
    rng = np.random.default_rng(12)
    labels = labels_of(6000, 0.5, rng)
    columns = {"strong": informed(labels, strong, rng), "other": informed(labels, other, rng)}
    rows = pd.DataFrame(columns)

    for known, expected in ((("other",), alone), ((), beside)):
        found = predicts_too_well(rows, labels, seed=0, not_compared=known)
        assert found[0].verdict == expected


def test_targets_of_text_many_classes_and_numbers_are_judged_too() -> None:
    rng = np.random.default_rng(6)
    rows = honest_rows(900, rng)
    targets = {
        "words": pd.Series(np.where(rng.random(900) < 0.3, "yes", "no")),
        "classes": pd.Series(rng.choice(["red", "green", "blue"], 900, p=[0.5, 0.3, 0.2])),
        "codes": pd.Series(rng.choice([0, 1, 2], 900, p=[0.3, 0.2, 0.5])),
        "price": pd.Series(rng.gamma(2.0, 3.0, 900)),
    }

    for name, target in targets.items():
        found = judge_columns(rows.assign(copy=target), target, seed=0)
        assert {c for (_, c), v in verdicts(found).items() if v == "leak"} == {"copy"}, name


def test_nested_values_are_judged() -> None:
    rng = np.random.default_rng(7)
    labels = labels_of(300, 0.5, rng)
    tags = pd.Series([["late"] if label else [] for label in labels])

    assert find_leaks(pd.DataFrame({"tags": tags}), pd.Series(labels), seed=0)[0].column == "tags"
