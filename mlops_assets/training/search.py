"""The comparison of all candidates, by successive halving within a budget of fits.

Belongs here: the rounds, who advances, and the fits side by side. Does not belong here: what is
tried (``candidates.py``), one fit (``fitted_pipeline.py``), or the choice among the finalists
(``selection.py``).

All candidates meet on some folds, the better ones on more, the finalists on all (K. Jamieson and A.
Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016,
with folds as what is spent). What a candidate did on earlier folds counts on, and no fit has fewer
rows than in the end: who is best on few rows is often not best on many. The best of each family
advances before the second of any: the rule that chooses needs the simple ones beside the good ones.
Nothing here depends on how many fits run side by side, or on how long one takes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from time import perf_counter

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from mlops_assets.answers import LOSS_NAMES, Answers, Labels, row_losses
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.representation.groups import Codes
from mlops_assets.target_declaration import Task
from mlops_assets.training.candidates import Candidate
from mlops_assets.training.complexity import Complexity, FileSize
from mlops_assets.training.fitted_model import complexity_of
from mlops_assets.training.fitted_pipeline import fit_staged, repeatable, stop_after
from mlops_assets.training.folds import Fold
from mlops_assets.training.rounds import Round, plan
from mlops_assets.training.train_rows import TrainRows
from mlops_assets.use_case import UseCase

Progress = Callable[[str], None]
LOSS_DIGITS = 12
BLOCKS = 5
"""Blocks that the judged rows of a fold are cut into, for the standard error."""


@dataclass(frozen=True)
class Timing:
    """What was measured in the newest fold: never part of a record.
    Answering includes the encoding."""

    fit_seconds: float
    microseconds_a_row: float


@dataclass(frozen=True)
class Trial:
    """A candidate, with the steps found best over ``folds``, and how it did on each of them.

    ``round`` is the last it was in, counted from 1; ``rows`` were fitted at most. ``block_losses``
    are the mean losses of each fold's blocks of judged rows, in order of time, after the steps that
    the other folds find best: steps chosen on the very rows that judge them would look better than
    they are. ``excess`` says in words which limit of ``training.search.complexity`` it is over."""

    candidate: Candidate
    steps: int | None
    round: int
    rows: int
    folds: tuple[int, ...]
    block_losses: tuple[tuple[float, ...], ...]
    complexity: Complexity
    excess: str
    timing: Timing

    @property
    def fold_losses(self) -> tuple[float, ...]:
        """Of each fold the mean of its blocks, which differ by a row at most."""
        return tuple(float(np.mean(blocks)) for blocks in self.block_losses)

    @property
    def losses(self) -> tuple[float, ...]:
        """Those of all blocks, in order of time."""
        return tuple(loss for blocks in self.block_losses for loss in blocks)

    @property
    def mean(self) -> float:
        return float(np.mean(self.losses))

    @property
    def order(self) -> tuple[float, int, str]:
        """Sorts the better first."""
        return self.mean, self.complexity.operations, self.candidate.name


@dataclass(frozen=True)
class Comparison:
    """All ``trials``, those of the last of the ``rounds`` being the finalists, and candidates that
    were beyond the budget of fits."""

    rounds: tuple[Round, ...]
    trials: tuple[Trial, ...]
    not_tried: tuple[Candidate, ...]

    @property
    def finalists(self) -> tuple[Trial, ...]:
        return tuple(t for t in self.trials if t.round == len(self.rounds))


@dataclass(frozen=True)
class _FoldRows:
    """The rows of one fold: all that a fit elsewhere needs of the window."""

    fitted: pd.DataFrame
    fitted_labels: Labels
    judged: pd.DataFrame
    judged_labels: Labels
    task: Task
    variance: float
    fitted_groups: Codes | None

    @classmethod
    def of(cls, fold: Fold, rows: TrainRows) -> "_FoldRows":
        fitted, judged = rows.at(fold.fitted), rows.at(fold.judged)
        labels = rows.labels[fold.fitted], rows.labels[fold.judged]
        groups = rows.group_codes(fold.fitted)
        return cls(fitted, labels[0], judged, labels[1], rows.task, rows.variance, groups)


@dataclass(frozen=True)
class _Fit:
    """What a fit of one candidate on one fold gave: the losses of its blocks after each number of
    steps, the pipeline where it is asked for, and how long it took."""

    losses: dict[int | None, tuple[float, ...]]
    pipeline: Pipeline | None
    timing: Timing


def search(
    candidates: Sequence[Candidate],
    rows: TrainRows,
    folds: Sequence[Fold],
    use_case: UseCase,
    progress: Progress,
    file_size: FileSize | None,
) -> Comparison:
    """Compare the candidates, in the order in which a small budget tries them.

    Raises ``BatchError`` where ``training.search.complexity`` leaves none.
    """
    rounds = plan(len(candidates), len(folds), use_case.training.search)
    entered = tuple(candidates[: rounds[0].candidates])
    trials: dict[str, Trial] = {}
    fits: dict[str, dict[int, _Fit]] = {candidate.name: {} for candidate in entered}
    data = [_FoldRows.of(fold, rows) for fold in folds]
    advancing = entered
    for number, planned in enumerate(rounds, start=1):
        progress(
            f"round {number} of {len(rounds)}: {len(advancing)} candidates, "
            f"folds {', '.join(str(f + 1) for f in planned.new_folds)}"
        )
        for candidate, found in _fit_round(planned, advancing, data, use_case):
            fits[candidate.name] |= found
            trial = _trial(candidate, number, fits[candidate.name], data, use_case, file_size)
            trials[candidate.name] = trial
            loss = f"{LOSS_NAMES[rows.task]} {trial.mean:.4f}"
            progress(f"{trial.candidate.name}: {trial.excess or loss}")
        if number < len(rounds):
            advancing = _best([trials[c.name] for c in advancing], rounds[number].candidates)
    every = tuple(trials[candidate.name] for candidate in entered)
    comparison = Comparison(rounds, every, tuple(candidates[len(entered) :]))
    if all(trial.excess for trial in comparison.finalists):
        raise BatchError(_nothing_left(every))
    return comparison


def block_losses(
    task: Task, labels: Labels, answers: Answers, variance: float
) -> tuple[float, ...]:
    """The mean loss of answers to each of the ``BLOCKS`` blocks of a fold's judged rows, rounded so
    that it is the same number however it was added up."""
    losses = np.array_split(row_losses(task, labels, answers, variance), BLOCKS)
    return tuple(round(float(block.mean()), LOSS_DIGITS) for block in losses)


def _fit_round(
    planned: Round,
    candidates: Sequence[Candidate],
    data: Sequence[_FoldRows],
    use_case: UseCase,
) -> Iterator[tuple[Candidate, dict[int, _Fit]]]:
    """The fits of a round as they come, by the place of the fold, in the order of the candidates.
    The pipeline of the newest fold is kept."""
    places, newest = planned.new_folds, len(data) - 1
    jobs = (
        joblib.delayed(_fit)(candidate, data[place], use_case, keep=place == newest)
        for candidate in candidates
        for place in places
    )
    workers = min(len(candidates) * len(places), joblib.cpu_count())
    fits = joblib.Parallel(n_jobs=workers, return_as="generator")(jobs)
    for candidate in candidates:
        yield candidate, {place: next(fits) for place in places}


def _trial(
    candidate: Candidate,
    number: int,
    fits: Mapping[int, _Fit],
    data: Sequence[_FoldRows],
    use_case: UseCase,
    file_size: FileSize | None,
) -> Trial:
    places = tuple(sorted(fits))
    newest = fits[places[-1]]
    steps = _best_steps(list(fits.values()))
    # A later round may find more steps better.
    pipeline = stop_after(deepcopy(newest.pipeline), steps)
    complexity = complexity_of(pipeline, data[places[-1]].fitted_labels, use_case, file_size)
    return Trial(
        candidate=candidate,
        steps=steps,
        round=number,
        rows=max(len(data[place].fitted_labels) for place in places),
        folds=places,
        block_losses=tuple(_judged_apart(fits, place) for place in places),
        complexity=complexity,
        excess=complexity.excess(use_case.training.search.complexity),
        timing=newest.timing,
    )


def _judged_apart(fits: Mapping[int, _Fit], place: int) -> tuple[float, ...]:
    """The block losses of a fold after the steps that the other folds find best; of one fold, that
    it finds best itself."""
    others = [fit for other, fit in fits.items() if other != place]
    return fits[place].losses[_best_steps(others or [fits[place]])]


def _fit(candidate: Candidate, fold: _FoldRows, use_case: UseCase, keep: bool) -> _Fit:
    start = perf_counter()
    pipeline, answers = fit_staged(
        candidate, fold.fitted, fold.fitted_labels, fold.judged, use_case, fold.fitted_groups
    )
    fitted = perf_counter()
    with repeatable():
        pipeline[-1].predict(pipeline[:-1].transform(fold.judged))
    a_row = (perf_counter() - fitted) / len(fold.judged)
    losses = {
        steps: block_losses(fold.task, fold.judged_labels, found, fold.variance)
        for steps, found in answers.items()
    }
    return _Fit(losses, pipeline if keep else None, Timing(fitted - start, a_row * 1e6))


def _best_steps(fits: Sequence[_Fit]) -> int | None:
    """The number of steps with the smallest mean loss over the folds, of equals the fewest."""
    every = list(fits[0].losses)
    return min(every, key=lambda steps: float(np.mean([fit.losses[steps] for fit in fits])))


def _best(trials: Sequence[Trial], at_most: int) -> tuple[Candidate, ...]:
    """Who advances: within their limits, the best of each family, then the best of the others."""
    ordered = sorted((t for t in trials if not t.excess), key=lambda trial: trial.order)
    if not ordered:
        raise BatchError(_nothing_left(trials))
    families = [trial.candidate.family for trial in ordered]
    firsts = [t for place, t in enumerate(ordered) if families.index(families[place]) == place]
    others = [trial for trial in ordered if trial not in firsts]
    return tuple(trial.candidate for trial in [*firsts, *others][:at_most])


def _nothing_left(trials: Sequence[Trial]) -> str:
    smallest = min(trials, key=lambda trial: trial.complexity.operations)
    return (
        f"training.search.complexity excludes every candidate; the one with the fewest operations, "
        f"{smallest.candidate.name}, has {smallest.excess}: raise the limits, or allow more "
        "families"
    )
