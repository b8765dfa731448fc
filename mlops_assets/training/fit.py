"""From features to a fitted, calibrated model, and the record of how it was chosen.

Belongs here: the comparison within its budget of fits and rows, the final fit and the calibration.
Does not belong here: which candidates there are (``candidates.py``), the rule that chooses
(``selection.py``), and weighing or drawing rows (``remedies.py``).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from mlops_assets.training.calibration import CalibratedClassifier
from mlops_assets.training.candidates import Candidate, build, parameter_count, within_budget
from mlops_assets.training.remedies import (
    ClassWeights,
    Fold,
    describe_remedies,
    folds_to_fit,
    require_group_rows,
    resampler,
)
from mlops_assets.training.selection import Ranking, Score, choose
from mlops_assets.training.thresholds import snap_thresholds
from mlops_assets.use_case import UseCase

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Training:
    """A fitted model and the record that goes into ``model.json``."""

    model: CalibratedClassifier
    record: dict[str, Any]


def train(features: pd.DataFrame, use_case: UseCase, progress: Progress) -> Training:
    """Compare the candidates on the train split, fit the chosen one on all of it, calibrate it.

    ``features`` are rows as ``data/features.py`` builds them. The result depends on rows, use case
    and seed only: every fit runs on one thread, and fits side by side do not see each other. Raises
    ``BatchError`` where ``training.remedies`` asks for what the rows cannot give.
    """
    require_group_rows(features, use_case)
    target = use_case.target.column
    order = _in_order(features, use_case)
    again = resampler(features, order, use_case)
    train_rows = features.iloc[order].reset_index(drop=True)
    labels = train_rows[target].to_numpy()
    affordable, left_out = within_budget(use_case.training.search)
    folds = folds_to_fit(len(train_rows), use_case.training.search, again)
    rankings = choose(_cross_validate(affordable, train_rows, labels, folds, use_case, progress))
    chosen = next(r.score.name for r in rankings if r.chosen)
    candidate = next(c for c in affordable if c.name == chosen)
    every = np.arange(len(train_rows))
    fitted = every if again is None else again.draw(every)
    progress(f"fitting {chosen} on {len(fitted):,} rows")
    pipeline = _fit(candidate, train_rows.iloc[fitted], labels[fitted], use_case)
    calibration = features[features["split"] == "calibration"]
    model = CalibratedClassifier(pipeline).fit(calibration, calibration[target].to_numpy())
    record = {
        "family": candidate.family,
        "chosen": chosen,
        "parameters": parameter_count(pipeline),
        "seed": use_case.training.seed,
        "rows": {"fitted": len(fitted), "calibrated": len(calibration)},
        "remedies": describe_remedies(use_case, again, fitted, labels[fitted]),
        "calibration": {"slope": model.slope_, "intercept": model.intercept_},
        "inputs": list(use_case.inputs),
        "leaderboard": [_entry(r, affordable) for r in rankings],
        "not_tried": [{"name": c.name, "why": "beyond training.search.max_fits"} for c in left_out],
        "search": use_case.training.search.model_dump(mode="json"),
    }
    return Training(model, record)


def _in_order(features: pd.DataFrame, use_case: UseCase) -> NDArray[np.int64]:
    """Positions of the train rows, oldest first."""
    rows = features.reset_index(drop=True)
    rows = rows[rows["split"] == "train"]
    time_column = use_case.training.split.time_column
    keys = ["batch", time_column] if time_column else ["batch"]
    if time_column is None:
        # A file may be sorted by its labels, and a fold of one class teaches nothing.
        rows = rows.iloc[np.random.default_rng(use_case.training.seed).permutation(len(rows))]
    return rows[keys].sort_values(keys, kind="stable").index.to_numpy(np.int64)


def _cross_validate(
    candidates: tuple[Candidate, ...],
    rows: pd.DataFrame,
    labels: NDArray[np.int64],
    folds: Sequence[Fold],
    use_case: UseCase,
    progress: Progress,
) -> list[Score]:
    progress(f"comparing {len(candidates)} candidates on {len(folds)} folds")
    jobs = [
        joblib.delayed(_fold_loss)(candidate, rows, labels, fold, use_case)
        for candidate in candidates
        for fold in folds
    ]
    workers = min(len(jobs), joblib.cpu_count())
    results = joblib.Parallel(n_jobs=workers)(jobs)
    scores = []
    for position, candidate in enumerate(candidates):
        of_candidate = results[position * len(folds) : (position + 1) * len(folds)]
        losses = tuple(loss for loss, _ in of_candidate)
        scores.append(Score(candidate.name, losses, of_candidate[-1][1]))
        progress(f"{candidate.name}: log loss {scores[-1].mean:.4f}")
    return scores


def _fold_loss(
    candidate: Candidate,
    rows: pd.DataFrame,
    labels: NDArray[np.int64],
    fold: Fold,
    use_case: UseCase,
) -> tuple[float, int]:
    fitted, validated = fold
    pipeline = _fit(candidate, rows.iloc[fitted], labels[fitted], use_case)
    probabilities = pipeline.predict_proba(rows.iloc[validated])[:, 1]
    if use_case.training.remedies.class_weights:
        probabilities = ClassWeights.balanced(labels[fitted]).undone(probabilities)
    loss = log_loss(labels[validated], probabilities, labels=[0, 1])
    return round(float(loss), 12), parameter_count(pipeline)


def _fit(
    candidate: Candidate, rows: pd.DataFrame, labels: NDArray[np.int64], use_case: UseCase
) -> Pipeline:
    import warnings

    pipeline = build(candidate, use_case.inputs, use_case.features, use_case.training.seed)
    weights = {}
    if use_case.training.remedies.class_weights:
        weights["classify__sample_weight"] = ClassWeights.balanced(labels).of_rows(labels)
    # One thread: boosting sums its histograms in another order with another thread count.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # A bounded number of epochs is the budget, not a failure to converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Of few rows, a batch of the network's training is all of them.
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than sample size")
        pipeline.fit(rows, labels, **weights)
    snap_thresholds(pipeline.named_steps["classify"])
    return pipeline


def _entry(ranking: Ranking, candidates: tuple[Candidate, ...]) -> dict[str, Any]:
    candidate = next(c for c in candidates if c.name == ranking.score.name)
    return {
        **asdict(candidate),
        "parameters": {
            k: list(v) if isinstance(v, tuple) else v for k, v in candidate.parameters.items()
        },
        "size": ranking.score.parameters,
        "log_loss": ranking.score.mean,
        "fold_log_losses": list(ranking.score.fold_losses),
        "difference_to_best": ranking.difference,
        "standard_error_of_difference": ranking.standard_error,
        "chosen": ranking.chosen,
        "why": ranking.why,
    }
