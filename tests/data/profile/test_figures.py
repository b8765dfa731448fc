"""The figures of one series, read off its summary, against those of its rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.profile import tally as profile_tally
from mlops_assets.data.profile.figures import describe_series, quantile
from mlops_assets.data.profile.insights import OTHER
from mlops_assets.data.profile.summary import profile
from mlops_assets.use_case import UseCase

COLUMNS: dict[str, Any] = {
    "city": {"type": "string"},
    "weight": {"type": "number", "nullable": True},
}


@pytest.fixture(scope="module")
def use_case(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(columns=COLUMNS, training={"first_batches": 1, "split": {}})


def batch(rows: int = 400, **changes: Any) -> pd.DataFrame:
    """A batch of no interest; keyword arguments replace columns."""
    late = np.arange(rows) % 5 < 2
    return pd.DataFrame({"city": "Ghent", "weight": np.arange(rows) / 10, "late": late} | changes)


def figures(rows: pd.DataFrame, use_case: UseCase, name: str) -> dict[str, Any]:
    return describe_series(name, profile(rows, use_case)["series"][name], use_case)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0, 1))
def test_the_quantile_is_numpys_inverted_distribution(values: list[float], share: float) -> None:
    distinct, rows = np.unique(values, return_counts=True)
    found = quantile(distinct, rows, share)
    assert found in values
    # The share of rows up to it is enough, and without it is not.
    assert (np.array(values) <= found).sum() >= share * len(values)
    assert (np.array(values) < found).sum() < max(share * len(values), 1e-300)


def test_figures_of_a_number_are_those_of_its_rows(use_case: UseCase) -> None:
    values = np.append(np.random.default_rng(3).normal(50, 10, 399).round(2), 999.0)
    one = figures(batch(weight=values), use_case, "weight")
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), method="inverted_cdf")
    assert (one["minimum"], one["maximum"]) == (values.min(), 999.0)
    assert one["quartiles"] == [low, middle, high]
    reach = 1.5 * (high - low)
    assert one["outliers"] == ((values < low - reach) | (values > high + reach)).sum() > 0
    assert sum(b["rows"] for b in one["bins"]) == 400
    assert one["distinct"] == len(np.unique(values)) and one["distinct_is_exact"]


def test_beyond_the_kept_values_figures_hold_to_three_digits(
    use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_tally, "KEPT", 500)
    values = np.random.default_rng(4).lognormal(3, 1, 6_000)
    one = figures(batch(6_000, weight=values), use_case, "weight")
    assert one["quartiles"] == pytest.approx(np.quantile(values, (0.25, 0.5, 0.75)), rel=0.01)
    assert one["distinct"] == pytest.approx(6_000, rel=0.15)
    assert not one["distinct_is_exact"]
    low, high = one["fences"]
    assert one["outliers"] == pytest.approx(((values < low) | (values > high)).sum(), rel=0.05)
    assert sum(b["rows"] for b in one["bins"]) == 6_000


@settings(max_examples=40)
@given(st.lists(st.floats(-3e38, 3e38), min_size=0, max_size=8))
def test_any_numbers_have_figures(use_case: UseCase, values: list[float]) -> None:
    one = figures(batch(len(values), weight=values), use_case, "weight")
    assert sum(b["rows"] for b in one["bins"]) == len(values)
    json_bytes(one)


def test_label_rates_are_by_level_with_wilsons_interval(use_case: UseCase) -> None:
    city = np.repeat(["Ghent", "Lille"], 50)
    late = pd.array([*[True] * 10, *[False] * 30, *[None] * 10, *[False] * 50], "boolean")
    bins = figures(batch(100, city=city, late=late), use_case, "city")["bins"]
    ghent, lille = sorted(bins, key=lambda b: b["label"])
    assert (ghent["rows"], ghent["labelled"], ghent["positives"]) == (50, 40, 10)
    # R: prop.test(10, 40, correct = FALSE)$conf.int
    assert [ghent["low"], ghent["high"]] == pytest.approx([0.1419, 0.4019], abs=2e-4)
    assert (lille["low"], lille["positive_share"]) == (0.0, 0.0)


def test_many_levels_are_pooled_behind_the_commonest(use_case: UseCase) -> None:
    city = [f"c{i % 80}" if i > 50 else "most" for i in range(800)]
    bins = figures(batch(800, city=city), use_case, "city")["bins"]
    assert bins[0]["label"] == "most" and bins[-1]["label"] == OTHER
    assert sum(b["rows"] for b in bins) == 800
