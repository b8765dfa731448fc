"""Challenger, champion and baseline in every part of the rows, side by side.

Belongs here: what is written down of each slice, group and crossing, and of the slices that the
search finds. Does not belong here: which rows they hold (``groups.py``), how one is measured
(``group_metrics.py``, ``slices.py``), or the figures over all rows (``evaluation.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlops_assets.evidence.evaluation.slices import (
    SliceLoss,
    interval_of,
    slice_findings,
    slice_loss,
)
from mlops_assets.evidence.evaluation.weak_slices import WeakSlices
from mlops_assets.evidence.metrics.group_metrics import Scored, measured_group
from mlops_assets.evidence.metrics.groups import GroupKind, Mask
from mlops_assets.evidence.metrics.spread import mean_estimate
from mlops_assets.governance.policy import Finding


def compared_groups(
    challenger: Scored,
    others: Mapping[str, Scored],
    parts: Iterable[tuple[str, GroupKind, Mask]],
    min_rows: int,
) -> tuple[list[dict[str, Any]], list[SliceLoss]]:
    """Each part of the rows as JSON-able values, and its loss ratio. ``others`` by name answered
    the identical rows; the ``gain`` over each is the mean of its losses minus the challenger's,
    with the 95% interval. A part of fewer than ``min_rows`` rows is insufficient evidence."""
    records, ratios = [], []
    for name, kind, mask in parts:
        group = measured_group(name, challenger, mask, min_rows)
        ratio = slice_loss(name, challenger.losses, mask, challenger.blocks)
        ratio = replace(ratio, min_rows=min_rows)
        enough = group.verdict == "measured"
        records.append(
            {
                **group.to_dict(),
                "kind": kind,
                "loss_ratio": interval_of(ratio).to_dict() if ratio.is_enough else None,
                "others": {
                    n: _beside(challenger, o, name, mask, enough) for n, o in others.items()
                },
            }
        )
        ratios.append(ratio)
    return records, ratios


def all_slice_findings(ratios: list[SliceLoss], found: WeakSlices) -> list[Finding]:
    """Findings on declared parts and on weak slices. A weak slice's figure is of the rows that
    tested it; all candidates that were tested count in the width of the intervals."""
    weak = [replace(one.loss, name=one.name) for one in found.weak]
    return slice_findings([*ratios, *weak], found.tested - len(weak))


def _beside(
    challenger: Scored, other: Scored, name: str, mask: Mask, enough: bool
) -> dict[str, Any] | None:
    if not enough:
        return None
    held, own = other.at(mask), challenger.at(mask)
    metrics = measured_group(name, other, mask).metrics
    return {
        "metrics": {metric: one.to_dict() for metric, one in metrics.items()},
        "gain": _gain(held, own),
    }


def _gain(other: Scored, challenger: Scored) -> dict[str, Any]:
    gains = other.losses - challenger.losses
    order = gains.argsort(kind="stable")
    blocks = None if other.blocks is None else other.blocks[order]
    return mean_estimate(gains[order], blocks=blocks).to_dict()
