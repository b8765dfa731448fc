"""From which batches on, and how, the training window may be divided: by which time, and into how
many folds.

Belongs here: trying the division of ``data/features.py`` out on the sample. Does not belong here:
what the columns are (``use_case_guess.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.data.features import SPLIT_NAMES, divide
from mlops_assets.data.labels import encode_labels
from mlops_assets.scaffolding.class_guess import TargetGuess
from mlops_assets.scaffolding.column_names import sensitive_attribute
from mlops_assets.scaffolding.column_roles import ColumnGuess
from mlops_assets.training_declaration import Search, Split

Numbers = NDArray[np.float64]

SEED = 0
MANY_BATCHES = 4
"""From so many on, the first training waits for two, so that the others show the loop."""
FEWEST_FOLDS = 3
FEWEST_DAYS = 20
"""Days of each batch from which they can be divided into train, calibration and test."""
FEWEST_OF_A_CLASS = 5
"""Rows of each class that the first of the folds must have been fitted on."""
FEWEST_ROWS = 300
"""Labelled rows of the first training window, and a fifth of them in the batch it is tested on."""
TRAIN_SHARE = 0.7
"""About what the test and calibration splits leave of a window."""


@dataclass(frozen=True)
class Labelled:
    """The labels of each batch: position of the class or the number, NaN where there is none.
    ``classes`` is how many classes there are, none for numbers."""

    by_batch: list[Numbers]
    classes: int

    def rarest(self, labels: Numbers) -> int:
        """Rows of the rarest class; of numbers, all rows, which must not be one number."""
        present = labels[~np.isnan(labels)]
        if self.classes == 0:
            return len(present) if len(np.unique(present)) > 1 else 0
        return int(np.bincount(present.astype(np.int64), minlength=self.classes).min())

    def first(self, batches: int) -> "Labelled":
        return Labelled(self.by_batch[:batches], self.classes)


def labels_of(parts: Sequence[pa.Table], target: TargetGuess) -> Labelled:
    """The labels of cleaned batches whose target was guessed; two classes that are written in words
    are true and false by now."""
    declared = replace(target, positive=None, negative=None).declared
    by_batch = []
    for part in parts:
        values = part.column(declared.column).to_pandas()
        labels = np.full(len(values), np.nan)
        present = values.notna().to_numpy()
        labels[present] = encode_labels(values[present], declared)
        by_batch.append(labels)
    return Labelled(by_batch, len(declared.class_names))


def first_batches(labelled: Labelled) -> int:
    """After how many batches the first training can be: with a newest batch that can test a model,
    and rows of all classes to fit it on. Where it never can, as early as usual."""
    by_batch = labelled.by_batch
    usual = 2 if len(by_batch) >= MANY_BATCHES else 1
    for number in range(usual, len(by_batch) + 1):
        newest, window = by_batch[number - 1], np.concatenate(by_batch[:number])
        rows = int((~np.isnan(newest)).sum()), int((~np.isnan(window)).sum())
        rarest = labelled.rarest(window) // FEWEST_FOLDS
        if labelled.classes == 2:  # of more, a small batch may lack one
            rarest = min(rarest, labelled.rarest(newest))
        if rows[0] >= FEWEST_ROWS // 5 and rows[1] >= FEWEST_ROWS and rarest >= FEWEST_OF_A_CLASS:
            return number
    return usual


def time_column(
    columns: Sequence[ColumnGuess], parts: list[pa.Table], labelled: Labelled, first_batches: int
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
        if fewest >= FEWEST_DAYS and _divides(days[:first_batches], labelled.first(first_batches)):
            return name, f"{fewest} days or more in each batch"
    why = "rows are in no order of time" if not candidates else "too few days to divide by time"
    return None, f"{why}: a seeded permutation divides them"


def _days(part: pa.Table, name: str) -> NDArray[np.int64]:
    times = part.column(name).to_numpy()
    days: NDArray[np.int64] = times.astype("datetime64[D]").astype(np.int64)
    return days


def _divides(blocks: list[NDArray[np.int64]], labelled: Labelled) -> bool:
    """Whether each split of the window has two values to tell apart, the train split all classes,
    and the test split a fair size."""
    labels = labelled.by_batch
    known = [~np.isnan(of_batch) for of_batch in labels]
    blocks = [block[mask] for block, mask in zip(blocks, known, strict=True)]
    if not all(len(block) for block in blocks):
        return False
    splits = np.concatenate(divide(blocks, Split()))
    values = np.concatenate([of_batch[mask] for of_batch, mask in zip(labels, known, strict=True)])
    both = all(len(np.unique(values[splits == name])) >= 2 for name in SPLIT_NAMES)
    every = labelled.rarest(values[splits == "train"]) > 0
    return both and every and bool((splits == "test").sum() <= 0.5 * len(splits))


def folds(parts: list[pa.Table], labelled: Labelled, ordered_by: str | None) -> int | None:
    """The most folds, up to the default, whose first stretch has enough of each class; ``None`` for
    the default. ``parts`` are the first of the labelled batches. Without a time, rows are in the
    order of a permutation."""
    by_batch = labelled.by_batch[: len(parts)]
    if ordered_by:
        orders = [np.argsort(part.column(ordered_by).to_numpy(), kind="stable") for part in parts]
        by_batch = [batch[order] for batch, order in zip(by_batch, orders, strict=True)]
    labels = np.concatenate(by_batch)
    labels = labels[~np.isnan(labels)]
    if not ordered_by:
        labels = np.random.default_rng(SEED).permutation(labels)
    usual = Search().folds
    for number in range(usual, FEWEST_FOLDS - 1, -1):
        first = labels[: int(len(labels) * TRAIN_SHARE / (number + 1))]
        if labelled.rarest(first) >= FEWEST_OF_A_CLASS:
            return None if number == usual else number
    return FEWEST_FOLDS
