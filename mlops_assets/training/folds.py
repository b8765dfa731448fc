"""Folds that respect time and batches: what is judged is newer than what was fitted.

Belongs here: which train rows a fold fits and judges, and thinning them. Does not belong here:
fitting (``fitted_pipeline.py``), the rounds of the search (``search.py``), or which rows are drawn
again (``remedies.py``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.data.batch_error import BatchError
from mlops_assets.target_declaration import Task
from mlops_assets.training_declaration import Search

Positions = NDArray[np.int64]
Draw = Callable[[Positions], Positions]

FEWEST_ROWS = 30
"""Rows of a stretch below which fewer folds are made."""
FEWEST_FOLDS = 2
"""A standard error needs two."""


@dataclass(frozen=True)
class Fold:
    """Positions among the train rows in order of time: what is fitted, all before what is judged.

    ``fitted`` may hold a position more than once (``remedies.py``)."""

    fitted: Positions
    judged: Positions


def forward_folds(rows: int, folds: int) -> Iterator[tuple[Positions, Positions]]:
    """Train and validation positions of ``rows`` rows in order of time: ``folds + 1`` equal
    stretches, each validated by what was fitted on all stretches before it."""
    edges = np.linspace(0, rows, folds + 2).astype(np.int64)
    for start, end in pairwise(edges[1:]):
        yield np.arange(start), np.arange(start, end)


def thin(positions: Positions, at_most: int) -> Positions:
    """At most ``at_most`` of ``positions``, evenly spread, so that every period is kept."""
    if len(positions) <= at_most:
        return positions
    return positions[np.linspace(0, len(positions) - 1, at_most).astype(np.int64)]


def fold_count(rows: int, search: Search) -> int:
    """``search.folds``, or as many as leave ``FEWEST_ROWS`` rows a stretch, but at least
    ``FEWEST_FOLDS``."""
    return max(FEWEST_FOLDS, min(search.folds, rows // FEWEST_ROWS - 1))


def make_folds(task: Task, labels: Labels, search: Search, draw: Draw | None) -> tuple[Fold, ...]:
    """The folds over the train rows whose ``labels`` are given oldest first, both sides thinned to
    ``search.max_rows``; only what is fitted goes through ``draw``. Folds whose fitted rows all have
    the same label are left out: nothing can be learned from them.

    Raises ``BatchError`` where fewer than ``FEWEST_FOLDS`` are left.
    """
    found = []
    for before, judged in forward_folds(len(labels), fold_count(len(labels), search)):
        drawn = before if draw is None else draw(before)
        fitted = thin(drawn, search.max_rows)
        if len(judged) and is_varied(labels[fitted]):
            found.append(Fold(fitted, thin(judged, search.max_rows)))
    if len(found) < FEWEST_FOLDS:
        same = "one value" if task == "regression" else "one class"
        raise BatchError(
            f"the {len(labels):,} train rows, in order of time, begin with rows of {same} only: of "
            f"the folds {len(found)} can be fitted, and {FEWEST_FOLDS} are needed to compare "
            "candidates: widen training.window, raise training.search.max_rows, or wait for more "
            "batches"
        )
    return tuple(found)


def is_varied(labels: Labels) -> bool:
    """Whether there are two different labels."""
    return bool(len(labels) and (labels != labels[0]).any())
