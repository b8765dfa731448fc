"""The way of the rows: steps that add up for any cleaning, and are refused where one is off."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaning import clean
from mlops_assets.data.profile.summary import profile
from mlops_assets.data.waterfall import batch_waterfall, waterfall_adds_up, window_waterfall

NUMBER = st.integers(0, 10_000)


@st.composite
def cleanings(draw: st.DrawFn) -> dict[str, Any]:
    """The counts of one batch's cleaning, which add up."""
    labelled, unlabelled, quarantined = draw(NUMBER), draw(NUMBER), draw(NUMBER)
    removed = draw(st.dictionaries(st.sampled_from(["short", "empty", "train rows"]), NUMBER))
    duplicates = draw(st.none() | NUMBER)
    rows_out = labelled + unlabelled
    taken = quarantined + (duplicates or 0) + sum(removed.values())
    counts = {
        "rows_in": rows_out + taken,
        "rows_out": rows_out,
        "quarantined": quarantined,
        "removed": removed,
        "unlabelled": unlabelled,
    }
    return counts if duplicates is None else {**counts, "duplicates": duplicates}


@st.composite
def windows(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, int]]:
    batches = draw(st.lists(cleanings(), min_size=1, max_size=5))
    counts = {f"2020-{month + 1:02}": one for month, one in enumerate(batches)}
    labelled = sum(one["rows_out"] - one["unlabelled"] for one in batches)
    test = draw(st.integers(0, labelled))
    calibration = draw(st.integers(0, labelled - test))
    train = labelled - test - calibration
    return counts, {"train": train, "calibration": calibration, "test": test}


@settings(max_examples=40)
@given(windows())
def test_a_window_adds_up_from_delivered_to_train(window: Any) -> None:
    counts, splits = window
    steps = window_waterfall(counts, splits, {})
    assert waterfall_adds_up(steps)
    rows = [step["rows"] for step in steps]
    totals = {"delivered", "cleaned rows", "labelled rows", "train rows"}
    taken = [step["rows"] for step in steps if step["step"] not in totals]
    assert rows[0] == sum(one["rows_in"] for one in counts.values())
    assert rows[0] + sum(taken) == rows[-1] == splits["train"]


@settings(max_examples=40)
@given(windows(), st.data())
def test_one_step_that_is_off_breaks_the_sum(window: Any, data: Any) -> None:
    steps = window_waterfall(*window, {})
    place = data.draw(st.integers(0, len(steps) - 1))
    off = data.draw(st.integers(-50, 50).filter(bool))
    steps[place] = {**steps[place], "rows": steps[place]["rows"] + off}
    assert not waterfall_adds_up(steps)


@settings(max_examples=40)
@given(windows(), cleanings())
def test_an_excluded_batch_is_no_part_of_the_sum(window: Any, other: dict[str, Any]) -> None:
    counts, splits = window
    steps = window_waterfall({**counts, "2021-01": other}, splits, {"2021-01": "too few rows"})
    assert steps == window_waterfall(counts, splits, {})


@settings(max_examples=40)
@given(cleanings())
def test_a_batch_adds_up_from_delivered_to_labelled(counts: dict[str, Any]) -> None:
    rows = counts["rows_out"]
    labelled = rows - counts["unlabelled"]
    steps = batch_waterfall(counts, batch="2020-01", rows=rows, labelled=labelled)
    assert waterfall_adds_up(steps)
    assert (steps[0]["rows"], steps[-1]["rows"]) == (counts["rows_in"], labelled)
    with pytest.raises(BatchError, match="2020-01"):
        batch_waterfall(counts, batch="2020-01", rows=rows + 1, labelled=labelled + 1)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("delivered", 3)],
        [("delivered", 3), ("quarantined", -1)],
        [("cleaned rows", 3), ("labelled rows", 3)],
        [("delivered", 3), ("quarantined", 1), ("duplicates", -1), ("cleaned rows", 3)],
        [("delivered", 3), ("quarantined", -4), ("cleaned rows", -1)],
    ],
)
def test_what_is_no_waterfall_does_not_add_up(rows: list[tuple[str, int]]) -> None:
    assert not waterfall_adds_up([{"step": step, "rows": n} for step, n in rows])


def test_the_steps_of_a_cleaned_batch_are_named(
    make_use_case: Callable[..., Any], make_batch: Callable[..., pa.Table]
) -> None:
    rule = {"name": "empty", "remove_where": "parcels < 10", "reason": "nothing was sent"}
    use_case = make_use_case(rows={"remove": [rule]})
    raw = make_batch(rows=200)
    broken = raw.set_column(3, "parcels", pa.array([*[-1] * 7, *raw["parcels"].to_pylist()[7:]]))
    cleaned = clean(broken, use_case, "2020-01")
    rows, labelled, _ = profile(cleaned.rows, use_case)["rows"]
    found = batch_waterfall(cleaned.counts, batch="2020-01", rows=rows, labelled=labelled)
    steps = {step["step"]: step["rows"] for step in found}
    assert steps["delivered"] == 200 and steps["quarantined"] == -7
    assert steps["removed: empty"] < 0
    assert steps["cleaned rows"] == rows and steps["labelled rows"] == labelled
