"""A target of any task as questions of two answers, which the leakage tests are made for.

Belongs here: which questions a target is looked at through. Does not belong here: the tests
themselves (``leakage.py``, ``copies.py``).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.data.leakage.column_power import MIN_PER_CLASS, Integers
from mlops_assets.reporting.text import mark
from mlops_assets.target_declaration import Task

FEW_LEVELS = 20
LABEL = mark("the label")
"""The question of a binary target."""


@dataclass(frozen=True)
class View:
    """One question: what is asked in words, and the answer for each row, 0 or 1 (``[n]``)."""

    question: str
    answers: Integers

    @property
    def rarer(self) -> int:
        """Rows of the rarer answer."""
        return int(np.bincount(self.answers, minlength=2).min())


@dataclass(frozen=True)
class Judged:
    """Labels as the tests take them, ``[n]``: 0 or 1, positions of classes, or numbers."""

    task: Task
    labels: Labels

    def views(self) -> list[View]:
        """Binary: the label itself. Multiclass: each class against all others, of those with enough
        rows on either side to tell. Regression: above the median or not."""
        if self.task == "binary":
            return [View(LABEL, self.labels.astype(np.int64))]
        if self.task == "regression":
            return [View(mark("the label above its median or not"), _halves(self.labels))]
        found = [
            View(mark("one class against all others"), (self.labels == place).astype(np.int64))
            for place in np.unique(self.labels)
        ]
        return [view for view in found if view.rarer >= MIN_PER_CLASS] or found[:1]


def judged_by_values(values: pd.Series) -> Judged:
    """Labels of a column of which nothing is declared, without missing ones: numbers of more than
    ``FEW_LEVELS`` values are a regression, two values are two classes."""
    if values.nunique() > FEW_LEVELS and pd.api.types.is_numeric_dtype(values.dtype):
        numbers: NDArray[np.float64] = values.to_numpy(np.float64)
        return Judged("regression", numbers)
    texts = values.astype(str)
    if texts.nunique() <= 2:
        # Which class is 1 changes no power: the more frequent, of equal ones the first.
        counts = texts.value_counts().sort_index()
        is_one = texts == (counts.idxmax() if len(counts) else "")
        return Judged("binary", is_one.to_numpy().astype(np.int64))
    return Judged("multiclass", pd.factorize(texts, sort=True)[0].astype(np.int64))


def _halves(numbers: Labels) -> Integers:
    """Which numbers are above the median, or at least it where this divides more evenly: half of
    them may be one number."""
    if len(numbers) == 0:
        return np.zeros(0, np.int64)
    middle = np.median(numbers)
    parts = [(numbers > middle).astype(np.int64), (numbers >= middle).astype(np.int64)]
    return max(parts, key=lambda part: min(part.sum(), len(part) - part.sum()))
