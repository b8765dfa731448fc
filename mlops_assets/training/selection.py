"""Which candidate to fit: the simplest one that is not measurably worse than the best.

Belongs here: the one-standard-error rule on paired differences (Breiman et al., "Classification and
Regression Trees", 1984, section 3.4.3; paired because stretches of time differ far more than
candidates do). Does not belong here: folds (``folds.py``), what a candidate costs
(``complexity.py``), and fitting (``fit.py``).

The standard error is of the mean over blocks of judged rows, several a fold: that of a handful of
folds is itself known to a third only, and now and then lets a far worse model pass as equal. Blocks
that follow one another are not independent, so that their covariances count as well (W. Newey and
K. West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
covariance matrix", Econometrica 1987).

The simplest is the one with the fewest operations a row, then the fewest parameters. Operations
come first because they are what every answer costs for as long as the model serves, and because a
multiplication and a comparison are comparable where a weight and a leaf are not: a forest's leaves
are many and mostly asleep, a network's weights all work for every row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_assets.reporting.text import mark

SIMPLEST = mark("the simplest within one standard error of the best")
NOT_SIMPLEST = mark("within one standard error of the best, but not the simplest")
WORSE = mark("worse than the best by more than one standard error")


@dataclass(frozen=True)
class Score:
    """A candidate's losses on blocks of as many rows, in order of time, and how simple it is."""

    name: str
    losses: tuple[float, ...]
    operations: int
    parameters: int

    @property
    def mean(self) -> float:
        return float(np.mean(self.losses))

    @property
    def simplicity(self) -> tuple[int, int, float, str]:
        """Sorts the simplest first; of equally simple ones the better."""
        return self.operations, self.parameters, self.mean, self.name


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences, and its standard error (``None`` of one block)."""

    mean: float
    standard_error: float | None

    @property
    def is_measurable(self) -> bool:
        """Whether it is above zero by more than one standard error; of one block nobody knows."""
        return self.standard_error is not None and self.mean > self.standard_error


@dataclass(frozen=True)
class Ranking:
    """A score with what decided: how much more it loses than the best."""

    score: Score
    difference: Difference
    chosen: bool
    why: str


def choose(
    scores: Sequence[Score], excluded: Mapping[str, str] | None = None
) -> tuple[Ranking, ...]:
    """Rank candidates, smallest mean loss first; the simplest whose paired difference to the best
    is within one standard error of that difference is chosen. Those that ``excluded`` names, with
    the reason, are ranked, but neither chosen nor the best.

    Raises ``ValueError`` where no candidate may be chosen.
    """
    out = dict(excluded or {})
    ordered = sorted(scores, key=lambda score: (score.mean, score.simplicity))
    eligible = [score for score in ordered if score.name not in out]
    if not eligible:
        raise ValueError("no candidate may be chosen: raise training.search.max_fits or complexity")
    best = eligible[0]
    differences = {score.name: paired(score.losses, best.losses) for score in ordered}
    tied = [score for score in eligible if not _is_worse(differences[score.name])]
    chosen = min(tied, key=lambda score: score.simplicity)
    whys = {score.name: _why(score, chosen, differences[score.name]) for score in ordered} | out
    return tuple(
        Ranking(score, differences[score.name], score is chosen, whys[score.name])
        for score in ordered
    )


def paired(losses: Sequence[float], best: Sequence[float]) -> Difference:
    """How much larger ``losses`` are than those of the ``best`` on the same blocks."""
    differences = np.subtract(losses, best)
    return Difference(float(differences.mean()), standard_error(differences.tolist()))


def standard_error(losses: Sequence[float]) -> float | None:
    """Of the mean of losses in order of time (see the module); ``None`` of one."""
    n = len(losses)
    if n < 2:
        return None
    errors = np.asarray(losses) - np.mean(losses)
    reach = covarying(n)
    shared = sum(
        (1.0 - lag / (reach + 1.0)) * float(errors[lag:] @ errors[:-lag])
        for lag in range(1, reach + 1)
    )
    # Below zero by rounding only.
    total = max(float(errors @ errors) + 2.0 * shared, 0.0)
    return float(np.sqrt(total / (n * (n - 1.0))))


def covarying(blocks: int) -> int:
    """Over how many of ``blocks`` a covariance counts (W. Newey and K. West, "Automatic lag
    selection in covariance matrix estimation", 1994, the rule without a pilot estimate)."""
    return min(int(4.0 * (blocks / 100.0) ** (2.0 / 9.0)), blocks - 1)


def _is_worse(difference: Difference) -> bool:
    return difference.mean > (difference.standard_error or 0.0)


def _why(score: Score, chosen: Score, difference: Difference) -> str:
    if score is chosen:
        return SIMPLEST
    return WORSE if _is_worse(difference) else NOT_SIMPLEST
