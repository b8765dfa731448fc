"""How well one column alone ranks the labels: as the ROC AUC does, and never by chance."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_leaks import SEEDS, honest_rows, labels_of, verdicts
from sklearn.metrics import roc_auc_score

from mlops_assets.data.leakage.column_power import MIN_PER_CLASS, single_column_power
from mlops_assets.data.leakage.leakage import (
    predicts_too_well,
)


@pytest.mark.parametrize("share", [0.2, 0.5])
@pytest.mark.parametrize("agreement", [0.6, 0.85, 1.0])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_power_of_a_binary_column_is_its_roc_auc(
    share: float, agreement: float, flipped: bool
) -> None:
    # Positives and negatives divide evenly over the folds, so that the folds' mean is exact.
    labels = np.repeat([1, 0], [int(1000 * share), int(1000 * (1 - share))]).astype(np.int64)
    agrees = np.concatenate(
        [np.arange(n) < agreement * n for n in (1000 * share, 1000 * (1 - share))]
    )
    column = np.where(agrees, labels, 1 - labels)

    power = single_column_power(pd.Series(1 - column if flipped else column), labels, seed=3)

    assert power == pytest.approx(roc_auc_score(labels, column), abs=1e-12)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_the_power_of_a_number_is_close_to_its_roc_auc_in_either_direction(
    direction: float,
) -> None:
    rng = np.random.default_rng(1)
    labels = labels_of(8000, 0.3, rng)
    numbers = rng.normal(size=8000) + 1.5 * labels

    power = single_column_power(pd.Series(direction * numbers), labels, seed=0)

    assert power == pytest.approx(roc_auc_score(labels, numbers), abs=0.01)


def test_a_power_without_order_is_seen() -> None:
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=4000)
    labels = (np.abs(numbers) > 1.0).astype(np.int64)

    power = single_column_power(pd.Series(numbers), labels, seed=0)

    assert power is not None and power > 0.99
    assert roc_auc_score(labels, numbers) == pytest.approx(0.5, abs=0.05)


def test_missing_is_a_level_of_its_own_in_every_type() -> None:
    rng = np.random.default_rng(3)
    labels = labels_of(1000, 0.4, rng)
    gone = labels == 1
    columns = honest_rows(1000, rng)[["size", "city", "due"]]
    columns["parcels"] = pd.array(rng.integers(0, 9, 1000), "Int64")
    columns["fragile"] = pd.array(rng.random(1000) < 0.5, "boolean")

    for name in columns:
        assert single_column_power(columns[name].mask(gone), labels, seed=0) == 1.0, name


@pytest.mark.parametrize("unit", ["hour", "day_of_week"])
def test_a_calendar_part_counts_as_the_timestamp(unit: str) -> None:
    rng = np.random.default_rng(4)
    times = honest_rows(3000, rng)["due"]
    early = getattr(times.dt, unit) < (12 if unit == "hour" else 3)

    power = single_column_power(times, early.to_numpy().astype(np.int64), seed=0)

    assert power is not None and power > 0.999


@settings(max_examples=30)
@given(seed=SEEDS, rows=st.integers(60, 600))
def test_noise_has_no_power_however_many_levels_it_has(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    labels = labels_of(rows, 0.5, rng)
    names = pd.Series([f"n{number}" for number in rng.permutation(rows)])

    power = single_column_power(names, labels, seed=seed)

    assert power == pytest.approx(0.5, abs=1e-12)


def test_what_ranks_the_held_rows_wrongly_is_chance_and_no_leak_turned_round() -> None:
    # Each value is there twice, once in either class: the one misleads about the other.
    labels = np.tile([0, 1], 100).astype(np.int64)
    twins = pd.Series([f"pair {number // 2}" for number in range(200)])

    assert single_column_power(twins, labels, seed=0) == 0.5


@pytest.mark.parametrize("positives", [0, MIN_PER_CLASS - 1])
def test_too_few_rows_of_a_class_are_not_judged(positives: int) -> None:
    labels = (np.arange(500) < positives).astype(np.int64)

    assert single_column_power(pd.Series(np.arange(500)), labels, seed=0) is None
    found = predicts_too_well(pd.DataFrame({"size": np.arange(500)}), labels, seed=0)
    assert verdicts(found) == {("predicts_too_well", "size"): "unknown"}


@pytest.mark.parametrize("value", [1, None, "one"])
def test_a_constant_has_no_power(value: Any) -> None:
    labels = labels_of(200, 0.5, np.random.default_rng(0))

    assert single_column_power(pd.Series([value] * 200), labels, seed=0) is None


def test_infinite_numbers_and_large_classes_are_ranked() -> None:
    rng = np.random.default_rng(5)
    labels = labels_of(40_000, 0.5, rng)
    numbers = pd.Series(np.where(labels == 1, np.inf, rng.normal(size=40_000)))

    assert single_column_power(numbers, labels, seed=0) == 1.0
