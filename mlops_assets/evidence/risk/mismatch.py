"""How far the newest rows are from those the model learned from.

Belongs here: the distance of each column and of all together, with intervals. Does not belong here:
whether a later batch drifted (``monitoring/drift.py``, whose bins and distance are used here).

All distances are Jensen-Shannon distances in base 2, from 0 for equal to 1 for disjoint
distributions, so that one limit fits them all. That of all columns together is what a classifier
shows of it that tells both apart (D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample
tests", 2017): how far apart its scores of both are, which is never more than the rows themselves
are, and less where it learned too little. It is judged on days that it was not fitted on, or
knowing a day's weather by heart would pass for a difference. Intervals are about these rows, taken
as independent, as drift takes them: of what other days would be like, a few newest days cannot
tell.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.evidence.risk.risk_statistics import (
    Clusters,
    clusters_of,
    evenly,
    standard_errors,
)
from mlops_assets.governance.policy import Finding
from mlops_assets.monitoring.histograms import count as count_rows
from mlops_assets.monitoring.histograms import jensen_shannon, summarise
from mlops_assets.training.encoding import RowEncoder
from mlops_assets.training.fitted_pipeline import repeatable
from mlops_assets.use_case import UseCase

MEASURE = "training_production_distance"
MOST_ROWS = 20_000
CLASSIFIED_ROWS = 3_000
FOLDS = 2
BINS = 10
MIN_ROWS = 50


def training_production_distance(
    train: pd.DataFrame, newest: pd.DataFrame, use_case: UseCase
) -> tuple[dict[str, Any], list[Finding]]:
    """The distance of the ``newest`` rows from the ``train`` rows: of all inputs together (the
    subject is empty) and of each. Intervals hold together."""
    known, fresh = evenly(train, MOST_ROWS), evenly(newest, MOST_ROWS)
    subjects = len(use_case.inputs) + 1
    joint = _joint(known, fresh, use_case, subjects)
    columns = _columns(known, fresh, use_case, subjects)
    columns.sort(key=lambda one: (-(one.value or 0.0), one.subject))
    evidence = {"rows": len(known), "newest_rows": len(fresh)}
    return evidence, [joint, *columns]


def _columns(
    known: pd.DataFrame, fresh: pd.DataFrame, use_case: UseCase, subjects: int
) -> list[Finding]:
    """Of a timestamp the part that is farthest."""
    summary = summarise(known[list(use_case.inputs)], use_case.inputs)
    found: dict[str, Finding] = {}
    for name, series in summary["series"].items():
        before = np.array(series["counts"], np.int64)
        now = count_rows(fresh, {"series": {name: series}})[name]
        column = series["column"]
        one = _finding(column, before, now, subjects)
        if column not in found or (one.value or 0.0) > (found[column].value or 0.0):
            found[column] = one
    return list(found.values())


def _finding(
    subject: str, before: NDArray[np.int64], now: NDArray[np.int64], subjects: int
) -> Finding:
    """The distance of two histograms, with the delta method's interval."""
    rows = int(now.sum())
    if not rows or not before.sum():
        return Finding(MEASURE, subject, None, None, None, rows)
    shares = [before / before.sum(), now / rows]
    value, middle = float(jensen_shannon(*shares)), sum(shares) / 2.0
    variance = 0.0
    for share, count in zip(shares, (int(before.sum()), rows), strict=True):
        ratio = np.divide(share, middle, out=np.ones(len(middle)), where=share > 0)
        pull = np.log2(ratio) / 2.0
        variance += float((share * pull**2).sum() - (share * pull).sum() ** 2) / count
    # Of the square, for the distance itself has no derivative at 0; there, chance alone makes
    # bins / rows / (8 log 2) of it on either side.
    chance = (len(before) - 1) * (1.0 / before.sum() + 1.0 / rows) / (8.0 * np.log(2.0))
    reach = standard_errors(subjects) * float(np.sqrt(variance + chance**2))
    low, high = np.sqrt(np.clip([value**2 - chance - reach, value**2 + reach], 0.0, 1.0)).tolist()
    return Finding(MEASURE, subject, value, low, high, rows, rows >= MIN_ROWS)


def _joint(known: pd.DataFrame, fresh: pd.DataFrame, use_case: UseCase, subjects: int) -> Finding:
    size = min(len(known), len(fresh), CLASSIFIED_ROWS)
    sides = [evenly(side, size) for side in (known, fresh)]
    clusters = [clusters_of(side, use_case, use_case.training.seed) for side in sides]
    if size < MIN_ROWS or min(len(np.unique(codes)) for codes in clusters) < FOLDS:
        return Finding(MEASURE, "", None, None, None, len(fresh), enough=False)
    order = np.random.default_rng(use_case.training.seed).permutation(
        max(int(codes.max()) for codes in clusters) + 1
    )
    folds = np.concatenate([_alternating(codes, order) for codes in clusters])
    rows, is_new = pd.concat(sides, ignore_index=True), np.arange(2 * size) >= size
    with repeatable():
        bins = _scored_bins(rows, is_new, folds, use_case)
    counts = [np.bincount(bins[is_new == side], minlength=BINS) for side in (False, True)]
    return _finding("", counts[0], counts[1], subjects)


def _alternating(clusters: Clusters, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Half of a side's clusters in either fold."""
    _, codes = np.unique(order[clusters], return_inverse=True)
    folds: NDArray[np.int64] = codes.astype(np.int64) % FOLDS
    return folds


def _scored_bins(
    rows: pd.DataFrame,
    is_new: NDArray[np.bool_],
    folds: NDArray[np.int64],
    use_case: UseCase,
) -> NDArray[np.int64]:
    """In which tenth of its fold's scores each row is, by a classifier fitted on the other fold."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    encoded = RowEncoder(dict(use_case.inputs), "tree").fit(rows).transform(rows)
    bins = np.zeros(len(rows), np.int64)
    for fold in range(FOLDS):
        fitted, judged = folds != fold, np.flatnonzero(folds == fold)
        model = HistGradientBoostingClassifier(
            max_iter=30,
            max_leaf_nodes=8,
            min_samples_leaf=20,
            early_stopping=False,
            random_state=use_case.training.seed,
        )
        scores = model.fit(encoded[fitted], is_new[fitted]).predict_proba(encoded[judged])[:, 1]
        edges = np.unique(np.quantile(scores, np.arange(1, BINS) / BINS))
        bins[judged] = np.searchsorted(edges, scores, "right")
    return bins
