"""From features to a fitted, calibrated model, and the record of how it was chosen.

Belongs here: the way from the train rows through comparison and final fit to the calibration. Does
not belong here: each step of it (``train_rows.py``, ``folds.py``, ``search.py``, ``selection.py``,
``fitted_pipeline.py``, ``calibration.py``, ``decision.py``), nor the words of the record
(``record.py``).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from mlops_assets.data.batch_error import BatchError
from mlops_assets.training.baseline import baseline_answers
from mlops_assets.training.calibration import Model
from mlops_assets.training.candidates import candidates_for
from mlops_assets.training.complexity import Complexity, FileSize
from mlops_assets.training.decision import decide
from mlops_assets.training.fitted_model import complexity_of, make_model
from mlops_assets.training.fitted_pipeline import fit_pipeline
from mlops_assets.training.folds import Fold, Positions, make_folds, thin
from mlops_assets.training.record import describe_training, score_of
from mlops_assets.training.remedies import (
    Resampler,
    describe_remedies,
    require_group_rows,
    resampler,
)
from mlops_assets.training.reweighing import describe_reweighing
from mlops_assets.training.search import Comparison, Progress, block_losses, search
from mlops_assets.training.selection import Ranking, choose
from mlops_assets.training.train_rows import TrainRows, calibration_rows, read_train_rows
from mlops_assets.use_case import UseCase


@dataclass(frozen=True)
class Training:
    """A fitted model, the record that goes into ``model.json``, and what was measured on the way:
    by candidate, ``fit_seconds`` and ``microseconds_a_row``, which depend on the machine and belong
    into metadata only."""

    model: Model
    record: dict[str, Any]
    timings: dict[str, dict[str, float]]


@dataclass(frozen=True)
class _Final:
    """The chosen candidate fitted on all the rows it may have."""

    pipeline: Pipeline
    complexity: Complexity
    rankings: tuple[Ranking, ...]
    fitted: Positions


def train(
    features: pd.DataFrame,
    use_case: UseCase,
    progress: Progress,
    file_size: FileSize | None = None,
) -> Training:
    """Compare the candidates on the train split, fit the chosen one on all of it, calibrate it.

    ``features`` are rows as ``data/features.py`` builds them; ``file_size`` gives the bytes of a
    model's float ONNX file. Model and record depend on rows, use case and seed only: every fit runs
    on one thread, and fits side by side do not see each other. Raises ``BatchError`` where the rows
    cannot give what is asked.
    """
    require_group_rows(features, use_case)
    rows = read_train_rows(features, use_case)
    calibration = calibration_rows(features, use_case)
    again = resampler(features, rows.order, use_case)
    declared = use_case.training.search
    folds = make_folds(rows.task, rows.labels, declared, again.draw if again else None)
    candidates = candidates_for(rows.task, declared.families)
    compared = search(candidates, rows, folds, use_case, progress, file_size)
    final = _fit_chosen(compared, rows, again, use_case, progress, file_size)
    labels = rows.labels[final.fitted]
    model = make_model(final.pipeline, labels, use_case)
    decided = calibrate(model, calibration, use_case)
    record = describe_training(
        compared,
        final.rankings,
        final.complexity,
        rows,
        use_case,
        baseline=_baseline_losses(rows, folds),
    )
    record |= {
        "calibration": model.describe(),
        "decision_rule": model.rule.to_dict(),
        "decision": decided,
        "remedies": describe_remedies(use_case, again, final.fitted, labels)
        | {"reweighing": describe_reweighing(rows.groups_at(final.fitted), labels, use_case)},
        "rows": {
            "train": len(rows.order),
            "fitted": len(final.fitted),
            "calibrated": len(calibration),
        },
    }
    return Training(model, record, _timings(compared))


def calibrate(model: Model, calibration: pd.DataFrame, use_case: UseCase) -> dict[str, Any]:
    """Let the model learn its calibration and its decision rule from ``calibration`` rows; how the
    rule was chosen, as ``model.json`` holds it."""
    labels = calibration[use_case.target.column].to_numpy()
    model.fit(calibration, labels)
    chosen = decide(model.task, labels, model.answers(calibration), calibration, use_case)
    model.rule = chosen.rule
    return chosen.record


def _fit_chosen(
    compared: Comparison,
    rows: TrainRows,
    again: Resampler | None,
    use_case: UseCase,
    progress: Progress,
    file_size: FileSize | None,
) -> _Final:
    """Fit the chosen finalist; one that is over its limits with all rows is left for the next."""
    declared = use_case.training.search
    finalists = {trial.candidate.name: trial for trial in compared.finalists}
    scores = [score_of(trial) for trial in compared.finalists]
    excluded = {name: trial.excess for name, trial in finalists.items() if trial.excess}
    fitted = final_places(len(rows.order), again, declared.max_final_rows)
    inputs, labels, groups = rows.at(fitted), rows.labels[fitted], rows.group_codes(fitted)
    while len(excluded) < len(finalists):
        rankings = choose(scores, excluded)
        trial = finalists[next(r.score.name for r in rankings if r.chosen)]
        progress(f"fitting {trial.candidate.name} on {len(fitted):,} rows")
        candidate = trial.candidate.with_steps(trial.steps)
        pipeline = fit_pipeline(candidate, inputs, labels, use_case, groups)
        complexity = complexity_of(pipeline, labels, use_case, file_size)
        excess = complexity.excess(declared.complexity)
        if not excess:
            return _Final(pipeline, complexity, rankings, fitted)
        excluded[trial.candidate.name] = f"fitted on {len(fitted):,} rows: {excess}"
    raise BatchError(
        "training.search.complexity excludes every finalist once it is fitted on all rows; "
        f"{next(reversed(excluded.values()))}: raise the limits, or lower "
        "training.search.max_final_rows"
    )


def final_places(rows: int, again: Resampler | None, at_most: int) -> Positions:
    """Places among the train rows that the chosen candidate is fitted on, rising: at most
    ``at_most``, evenly spread, of those drawn where rows are drawn again."""
    every: Positions = np.arange(rows)
    return thin(every if again is None else again.draw(every), at_most)


def _baseline_losses(rows: TrainRows, folds: tuple[Fold, ...]) -> tuple[float, ...]:
    """The loss of answering what is usual, block by block, from rows none of which counts twice."""
    losses: list[float] = []
    for fold in folds:
        known, judged = rows.labels[np.unique(fold.fitted)], rows.labels[fold.judged]
        answers = baseline_answers(rows.task, known, len(judged), rows.classes)
        losses += block_losses(rows.task, judged, answers, rows.variance)
    return tuple(losses)


def _timings(compared: Comparison) -> dict[str, dict[str, float]]:
    return {
        trial.candidate.name: {
            "fit_seconds": trial.timing.fit_seconds,
            "microseconds_a_row": trial.timing.microseconds_a_row,
        }
        for trial in compared.trials
    }
