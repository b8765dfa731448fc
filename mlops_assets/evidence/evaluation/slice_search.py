"""Boxes of one or two columns in which the loss is high: candidates, of which nothing is certain.

Belongs here: the search. Does not belong here: whether a candidate is really weak, which other rows
decide (``weak_slices.py``), or how columns are cut into levels (``slice_columns.py``).

Each column has at most ``slice_columns.LEVELS`` ordered levels. For every pair of columns all boxes
(a run of levels of the one by a run of levels of the other) are looked at, by sums over the levels:
an exhaustive search where trees would be greedy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mlops_assets.evidence.evaluation.slice_columns import Levels
from mlops_assets.evidence.metrics.bootstrap import Values

MAX_PAIRS = 300
"""Pairs of columns that are searched: those of the columns that matter most alone."""
MAX_CANDIDATES = 10
MIN_SCORE = 1.5
"""Standard errors by which the loss in a candidate is above that elsewhere, at least."""
SIMPLER = 0.5
"""What a second column has to add to the score."""
SAME = 0.5
"""Two boxes that share more of the rows that are in either of them are one."""

Codes = NDArray[np.int64]
Sums = NDArray[np.float64]


@dataclass(frozen=True)
class Box:
    """Runs of levels by column: from ``first`` up to ``last``, both included."""

    runs: tuple[tuple[int, int, int], ...]
    """Position of the column, first and last level."""
    score: float

    def mask(self, codes: Codes) -> NDArray[np.bool_]:
        """Which rows are in it; ``codes`` ``[n, c]`` are the levels of each row."""
        held = np.ones(len(codes), np.bool_)
        for column, first, last in self.runs:
            held &= (codes[:, column] >= first) & (codes[:, column] <= last)
        return held


def candidates(codes: Codes, columns: Sequence[Levels], losses: Values, min_rows: int) -> list[Box]:
    """The boxes of at least ``min_rows`` rows with the highest scores, best first, none much the
    same as a better one."""
    alone = {i: _best((i,), codes, columns, losses, min_rows) for i in range(len(columns))}
    ranked = sorted(alone, key=lambda i: (-_score(alone[i]), i))
    pairs = sorted(combinations(sorted(ranked[: _most_columns()]), 2))
    found = [box for box in alone.values() if box]
    for pair in pairs:
        box = _best(pair, codes, columns, losses, min_rows)
        if box and box.score - SIMPLER > max(_score(alone[i]) for i in pair):
            found.append(box)
    kept: list[tuple[Box, NDArray[np.bool_]]] = []
    for box in sorted(found, key=lambda one: (SIMPLER * len(one.runs) - one.score, one.runs)):
        mask = box.mask(codes)
        if box.score >= MIN_SCORE and not any(_same(mask, other) for _, other in kept):
            kept.append((box, mask))
    return [box for box, _ in kept[:MAX_CANDIDATES]]


def _most_columns() -> int:
    return int((1 + np.sqrt(1 + 8 * MAX_PAIRS)) // 2)


def _score(box: Box | None) -> float:
    return -np.inf if box is None else box.score


def _same(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    return bool((one & other).sum() > SAME * (one | other).sum())


def _best(
    pair: tuple[int, ...],
    codes: Codes,
    columns: Sequence[Levels],
    losses: Values,
    min_rows: int,
) -> Box | None:
    """The box of these columns with the highest score."""
    sizes = [columns[i].count for i in pair]
    cells = np.ravel_multi_index([codes[:, i] for i in pair], sizes)
    shape = (sizes[0], sizes[1] if len(sizes) == 2 else 1)
    total = int(np.prod(shape))
    rows, sums, squares = (
        _of_boxes(np.bincount(cells, weights, total).reshape(shape).astype(np.float64))
        for weights in (None, losses, losses**2)
    )
    scores = _scores(rows, sums, squares, losses)
    scores[(rows < min_rows) | (rows > len(losses) - min_rows)] = -np.inf
    place = int(scores.argmax())
    if not np.isfinite(scores.flat[place]):
        return None
    one, other = np.unravel_index(place, scores.shape)
    found = [(i, *_runs(n)[int(at)]) for i, n, at in zip(pair, sizes, (one, other), strict=False)]
    runs = tuple(
        (i, first, last) for i, first, last in found if (first, last) != (0, columns[i].count - 1)
    )
    return Box(runs, float(scores.flat[place]))


def _scores(rows: Sums, sums: Sums, squares: Sums, losses: Values) -> Sums:
    """By how many standard errors (B. Welch, 1947) the mean inside is above that outside."""
    rest, n = len(losses) - rows, len(losses)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside, outside = sums / rows, (losses.sum() - sums) / rest
        spread = (squares / rows - inside**2) / rows
        spread += ((squares.max() - squares) / rest - outside**2) / rest
        scores = (inside - outside) / np.sqrt(np.maximum(spread, 1e-12 / n))
    known: Sums = np.nan_to_num(scores, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)
    return known


def _of_boxes(cells: Sums) -> Sums:
    """The sums over all boxes of a table ``[p, q]``: runs of the one by runs of the other."""
    height, width = cells.shape
    totals = np.zeros((height + 1, width + 1))
    totals[1:, 1:] = cells.cumsum(axis=0).cumsum(axis=1)
    first, last = (np.array(ends) for ends in zip(*_runs(height), strict=True))
    down = totals[last + 1] - totals[first]
    first, last = (np.array(ends) for ends in zip(*_runs(width), strict=True))
    boxes: Sums = down[:, last + 1] - down[:, first]
    return boxes


@cache
def _runs(levels: int) -> tuple[tuple[int, int], ...]:
    return tuple(_each_run(levels))


def _each_run(levels: int) -> Iterator[tuple[int, int]]:
    for first in range(levels):
        for last in range(first, levels):
            yield first, last
