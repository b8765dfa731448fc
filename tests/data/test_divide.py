"""How blocks of rows are divided into train, calibration and test rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.data.features import (
    SPLIT_NAMES,
    divide,
)
from mlops_assets.training_declaration import Split

BLOCKS = st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=60), min_size=1, max_size=4)
SPLITS = st.builds(
    Split, test=st.floats(0.01, 0.89), calibration=st.floats(0.01, 0.49), time_column=st.none()
)


@given(BLOCKS, SPLITS)
def test_every_row_is_in_one_split_and_blocks_stay_whole(
    blocks: list[list[int]], split: Split
) -> None:
    arrays = [np.array(batch, np.int64) for batch in blocks]

    names = divide(arrays, split)

    for batch, found in zip(arrays, names, strict=True):
        assert len(found) == len(batch)
        assert set(found) <= set(SPLIT_NAMES)
        for block in np.unique(batch):
            assert len(set(found[batch == block])) == 1


@given(BLOCKS, SPLITS)
def test_the_test_rows_are_the_newest_blocks_of_the_newest_batch_and_no_more_than_needed(
    blocks: list[list[int]], split: Split
) -> None:
    arrays = [np.array(batch, np.int64) for batch in blocks]

    *earlier, newest = divide(arrays, split)

    assert all("test" not in batch for batch in earlier)
    tested = arrays[-1][newest == "test"]
    others = arrays[-1][newest != "test"]
    assert others.max(initial=-1) < tested.min()
    wanted = split.test * len(newest)
    assert len(tested) >= wanted
    assert np.count_nonzero(tested > tested.min()) < wanted + 1e-9


@given(BLOCKS, SPLITS)
def test_calibration_blocks_are_spread_evenly_over_the_rest(
    blocks: list[list[int]], split: Split
) -> None:
    arrays = [np.array(batch, np.int64) for batch in blocks]
    every = round(1 / split.calibration)
    numbered = [(p, b) for p, batch in enumerate(blocks) for b in sorted(set(batch))]
    rank = {block: number for number, block in enumerate(numbered)}

    names = divide(arrays, split)

    for position, (batch, found) in enumerate(zip(arrays, names, strict=True)):
        for block, name in zip(batch, found, strict=True):
            is_turn = rank[position, int(block)] % every == every // 2
            assert name == "test" or (name == "calibration") is is_turn


def test_a_batch_without_labelled_rows_in_the_middle_changes_nothing() -> None:
    days = np.repeat(np.arange(30), 3)

    with_gap = divide([days, np.array([], np.int64), days], Split())
    without = divide([days, days], Split())

    assert [list(part) for part in with_gap if len(part)] == [list(part) for part in without]


def test_the_share_of_calibration_rows_is_the_declared_one() -> None:
    (names,) = divide([np.arange(1000)], Split(test=0.2, calibration=0.1))

    counts = {name: int((names == name).sum()) for name in SPLIT_NAMES}
    assert counts == {"train": 720, "calibration": 80, "test": 200}
