"""How many candidates meet on how many folds, within ``training.search.max_fits``.

Belongs here: dividing the budget of fits. Does not belong here: the fits, and who advances
(``search.py``), or the rows of a fold (``folds.py``).
"""

from dataclasses import dataclass

from mlops_assets.training_declaration import Search

FEWEST_FINALISTS = 2
"""One finalist was chosen by the first folds alone."""


@dataclass(frozen=True)
class Round:
    """``candidates`` are fitted on each of ``new_folds``, which makes ``folds`` with those they met
    on before (places among all, the newest last)."""

    candidates: int
    folds: tuple[int, ...]
    new_folds: tuple[int, ...]

    @property
    def fits(self) -> int:
        return self.candidates * len(self.new_folds)


def plan(candidates: int, folds: int, search: Search) -> tuple[Round, ...]:
    """The rounds for so many candidates and folds, together within ``search.max_fits``.

    Where all candidates fit on all folds, that is the only round. Else all meet on as many folds as
    leave the better half enough fits for the others. Where one fold is too many for that, the
    better half, then fewer, go on from it; where that is too much, fewer candidates enter.
    """
    fits = search.max_fits
    if candidates * folds <= fits:
        return _rounds(folds, (candidates, folds))
    half = max(FEWEST_FINALISTS, -(-candidates // 2))
    for first in range(folds - 1, 0, -1):
        finalists = (fits - candidates * first) // (folds - first)
        if finalists >= half:
            return _rounds(folds, (candidates, first), (finalists, folds))
    for second in range(folds - 1, 1, -1):
        finalists = (fits - candidates - half * (second - 1)) // (folds - second)
        if finalists >= max(FEWEST_FINALISTS, half / 2):
            return _rounds(folds, (candidates, 1), (half, second), (finalists, folds))
    entered = min(candidates, fits - FEWEST_FINALISTS * (folds - 1))
    if entered > fits // folds:
        return _rounds(folds, (entered, 1), ((fits - entered) // (folds - 1), folds))
    return _rounds(folds, (fits // folds, folds))


def _rounds(folds: int, *planned: tuple[int, int]) -> tuple[Round, ...]:
    """The rounds for pairs of candidates and folds at the end of the round. The newest fold comes
    first, then others spread over time."""
    every = [*range(folds - 1, -1, -2), *range(folds - 2, -1, -2)]
    made, before = [], 0
    for candidates, used in planned:
        new_folds = tuple(sorted(every[before:used]))
        made.append(Round(candidates, tuple(sorted(every[:used])), new_folds))
        before = used
    return tuple(made)
