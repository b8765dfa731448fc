"""Slices that nobody declared and in which the model is worse: found, then tested on other rows.

Belongs here: the halves of the rows, the test of each candidate, what is called weak. Does not
belong here: how candidates are found (``slice_search.py``), declared slices (``groups.py``), or
which loss is tolerated in a slice (``governance/policy.py``).

Candidates are found on one half of the test rows. The other half, which has not been looked at,
tests whether the loss in each is above the loss elsewhere (one-sided, B. Welch, "The generalization
of Student's problem", 1947), and the false-discovery rate is controlled (Y. Benjamini and Y.
Hochberg, "Controlling the false discovery rate", 1995). Where rows come in days, whole days go to
one half or the other, and the test goes by days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.evidence.evaluation.slice_columns import Condition, condition_name, levels_of
from mlops_assets.evidence.evaluation.slice_search import candidates
from mlops_assets.evidence.evaluation.slices import SliceLoss, interval_of, slice_loss
from mlops_assets.evidence.metrics.bootstrap import MIN_ROWS, Blocks, Values
from mlops_assets.evidence.metrics.spread import spread
from mlops_assets.use_case import UseCase

MAX_SEARCHED = 200_000
"""Rows that are searched at most; of more, evenly spread ones."""


@dataclass(frozen=True)
class Candidate:
    """A slice that the search found: its conditions, its loss on the rows that test it, and the
    chance ``p`` of a loss as high in a slice that is not weak. ``share`` is of all rows."""

    conditions: tuple[Condition, ...]
    loss: SliceLoss
    share: float
    p: float

    @property
    def name(self) -> str:
        return " ∧ ".join(condition_name(one) for one in self.conditions)


@dataclass(frozen=True)
class WeakSlices:
    """What the search came to: those that are ``weak``, of ``tested`` candidates."""

    weak: tuple[Candidate, ...]
    tested: int
    report: dict[str, Any]


def weak_slices(
    rows: pd.DataFrame,
    losses: Values,
    use_case: UseCase,
    *,
    seed: int,
    blocks: Blocks | None = None,
) -> WeakSlices:
    """The slices in which the ``losses`` ``[n]`` of ``rows`` are certainly above those elsewhere.

    Columns are the inputs and the sensitive ones; a slice has at least
    ``evaluation.min_weak_slice`` of the rows. The order of the rows does not matter.
    """
    names = [name for name in (*use_case.inputs, *use_case.sensitive) if name in rows]
    share, rate = use_case.evaluation.min_weak_slice, use_case.evaluation.false_discovery_rate
    tested: list[Candidate] = []
    searched = np.zeros(0, np.int64)
    if len(rows) * share >= 2 * MIN_ROWS and names:
        searched, testing = _halves(rows[names], losses, seed, blocks)
        tested = _tested(rows, losses, use_case, names, searched, testing, blocks)
    weak = _discoveries(tested, rate)
    report = {
        "columns": names,
        "searched_rows": len(searched),
        "min_share": share,
        "false_discovery_rate": rate,
        "tested": len(tested),
        "enough": bool(len(searched)),
        "weak": [_record(one) for one in weak],
    }
    return WeakSlices(tuple(weak), len(tested), report)


def _halves(
    rows: pd.DataFrame, losses: Values, seed: int, blocks: Blocks | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that are searched and those that test, as positions, drawn by chance."""
    rng = np.random.default_rng(seed)
    # By content first, so that the halves do not depend on the order in which rows came.
    order = np.lexsort((losses, pd.util.hash_pandas_object(rows, index=False).to_numpy()))
    if len(order) > MAX_SEARCHED and blocks is None:
        order = order[np.arange(MAX_SEARCHED) * len(order) // MAX_SEARCHED]
    if blocks is None:
        first = rng.permutation(len(order)) < len(order) // 2
    else:
        days = int(blocks.max()) + 1
        first = (rng.permutation(days) < days // 2)[blocks[order]]
    return order[first], order[~first]


def _tested(
    rows: pd.DataFrame,
    losses: Values,
    use_case: UseCase,
    names: Sequence[str],
    searched: NDArray[np.int64],
    testing: NDArray[np.int64],
    blocks: Blocks | None,
) -> list[Candidate]:
    declared, known = use_case.columns, losses[searched]
    columns = [levels_of(n, declared[n], rows[n].iloc[searched], known) for n in names]
    codes = np.stack([c.codes(rows[n]) for c, n in zip(columns, names, strict=True)], axis=1)
    share = use_case.evaluation.min_weak_slice
    fewest = max(MIN_ROWS, int(np.ceil(share * len(searched))))
    found = []
    for box in candidates(codes[searched], columns, known, fewest):
        everywhere = box.mask(codes)
        conditions = tuple(columns[i].condition(first, last) for i, first, last in box.runs)
        mask, held = everywhere[testing], None if blocks is None else blocks[testing]
        if everywhere.mean() < share or not MIN_ROWS <= mask.sum() <= len(mask) - MIN_ROWS:
            continue
        name = " ∧ ".join(condition_name(one) for one in conditions)
        loss = slice_loss(name, losses[testing], mask, held)
        p = _chance(losses[testing], mask, held)
        found.append(Candidate(conditions, loss, float(everywhere.mean()), p))
    return found


def _chance(losses: Values, mask: NDArray[np.bool_], blocks: Blocks | None) -> float:
    """The one-sided p-value of the mean loss inside being no higher than outside."""
    from scipy.special import stdtr

    inside, outside, rows = losses[mask].mean(), losses[~mask].mean(), len(losses)
    weights = np.where(mask, rows / mask.sum(), -rows / (~mask).sum())
    apart = (losses - np.where(mask, inside, outside)) * weights
    found = spread(apart, mask.astype(np.int64), blocks)
    if found is None or found.error == 0.0:
        return 1.0
    return float(stdtr(found.degrees, -(inside - outside) / found.error))


def _discoveries(tested: Sequence[Candidate], rate: float) -> list[Candidate]:
    """Those that Benjamini and Hochberg name at this rate, the least likely by chance first."""
    ordered = sorted(tested, key=lambda one: (one.p, one.name))
    named = [i for i, one in enumerate(ordered) if one.p <= rate * (i + 1) / len(ordered)]
    return ordered[: max(named) + 1] if named else []


def _record(one: Candidate) -> dict[str, Any]:
    return {
        "name": one.name,
        "conditions": list(one.conditions),
        "rows": one.loss.rows,
        "share": one.share,
        "p": one.p,
        "loss_ratio": interval_of(one.loss).to_dict(),
    }
