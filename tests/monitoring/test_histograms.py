"""Bins that fit what they were made from, and counts that add up."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.column_declaration import Column
from mlops_assets.content_hash import json_bytes
from mlops_assets.monitoring.histograms import (
    MISSING,
    OTHER,
    count,
    merge,
    summarise,
)
from mlops_assets.training.encoding import calendar_part

COLUMNS = {
    "number": Column(type="number", nullable=True),
    "whole": Column(type="integer", nullable=True),
    "word": Column(type="string", nullable=True),
    "code": Column(type="integer", categorical=True),
    "flag": Column(type="boolean", nullable=True),
    "moment": Column(type="timestamp", nullable=True, role="leak"),
}


def frame(rows: int, seed: int) -> pd.DataFrame:
    """Rows with every kind of column, ties and missing values."""
    rng = np.random.default_rng(seed)
    holes = rng.random((4, rows)) < 0.1
    minutes = rng.integers(0, 60 * 24 * 400, rows)
    moments = pd.Series(np.datetime64("2013-01-01", "us") + minutes.astype("timedelta64[m]"))
    values = {
        "number": pd.Series(rng.choice([0.0, *rng.normal(size=7)], rows)).mask(holes[0]),
        "whole": pd.Series(rng.integers(-3, 60, rows), dtype="Int64").mask(holes[1]),
        "word": pd.Series(rng.choice(["a", "b", "c", "d"], rows), dtype="str").mask(holes[2]),
        "code": pd.Series(rng.integers(0, 9, rows).astype(np.int8)),
        "flag": pd.Series(rng.random(rows) < 0.3, dtype="boolean").mask(holes[3]),
        "moment": moments.mask(holes[0]),
    }
    return pd.DataFrame(values)


def binned(values: Any, column: Column, dtype: str | None = None) -> dict[str, Any]:
    """The one series of a reference that repeats ``values`` until every fifth row has seen all."""
    rows = pd.DataFrame({"x": pd.Series(np.tile(values, 5), dtype=dtype)})
    return dict(summarise(rows.sort_values("x", kind="stable"), {"x": column})["series"]["x"])


def counted(values: Any, series: dict[str, Any], dtype: str | None = None) -> dict[str, int]:
    rows = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    counts = count(rows, {"rows": 0, "series": {"x": series}})["x"]
    found = zip(series["bins"], counts.tolist(), strict=True)
    return {label: number for label, number in found if number}


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 300), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_counts_of_two_frames_add_up_to_the_counts_of_both(
    first: int, second: int, reference: int, seed: int
) -> None:
    summary = summarise(frame(reference, seed), COLUMNS)
    parts = frame(first, seed + 1), frame(second, seed + 2)
    together = count(pd.concat(parts, ignore_index=True), summary)
    merged = merge(*(count(part, summary) for part in parts))
    assert {n: c.tolist() for n, c in merged.items()} == {
        n: c.tolist() for n, c in together.items()
    }
    for name, counts in together.items():
        assert counts.dtype == np.int64
        assert counts.sum() == first + second
        assert len(counts) == len(summary["series"][name]["bins"])


def test_the_order_of_the_rows_does_not_matter_to_their_counts() -> None:
    summary, rows = summarise(frame(200, 0), COLUMNS), frame(300, 1)
    shuffled = rows.sample(frac=1.0, random_state=3)
    for name, counts in count(rows, summary).items():
        assert counts.tolist() == count(shuffled, summary)[name].tolist()


def test_a_summary_survives_json() -> None:
    summary, rows = summarise(frame(500, 0), COLUMNS), frame(300, 1)
    restored = json.loads(json_bytes(summary))
    assert restored == summary
    for name, counts in count(rows, summary).items():
        assert counts.tolist() == count(rows, restored)[name].tolist()


def test_four_rows_in_five_are_counted_and_the_fifth_chooses_the_bins() -> None:
    rows = pd.DataFrame({"x": pd.Series(["chosen", *["counted"] * 4] * 20, dtype="str")})
    summary = summarise(rows, {"x": Column(type="string")})
    assert summary["rows"] == 100
    assert summary["series"]["x"]["bins"] == ["chosen", OTHER, MISSING]
    assert summary["series"]["x"]["counts"] == [0, 80, 0]


def test_the_reference_is_counted_like_any_other_frame() -> None:
    rows = frame(400, 2)
    summary = summarise(rows, COLUMNS)
    rest = rows[np.arange(400) % 5 != 0]
    expected = {name: counts.tolist() for name, counts in count(rest, summary).items()}
    assert {name: s["counts"] for name, s in summary["series"].items()} == expected


@given(
    st.lists(st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.0]), max_size=200), st.booleans()
)
@settings(deadline=None, max_examples=100)
def test_numbers_get_at_most_twenty_bins_with_edges_and_labels_in_order(
    values: list[float], whole: bool
) -> None:
    column = Column(type="integer" if whole else "number")
    series = binned([float(round(v)) if whole else v for v in values], column, "float64")
    edges = series["edges"]
    assert len(edges) <= 19
    assert all(a < b for a, b in pairwise(edges))
    assert len(set(series["bins"])) == len(series["bins"]) == len(edges) + 2
    json_bytes(series)


def test_distinct_numbers_fall_into_twenty_equal_bins() -> None:
    series = binned(np.random.default_rng(0).normal(size=2000), Column(type="number"))
    assert len(series["bins"]) == 21
    assert max(series["counts"][:-1]) - min(series["counts"][:-1]) <= 8


def test_a_heavy_tie_gets_a_bin_of_its_own() -> None:
    rest = np.random.default_rng(0).normal(size=100)
    series = binned(np.concatenate([np.zeros(100), rest]), Column(type="number"))
    assert counted([0.0, -0.0, 1e-300, -1e-300], series)["0"] == 2
    assert sum(counted([1e-300], series).values()) == 1
    assert "over 0" in counted([1e-300], series)


def test_whole_numbers_of_a_heavy_tie_end_at_the_next_one() -> None:
    series = binned([1] * 30 + [2] * 30 + [3] * 30 + [7], Column(type="integer"))
    assert series["bins"] == ["under 1", "1", "2", "3", "over 3", MISSING]
    assert counted([0, 1, 2, 3, 4, 7], series) == {
        "under 1": 1,
        "1": 1,
        "2": 1,
        "3": 1,
        "over 3": 2,
    }


def test_a_value_on_an_edge_belongs_to_the_bin_that_starts_there() -> None:
    series = binned(np.arange(100.0), Column(type="number"))
    edge = series["edges"][3]
    assert counted([edge], series) == {f"from {edge:g}": 1}
    assert counted([np.nextafter(edge, -np.inf)], series) != {f"from {edge:g}": 1}


def test_what_the_reference_never_had_has_its_place() -> None:
    numbers = binned(np.arange(100.0), Column(type="number", nullable=True))
    beyond = counted([-np.inf, -1e9, 1e9, np.inf, np.nan], numbers)
    assert beyond == {numbers["bins"][0]: 2, numbers["bins"][-2]: 2, MISSING: 1}
    words = binned(["a", "a", "b"], Column(type="string"), "str")
    assert counted(["b", "z", None], words, "str") == {"b": 1, OTHER: 1, MISSING: 1}
    codes = binned([1, 2], Column(type="integer", categorical=True))
    assert counted([2, 3, pd.NA], codes, "Int64") == {"2": 1, OTHER: 1, MISSING: 1}
    flags = binned([True, False], Column(type="boolean"), "boolean")
    assert counted([True, True, False, pd.NA], flags, "boolean") == {
        "true": 2,
        "false": 1,
        MISSING: 1,
    }


def test_the_fifty_most_common_levels_are_kept_and_equals_stand_by_value() -> None:
    values = np.repeat(np.arange(60), np.where(np.arange(60) < 55, 2, 9))
    series = binned(values, Column(type="integer", categorical=True))
    assert series["levels"] == [*range(55, 60), *range(45)]
    assert counted([45, 59], series) == {OTHER: 1, "59": 1}


def test_a_timestamp_becomes_its_parts_as_the_model_sees_them() -> None:
    rows = frame(300, 4)
    present = rows.dropna(subset=["moment"])
    summary = summarise(rows, {"moment": COLUMNS["moment"]})
    found = count(rows, summary)
    hours = calendar_part("minute_of_day", present["moment"]) // 60
    days = calendar_part("day_of_week", present["moment"])
    missing = len(rows) - len(present)
    assert missing > 0
    assert found["moment.minute_of_day"].tolist() == [
        *np.bincount(hours.astype(int), minlength=24),
        missing,
    ]
    assert found["moment.day_of_week"].tolist() == [
        *np.bincount(days.astype(int), minlength=7),
        missing,
    ]
    assert {s["column"] for s in summary["series"].values()} == {"moment"}


def test_only_the_declared_parts_of_a_timestamp_are_watched() -> None:
    column = Column(type="timestamp", parts=("day_of_week",))
    summary = summarise(frame(20, 0)[["moment"]], {"moment": column})
    assert list(summary["series"]) == ["moment.day_of_week"]


def test_a_column_that_is_not_there_is_not_counted() -> None:
    summary, rows = summarise(frame(100, 0), COLUMNS), frame(50, 1)
    found = count(rows.drop(columns="word"), summary)
    assert set(found) == set(summary["series"]) - {"word"}
    assert set(merge(found, count(rows, summary))) == set(found)
    with pytest.raises(KeyError, match="word"):
        summarise(rows.drop(columns="word"), COLUMNS)
