"""Train labels that look flipped: by mistake, by a broken join, or by poisoning.

Belongs here: the estimate of their share, and where they are concentrated. Does not belong here:
rows that are odd in their inputs (``outliers.py``).

What looks like a wrong label may be honest chance: of a hundred rows with a probability of 0.7,
thirty disagree and none is wrong. Data alone cannot tell a hard problem from a noisy easy one.
Three comparisons can, and are made here:

- train rows with held-out rows of the same period, whose labels came the same way unless the
  training set was tampered with; models fitted on other train rows (cross-fitting) score both;
- the same in every block: a category, a sensitive group. Poisoning is often concentrated, and may
  only go one way, which moves the mean: a shift of d takes at least a share d of flips;
- each batch with all others, for one whose labels were delivered wrong.

Beside them stands the count of confident learning (C. Northcutt, L. Jiang and I. Chuang, "Confident
learning: estimating uncertainty in dataset labels", 2021): rows whose score for another class is
above what is usual for that class, which says which rows to look at.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.batch_error import BatchError
from mlops_assets.evidence.risk.confident_labels import (
    confident_disagreement,
    largest_uniform_share,
    usual_confidence,
)
from mlops_assets.evidence.risk.cross_fitting import Refit, Scored, cross_fitted
from mlops_assets.evidence.risk.flip_share import FlipShare, Labelled, flip_share
from mlops_assets.evidence.risk.risk_statistics import most_common, standard_errors
from mlops_assets.governance.policy import Finding
from mlops_assets.use_case import UseCase

MIN_BLOCK_ROWS = 200
MIN_HELD_OUT_ROWS = 60
MOST_LEVELS = 20
MIN_BATCHES = 5
SHOWN_ROWS = 20

Mask = NDArray[np.bool_]


def suspect_labels(
    refit: Refit,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    use_case: UseCase,
    limit: float = 0.0,
) -> tuple[dict[str, Any], list[Finding]]:
    """The share of train labels that are flipped beyond what honest uncertainty explains, and the
    blocks in which they are concentrated.

    ``train`` and ``held_out`` have the inputs, the batch, the sensitive columns and the encoded
    target. Blocks are findings of their own only where their share is certainly above ``limit``:
    most are too small to be cleared. Unknown where no model can be fitted.
    """
    try:
        known, fresh = cross_fitted(refit, train, held_out, use_case)
    except BatchError as error:
        return {"problem": str(error)}, [Finding("suspect_labels", "", None, None, None)]
    blocks, batches = list(_blocks(known, fresh, use_case)), list(_batches(known, use_case))
    named = [one for one in (*blocks, *batches) if one["low"] > 0.0]
    named.sort(key=lambda one: (-one["low"], one["block"]))
    evidence = {
        "problem": None,
        "rows": len(known.codes),
        "held_out_rows": len(fresh.codes),
        "clusters": len(np.unique(fresh.labelled.clusters)),
        "confident": _confident(known, fresh, use_case),
        "uniform_at_most": largest_uniform_share(use_case.target.task, fresh.codes, fresh.answers),
        "blocks_compared": len(blocks),
        "batches_compared": len(batches),
        "named": named,
    }
    beyond = [_block_finding(one) for one in named if one["low"] > limit]
    return evidence, [_whole(known, fresh, use_case), *beyond]


def _compared(first: Labelled, second: Labelled, use_case: UseCase) -> FlipShare | None:
    by_day = use_case.training.split.time_column is not None
    return flip_share(use_case.target.task, first, second, by_day)


def _whole(known: Scored, fresh: Scored, use_case: UseCase) -> Finding:
    found, rows = _compared(known.labelled, fresh.labelled, use_case), len(known.codes)
    if found is None:
        return Finding("suspect_labels", "", None, None, None, rows, enough=False)
    reach = standard_errors(1, found.clusters) * found.error
    value, low, high = (_share(found.value + by) for by in (0.0, -reach, reach))
    return Finding("suspect_labels", "", value, low, high, rows)


def _share(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))


def _block_masks(
    known: Scored, fresh: Scored, use_case: UseCase
) -> Iterator[tuple[str, Mask, Mask]]:
    """Every category of inputs and sensitive columns with rows enough on both sides."""
    for name, column in use_case.columns.items():
        is_seen = column.is_input or column.role == "sensitive"
        if not is_seen or not (column.is_category or column.type == "boolean"):
            continue
        for level in most_common(known.rows[name], MOST_LEVELS):
            masks = [
                (side.rows[name] == level).to_numpy(np.bool_, na_value=False)
                for side in (known, fresh)
            ]
            if masks[0].sum() >= MIN_BLOCK_ROWS and masks[1].sum() >= MIN_HELD_OUT_ROWS:
                yield f"{name} = {level}", masks[0], masks[1]


def _blocks(known: Scored, fresh: Scored, use_case: UseCase) -> Iterator[dict[str, Any]]:
    """Every block's flips, both ways or one way, whichever is more certain; the intervals hold for
    all of them together."""
    masks = list(_block_masks(known, fresh, use_case))
    for name, inside, outside in masks:
        first, second = known.labelled.at(inside), fresh.labelled.at(outside)
        value = low = 0.0
        found = _compared(first, second, use_case)
        if found is not None:
            value = found.value
            low = value - standard_errors(2 * len(masks), found.clusters) * found.error
        shift, reach = _shift(first, second, 2 * len(masks))
        if shift - reach > low:
            value, low = shift, shift - reach
        yield _named("category", name, int(inside.sum()), value, low)


def _shift(first: Labelled, second: Labelled, subjects: int) -> tuple[float, float]:
    """How far the mean label of a block is from its scores, beyond the same of held-out rows, where
    it is farthest; and how far that may be by chance."""
    means, errors, clusters = [], [], []
    for side in (first, second):
        apart = side.labels - side.scores
        mean = apart.mean(axis=0)
        _, codes = np.unique(side.clusters, return_inverse=True)
        sums = np.array([np.bincount(codes, column) for column in (apart - mean).T])
        count = max(sums.shape[1], 2)
        errors.append(np.sqrt((sums**2).sum(axis=1) * count / (count - 1)) / len(apart))
        means.append(mean)
        clusters.append(count)
    apart = np.abs(means[0] - means[1])
    place = int(apart.argmax())
    error = float(np.hypot(errors[0][place], errors[1][place]))
    return float(apart[place]), standard_errors(subjects * len(apart), min(clusters)) * error


def _batches(known: Scored, use_case: UseCase) -> Iterator[dict[str, Any]]:
    """Every batch's flips, as the others have none, given how much batches differ anyway."""
    batch = known.rows["batch"].astype(str).to_numpy()
    names, rows = np.unique(batch, return_counts=True)
    if len(names) < MIN_BATCHES:
        return
    found = {}
    for name, count in zip(names.tolist(), rows.tolist(), strict=True):
        inside = batch == name
        one = _compared(known.labelled.at(inside), known.labelled.at(~inside), use_case)
        if one is not None and count >= MIN_BLOCK_ROWS:
            found[name] = one, count
    values = np.array([one.value for one, _ in found.values()])
    if len(values) < MIN_BATCHES:
        return
    between = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    for name, (one, count) in found.items():
        error = float(np.hypot(one.error, between))
        reach = standard_errors(len(found), len(found)) * error
        yield _named("batch", name, count, one.value, one.value - reach)


def _named(kind: str, block: str, rows: int, value: float, low: float) -> dict[str, Any]:
    bounds = {"value": _share(value), "low": _share(low), "high": _share(2.0 * value - low)}
    return {"kind": kind, "block": block, "rows": rows, **bounds}


def _block_finding(one: Mapping[str, Any]) -> Finding:
    bounds = one["value"], one["low"], one["high"]
    return Finding("suspect_labels", one["block"], *bounds, one["rows"])


def _confident(known: Scored, fresh: Scored, use_case: UseCase) -> dict[str, Any] | None:
    """Rows that confident learning points at, and their share among the held-out rows, where as
    many are honest. Rows are named by batch and position among the train rows."""
    if use_case.target.task == "regression":
        return None
    chances = [_all_classes(side, use_case) for side in (known, fresh)]
    usual = usual_confidence(chances[1], fresh.codes)
    found = [
        confident_disagreement(given, side.codes, usual)
        for given, side in zip(chances, (known, fresh), strict=True)
    ]
    own = chances[0][np.arange(len(known.codes)), known.codes.astype(np.int64)]
    suspects = np.flatnonzero(found[0])
    order = suspects[np.argsort(own[suspects], kind="stable")][:SHOWN_ROWS]
    return {
        "train_share": float(found[0].mean()),
        "held_out_share": float(found[1].mean()),
        "rows": [
            {"batch": str(known.rows["batch"].iloc[place]), "train_row": int(known.places[place])}
            for place in order.tolist()
        ],
    }


def _all_classes(side: Scored, use_case: UseCase) -> NDArray[np.float64]:
    if use_case.target.task == "binary":
        return np.column_stack([1.0 - side.answers, side.answers])
    return side.answers
