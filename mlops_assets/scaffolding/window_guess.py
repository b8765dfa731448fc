"""From which batches on, and how, the training window may be divided: by which time, and into how
many folds.

Belongs here: trying the division of ``data/features.py`` out on the sample. Does not belong here:
what the columns are (``use_case_guess.py``).
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.features import SPLIT_NAMES, divide
from mlops_assets.scaffolding.column_names import sensitive_attribute
from mlops_assets.scaffolding.column_roles import ColumnGuess
from mlops_assets.training_declaration import Search, Split

SEED = 0
MANY_BATCHES = 4
"""From so many on, the first training waits for two, so that the others show the loop."""
FEWEST_FOLDS = 3
FEWEST_DAYS = 20
"""Days of each batch from which they can be divided into train, calibration and test."""
FEWEST_OF_A_CLASS = 5
"""Rows of either class that the first of the folds must have been fitted on."""
FEWEST_ROWS = 300
"""Labelled rows of the first training window, and a fifth of them in the batch it is tested on."""
TRAIN_SHARE = 0.7
"""About what the test and calibration splits leave of a window."""


def first_batches(parts: list[pa.Table], target: str) -> int:
    """After how many batches the first training can be: with a newest batch that can test a model,
    and rows of both classes to fit it on. Where it never can, as early as usual."""
    usual = 2 if len(parts) >= MANY_BATCHES else 1
    by_batch = [_labels(part, target) for part in parts]
    for number in range(usual, len(parts) + 1):
        newest, window = by_batch[number - 1], np.concatenate(by_batch[:number])
        rows = int((~np.isnan(newest)).sum()), int((~np.isnan(window)).sum())
        rarer = min(_rarer(newest), _rarer(window) // FEWEST_FOLDS)
        if rows[0] >= FEWEST_ROWS // 5 and rows[1] >= FEWEST_ROWS and rarer >= FEWEST_OF_A_CLASS:
            return number
    return usual


def _rarer(labels: NDArray[np.float64]) -> int:
    return int(min((labels == 0).sum(), (labels == 1).sum()))


def time_column(
    columns: Sequence[ColumnGuess], parts: list[pa.Table], target: str, first_batches: int
) -> tuple[str | None, str]:
    """The timestamp that may divide the rows, or ``None``; and in words, why."""
    candidates = [
        guess.name
        for guess in columns
        if guess.fields["type"] == "timestamp"
        and not guess.fields.get("nullable")
        and guess.fields.get("role") != "leak"
        and not sensitive_attribute(guess.name)
    ]
    for name in candidates:
        days = [_days(part, name) for part in parts]
        fewest = min(len(np.unique(of_batch)) for of_batch in days)
        labels = [_labels(part, target) for part in parts]
        if fewest >= FEWEST_DAYS and _divides(days[:first_batches], labels[:first_batches]):
            return name, f"{fewest} days or more in each batch"
    why = "rows are in no order of time" if not candidates else "too few days to divide by time"
    return None, f"{why}: a seeded permutation divides them"


def _days(part: pa.Table, name: str) -> NDArray[np.int64]:
    times = part.column(name).to_numpy()
    days: NDArray[np.int64] = times.astype("datetime64[D]").astype(np.int64)
    return days


def _labels(part: pa.Table, target: str) -> NDArray[np.float64]:
    """0 or 1 a row, NaN where there is no label."""
    labels: NDArray[np.float64] = (
        part.column(target).to_pandas().to_numpy(np.float64, na_value=np.nan)
    )
    return labels


def _divides(blocks: list[NDArray[np.int64]], labels: list[NDArray[np.float64]]) -> bool:
    """Whether each split of the window has both classes, and the test split a fair size."""
    known = [~np.isnan(of_batch) for of_batch in labels]
    blocks = [block[mask] for block, mask in zip(blocks, known, strict=True)]
    if not all(len(block) for block in blocks):
        return False
    splits = np.concatenate(divide(blocks, Split()))
    values = np.concatenate([of_batch[mask] for of_batch, mask in zip(labels, known, strict=True)])
    both = all(len(np.unique(values[splits == name])) == 2 for name in SPLIT_NAMES)
    return both and bool((splits == "test").sum() <= 0.5 * len(splits))


def folds(parts: list[pa.Table], target: str, ordered_by: str | None) -> int | None:
    """The most folds, up to the default, whose first stretch has enough of both classes; ``None``
    for the default. Without a time, rows are in the order of a permutation."""
    if ordered_by:
        parts = [part.sort_by(ordered_by) for part in parts]
    labels = np.concatenate([_labels(part, target) for part in parts])
    labels = labels[~np.isnan(labels)]
    if not ordered_by:
        labels = np.random.default_rng(SEED).permutation(labels)
    usual = Search().folds
    for number in range(usual, FEWEST_FOLDS - 1, -1):
        first = labels[: int(len(labels) * TRAIN_SHARE / (number + 1))]
        if min((first == 0).sum(), (first == 1).sum()) >= FEWEST_OF_A_CLASS:
            return None if number == usual else number
    return FEWEST_FOLDS
