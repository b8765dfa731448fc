"""Loss ratios of slices: right, honest about few rows, and all at once."""

import numpy as np
import pytest

from mlops_assets.evidence.evaluation.slices import slice_findings, slice_loss


def test_the_ratio_is_that_of_the_means_and_its_interval_holds_it() -> None:
    losses = np.random.default_rng(0).gamma(2.0, 1.0, 2000)
    mask = np.arange(2000) < 300
    losses[mask] *= 1.5
    (found,) = slice_findings([slice_loss("s", losses, mask, None)])
    assert found.value == pytest.approx(losses[mask].mean() / losses.mean())
    assert found.low is not None and found.high is not None and found.value is not None
    assert 1.1 < found.low < found.value < found.high < 1.8
    assert (found.measure, found.subject, found.rows) == ("slice_loss_ratio", "s", 300)


def test_thirty_rows_are_insufficient_evidence_and_say_nothing_of_anyone() -> None:
    losses = np.random.default_rng(0).gamma(2.0, 1.0, 2000)
    (found,) = slice_findings([slice_loss("few", losses, np.arange(2000) < 30, None)])
    assert (found.value, found.low, found.enough, found.rows) == (None, None, False, 30)


def test_more_slices_have_wider_intervals() -> None:
    losses = np.random.default_rng(0).gamma(2.0, 1.0, 2000)
    one = slice_loss("s", losses, np.arange(2000) < 300, None)
    alone, tested = slice_findings([one])[0], slice_findings([one], tested=50)[0]
    assert alone.low is not None and tested.low is not None
    assert tested.low < alone.low


def test_all_intervals_hold_the_truth_at_once() -> None:
    rng, missed = np.random.default_rng(1), 0
    masks = [np.arange(1000) // 100 == part for part in range(10)]
    for _ in range(400):
        losses = rng.gamma(1.0, 1.0, 1000)
        findings = slice_findings(
            [slice_loss(str(i), losses, m, None) for i, m in enumerate(masks)]
        )
        missed += any(not f.low <= 1.0 <= f.high for f in findings)  # type: ignore[operator]
    assert missed / 400 <= 0.08


def test_rows_that_move_together_in_blocks_are_less_certain() -> None:
    rng = np.random.default_rng(2)
    blocks = np.repeat(np.arange(40), 50)
    losses = np.exp(0.5 * rng.normal(size=40))[blocks] * rng.gamma(2.0, 1.0, 2000)
    mask = blocks < 10
    apart, together = (
        slice_findings([slice_loss("s", losses, mask, held)])[0] for held in (None, blocks)
    )
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low > 2.0 * (apart.high - apart.low)  # type: ignore[operator]
