"""Confident learning: which labels a model confidently disagrees with.

Belongs here: the counts of C. Northcutt, L. Jiang and I. Chuang, "Confident learning: estimating
uncertainty in dataset labels", 2021, and how much uniform noise labels leave room for. Does not
belong here: what share of them is flipped (``label_noise.py``): many that are pointed at are
honest.
"""

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Labels
from mlops_assets.target_declaration import Task

BINS = 10
MIN_BIN_ROWS = 100

Floats = NDArray[np.float64]


def usual_confidence(chances: Floats, labels: Labels) -> Floats:
    """The mean probability of each class over the rows that have it as label, ``[k]``; more than 1,
    which no row reaches, for a class without rows. ``chances`` are ``[n, k]``, adding up to 1."""
    codes = labels.astype(np.int64)
    classes = chances.shape[1]
    rows = np.bincount(codes, minlength=classes)
    sums = np.bincount(codes, chances[np.arange(len(codes)), codes], minlength=classes)
    return np.where(rows > 0, sums / np.maximum(rows, 1), 2.0)


def confident_disagreement(chances: Floats, labels: Labels, usual: Floats) -> NDArray[np.bool_]:
    """Which rows are counted off the diagonal of the confident joint, bool ``[n]``: among the
    classes that are as probable as ``usual``, another than the label is the most probable."""
    confident = np.where(chances >= usual, chances, -1.0)
    best = confident.argmax(axis=1)
    found: NDArray[np.bool_] = (confident.max(axis=1) >= 0.0) & (best != labels.astype(np.int64))
    return found


def largest_uniform_share(task: Task, labels: Labels, answers: Answers) -> float | None:
    """The largest share of labels that may be flipped in all rows alike, held-out ones too, without
    the data contradicting it; ``None`` where it cannot be said.

    Where the least likely tenth of the rows still has 3% positives, no more than 3% of the
    negatives can have been flipped, and so for the positives (C. Scott, G. Blanchard and G. Handy,
    "Classification with asymmetric label noise", 2013). A hard problem leaves much room: this noise
    cannot be told from honest uncertainty.
    """
    if task != "binary" or len(labels) < BINS * MIN_BIN_ROWS:
        return None
    order = np.argsort(answers[:, 0], kind="stable")
    rates = [float(labels[part].mean()) for part in np.array_split(order, BINS)]
    positives = float(labels.mean())
    return (1.0 - max(rates)) * positives + min(rates) * (1.0 - positives)
