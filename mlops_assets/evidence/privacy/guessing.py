"""An attacker's learner: guesses which group a row is in from what is known of it.

Belongs here: the known inputs as numbers, the learner, and guesses for rows it did not learn from.
Does not belong here: what is guessed and what a right guess is worth (``attribute_inference.py``).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import source_columns
from mlops_assets.use_case import UseCase

Codes = NDArray[np.int64]

FOLDS = 3
ITERATIONS = 40
LEAVES = 8
FEWEST_LEAF_ROWS = 20
LEARNING_RATE = 0.15


def encoded_inputs(rows: pd.DataFrame, unknown: str, use_case: UseCase) -> NDArray[np.float32]:
    """All inputs but ``unknown`` as the trees of the models see them, float32 ``[n, width]``; a
    column of zeros where there is no other."""
    from mlops_assets.training.encoding import RowEncoder

    known = {name: column for name, column in use_case.inputs.items() if name != unknown}
    if not known:
        return np.zeros((len(rows), 1), np.float32)
    computed = {n: f for n, f in use_case.features.items() if unknown not in source_columns(f)}
    encoder = RowEncoder(known, "tree", computed).fit(rows)
    encoded: NDArray[np.float32] = encoder.transform(rows)
    return encoded


def cross_guessed(known: NDArray[np.float32], codes: Codes, seed: int) -> Codes:
    """The group guessed of each row, int64 ``[n]``, by a learner that saw the other folds only.

    ``known`` is ``[n, width]``, ``codes`` are groups 0, 1, ... ``[n]``. Every group weighs the same
    in learning: a right guess of a rare value is worth as much as one of all rows.
    """
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    guesses = np.zeros(len(codes), np.int64)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for learned, guessed in folds.split(known, codes):
        learner = _learner(seed)
        # Boosting sums its histograms in another order with another number of threads.
        with threadpool_limits(limits=1):
            learner.fit(known[learned], codes[learned])
            guesses[guessed] = learner.predict(known[guessed])
    return guesses


def _learner(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=ITERATIONS,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=FEWEST_LEAF_ROWS,
        class_weight="balanced",
        early_stopping=False,
        random_state=seed,
    )
