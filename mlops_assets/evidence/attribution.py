"""SHAP values of a function of raw rows: how much each raw column moved each answer.

Belongs here: the masking of raw columns, the estimate with its errors, and the check that it adds
up. Does not belong here: what is reported about it (``explainability.py``) or what happens when one
column is varied (``partial_dependence.py``).

The values are interventional Shapley values of each output (S. Lundberg and S.-I. Lee, "A
unified approach to interpreting model predictions", 2017; D. Janzing and others, "Feature relevance
quantification in explainable AI", 2020), estimated by antithetic permutation sampling (R. Mitchell
and others, "Sampling permutations for Shapley value estimation", 2022), which is exact for a
function without interactions of three or more columns. All outputs are explained from the same
questions to the function.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Predict = Callable[[pd.DataFrame], NDArray[np.float64]]
"""What a model answers for a frame of raw rows, float64 ``[n, outputs]``: the probability of the
positive class, that of each class, or the predicted number."""

Floats = NDArray[np.float64]

ROWS_A_CALL = 20_000
MOST_VALUES = 10_000
MOST_CELLS = 16_000_000
"""Values asked about at a time, 128 MB of them: memory is bounded by this, not by the columns."""


@dataclass(frozen=True)
class Attribution:
    """SHAP values of ``n`` rows, ``m`` columns and ``k`` outputs.

    ``values`` and ``standard_errors`` are float64 ``[n, m, k]``, in units of the output; the
    standard error is that of permutations and background together, NaN where there was one
    replicate only. ``predictions`` is float64 ``[n, k]``. ``base_values`` are the mean answers on
    the background, float64 ``[k]``, with their standard errors. ``largest_gaps``, float64 ``[k]``,
    are the largest absolute differences between a prediction and what its contributions add up to.
    ``evaluations`` counts the rows the function was asked for.
    """

    values: Floats
    standard_errors: Floats
    predictions: Floats
    base_values: Floats
    base_standard_errors: Floats
    largest_gaps: Floats
    replicates: int
    evaluations: int


def attribute(
    predict: Predict,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    columns: Sequence[str],
    *,
    outputs: int,
    seed: int,
    replicates: int = 10,
) -> Attribution:
    """SHAP values of the ``outputs`` of ``predict`` at ``rows`` against ``background``, by raw
    column.

    The background is divided into ``replicates`` interleaved parts. Each part gives an independent
    estimate with permutations of its own; their weighted mean is the value, their scatter its
    standard error.

    Raises ``ValueError`` where there are no rows or no background, where a column is missing, where
    both together have more than 10,000 rows, or where ``predict`` does not return ``outputs``
    finite numbers a row.
    """
    codebook = Codebook(rows, background, columns)
    counted = _Counted(predict, codebook, outputs)
    codes, background_codes = codebook.codes[: len(rows)], codebook.codes[len(rows) :]
    predictions, base = counted(codes), counted(background_codes)
    parts = [background_codes[i::replicates] for i in range(min(replicates, len(background)))]
    estimates = np.stack(
        [_permutation_shap(counted, codes, part, seed + i) for i, part in enumerate(parts)]
    )
    values, errors = _combine(estimates, np.array([len(part) for part in parts], np.float64))
    gaps = np.abs(base.mean(axis=0) + values.sum(axis=1) - predictions)
    return Attribution(
        values=values,
        standard_errors=errors,
        predictions=predictions,
        base_values=base.mean(axis=0),
        base_standard_errors=standard_errors_of_means(base),
        largest_gaps=gaps.max(axis=0),
        replicates=len(parts),
        evaluations=counted.evaluations,
    )


def standard_errors_of_means(samples: Floats) -> Floats:
    """Of the mean over the first axis of ``[n, ...]``, from its scatter; NaN for a single one."""
    n = len(samples)
    if n < 2:
        return np.full(samples.shape[1:], np.nan)
    errors: Floats = samples.std(axis=0, ddof=1) / np.sqrt(n)
    return errors


class Codebook:
    """Raw columns as a float64 matrix of codes and back, without loss for any dtype.

    ``codes[i, j]`` is the position of row ``i``'s value of column ``j`` among that column's
    distinct values (missing is one of them), rows first, background after them. The estimate
    mixes the codes of a row with the background's; only codes that were there can come back.
    """

    def __init__(
        self, rows: pd.DataFrame, background: pd.DataFrame, columns: Sequence[str]
    ) -> None:
        for name, frame in (("rows", rows), ("background", background)):
            if frame.empty:
                raise ValueError(f"cannot explain without {name}")
            if absent := [column for column in columns if column not in frame]:
                raise ValueError(f"{name}: columns are missing: {', '.join(absent)}")
        if len(rows) + len(background) > MOST_VALUES:
            raise ValueError(f"rows and background together exceed {MOST_VALUES:,}: take a sample")
        both = pd.concat([rows[list(columns)], background[list(columns)]], ignore_index=True)
        self.levels = {column: both[column].drop_duplicates().array for column in columns}
        codes = [pd.factorize(both[column], use_na_sentinel=False)[0] for column in columns]
        self.codes = np.column_stack(codes).astype(np.float64)

    def decode(self, codes: Floats) -> pd.DataFrame:
        """The raw rows of a matrix of codes ``[n, m]``, with the dtypes of the source."""
        positions = codes.astype(np.int64)
        return pd.DataFrame(
            {
                column: levels.take(positions[:, j])
                for j, (column, levels) in enumerate(self.levels.items())
            }
        )


class _Counted:
    """``predict`` on codes, in calls of bounded size, with its answers checked and counted."""

    def __init__(self, predict: Predict, codebook: Codebook, outputs: int) -> None:
        self.predict = predict
        self.codebook = codebook
        self.outputs = outputs
        self.evaluations = 0

    def __call__(self, codes: Floats) -> Floats:
        self.evaluations += len(codes)
        pieces = [codes[i : i + ROWS_A_CALL] for i in range(0, len(codes), ROWS_A_CALL)]
        return np.concatenate(
            [
                checked_prediction(self.predict, self.codebook.decode(piece), self.outputs)
                for piece in pieces
            ]
        )


def checked_prediction(predict: Predict, rows: pd.DataFrame, outputs: int) -> Floats:
    """The answers as float64 ``[n, outputs]``; raises ``ValueError`` unless they are as many finite
    numbers a row."""
    answers = np.asarray(predict(rows), dtype=np.float64)
    if answers.shape != (len(rows), outputs) or not np.isfinite(answers).all():
        raise ValueError(
            f"the function to explain must return {outputs} finite numbers a row: {len(rows)} rows "
            f"gave shape {answers.shape} with {int((~np.isfinite(answers)).sum())} not finite"
        )
    return answers


def _permutation_shap(predict: _Counted, rows: Floats, background: Floats, seed: int) -> Floats:
    """The estimate from one antithetic permutation a row, float64 ``[n, m, k]``.

    Each row's columns are shown in a random order, one more a step, until all are, and hidden again
    in the same order: a column's value is the mean of what showing it added and hiding it took.
    Hidden columns take the values of every background row in turn, and the answers are averaged.
    As many rows are asked about at once as ``MOST_CELLS`` allows.
    """
    (n, m), b = rows.shape, len(background)
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(m), (n, 1)), axis=1)
    places = np.argsort(order, axis=1)
    at_once = max(1, MOST_CELLS // ((2 * m + 1) * b * m))
    return np.concatenate(
        [
            _shown_and_hidden(predict, rows[i : i + at_once], background, places[i : i + at_once])
            for i in range(0, n, at_once)
        ]
    )


def _shown_and_hidden(
    predict: _Counted, rows: Floats, background: Floats, places: NDArray[np.int64]
) -> Floats:
    """What each column's showing and hiding moved, ``[n, m, k]``; ``places`` ``[n, m]`` is when a
    column is shown."""
    (n, m), b = rows.shape, len(background)
    step = np.arange(2 * m + 1)[None, :, None]
    shown = (step > places[:, None, :]) & (step <= places[:, None, :] + m)
    asked = np.where(shown[:, :, None, :], rows[:, None, None, :], background[None, None])
    answers = predict(asked.reshape(-1, m)).reshape(n, 2 * m + 1, b, predict.outputs)
    moved = np.diff(answers.mean(axis=2), axis=1)
    each = np.arange(n)[:, None]
    values: Floats = (moved[each, places] - moved[each, places + m]) / 2.0
    return values


def _combine(estimates: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Weighted mean of replicates ``[r, n, m, k]`` and its standard error, each ``[n, m, k]``."""
    weights = (sizes / sizes.sum())[:, None, None, None]
    mean = (weights * estimates).sum(axis=0)
    r = len(estimates)
    if r == 1:
        return mean, np.full(mean.shape, np.nan)
    scatter = (weights**2 * (estimates - mean) ** 2).sum(axis=0)
    return mean, np.sqrt(scatter * r / (r - 1))
