"""The summary of a batch: what it counts, and that summaries add up exactly in any order."""

from collections.abc import Callable
from datetime import datetime
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.profile import tally as profile_tally
from mlops_assets.data.profile.summary import (
    CHUNK_ROWS,
    merge,
    missing_patterns,
    profile,
    profile_chunks,
)
from mlops_assets.data.profile.tally import fine_bounds
from mlops_assets.use_case import UseCase

at = datetime.fromisoformat

COLUMNS: dict[str, Any] = {
    "number": {"type": "number", "nullable": True},
    "ranged": {"type": "number", "nullable": True, "minimum": -5, "maximum": 40},
    "whole": {"type": "integer", "nullable": True},
    "code": {"type": "integer", "categorical": True, "role": "sensitive", "nullable": True},
    "text": {"type": "string", "nullable": True, "role": "ignored"},
    "size": {"type": "string", "nullable": True, "values": ["large", "small"]},
    "flag": {"type": "boolean", "nullable": True},
    "time": {"type": "timestamp", "role": "ignored", "nullable": True},
    "email": {"type": "string", "nullable": True, "role": "ignored", "personal": "pseudonymise"},
}
FINITE = st.floats(-1e30, 1e30, allow_subnormal=False)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "number": FINITE | st.sampled_from([0.0, -0.0, 1.0, 0.1]),
    "ranged": st.floats(-5, 40),
    "whole": st.integers(-(2**52), 2**52) | st.integers(-3, 3),
    "code": st.integers(1, 30),
    "text": st.text(max_size=4),
    "size": st.sampled_from(["large", "small"]),
    "flag": st.booleans(),
    "time": st.datetimes(at("1900-01-01"), at("2100-01-01")),
    "email": st.text(max_size=3),
    "late": st.booleans(),
}
TYPES = {
    "number": pa.float64(),
    "ranged": pa.float64(),
    "whole": pa.int64(),
    "code": pa.int64(),
    "text": pa.string(),
    "size": pa.string(),
    "flag": pa.bool_(),
    "time": pa.timestamp("us"),
    "email": pa.string(),
    "late": pa.bool_(),
}
ROWS = st.lists(st.fixed_dictionaries({n: st.none() | v for n, v in VALUES.items()}), max_size=14)


@pytest.fixture(scope="module")
def use_case(make_use_case: Callable[..., UseCase]) -> UseCase:
    training = {"first_batches": 1, "split": {}}
    return make_use_case(columns=COLUMNS, training=training)


@pytest.fixture(params=[1_000, 3])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many distinct values are kept: more than there are, and fewer."""
    monkeypatch.setattr(profile_tally, "KEPT", request.param)
    return int(request.param)


def arrow(rows: list[dict[str, Any]]) -> pa.Table:
    """The rows as the cleaned dataset's Parquet file holds them."""
    return pa.table({n: pa.array([r[n] for r in rows], type_) for n, type_ in TYPES.items()})


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    result: pd.DataFrame = arrow(rows).to_pandas()
    return result


def numbers(values: list[Any], name: str = "number") -> pd.DataFrame:
    return frame([{**dict.fromkeys(TYPES), name: value} for value in values])


@settings(max_examples=20)
@given(first=ROWS, second=ROWS, third=ROWS)
@pytest.mark.parametrize("limit", [1_000, 3])
def test_the_profile_of_a_concatenation_is_the_merge_of_the_profiles(
    use_case: UseCase, limit: int, first: Any, second: Any, third: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_tally, "KEPT", limit)
        a, b, c = (profile(frame(rows), use_case) for rows in (first, second, third))
        whole = json_bytes(profile(frame([*first, *second, *third]), use_case))
        assert json_bytes(merge(merge(a, b), c)) == whole
        assert json_bytes(merge(a, merge(b, c))) == whole
        assert json_bytes(merge(c, merge(b, a))) == whole
        assert json_bytes(merge(b, c, a)) == whole


@settings(max_examples=20)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 14), max_size=4))
@pytest.mark.parametrize("limit", [1_000, 3])
def test_chunks_have_the_profile_of_their_rows(
    use_case: UseCase, limit: int, rows: Any, cuts: list[int]
) -> None:
    ends = [0, *sorted(cuts), len(rows)]
    chunks = [rows[start:end] for start, end in pairwise(ends)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_tally, "KEPT", limit)
        whole = json_bytes(profile(frame(rows), use_case))
        assert json_bytes(profile(arrow(rows), use_case)) == whole
        assert json_bytes(profile_chunks(map(arrow, chunks), use_case)) == whole
        assert json_bytes(profile_chunks(map(frame, chunks), use_case)) == whole


def test_rows_of_more_than_a_chunk_are_all_counted(use_case: UseCase) -> None:
    rows = CHUNK_ROWS + 5
    table = arrow([{**dict.fromkeys(TYPES), "whole": 1}]).take([0] * rows)
    summary = profile(table, use_case)
    assert summary["rows"] == [rows, 0, 0]
    assert summary["series"]["whole"]["values"] == {"1.0": [rows, 0, 0]}


def test_no_chunks_are_the_profile_of_no_rows(use_case: UseCase) -> None:
    nothing = profile_chunks((), use_case)
    assert nothing == profile(frame([]), use_case)
    assert nothing["rows"] == [0, 0, 0]
    some = profile(numbers([1.0, None]), use_case)
    assert merge(nothing, some) == some


def test_patterns_of_many_columns_are_those_of_the_rows() -> None:
    missing = np.random.default_rng(1).random((100, 50)) < 0.3
    missing[:, 7] = False
    missing[50:] = missing[:50]
    masks = [None if position == 7 else missing[:, position] for position in range(50)]
    codes, patterns = missing_patterns(masks, 100)
    assert [patterns[code] for code in codes] == [tuple(np.flatnonzero(row)) for row in missing]
    assert len(patterns) == 50


@settings(max_examples=20)
@given(rows=ROWS, data=st.data())
def test_the_order_of_the_rows_does_not_matter(use_case: UseCase, rows: Any, data: Any) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert profile(frame(shuffled), use_case) == profile(frame(rows), use_case)


@settings(max_examples=20)
@given(rows=ROWS)
@pytest.mark.parametrize("limit", [1_000, 3])
def test_every_row_is_counted_once_in_every_series(
    use_case: UseCase, limit: int, rows: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_tally, "KEPT", limit)
        summary = profile(frame(rows), use_case)
    labelled = sum(row["late"] is not None for row in rows)
    assert summary["rows"] == [len(rows), labelled, sum(row["late"] is True for row in rows)]
    for series in summary["series"].values():
        fine = [series["missing"], *series["values"].values(), *series["rest"].values()]
        assert np.sum(fine, axis=0).tolist() == summary["rows"]
        coarse = [series["missing"], *series["coarse"].values()]
        assert np.sum(coarse, axis=0).tolist() == summary["rows"]
        assert series["missing"][0] == sum(row[series["column"]] is None for row in rows)
        assert len(series["values"]) <= limit
    patterns = summary["patterns"]
    counts = [*patterns["values"].values(), *patterns["rest"].values()]
    assert sum(n for n, _, _ in counts) == len(rows)


def test_the_cleaned_frame_and_its_parquet_file_have_one_profile(
    make_use_case: Callable[..., UseCase], make_batch: Callable[..., pa.Table]
) -> None:
    use_case = make_use_case()
    rows = clean(make_batch(rows=60), use_case, "2020-01").rows
    nullable = rows.to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get
    )
    assert profile(nullable, use_case) == profile(rows.to_pandas(), use_case)


def test_counts_are_of_rows_labels_and_positives(use_case: UseCase) -> None:
    row = dict.fromkeys(TYPES)
    cases = [("a", True), ("a", False), ("a", None), ("b", True), (None, True)]
    summary = profile(frame([{**row, "text": t, "late": late} for t, late in cases]), use_case)
    assert summary["series"]["text"]["values"] == {"a": [3, 2, 1], "b": [1, 1, 1]}
    assert summary["series"]["text"]["missing"] == [1, 1, 1]
    assert summary["series"]["late"]["values"] == {"false": [1, 1, 0], "true": [3, 3, 3]}


def test_missing_columns_are_counted_together(use_case: UseCase) -> None:
    row: dict[str, Any] = dict.fromkeys(TYPES)
    full = {**row, "number": 1.0, "ranged": 1.0, "whole": 1, "code": 1, "text": "a"}
    full |= {"size": "large", "flag": True, "time": at("2020-01-01"), "email": "e"}
    full |= {"late": True}
    rows = [full, full, {**full, "number": None, "late": None}]
    summary = profile(frame(rows), use_case)
    late = len(summary["columns"]) - 1
    assert summary["patterns"]["values"] == {"": [2, 2, 2], f"0 {late}": [1, 0, 0]}


def test_a_protected_column_leaves_no_value_behind(use_case: UseCase) -> None:
    summary = profile(numbers(["planted@example.org"] * 9, "email"), use_case)
    assert b"planted" not in json_bytes(summary)
    assert list(summary["series"]["email"]["values"].values()) == [[9, 0, 0]]
    assert "email" not in summary["joint"]


def test_values_beyond_the_limit_are_counted_in_bins_that_hold_them(
    use_case: UseCase, kept: int
) -> None:
    values = [*np.random.default_rng(1).normal(0, 1e3, 500), 0.0, 1e-7, -3.0]
    series = profile(numbers(values), use_case)["series"]["number"]
    held = {float(v) for v in series["values"]}
    assert len(held) == min(kept, len(values))
    bounds = [fine_bounds(series, key) for key in series["rest"]]
    for value in set(values) - held:
        assert any(low <= value <= high for low, high in bounds)
    assert all(
        high - low <= 0.011 * max(abs(low), abs(high)) for low, high in bounds if low != high
    )


def test_joint_counts_add_up_to_the_rows_with_both_values(use_case: UseCase) -> None:
    row = dict.fromkeys(TYPES)
    rows = [{**row, "flag": i % 2 == 0, "whole": i if i % 3 else None} for i in range(30)]
    joint = profile(frame(rows), use_case)["joint"]
    assert sum(joint["whole"]["flag"].values()) == 20


@settings(max_examples=20)
@given(rows=ROWS)
def test_joint_counts_have_the_coarse_counts_as_margins(use_case: UseCase, rows: Any) -> None:
    names = [n for n in TYPES if n not in ("time", "email")]
    full = [row for row in rows if all(row[name] is not None for name in names)]
    summary = profile(frame(full), use_case)
    paired = [name for name in summary["joint"] if "time" not in name]
    for a, b in combinations(paired, 2):
        margins: list[dict[str, int]] = [{}, {}]
        for cell, n in summary["joint"][a][b].items():
            for margin, place in zip(margins, cell.split(","), strict=True):
                margin[place] = margin.get(place, 0) + n
        for margin, name in zip(margins, (a, b), strict=True):
            coarse = summary["series"][name]["coarse"]
            assert margin == {place: n for place, (n, _, _) in coarse.items()}


def test_profiles_of_other_columns_do_not_merge(make_use_case: Callable[..., UseCase]) -> None:
    row = dict.fromkeys(TYPES)
    wide = {**COLUMNS, "ranged": {**COLUMNS["ranged"], "maximum": 50}}
    training = {"first_batches": 1, "split": {}}
    first, second = (
        profile(frame([row]), make_use_case(columns=columns, training=training))
        for columns in (COLUMNS, wide)
    )
    with pytest.raises(ValueError, match="profile both batches again"):
        merge(first, second)


def test_an_absent_column_is_named(use_case: UseCase) -> None:
    with pytest.raises(BatchError, match="whole"):
        profile(frame([]).drop(columns="whole"), use_case)
