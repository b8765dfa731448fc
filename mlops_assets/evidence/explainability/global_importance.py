"""What the attributions of all rows say together: the columns ranked, and their points.

Belongs here: shares with their intervals, and the points of the swarm. Does not belong here: the
attributions (``attribution.py``), or comparisons of models (``attribution_stability.py``).
"""

from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.column_declaration import Column
from mlops_assets.evidence.explainability.attribution import Attribution
from mlops_assets.evidence.explainability.explained_values import rounded
from mlops_assets.evidence.explainability.score_scale import Floats
from mlops_assets.evidence.explainability.shares import (
    bootstrap_weights,
    resampled_sizes,
    row_sizes,
    shares_of_sizes,
)
from mlops_assets.reporting.page import Number

CONFIDENCE = 0.95
RESAMPLES = 1_000
POINT_DIGITS = 4
TAILS = ((1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0)


def ranking(names: list[str], found: Attribution, seed: int) -> list[dict[str, Any]]:
    """The columns ``names`` by falling ``share`` of the mean absolute value over rows and scores
    (shares add up to 1; ``None`` where nothing moves anything), with bootstrap intervals over rows,
    the root mean square of the values' standard errors, that of the share, and the means
    ``by_output``."""
    sizes = row_sizes(found.values)
    by_output = np.abs(found.values).mean(axis=0)
    means = sizes.mean(axis=0)
    drawn = resampled_sizes(sizes, bootstrap_weights(len(sizes), RESAMPLES, seed))
    mean_bounds = np.quantile(drawn, TAILS, axis=0)
    share_bounds = np.quantile(shares_of_sizes(drawn), TAILS, axis=0)
    shares = shares_of_sizes(means[None, :])[0]
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
            "share_error": rounded(found.share_errors[j]),
            "standard_error": rounded(errors[j]),
            "by_output": [rounded(mean) for mean in by_output[j]],
        }
        for j, name in enumerate(names)
    ]
    order = np.argsort(-means, kind="stable")
    return [entries[j] for j in order]


def points(
    name: str, column: Column, own: pd.Series, values: Floats, output: str | None
) -> dict[str, Any]:
    """The ``values`` ``[n]`` of one column, rising, each with the level of the column's ``own``
    value: their order says nothing of the rows'."""
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
