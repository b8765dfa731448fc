"""How well columns rank the label, alone and together, out of fold.

Belongs here: the ROC AUC of a column by itself, and of several. Does not belong here: what power is
too much (``leakage.py``).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MIN_PER_CLASS = 20
MAX_PER_CLASS = 10_000
FOLDS = 5
SMOOTHING = 10.0
"""Rows of the average label that are added to each level's own."""


def single_column_power(values: pd.Series, labels: Integers, *, seed: int) -> float | None:
    """ROC AUC in [0.5, 1] of one column alone, whatever its direction.

    ``labels`` are 0 or 1, one for each of ``values``. Each fold's rows are ranked by the mean label
    that the other folds' rows of their level have (smoothed towards the overall mean: D.
    Micci-Barreca, SIGKDD Explorations 3(1), 2001), and the folds' areas are averaged. Levels are
    categories, numbers (in the square root of n quantile bins where they have more distinct
    values), and missing; of a timestamp the best of raw time, minute of day and day of week.
    None where the column is constant or a class has fewer than ``MIN_PER_CLASS`` rows. At most
    ``MAX_PER_CLASS`` rows of each class are used, a sample that ``seed`` draws.
    """
    if level_count(values) < 2 or np.bincount(labels, minlength=2).min() < MIN_PER_CLASS:
        return None
    rows, folds = stratified_folds(labels, seed)
    return best_scores(values.iloc[rows], labels[rows], folds)[1]


def stratified_folds(labels: Integers, seed: int) -> tuple[Integers, Integers]:
    """Positions of at most ``MAX_PER_CLASS`` rows of each class, and their stratified folds."""
    random = np.random.default_rng(seed)
    parts = [random.permutation(np.flatnonzero(labels == k))[:MAX_PER_CLASS] for k in (0, 1)]
    folds = [np.arange(len(part)) % FOLDS for part in parts]
    return np.concatenate(parts), np.concatenate(folds)


def best_scores(values: pd.Series, labels: Integers, folds: Integers) -> tuple[Floats, float]:
    """The out-of-fold scores of the best reading of a column, and their ROC AUC."""
    scored = [_scores(codes, labels, folds) for codes in _readings(values)]
    return max(((s, _auc(s, labels, folds)) for s in scored), key=lambda pair: pair[1])


def _readings(values: pd.Series) -> list[Integers]:
    """The column as level codes, 0 for missing; of a timestamp, three ways to read it."""
    missing = values.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        raw = values.astype("int64").to_numpy(np.float64)
        minute = (values.dt.hour * 60 + values.dt.minute).to_numpy(np.float64)
        readings = [raw, minute, values.dt.day_of_week.to_numpy(np.float64)]
        return [_bins(reading, missing) for reading in readings]
    if pd.api.types.is_numeric_dtype(values.dtype):
        return [_bins(values.to_numpy(np.float64, na_value=np.nan), missing)]
    codes: Integers = pd.factorize(hashable(values))[0].astype(np.int64) + 1
    return [codes]


def level_count(values: pd.Series) -> int:
    return int(hashable(values).nunique(dropna=False))


def hashable(values: pd.Series) -> pd.Series:
    nested = values.dtype == object and values.map(lambda v: isinstance(v, list | dict)).any()
    return values.map(repr, na_action="ignore") if nested else values


def _bins(numbers: Floats, missing: NDArray[np.bool_]) -> Integers:
    ordered = np.sort(numbers[~missing])
    edges, most = np.unique(ordered), int(np.ceil(np.sqrt(len(numbers))))
    if len(edges) > most:
        edges = np.unique(ordered[np.arange(1, most) * len(ordered) // most])
    codes = 1 + np.searchsorted(edges, numbers, side="right")
    return np.where(missing, 0, codes).astype(np.int64)


def _scores(codes: Integers, labels: Integers, folds: Integers) -> Floats:
    size, scores = int(codes.max()) + 1, np.empty(len(codes))
    for fold in range(FOLDS):
        fit, held = folds != fold, folds == fold
        rows = np.bincount(codes[fit], minlength=size)
        positives = np.bincount(codes[fit], weights=labels[fit], minlength=size)
        means = (positives + SMOOTHING * labels[fit].mean()) / (rows + SMOOTHING)
        scores[held] = means[codes[held]]
    return scores


def _auc(scores: Floats, labels: Integers, folds: Integers) -> float:
    """Mean over the folds of the ROC AUC, by ranks (Mann and Whitney), and at least 0.5: the
    direction is learned, so that a smaller area is chance and not a leak turned round."""
    areas = []
    for fold in range(FOLDS):
        held = folds == fold
        ranks = pd.Series(scores[held]).rank().to_numpy()
        positive = labels[held] == 1
        n = int(positive.sum())
        areas.append((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))
    return max(0.5, float(np.mean(areas)))


def joint_scores_auc(scores: list[Floats], labels: Integers, folds: Integers) -> float:
    if not scores:
        return 0.5
    shares = np.column_stack(scores)
    odds, joint = np.log(shares) - np.log1p(-shares), np.empty(len(labels))
    for fold in range(FOLDS):
        fit, held = folds != fold, folds == fold
        mean, spread = odds[fit].mean(axis=0), odds[fit].std(axis=0) + 1e-9
        known = (odds[fit] - mean) / spread
        ridge = known.T @ known + 1e-3 * len(known) * np.eye(known.shape[1])
        weights = np.linalg.solve(ridge, known.T @ (labels[fit] - labels[fit].mean()))
        joint[held] = ((odds[held] - mean) / spread) @ weights
    # The last digits of a matrix product depend on the number of threads.
    return _auc(np.round(joint, 9), labels, folds)
