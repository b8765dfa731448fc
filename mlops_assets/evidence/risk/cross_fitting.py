"""Rows scored by models that saw neither them nor others of their day.

Belongs here: cross-fitting train rows, and scoring held-out rows as roughly. Does not belong here:
what the scores are for (``label_noise.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Ask, Labels, answer_names
from mlops_assets.evidence.risk.flip_share import Labelled
from mlops_assets.evidence.risk.risk_statistics import clusters_of, evenly, sampled
from mlops_assets.target_declaration import Target
from mlops_assets.training.folds import thin
from mlops_assets.use_case import UseCase

Refit = Callable[[pd.DataFrame, int], Ask]
"""Train rows (with the encoded target) and a seed in, a fitted and calibrated model out."""
Floats = NDArray[np.float64]

MOST_SCORED = 40_000
FOLDS = 2


@dataclass(frozen=True)
class Scored:
    """Rows with the ``answers`` of a model that has not seen them, and their labels as ``codes``;
    ``places`` are their positions among the rows that were given."""

    rows: pd.DataFrame
    places: NDArray[np.int64]
    answers: Answers
    codes: Labels
    labelled: Labelled


def cross_fitted(
    refit: Refit, train: pd.DataFrame, held_out: pd.DataFrame, use_case: UseCase
) -> tuple[Scored, Scored]:
    """The ``train`` and the ``held_out`` rows, both scored, at most ``MOST_SCORED`` of each. A
    held-out row is scored by one of the models, so that both sets of scores are equally rough.

    Raises ``BatchError`` where a model cannot be fitted.
    """
    seed, risk = use_case.training.seed, use_case.risk
    sides = [evenly(rows, MOST_SCORED) for rows in (train, held_out)]
    clusters = [clusters_of(rows, use_case, seed) for rows in sides]
    folds = [_folds(codes, seed) for codes in clusters]
    width = len(answer_names(use_case.target))
    answers = [np.zeros((len(rows), width)) for rows in sides]
    for fold in range(FOLDS):
        known = sides[0][folds[0] != fold]
        ask = refit(sampled(known, risk.max_shadow_rows, seed + fold), seed + fold)
        for rows, own, given in zip(sides, folds, answers, strict=True):
            if (own == fold).any():
                given[own == fold] = ask(rows[own == fold].reset_index(drop=True))
    codes = [rows[use_case.target.column].to_numpy() for rows in sides]
    given_rows = [len(train), len(held_out)]
    first, second = (
        Scored(
            sides[side],
            thin(np.arange(given_rows[side], dtype=np.int64), MOST_SCORED),
            answers[side],
            codes[side],
            Labelled(
                *_forms(use_case.target, codes[side], answers[side], codes[1]), clusters[side]
            ),
        )
        for side in (0, 1)
    )
    return first, second


def _folds(clusters: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    order = np.random.default_rng(seed).permutation(int(clusters.max(initial=0)) + 1)
    folds: NDArray[np.int64] = order[clusters] % FOLDS
    return folds


def _forms(
    target: Target, codes: Labels, answers: Answers, reference: Labels
) -> tuple[Floats, Floats]:
    """Scores and labels as columns: of a class its probability and whether it is the label; of
    numbers their ranks among the reference's, which a gross error moves no more than any other."""
    if target.task == "regression":
        order = np.sort(reference.astype(np.float64))
        ranks = [np.searchsorted(order, v) / max(len(order), 1) for v in (answers[:, 0], codes)]
        return ranks[0][:, None], ranks[1][:, None]
    if target.task == "binary":
        return answers, codes.astype(np.float64)[:, None]
    return answers, np.eye(len(target.class_names))[codes.astype(np.int64)]
