"""Why a model answers as it does: its function explained in terms of the raw columns.

Belongs here: what is reported about the SHAP values (overall, by row, single examples) and about
the effects of the leading columns. Does not belong here: how they are computed
(``attribution.py``, ``partial_dependence.py``) or shown (``explainability_page.py``). The function
explained is the released one itself, no substitute. Nothing that names a row is kept: examples hold
input columns only, and the points of a column are sorted so that no row can be put together from
them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.attribution import (
    ADDITIVITY_LIMIT,
    Attribution,
    Floats,
    Predict,
    attribute,
)
from mlops_assets.evidence.explainability_page import Value, explainability_page, value_text
from mlops_assets.evidence.partial_dependence import Effect, column_effects
from mlops_assets.reporting.page import Number

__all__ = ["explain", "explainability_page"]

CONFIDENCE = 0.95
RESAMPLES = 1_000
LEADING_COLUMNS = 4
CURVES = 40
SIGNIFICANT_DIGITS = 6
POINT_DIGITS = 4
"""Significant digits of what is only drawn: points of the swarm and curves of single rows."""
NAMED_CONTRIBUTIONS = 3
SMALLEST_NAMED = 0.0005


def explain(
    predict: Predict,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    columns: Mapping[str, Column],
    *,
    seed: int,
    labels: NDArray[Any] | None = None,
    replicates: int = 10,
    leading: int = LEADING_COLUMNS,
) -> dict[str, Any]:
    """The explanation of ``predict`` as JSON-able values.

    ``predict`` maps a frame of raw rows to the probability of the positive class, float64 ``[n]``.
    ``rows`` (a sample of test rows) and ``background`` (a sample of training rows) hold at least
    the input ``columns``; ``labels`` are the outcomes of ``rows`` (0, 1, or missing), where known.
    The same input gives the same bytes; cost: about ``len(rows) * len(background) * 2 *
    len(columns)`` rows to predict.

    The keys: ``method`` (sample sizes and settings), ``base_value`` (mean answer on the background)
    and ``additivity`` (largest gap, limit, whether it holds); ``global``, the columns by falling
    ``share`` of the mean absolute SHAP value (shares add up to 1, ``None`` where nothing moves the
    answers) with bootstrap intervals over rows and the root mean square of the standard errors;
    ``points``, each column's SHAP values with the level (0 to 1) of its own value; ``examples``,
    single rows with their contributions; ``effects``, partial dependence and curves of single rows
    for the ``leading`` columns. Units are probability throughout.

    Raises ``ValueError`` as ``attribution.attribute`` does.
    """
    names = list(columns)
    rows = rows.reset_index(drop=True)
    found = attribute(predict, rows, background, names, seed=seed, replicates=replicates)
    ranking = _ranking(names, found, seed)
    order = [entry["column"] for entry in ranking]
    return {
        **_reliability(found, len(background), seed),
        "global": ranking,
        "points": [_points(n, columns[n], rows[n], found.values[:, names.index(n)]) for n in order],
        "examples": _examples(rows[names], found, labels),
        "effects": [
            _effect(effect, found.predictions)
            for name in order[:leading]
            for effect in column_effects(predict, rows[names], name, columns[name])
        ],
    }


def _reliability(found: Attribution, background_rows: int, seed: int) -> dict[str, Any]:
    """What the explanation rests on, and whether it adds up."""
    return {
        "method": {
            "values": "interventional SHAP values of the probability, by permutation sampling",
            "rows": len(found.values),
            "background_rows": background_rows,
            "replicates": found.replicates,
            "evaluations": found.evaluations,
            "resamples": RESAMPLES,
            "confidence": CONFIDENCE,
            "seed": seed,
        },
        "base_value": {
            "value": rounded(found.base_value),
            "standard_error": rounded(found.base_standard_error),
        },
        "additivity": {
            "largest_gap": rounded(found.largest_gap),
            "limit": ADDITIVITY_LIMIT,
            "holds": found.largest_gap <= ADDITIVITY_LIMIT,
        },
    }


def rounded(value: float, digits: int = SIGNIFICANT_DIGITS) -> Number:
    """The value to a number of significant digits; ``None`` where it is not finite. Never -0.0."""
    return float(f"{float(value):.{digits}g}") + 0.0 if np.isfinite(value) else None


def _ranking(names: list[str], found: Attribution, seed: int) -> list[dict[str, Any]]:
    sizes = np.abs(found.values)
    means = sizes.mean(axis=0)
    rng = np.random.default_rng(seed)
    n = len(sizes)
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES) @ sizes / n
    tails = [(1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0]
    mean_bounds = np.quantile(drawn, tails, axis=0)
    share_bounds = np.quantile(_shares(drawn), tails, axis=0)
    shares = _shares(means[None, :])[0]
    errors = np.sqrt((found.standard_errors**2).mean(axis=0))
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


def _points(name: str, column: Column, own: pd.Series, values: Floats) -> dict[str, Any]:
    levels = _levels(column, own)
    pairs = sorted(
        zip((rounded(v, POINT_DIGITS) for v in values), levels, strict=True),
        key=lambda pair: (pair[0], pair[1] is None, pair[1] or 0.0),
    )
    return {"column": name, "values": [v for v, _ in pairs], "levels": [one for _, one in pairs]}


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


def _examples(
    rows: pd.DataFrame, found: Attribution, labels: NDArray[Any] | None
) -> list[dict[str, Any]]:
    chances = found.predictions
    truth = np.full(len(rows), np.nan)
    if labels is not None:
        truth = pd.Series(labels).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    chosen = {
        "most likely positive": int(np.argmax(chances)),
        "most uncertain": int(np.argmin(np.abs(chances - 0.5))),
        "most likely negative": int(np.argmin(chances)),
    }
    if not np.isnan(truth).all():
        chosen["most wrong"] = int(np.nanargmax(np.abs(chances - truth)))
    kinds = {i: ", ".join(k for k, at in chosen.items() if at == i) for i in chosen.values()}
    return [_example(kind, i, rows, found, truth[i]) for i, kind in kinds.items()]


def _example(
    kind: str, i: int, rows: pd.DataFrame, found: Attribution, truth: float
) -> dict[str, Any]:
    order = np.argsort(-np.abs(found.values[i]), kind="stable")
    contributions = [
        {
            "column": str(rows.columns[j]),
            "value": plain_value(rows.iloc[i, j]),
            "contribution": rounded(found.values[i, j]),
            "standard_error": rounded(found.standard_errors[i, j]),
        }
        for j in order
    ]
    return {
        "kind": kind,
        "probability": rounded(found.predictions[i]),
        "positive": None if np.isnan(truth) else bool(truth),
        "words": _in_words(contributions),
        "contributions": contributions,
    }


def plain_value(value: Any) -> Value:
    """One raw value as JSON holds it: a moment as ISO text, missing as ``None``."""
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ")
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return rounded(float(value)) if isinstance(value, float | np.floating) else str(value)


def _in_words(contributions: list[dict[str, Any]]) -> str:
    sides = []
    for verb, sign in (("raised", 1.0), ("lowered", -1.0)):
        named = [
            f"{one['column']} = {value_text(one['value'])} ({one['contribution']:+.3f})"
            for one in contributions
            if one["contribution"] * sign >= SMALLEST_NAMED
        ][:NAMED_CONTRIBUTIONS]
        if named:
            sides.append(f"{verb} by {', '.join(named)}")
    return "; ".join(sides) if sides else "no column moves this answer"


def _effect(effect: Effect, predictions: Floats) -> dict[str, Any]:
    """The effect with the curves of about 40 rows, spread evenly over their probabilities."""
    order = np.argsort(predictions, kind="stable")
    picked = order[np.unique(np.linspace(0, len(order) - 1, CURVES).round().astype(np.int64))]
    missing = None if effect.missing is None else rounded(effect.missing.mean())
    return {
        "column": effect.column,
        "varied": effect.varied,
        "positions": [rounded(position) for position in effect.positions],
        "labels": None if effect.labels is None else list(effect.labels),
        "mean": [rounded(value) for value in effect.mean],
        "standard_error": [rounded(value) for value in effect.standard_error],
        "mean_where_missing": missing,
        "rows": len(effect.curves),
        "curves": [[rounded(v, POINT_DIGITS) for v in curve] for curve in effect.curves[picked]],
    }
