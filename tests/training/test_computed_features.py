"""What each function of a declared feature computes, by hand and against the standard library."""

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mlops_assets.column_declaration import Column, Feature
from mlops_assets.training.computed_features import Crossing, compute, fit_feature
from mlops_assets.training.encoding import Form, RowEncoder
from mlops_assets.use_case import UseCase

COLUMNS = {
    "time": Column(type="timestamp"),
    "height": Column(type="number", nullable=True),
    "width": Column(type="number", nullable=True),
    "count": Column(type="integer", nullable=True),
    "city": Column(type="string", nullable=True),
    "code": Column(type="integer", categorical=True, nullable=True),
}


def _declare(**features: dict[str, Any]) -> dict[str, Feature]:
    return TypeAdapter(dict[str, Feature]).validate_python(features)


def _feature(function: str, **fields: Any) -> Feature:
    return _declare(one={"function": function, **fields})["one"]


def _computed(feature: Feature, rows: pd.DataFrame) -> list[Any]:
    fitted, _ = fit_feature(feature, rows)
    values: list[Any] = compute(fitted, rows).tolist()
    return values


def _numbers(**columns: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(values, "Float64") for name, values in columns.items()})


@given(
    st.lists(
        st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001
        min_size=1,
        max_size=20,
    )
)
def test_date_parts_are_those_of_the_calendar(times: list[datetime]) -> None:
    rows = pd.DataFrame({"time": pd.array(times, dtype="datetime64[us]")})
    expected: dict[str, Callable[[datetime], int]] = {
        "year": lambda t: t.year,
        "quarter": lambda t: (t.month - 1) // 3 + 1,
        "month": lambda t: t.month,
        "day_of_month": lambda t: t.day,
        "day_of_week": lambda t: t.weekday(),
        "hour": lambda t: t.hour,
        "minute_of_day": lambda t: t.hour * 60 + t.minute,
        "weekend": lambda t: int(t.weekday() >= 5),
    }
    for part, of in expected.items():
        feature = _feature("date_part", column="time", part=part)
        assert _computed(feature, rows) == [of(t) for t in times]


@pytest.mark.parametrize("day", ["1900-02-28", "2000-02-29", "1969-12-31", "2024-12-31"])
def test_the_day_after_follows(day: str) -> None:
    first = pd.Timestamp(day)
    rows = pd.DataFrame({"time": pd.array([first, first + pd.Timedelta(days=1)])})
    days = _computed(_feature("date_part", column="time", part="day_of_month"), rows)
    assert days == [first.day, (first + pd.Timedelta(days=1)).day]


def test_a_ratio_is_missing_where_either_is_or_the_divisor_is_zero() -> None:
    rows = _numbers(
        height=[1.0, None, 1.0, 0.0, -3.0, 1e300, 0.0],
        width=[4.0, 2.0, None, 0.0, 0.0, 1e-300, 5.0],
    )
    ratio = _computed(_feature("ratio", numerator="height", denominator="width"), rows)
    assert ratio == pytest.approx([0.25, *[math.nan] * 5, 0.0], nan_ok=True)


def test_a_logarithm_is_that_of_one_more_and_missing_where_there_is_none() -> None:
    rows = _numbers(height=[0.0, math.e - 1, 99.0, None, -1.0, -2.0, math.inf])
    logarithm = _computed(_feature("log", column="height"), rows)
    assert logarithm == pytest.approx([0.0, 1.0, math.log(100.0), *[math.nan] * 4], nan_ok=True)


def test_a_bin_begins_at_its_edge() -> None:
    below = float(np.nextafter(10.0, 0.0))
    rows = _numbers(height=[-5.0, 0.0, below, 10.0, 11.0, None, math.inf, -math.inf])
    bins = _computed(_feature("bins", column="height", edges=[0, 10]), rows)
    assert bins == [0, 1, 1, 2, 2, -1, 2, 0]


@given(st.lists(st.none() | st.sampled_from(["", "a", "b", "c"]), max_size=30), st.integers(1, 5))
def test_rare_categories_are_those_with_too_few_rows(cities: list[str | None], least: int) -> None:
    rows = pd.DataFrame({"city": pd.array(cities, dtype="string")})
    _, levels = fit_feature(_feature("rare_categories", column="city", min_rows=least), rows)
    assert levels == tuple(c for c in "abc" if cities.count(c) >= least)


def test_rare_categories_and_unseen_ones_are_one() -> None:
    rows = pd.DataFrame({"city": ["Metz"] * 3 + ["Ghent"] * 2 + ["Oslo"]})
    features = _declare(
        place={"function": "rare_categories", "column": "city", "min_rows": 2, "replaces": True}
    )
    encoder = RowEncoder({"city": COLUMNS["city"]}, "tree", features).fit(rows)
    asked = pd.DataFrame({"city": pd.array(["Ghent", "Metz", "Oslo", "Rome", None], "string")})
    assert encoder.transform(asked).tolist() == [[0], [1], [-1], [-1], [-1]]


def _crossed(cities: list[str | None], codes: list[int | None]) -> pd.DataFrame:
    return pd.DataFrame({"city": pd.array(cities, "string"), "code": pd.array(codes, "Int64")})


def test_a_crossing_keeps_frequent_pairs_and_their_levels_only() -> None:
    rows = _crossed(["a", "a", "b", "b", "c", None, "", "a"], [7, 7, 2, 2, 7, 7, 7, None])
    feature = _feature("crossing", first="city", second="code", min_rows=2)
    fitted, levels = fit_feature(feature, rows)
    assert fitted == Crossing("city", "code", ("a", "b"), (2, 7))
    assert levels == (1, 2)
    assert compute(fitted, rows).tolist() == [1, 1, 2, 2, -1, -1, -1, -1]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "", None]), st.sampled_from([1, 5, 2**40, None])),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 4),
)
def test_pairs_are_told_apart_exactly_where_they_are_frequent(
    pairs: list[tuple[str | None, int | None]], least: int
) -> None:
    rows = _crossed([first for first, _ in pairs], [second for _, second in pairs])
    features = _declare(
        both={"function": "crossing", "first": "city", "second": "code", "min_rows": least}
    )
    encoder = RowEncoder({n: COLUMNS[n] for n in ("city", "code")}, "tree", features).fit(rows)
    found = encoder.transform(rows)[:, -1].tolist()
    whole = {p for p in pairs if pairs.count(p) >= least and p[0] and p[1] is not None}
    assert {p for p, code in zip(pairs, found, strict=True) if code >= 0} == whole
    assert {code for code in found if code >= 0} == set(range(len(whole)))


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("city", pd.array(["a", "", None], "string"), [0, 1, 1]),
        ("city", np.array(["a", "", None], dtype=object), [0, 1, 1]),
        ("count", pd.array([0, None], "Int64"), [0, 1]),
        ("height", np.array([0.0, np.nan, np.inf]), [0, 1, 0]),
    ],
)
def test_an_empty_string_is_a_missing_one(column: str, values: Any, expected: list[int]) -> None:
    rows = pd.DataFrame({column: values})
    assert _computed(_feature("missing", column=column), rows) == expected


EVERY_KIND = _declare(
    month={"function": "date_part", "column": "time", "part": "month"},
    shape={"function": "ratio", "numerator": "height", "denominator": "width", "replaces": True},
    size={"function": "bins", "column": "width", "edges": [1, 2.5, 100]},
    route={"function": "crossing", "first": "city", "second": "code", "min_rows": 1},
    gone={"function": "missing", "column": "city"},
)


def _rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": pd.array(["2020-01-05", "2020-03-01", "2020-03-02"], "datetime64[us]"),
            "height": [1.0, np.nan, 2.0],
            "width": [2.0, 3.0, 0.5],
            "count": pd.array([1, 2, None], "Int64"),
            "city": pd.array(["a", "b", None], "string"),
            "code": pd.array([3, 4, 3], "Int64"),
        }
    )


def test_computed_columns_follow_the_raw_ones_and_name_their_sources() -> None:
    dense = RowEncoder(COLUMNS, "dense", EVERY_KIND).fit(_rows())
    computed = list(zip(dense.feature_names_, dense.sources_, strict=True))[8:]
    assert "height" not in dense.feature_names_ and "width" not in dense.feature_names_
    assert computed == [
        ("month", ("time",)),
        ("shape", ("height", "width")),
        ("shape missing", ("height", "width")),
        ("size=below 1", ("width",)),
        ("size=1 to below 2.5", ("width",)),
        ("size=2.5 to below 100", ("width",)),
        ("route=a & 3", ("city", "code")),
        ("route=b & 4", ("city", "code")),
        ("gone", ("city",)),
    ]
    tree = RowEncoder(COLUMNS, "tree", EVERY_KIND).fit(_rows())
    assert tree.feature_names_[-5:] == ("month", "shape", "size", "route", "gone")
    # A missing ratio is filled below the smallest, so that a tree can tell it apart.
    assert tree.transform(_rows())[:, -5:].tolist() == [
        [1, 0.5, 1, 0, 0],
        [3, -1.0, 2, 1, 0],
        [3, 4.0, 0, -1, 1],
    ]


@pytest.mark.parametrize(("form", "expected"), [("tree", [[3.0]]), ("dense", [[0.0, 0.0]])])
def test_a_range_without_fitted_rows_keeps_its_place_in_a_tree_and_is_unknown_to_a_network(
    form: Form, expected: list[list[float]]
) -> None:
    features = _declare(
        size={"function": "bins", "column": "width", "edges": [1, 2, 3], "replaces": True}
    )
    encoder = RowEncoder({"width": COLUMNS["width"]}, form, features)
    encoder.fit(_numbers(width=[0.0, 1.5]))
    assert encoder.transform(_numbers(width=[7.0])).tolist() == expected


def test_an_encoder_survives_the_file_and_has_the_same_bytes_again(
    make_use_case: Callable[..., UseCase], make_batch: Callable[..., Any], tmp_path: Path
) -> None:
    features = {
        "place": {"function": "rare_categories", "column": "city", "min_rows": 3},
        "route": {"function": "crossing", "first": "city", "second": "size"},
        "heavy": {"function": "bins", "column": "weight", "edges": [5.0]},
    }
    rows = make_batch().to_pandas()
    use_cases = [
        make_use_case(features=features),
        UseCase.model_validate_json(make_use_case(features=features).model_dump_json()),
    ]
    encoders = [RowEncoder(u.inputs, "dense", u.features).fit(rows) for u in use_cases]
    files = [tmp_path / "one", tmp_path / "other"]
    for encoder, file in zip(encoders, files, strict=True):
        joblib.dump(encoder, file)
    again = joblib.load(files[0])
    np.testing.assert_array_equal(again.transform(rows), encoders[1].transform(rows))
    assert again.computed_ == encoders[1].computed_
    assert files[0].read_bytes() == files[1].read_bytes()
