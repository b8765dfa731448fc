"""What ``model.json`` says of how a model was chosen.

Belongs here: the leaderboard and what surrounds it, as plain JSON values. Does not belong here: the
choice (``selection.py``), remedies and calibration, which describe themselves, or measured times,
which are no part of a record (``fit.py``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mlops_assets.answers import LOSS_NAMES
from mlops_assets.training.complexity import Complexity
from mlops_assets.training.search import Comparison, Trial
from mlops_assets.training.selection import (
    Difference,
    Ranking,
    Score,
    paired,
    standard_error,
)
from mlops_assets.training.train_rows import TrainRows
from mlops_assets.use_case import UseCase


def score_of(trial: Trial) -> Score:
    """What the choice sees of a trial."""
    counted = trial.complexity
    return Score(trial.candidate.name, trial.losses, counted.operations, counted.parameters)


def describe_training(
    compared: Comparison,
    rankings: Sequence[Ranking],
    complexity: Complexity,
    rows: TrainRows,
    use_case: UseCase,
    baseline: Sequence[float],
) -> dict[str, Any]:
    """The record but for calibration, remedies and rows. ``complexity`` is that of the final fit,
    ``baseline`` its loss on each block; the leaderboard has the finalists first, best first, then
    those who left earlier, later rounds first."""
    chosen = next(ranking.score for ranking in rankings if ranking.chosen)
    trials = {trial.candidate.name: trial for trial in compared.trials}
    ahead = paired(baseline, chosen.losses)
    return {
        "task": rows.task,
        "loss": LOSS_NAMES[rows.task],
        "family": trials[chosen.name].candidate.family,
        "chosen": chosen.name,
        "complexity": asdict(complexity),
        "baseline": {
            "loss": sum(baseline) / len(baseline),
            "standard_error": standard_error(baseline),
            "difference_to_chosen": ahead.mean,
            "standard_error_of_difference": ahead.standard_error,
        },
        "beats_baseline": ahead.is_measurable,
        "leaderboard": [
            *(_entry(trials[r.score.name], r.difference, r.chosen, r.why) for r in rankings),
            *_left_earlier(compared),
        ],
        "not_tried": [
            {"name": candidate.name, "why": "beyond training.search.max_fits"}
            for candidate in compared.not_tried
        ],
        "search": use_case.training.search.model_dump(mode="json"),
        "rounds": [
            {"candidates": r.candidates, "folds": _named(r.folds), "fits": r.fits}
            for r in compared.rounds
        ],
        "folds": _folds(compared, use_case.training.search.folds),
        "target": {"mean": rows.mean, "variance": rows.variance}
        if rows.task == "regression"
        else None,
        "seed": use_case.training.seed,
        "inputs": list(use_case.inputs),
    }


def _left_earlier(compared: Comparison) -> list[dict[str, Any]]:
    entries = []
    for number in range(len(compared.rounds) - 1, 0, -1):
        in_round = sorted((t for t in compared.trials if t.round == number), key=lambda t: t.order)
        entries += [_entry(t, None, False, t.excess or _why_left(t)) for t in in_round]
    return entries


def _why_left(trial: Trial) -> str:
    return f"left after round {trial.round}: others were better on {len(trial.folds)} of the folds"


def _named(folds: tuple[int, ...]) -> list[int]:
    """Folds are counted from 1, the newest last."""
    return [place + 1 for place in folds]


def _folds(compared: Comparison, asked: int) -> dict[str, Any]:
    used = len(compared.rounds[-1].folds)
    why = "too few train rows, or folds whose fitted rows have one label" if used < asked else None
    return {"asked": asked, "used": used, "why_fewer": why}


def _entry(trial: Trial, difference: Difference | None, chosen: bool, why: str) -> dict[str, Any]:
    """``difference_to_best`` is ``None`` of one that left before the last round."""
    candidate = trial.candidate
    return {
        "name": candidate.name,
        "family": candidate.family,
        "form": candidate.form,
        "parameters": _plain(candidate.with_steps(trial.steps).parameters),
        "steps": trial.steps,
        "loss": trial.mean,
        "standard_error": standard_error(trial.losses),
        "fold_losses": list(trial.fold_losses),
        "difference_to_best": difference.mean if difference else None,
        "standard_error_of_difference": difference.standard_error if difference else None,
        "complexity": asdict(trial.complexity),
        "round": trial.round,
        "rows": trial.rows,
        "folds": _named(trial.folds),
        "chosen": chosen,
        "why": why,
    }


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in parameters.items()}
