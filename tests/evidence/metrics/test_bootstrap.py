"""Resamples: drawn within strata, all of them or evenly spread ones, and the same every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_rows import TASKS, some_rows

from mlops_assets.evidence.metrics import bootstrap
from mlops_assets.evidence.metrics.bootstrap import Estimate, interval, resampled_rows, resamples_of
from mlops_assets.evidence.metrics.comparison import paired_difference
from mlops_assets.evidence.metrics.metrics import METRICS, evaluate
from mlops_assets.target_declaration import Task


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.integers(0, 9))
def test_a_resample_draws_as_many_rows_of_each_stratum_as_it_has(
    sizes: list[int], resamples: int
) -> None:
    blocks = list(resamples_of(sizes, resamples, np.random.default_rng(0)))
    assert sum(len(block) for block in blocks) == resamples
    ends = np.cumsum(sizes)
    for block in blocks:
        for size, end in zip(sizes, ends, strict=True):
            assert (block[:, end - size : end].sum(axis=1) == size).all()


def test_every_row_is_drawn_as_often_as_any_other() -> None:
    drawn = np.concatenate(list(resamples_of([40], 5000, np.random.default_rng(1))))
    assert drawn.mean(axis=0) == pytest.approx(np.ones(40), abs=0.06)
    assert drawn.var(axis=0) == pytest.approx(np.full(40, 1.0 - 1.0 / 40), abs=0.1)


def test_few_rows_are_all_resampled() -> None:
    assert resampled_rows([3, 4]).tolist() == list(range(7))


def test_of_many_rows_evenly_spread_ones_are_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MAX_RESAMPLED_ROWS", 200)
    assert resampled_rows([500, 500]).tolist() == list(range(0, 1000, 5))


def test_a_rare_class_is_never_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MAX_RESAMPLED_ROWS", 200)
    assert len(resampled_rows([990, 10])) == 1000


@pytest.mark.parametrize("task", TASKS)
def test_spread_rows_give_the_intervals_of_all_rows(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, answers = some_rows(task, 6000)
    whole = evaluate(task, labels, answers, seed=0, resamples=400)
    monkeypatch.setattr(bootstrap, "MAX_RESAMPLED_ROWS", 1500)
    spread = evaluate(task, labels, answers, seed=0, resamples=400)
    for name in METRICS[task]:
        one, other = whole[name], spread[name]
        assert other.value == one.value
        assert one.low is not None
        assert one.high is not None
        width = one.high - one.low
        assert other.low == pytest.approx(one.low, abs=0.3 * width)
        assert other.high == pytest.approx(one.high, abs=0.3 * width)


def test_spread_rows_give_the_lower_bounds_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, answers = some_rows("binary", 6000)
    better = np.clip(answers + 0.1 * (labels[:, None] - 0.3), 0.01, 0.99)
    whole = paired_difference("binary", labels, answers, better, seed=0)
    monkeypatch.setattr(bootstrap, "MAX_RESAMPLED_ROWS", 1500)
    spread = paired_difference("binary", labels, answers, better, seed=0)
    assert (spread.loss, spread.roc_auc) == (whole.loss, whole.roc_auc)
    for value, low, other in (
        (whole.loss, whole.loss_low, spread.loss_low),
        (whole.roc_auc, whole.roc_auc_low, spread.roc_auc_low),
    ):
        assert value is not None
        assert low is not None
        assert other == pytest.approx(low, abs=0.3 * (value - low))


def test_without_a_value_or_without_resamples_there_are_no_bounds() -> None:
    drawn = np.array([0.1, 0.2])
    assert interval(np.nan, drawn, scale="share", units=9) == Estimate()
    assert interval(0.5, drawn[:0], scale="share", units=9) == Estimate(0.5)
    assert interval(0.5, drawn, scale="share", units=1) == Estimate(0.5)


def test_a_metric_that_many_resamples_leave_undefined_has_no_bounds() -> None:
    drawn = np.linspace(0.4, 0.6, 100)
    few, many = drawn.copy(), drawn.copy()
    few[:5], many[:6] = np.nan, np.nan
    assert interval(0.5, few, scale="share", units=50).low is not None
    assert interval(0.5, many, scale="share", units=50) == Estimate(0.5)


def test_a_share_that_varies_in_no_resample_is_not_certain() -> None:
    found = interval(1.0, np.ones(100), scale="share", units=20)
    assert found.high == 1.0
    assert found.low is not None and 0.8 < found.low < 0.95


def test_whole_blocks_are_drawn() -> None:
    codes = np.repeat(np.arange(8), 5)
    for counts in resamples_of((40,), 50, np.random.default_rng(0), codes):
        by_block = counts.reshape(len(counts), 8, 5)
        assert (by_block == by_block[:, :, :1]).all()
        assert (by_block[:, :, 0].sum(axis=1) == 8).all()
