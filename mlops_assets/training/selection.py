"""Which candidate to fit: the simplest one that is not measurably worse than the best.

Belongs here: folds that respect time, and the one-standard-error rule on paired differences
(Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3; paired because folds
differ far more than candidates do). Does not belong here: fitting (``fit.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Score:
    """A candidate's cross-validated log loss, fold by fold, and its size."""

    name: str
    fold_losses: tuple[float, ...]
    parameters: int

    @property
    def mean(self) -> float:
        return float(np.mean(self.fold_losses))


@dataclass(frozen=True)
class Ranking:
    """A score with what decided: the paired difference to the best and its standard error."""

    score: Score
    difference: float
    standard_error: float
    chosen: bool
    why: str


def forward_folds(rows: int, folds: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Train and validation positions of ``rows`` rows in order of time: ``folds + 1`` equal
    stretches, each validated by what was fitted on all stretches before it."""
    edges = np.linspace(0, rows, folds + 2).astype(np.int64)
    for start, end in pairwise(edges[1:]):
        yield np.arange(start), np.arange(start, end)


def thin(positions: NDArray[np.int64], at_most: int) -> NDArray[np.int64]:
    """At most ``at_most`` of ``positions``, evenly spread, so that every period is kept."""
    if len(positions) <= at_most:
        return positions
    return positions[np.linspace(0, len(positions) - 1, at_most).astype(np.int64)]


def choose(scores: Sequence[Score]) -> tuple[Ranking, ...]:
    """Rank candidates, best mean log loss first; the simplest whose paired difference to the best
    is within one standard error of that difference is chosen.

    Raises ``ValueError`` where there is no candidate.
    """
    if not scores:
        raise ValueError("no candidate was compared: raise training.search.max_fits")
    ordered = sorted(scores, key=lambda score: (score.mean, score.parameters, score.name))
    best = ordered[0]
    differences = [_paired(score, best) for score in ordered]
    tied = [
        score for score, (mean, error) in zip(ordered, differences, strict=True) if mean <= error
    ]
    chosen = min(tied, key=lambda score: (score.parameters, score.mean, score.name))
    return tuple(
        Ranking(score, mean, error, score is chosen, _why(score, chosen, mean, error))
        for score, (mean, error) in zip(ordered, differences, strict=True)
    )


def _paired(score: Score, best: Score) -> tuple[float, float]:
    differences = np.subtract(score.fold_losses, best.fold_losses)
    if score is best:
        return 0.0, 0.0
    return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))


def _why(score: Score, chosen: Score, mean: float, error: float) -> str:
    if score is chosen:
        return "the simplest within one standard error of the best"
    if mean > error:
        return "worse than the best by more than one standard error"
    return "within one standard error of the best, but not the simplest"
