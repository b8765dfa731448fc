"""Columns that are the target under another name, or a part of it.

Belongs here: columns whose levels or order are the target's. Does not belong here: columns that
know too much without being a copy (``leakage.py``).
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.data.leakage.column_power import (
    MAX_PER_CLASS,
    MIN_PER_CLASS,
    Floats,
    hashable,
)
from mlops_assets.data.leakage.finding import Finding, Verdict
from mlops_assets.data.leakage.target_views import FEW_LEVELS, Judged
from mlops_assets.reporting.text import Text, mark, say

MIRROR_PURITY = 0.995
NAME = "mirrors_target"


def mirrors_target(rows: pd.DataFrame, labels: Labels) -> list[Finding]:
    """Columns of few levels that map one-to-one onto the classes of the target, or of which a level
    is one of them; ``labels`` are positions of classes.

    The number is the least of four shares: of each class in its most frequent level, and of that
    level in the class. A rare class counts as much as the others. Of more than two classes, it is
    the largest such number of all of them together and of each against all others.
    """
    classes, codes = np.unique(labels.astype(np.int64), return_inverse=True)
    size = max(2, len(classes))
    found = []
    for column in rows.columns:
        levels = pd.factorize(hashable(rows[column]), use_na_sentinel=False)[0]
        many = int(levels.max(initial=-1)) + 1
        if not 2 <= many <= max(FEW_LEVELS, 2 * size):
            continue
        if len(classes) < 2:
            text = say("a class has no row: widen the window")
            found.append(Finding(NAME, str(column), None, MIRROR_PURITY, "unknown", text))
            continue
        counts = np.zeros((many, size))
        np.add.at(counts, (levels, codes), 1.0)
        number = max(_purity(table) for table in _tables(counts))
        text = say(
            "class and level say the same in {number:.1%} of the rows of either", number=number
        )
        found.append(_finding(str(column), number, text))
    return found


def follows_target(rows: pd.DataFrame, numbers: Floats, *, seed: int) -> list[Finding]:
    """Columns that are in the order of a regression's labels: the target in another unit, rounded,
    or cut into levels.

    Of a column of more than ``FEW_LEVELS`` numbers or times, the number is the size of its rank
    correlation with the target (C. Spearman, 1904). Of one of fewer levels, which may be text, it
    is how seldom neighbouring levels, in the order of their median label, overlap: the least ROC
    AUC of two neighbours. Missing values and levels of fewer than ``MIN_PER_CLASS`` rows are left
    out; a column that has too few others has no finding. At most twice ``MAX_PER_CLASS`` rows are
    looked at, a sample that ``seed`` draws.
    """
    drawn = np.random.default_rng(seed).permutation(len(numbers))[: 2 * MAX_PER_CLASS]
    sample, chosen = rows.iloc[drawn], numbers[drawn]
    found = []
    for column in rows.columns:
        values = sample[column]
        present = values.notna().to_numpy()
        known, labels = hashable(values[present]), chosen[present]
        if known.nunique() <= FEW_LEVELS:
            number = _apart(known, labels)
            template = mark(
                "neighbouring levels are ranges of the target in {number:.1%} of the pairs of rows"
            )
        else:
            number = _same_order(known, labels)
            template = mark("its rank correlation with the target is {number:.4f} in size")
        if number is not None:
            found.append(_finding(str(column), number, say(template, number=number)))
    return found


def copies(rows: pd.DataFrame, judged: Judged, *, seed: int) -> list[Finding]:
    """The test that fits the task of the labels."""
    if judged.task == "regression":
        return follows_target(rows, judged.labels.astype(np.float64), seed=seed)
    return mirrors_target(rows, judged.labels)


def _finding(column: str, number: float, text: Text) -> Finding:
    verdict: Verdict = "leak" if number >= MIRROR_PURITY else "ok"
    return Finding(NAME, column, number, MIRROR_PURITY, verdict, text)


def _tables(counts: Floats) -> Iterable[Floats]:
    """Rows by level and class, and for more than two classes of each against the others."""
    yield counts
    if counts.shape[1] > 2:
        rest = counts.sum(axis=1)
        for one in counts.T:
            yield np.column_stack([one, rest - one])


def _purity(counts: Floats) -> float:
    """``counts`` are rows ``[levels, classes]``, of which no class is without a row."""
    modes = counts.argmax(axis=0)
    shared = counts[modes, np.arange(counts.shape[1])]
    return float(np.minimum(shared / counts.sum(axis=0), shared / counts.sum(axis=1)[modes]).min())


def _same_order(values: pd.Series, labels: Floats) -> float | None:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.astype("int64")
    is_number = pd.api.types.is_numeric_dtype(values.dtype)
    if not is_number or len(values) < 2 * MIN_PER_CLASS:
        return None
    ranks = [_centred_ranks(values.to_numpy(np.float64)), _centred_ranks(labels)]
    spread = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return abs(float((ranks[0] * ranks[1]).sum())) / spread if spread > 0.0 else None


def _centred_ranks(values: Floats) -> Floats:
    ranks = pd.Series(values).rank().to_numpy(np.float64)
    return np.asarray(ranks - (len(ranks) + 1) / 2, np.float64)


def _apart(values: pd.Series, labels: Floats) -> float | None:
    codes, levels = pd.factorize(values)
    groups: list[Floats] = [np.sort(labels[codes == code]) for code in range(len(levels))]
    enough = sorted((g for g in groups if len(g) >= MIN_PER_CLASS), key=_median)
    return min(_areas(enough), default=None)


def _median(ordered: Floats) -> float:
    return float(ordered[len(ordered) // 2])


def _areas(groups: list[Floats]) -> Iterator[float]:
    """How often a row of a group lies above one of the group before it; equals count half."""
    for low, high in pairwise(groups):
        below: NDArray[np.int64] = np.searchsorted(low, high, side="left")
        upto = np.searchsorted(low, high, side="right")
        yield float((below + upto).sum()) / (2.0 * len(low) * len(high))
