"""Weak slices: a planted one is found, and noise is not called one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from evaluated import MakeUseCase
from numpy.typing import NDArray

from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.evaluation.weak_slices import weak_slices
from mlops_assets.evidence.metrics.groups import day_blocks
from mlops_assets.use_case import UseCase

ROWS = 3000
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def use_case(make_use_case: MakeUseCase) -> UseCase:
    return make_use_case()


def some_rows(seed: int, rows: int = ROWS) -> tuple[pd.DataFrame, Floats]:
    """Rows of the small use case, and losses that do not depend on any column."""
    rng = np.random.default_rng(seed)
    minutes = pd.to_timedelta(rng.integers(0, 28 * 1440, rows), unit="min")
    frame = pd.DataFrame(
        {
            "due": pd.Timestamp("2020-01-01") + minutes,
            "city": rng.choice(["Ghent", "Lille", "Metz", "Arras", "Liege"], rows),
            "size": rng.choice(["large", "small"], rows),
            "parcels": rng.integers(0, 100, rows),
            "weight": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2.0, 3.0, rows)),
            "fragile": rng.random(rows) < 0.3,
            "group": rng.integers(1, 3, rows),
        }
    )
    return frame, -np.log(rng.beta(4.0, 1.5, rows))


def test_a_planted_slice_of_eight_percent_is_found_and_described(use_case: UseCase) -> None:
    rows, losses = some_rows(1)
    planted = (rows["city"].isin(["Ghent", "Metz"]) & (rows["parcels"] < 20)).to_numpy()
    assert 0.07 < planted.mean() < 0.09
    found = weak_slices(rows, np.where(planted, 2.5 * losses, losses), use_case, seed=0)
    best = found.weak[0]
    assert {one["column"]: one["values"] for one in best.conditions} == {
        "city": ["Ghent", "Metz"],
        "parcels": None,
    }
    assert best.name.startswith("city ∈ {Ghent, Metz} ∧ parcels ≤ ")
    ratio = found.report["weak"][0]["loss_ratio"]
    assert 1.5 < ratio["low"] < ratio["value"] < ratio["high"] < 3.5
    json_bytes(found.report)


def test_rows_whose_value_is_missing_may_be_a_weak_slice(use_case: UseCase) -> None:
    rows, losses = some_rows(2)
    planted = rows["weight"].isna().to_numpy()
    found = weak_slices(rows, np.where(planted, 3.0 * losses, losses), use_case, seed=0)
    assert found.weak[0].name == "weight = ∅"


def test_noise_is_rarely_called_weak(use_case: UseCase) -> None:
    named = sum(bool(weak_slices(*some_rows(s, 2000), use_case, seed=s).weak) for s in range(20))
    assert named <= 3  # of 20, with a chance of at most 5% each: more in 2 of 100 such tests


def test_the_order_of_the_rows_does_not_matter(use_case: UseCase) -> None:
    rows, losses = some_rows(3, 2000)
    order = np.random.default_rng(0).permutation(2000)
    losses = np.where(rows["fragile"], 2.0 * losses, losses)
    one = weak_slices(rows, losses, use_case, seed=5)
    other = weak_slices(rows.iloc[order].reset_index(drop=True), losses[order], use_case, seed=5)
    assert one.weak and json_bytes(one.report) == json_bytes(other.report)


def test_a_bad_day_is_no_weak_slice_of_the_inputs(use_case: UseCase) -> None:
    """One day has a loss of its own, in rows of one city: chance of days, not of rows."""
    rows, losses = some_rows(4)
    blocks: Any = day_blocks(rows, use_case)
    assert blocks is not None and blocks.max() == 27
    bad = (blocks == 3) & (rows["city"] == "Ghent").to_numpy()
    found = weak_slices(rows, np.where(bad, losses + 20.0, losses), use_case, seed=0, blocks=blocks)
    assert not any("city" in one.name for one in found.weak)


def test_too_few_rows_are_not_searched(use_case: UseCase) -> None:
    rows, losses = some_rows(5, 400)
    found = weak_slices(rows, losses, use_case, seed=0)
    assert (found.weak, found.tested, found.report["enough"]) == ((), 0, False)
