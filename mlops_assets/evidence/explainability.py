"""Why a model answers as it does: its function explained in terms of the raw columns.

Belongs here: what is reported about the SHAP values (overall, by class, by row) and about the
effects of the leading columns, and how many rows that may cost. Does not belong here: how they are
computed (``attribution.py``, ``partial_dependence.py``), single answers
(``explained_examples.py``) or how it is shown (``explainability_page.py``). The function explained
is the released one itself, no substitute. Nothing that names a row is kept: examples hold input
columns only, and the points of a column are sorted so that no row can be put together from them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column, Feature
from mlops_assets.evidence.attribution import Attribution, Floats, Predict, attribute
from mlops_assets.evidence.explained_examples import examples
from mlops_assets.evidence.explained_values import rounded
from mlops_assets.evidence.partial_dependence import Effect, column_effects
from mlops_assets.reporting.page import Number
from mlops_assets.target_declaration import Target

CONFIDENCE = 0.95
RESAMPLES = 1_000
LEADING_COLUMNS = 4
COLUMNS_WITH_POINTS = 30
SHOWN_CLASSES = 4
"""Classes whose points and effects are kept: those whose probability the columns move most."""
CURVES = 40
POINT_DIGITS = 4
"""Significant digits of what is only drawn: points of the swarm and curves of single rows."""
ADDITIVITY_LIMIT = 1e-6
"""Largest allowed difference between an answer and base value plus contributions, by the largest
answer: what arithmetic in float32 explains."""
MOST_EVALUATIONS = 600_000
"""Rows that the function is asked about at most for SHAP values, and with several outputs ..."""
MOST_ANSWERS = 6_000_000
"""... these by the number of outputs: a model of many classes takes the longer for a row."""
FEWEST_ROWS = 60
FEWEST_BACKGROUND = 10
"""Below ``FEWEST_ROWS`` the background shrinks first, down to this."""


def explain(
    predict: Predict,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    columns: Mapping[str, Column],
    *,
    target: Target,
    seed: int,
    features: Mapping[str, Feature],
    labels: NDArray[Any] | None = None,
    replicates: int = 10,
    leading: int = LEADING_COLUMNS,
) -> dict[str, Any]:
    """The explanation of ``predict`` as JSON-able values.

    ``predict`` maps a frame of raw rows to float64 ``[n, outputs]``: the probability of the
    positive class, that of each class in the order of ``target.class_names``, or the predicted
    number. ``rows`` (a sample of test rows) and ``background`` (a sample of training rows) hold at
    least the input ``columns``; ``features`` are those that the use case computes from them.
    ``labels`` ``[n]`` are the outcomes of ``rows`` (0 or 1, class position, or number; or missing),
    where known. The same input gives the same bytes; cost: about ``2 * len(rows) *
    len(background) * len(columns)`` rows to predict, for which ``sample_sizes`` takes fewer rows
    where there are many columns or classes.

    The keys: ``task`` and ``unit``; ``method`` (sample sizes and settings); ``outputs``, what is
    explained with its mean answer on the background and how much the columns move it;
    ``additivity`` (largest gap, limit, whether it holds); ``global``, the columns by falling
    ``share`` of the mean absolute SHAP value over rows and outputs (shares add up to 1, ``None``
    where nothing moves the answers) with bootstrap intervals over rows, the root mean square of
    the standard errors, and the means ``by_output``; ``shown``, the outputs that have ``points``,
    SHAP values of the leading columns with the level (0 to 1) of the column's own value, and
    ``effects``, partial dependence and curves of single rows for the ``leading`` columns;
    ``examples``, single answers with their contributions. Units are those of the output: of
    probability, or of the target.

    Raises ``ValueError`` as ``attribution.attribute`` does.
    """
    names, outputs = list(columns), _output_names(target)
    kept, against = sample_sizes(len(rows), len(background), len(names), len(outputs))
    labels = None if labels is None else labels[_spread(len(rows), kept)]
    rows, given = rows.iloc[_spread(len(rows), kept)].reset_index(drop=True), len(rows)
    background = background.iloc[_spread(len(background), against)]
    found = attribute(
        predict, rows, background, names, outputs=len(outputs), seed=seed, replicates=replicates
    )
    ranking = _ranking(names, found, seed)
    order = [entry["column"] for entry in ranking]
    shown = _shown_outputs(found)
    return {
        "task": target.task,
        "unit": target.unit,
        "method": _method(found, seed, given, against, target),
        "outputs": _outputs(found, outputs),
        "additivity": _additivity(found, target),
        "global": ranking,
        "shown": [outputs[k] for k in shown],
        "points": [
            _points(n, columns[n], rows[n], found.values[:, names.index(n), k], outputs[k])
            for k in shown
            for n in order[:COLUMNS_WITH_POINTS]
        ],
        "examples": examples(rows[names], found, labels, target, shown),
        "effects": [
            _effect(effect, k, outputs[k], found.predictions[:, k])
            for name in order[:leading]
            for effect in column_effects(
                predict,
                rows[names],
                name,
                columns[name],
                outputs=len(outputs),
                features=features,
            )
            for k in shown
        ],
    }


def sample_sizes(rows: int, background: int, columns: int, outputs: int) -> tuple[int, int]:
    """How many of the rows and of the background are used, so that the SHAP values cost at most
    about ``MOST_EVALUATIONS`` rows to predict and ``MOST_ANSWERS`` answers. Nothing but these four
    numbers decides."""
    pairs = min(MOST_EVALUATIONS, MOST_ANSWERS // max(outputs, 1)) // (2 * columns + 1)
    against = min(background, max(FEWEST_BACKGROUND, pairs // FEWEST_ROWS))
    return min(rows, max(1, pairs // max(against, 1))), against


def _spread(given: int, kept: int) -> NDArray[np.int64]:
    """Positions of ``kept`` of ``given`` rows, evenly spread."""
    return np.arange(kept, dtype=np.int64) * given // max(kept, 1)


def _output_names(target: Target) -> tuple[str | None, ...]:
    return target.class_names if target.task == "multiclass" else (None,)


def _method(
    found: Attribution, seed: int, given: int, background_rows: int, target: Target
) -> dict[str, Any]:
    explained = {"multiclass": "each probability", "regression": "the prediction"}
    return {
        "values": f"interventional SHAP values of {explained.get(target.task, 'the probability')}, "
        "by permutation sampling",
        "rows": len(found.values),
        "rows_given": given,
        "background_rows": background_rows,
        "replicates": found.replicates,
        "evaluations": found.evaluations,
        "resamples": RESAMPLES,
        "confidence": CONFIDENCE,
        "seed": seed,
    }


def _outputs(found: Attribution, names: Sequence[str | None]) -> list[dict[str, Any]]:
    moved = np.abs(found.values).mean(axis=0).sum(axis=0)
    return [
        {
            "output": name,
            "base_value": rounded(found.base_values[k]),
            "standard_error": rounded(found.base_standard_errors[k]),
            "mean_absolute": rounded(moved[k]),
            "largest_gap": rounded(found.largest_gaps[k]),
        }
        for k, name in enumerate(names)
    ]


def _additivity(found: Attribution, target: Target) -> dict[str, Any]:
    largest = float(np.abs(found.predictions).max()) if target.task == "regression" else 1.0
    limit, gap = ADDITIVITY_LIMIT * largest, float(found.largest_gaps.max())
    return {"largest_gap": rounded(gap), "limit": rounded(limit), "holds": gap <= limit}


def _shown_outputs(found: Attribution) -> list[int]:
    """Positions of the outputs that the columns move most, in their own order."""
    moved = np.abs(found.values).mean(axis=0).sum(axis=0)
    return sorted(np.argsort(-moved, kind="stable")[:SHOWN_CLASSES].tolist())


def _ranking(names: list[str], found: Attribution, seed: int) -> list[dict[str, Any]]:
    # Averaged over the outputs, not summed: the unit stays that of one answer.
    sizes = np.abs(found.values).mean(axis=2)
    by_output = np.abs(found.values).mean(axis=0)
    means = sizes.mean(axis=0)
    rng = np.random.default_rng(seed)
    n = len(sizes)
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES) @ sizes / n
    tails = [(1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0]
    mean_bounds = np.quantile(drawn, tails, axis=0)
    share_bounds = np.quantile(_shares(drawn), tails, axis=0)
    shares = _shares(means[None, :])[0]
    errors = np.sqrt((found.standard_errors**2).mean(axis=(0, 2)))
    entries = [
        {
            "column": name,
            "mean_absolute": rounded(means[j]),
            "low": rounded(mean_bounds[0, j]),
            "high": rounded(mean_bounds[1, j]),
            "share": rounded(shares[j]),
            "share_low": rounded(share_bounds[0, j]),
            "share_high": rounded(share_bounds[1, j]),
            "standard_error": rounded(errors[j]),
            "by_output": [rounded(mean) for mean in by_output[j]],
        }
        for j, name in enumerate(names)
    ]
    return sorted(entries, key=lambda entry: -entry["mean_absolute"])


def _shares(sizes: Floats) -> Floats:
    """Each column's share of its line, ``[r, m]``; NaN where a line is all zero."""
    totals = sizes.sum(axis=1, keepdims=True)
    shares: Floats = np.full(sizes.shape, np.nan)
    np.divide(sizes, totals, out=shares, where=totals > 0)
    return shares


def _points(
    name: str, column: Column, own: pd.Series, values: Floats, output: str | None
) -> dict[str, Any]:
    levels = _levels(column, own)
    pairs = sorted(
        zip((rounded(v, POINT_DIGITS) for v in values), levels, strict=True),
        key=lambda pair: (pair[0], pair[1] is None, pair[1] or 0.0),
    )
    values_and_levels = {"values": [v for v, _ in pairs], "levels": [one for _, one in pairs]}
    return {"column": name, "output": output, **values_and_levels}


def _levels(column: Column, own: pd.Series) -> list[Number]:
    """Rank of each value from 0 to 1, of a timestamp by its time of day; ``None`` for a category
    and for what is missing."""
    if column.is_category:
        return [None] * len(own)
    if column.type == "timestamp" and "minute_of_day" in column.parts:
        own = own - own.dt.normalize()
    ranks = own.rank(method="average").to_numpy(dtype=np.float64, na_value=np.nan)
    known = int((~np.isnan(ranks)).sum())
    scaled = (ranks - 1.0) / (known - 1.0) if known > 1 else ranks * 0.5
    return [rounded(level, 3) for level in scaled]


def _effect(effect: Effect, k: int, output: str | None, predictions: Floats) -> dict[str, Any]:
    """The effect on output ``k``, with the curves of about 40 rows, spread evenly over their
    ``predictions`` ``[n]``."""
    order = np.argsort(predictions, kind="stable")
    picked = order[np.unique(np.linspace(0, len(order) - 1, CURVES).round().astype(np.int64))]
    curves = effect.curves[picked, :, k]
    return {
        "column": effect.column,
        "varied": effect.varied,
        "output": output,
        "positions": [rounded(position) for position in effect.positions],
        "labels": None if effect.labels is None else list(effect.labels),
        "mean": [rounded(value) for value in effect.mean[:, k]],
        "standard_error": [rounded(value) for value in effect.standard_error[:, k]],
        "mean_where_missing": None
        if effect.missing is None
        else rounded(effect.missing[:, k].mean()),
        "rows": len(effect.curves),
        "curves": [[rounded(v, POINT_DIGITS) for v in curve] for curve in curves],
    }
