"""How much worse the model is in a part of the rows than over all of them.

Belongs here: the loss ratio of a slice with its interval, and the findings on it. Does not belong
here: which rows a slice holds (``groups.py``, ``weak_slices.py``), its metrics
(``group_metrics.py``), or which ratio is tolerated (``governance/policy.py``).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS, Blocks, Estimate, Values
from mlops_assets.evidence.metrics.spread import Spread, skewed_estimate, spread
from mlops_assets.governance.policy import Finding

Mask = NDArray[np.bool_]
CONFIDENCE = 0.95
"""That the intervals of all slices hold at once."""


@dataclass(frozen=True)
class SliceLoss:
    """The mean loss in a slice by the mean loss over all rows. ``rows`` are those in the slice, of
    which there are enough from ``min_rows`` on."""

    name: str
    rows: int
    value: float
    found: Spread | None
    min_rows: int = MIN_ROWS

    @property
    def is_enough(self) -> bool:
        return self.rows >= self.min_rows and self.found is not None and np.isfinite(self.value)


def slice_loss(name: str, losses: Values, mask: Mask, blocks: Blocks | None) -> SliceLoss:
    """The loss ratio of the rows that ``mask`` ``[n]`` marks, given how many they are. The order
    of the rows does not matter."""
    order = np.lexsort((mask, losses, *([] if blocks is None else [blocks])))
    losses, mask = losses[order], mask[order]
    blocks = None if blocks is None else blocks[order]
    held, everyone = losses[mask], float(losses.mean())
    if not len(held) or everyone == 0.0:
        return SliceLoss(name, len(held), np.nan, None)
    inside = float(held.mean())
    ratio, apart = inside / everyone, losses - np.where(mask, inside, _mean(losses[~mask]))
    weights = np.where(mask, len(losses) / len(held) / everyone, 0.0) - ratio / everyone
    return SliceLoss(name, len(held), ratio, spread(apart * weights, mask.astype(np.int64), blocks))


def slice_findings(losses: Iterable[SliceLoss], tested: int = 0) -> list[Finding]:
    """A finding ``slice_loss_ratio`` for each slice, with intervals that hold all at once: each is
    as wide as Bonferroni asks of the slices with rows enough and ``tested`` more that were looked
    at (which are part of ``losses`` or were dismissed)."""
    slices = list(losses)
    compared = max(1, sum(one.is_enough for one in slices) + tested)
    return [_finding(one, 1.0 - (1.0 - CONFIDENCE) / compared) for one in slices]


def _finding(one: SliceLoss, confidence: float) -> Finding:
    if not one.is_enough:
        # No value either: that of a few rows says something of each of them.
        return Finding("slice_loss_ratio", one.name, None, None, None, one.rows, enough=False)
    found = interval_of(one, confidence)
    return Finding("slice_loss_ratio", one.name, found.value, found.low, found.high, one.rows)


def interval_of(one: SliceLoss, confidence: float = CONFIDENCE) -> Estimate:
    """The ratio with an interval of its own."""
    return skewed_estimate(one.value, one.found, confidence=confidence, least=0.0)


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else 0.0
