"""What happens to the answers when one raw column is varied and the rest stays as it is.

Belongs here: the grid of values a column is set to, the curve of every single row (ICE: A.
Goldstein and others, "Peeking inside the black box", 2015) and their mean (partial dependence: J.
Friedman, "Greedy function approximation", 2001). Does not belong here: which columns are worth it
(``explainability.py``), what each contributed (``attribution.py``) or setting a part of a timestamp
(``moments.py``).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlops_assets.column_declaration import Column, Feature
from mlops_assets.evidence.explainability.mixtures import Predict, checked_answers
from mlops_assets.evidence.explainability.moments import (
    Integers,
    Part,
    as_microseconds,
    observed_quantiles,
    seen_parts,
    varied,
)
from mlops_assets.evidence.explainability.score_scale import Floats
from mlops_assets.evidence.explainability.shares import standard_errors

Varied = Literal["value"] | Part

MOST_CATEGORIES = 12
ROWS_A_CALL = 20_000
MISSING_LABEL = "missing"


@dataclass(frozen=True)
class Effect:
    """The answers of ``n`` rows with one column set to each of ``g`` values.

    ``positions`` are the ``g`` places on the x-axis: values of the column, hours since midnight,
    days of the month, years, or the integer positions of ``labels`` (``None`` where the axis is a
    number's). ``curves`` is float64 ``[n, g, outputs]``. ``missing`` is the answers with the column
    missing, float64 ``[n, outputs]``, where a number is missing in some rows.
    """

    column: str
    varied: Varied
    positions: tuple[float, ...]
    labels: tuple[str, ...] | None
    curves: Floats
    missing: Floats | None = None

    @property
    def mean(self) -> Floats:
        """Partial dependence, float64 ``[g, outputs]``."""
        mean: Floats = self.curves.mean(axis=0)
        return mean

    @property
    def standard_error(self) -> Floats:
        """Of the mean, from the scatter of the rows, ``[g, outputs]``; NaN for a single row."""
        return standard_errors(self.curves)


@dataclass(frozen=True)
class _Asked:
    """``predict`` with ``outputs`` answers a row, asked about ``rows`` with one column replaced."""

    predict: Predict
    rows: pd.DataFrame
    outputs: int

    def __call__(self, column: str, values: Sequence[pd.Series]) -> Floats:
        """Answers with ``column`` replaced by each of ``values``, float64 ``[n, g, outputs]``,
        asked for in calls of bounded size."""
        n = len(self.rows)
        at_once = max(1, ROWS_A_CALL // n)
        pieces = []
        for start in range(0, len(values), at_once):
            group = values[start : start + at_once]
            frame = pd.concat([self.rows.assign(**{column: v}) for v in group], ignore_index=True)
            # Of a regression only the prediction, not its interval.
            answers = checked_answers(self.predict, frame)[:, : self.outputs]
            pieces.append(answers.reshape(len(group), n, self.outputs).transpose(1, 0, 2))
        return np.concatenate(pieces, axis=1) if pieces else np.empty((n, 0, self.outputs))


def column_effects(
    predict: Predict,
    rows: pd.DataFrame,
    column: str,
    declared: Column,
    *,
    outputs: int,
    features: Mapping[str, Feature],
) -> tuple[Effect, ...]:
    """The effects of one column on all ``outputs`` of ``predict``: of its value, or for a timestamp
    of each part a model sees, by itself or through ``features`` (those the use case declares).

    Numbers are set to about 20 observed quantiles, categories and booleans to the 12 most common
    ones (missing is one of them), parts of a timestamp as ``moments.varied`` says.
    """
    asked = _Asked(predict, rows, outputs)
    if declared.type == "timestamp":
        parts = seen_parts(column, declared, features)
        return tuple(_part(asked, column, part) for part in parts)
    if declared.is_category or declared.type == "boolean":
        return (_category(asked, column),)
    return (_number(asked, column),)


def _number(asked: _Asked, column: str) -> Effect:
    own = asked.rows[column]
    known = own.dropna().to_numpy(dtype=np.float64)
    grid = observed_quantiles(known)
    missing = None
    if len(known) < len(own):
        gap = own[own.isna()].iloc[0]
        missing = asked(column, [_repeated(own, gap)])[:, 0]
    curves = asked(column, [_repeated(own, value) for value in _as_dtype(grid, own)])
    return Effect(column, "value", tuple(grid), None, curves, missing)


def _category(asked: _Asked, column: str) -> Effect:
    own = asked.rows[column]
    codes, levels = pd.factorize(own, use_na_sentinel=False)
    counts = np.bincount(codes, minlength=len(levels))
    labels = [MISSING_LABEL if pd.isna(level) else str(level) for level in levels]
    order = sorted(range(len(levels)), key=lambda i: (-counts[i], labels[i]))[:MOST_CATEGORIES]
    curves = asked(column, [_repeated(own, levels[i]) for i in order])
    positions = tuple(float(i) for i in range(len(order)))
    return Effect(column, "value", positions, tuple(labels[i] for i in order), curves)


def _part(asked: _Asked, column: str, part: Part) -> Effect:
    own = asked.rows[column]
    found = varied(part, as_microseconds(own))
    curves = asked(column, [_moments(moments, own) for moments in found.moments])
    return Effect(column, part, found.positions, found.labels, curves)


def _as_dtype(grid: Floats, like: pd.Series) -> Sequence[Hashable]:
    return pd.Series(grid).astype(like.dtype).tolist()


def _repeated(like: pd.Series, value: Any) -> pd.Series:
    return pd.Series([value] * len(like), index=like.index, dtype=like.dtype)


def _moments(microseconds: Integers, like: pd.Series) -> pd.Series:
    moments = pd.Series(microseconds.astype("datetime64[us]"), index=like.index)
    return moments.astype(like.dtype)
