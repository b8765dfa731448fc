"""How a column's contribution depends on its own value, over the rows as they are.

Belongs here: the groups of values, and the mean contribution in each with its interval. Does not
belong here: what happens when a value is changed (``partial_dependence.py``), or the contributions
(``attribution.py``). A group has ``FEWEST_ROWS`` rows at least, so that it tells of no single one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column, Feature
from mlops_assets.evidence.explainability.explained_values import rounded
from mlops_assets.evidence.explainability.moments import (
    DAYS,
    MICROSECONDS_A_DAY,
    MONTHS,
    as_microseconds,
    seen_parts,
)
from mlops_assets.evidence.explainability.score_scale import Floats

MOST_GROUPS = 10
FEWEST_ROWS = 5
MICROSECONDS_AN_HOUR = 3_600_000_000
MISSING = {"special": "missing"}
OTHER = {"special": "other"}


def dependence(
    name: str,
    column: Column,
    own: pd.Series,
    values: Floats,
    output: str | None,
    features: Mapping[str, Feature],
) -> dict[str, Any]:
    """The mean of the contributions ``values`` ``[n]`` in groups of the column's ``own`` values:
    of a number or a moment about ``MOST_GROUPS`` groups of as many rows, of a category its most
    common ones. ``axis`` says what the groups are of: ``value``, or a part of a timestamp. Each
    group has ``from`` and ``to`` (numbers), a ``label`` (categories), or is ``special``
    (``missing`` values, ``other`` ones together); ``mean`` with the bounds of its 95%
    interval by Student's t, and ``rows``."""
    if column.is_category or column.type == "boolean":
        axis, groups = "value", _of_categories(own)
    elif column.type == "timestamp":
        axis, groups = _of_moments(name, column, own, features)
    else:
        numbers = own.to_numpy(dtype=np.float64, na_value=np.nan)
        axis, groups = "value", _of_numbers(numbers)
    said = [{**label, **_mean(values[members])} for label, members in groups]
    return {"column": name, "output": output, "axis": axis, "groups": said}


Groups = list[tuple[dict[str, Any], NDArray[np.bool_]]]


def _of_categories(own: pd.Series) -> Groups:
    texts = own.map(str).where(own.notna(), None)
    counts = texts.dropna().value_counts()
    order = sorted(counts.index, key=lambda text: (-int(counts[text]), text))
    named = [text for text in order[:MOST_GROUPS] if counts[text] >= FEWEST_ROWS]
    groups: Groups = [
        ({"label": text}, (texts == text).to_numpy(dtype=np.bool_, na_value=False))
        for text in named
    ]
    missing = own.isna().to_numpy(dtype=np.bool_)
    rest = ~texts.isin(named).to_numpy(dtype=np.bool_) & ~missing
    unnamed: Groups = [(MISSING, missing), (OTHER, rest)]
    return groups + [one for one in unnamed if one[1].sum() >= FEWEST_ROWS]


def _of_numbers(numbers: Floats) -> Groups:
    """Groups between quantiles; equal values are in one group."""
    known = np.sort(numbers[~np.isnan(numbers)])
    count = min(MOST_GROUPS, len(known) // FEWEST_ROWS)
    groups: Groups = []
    if count:
        cuts = np.unique(known[(np.arange(1, count) * len(known)) // count])
        place = np.searchsorted(cuts, numbers, side="right")
        place[np.isnan(numbers)] = -1
        for at in range(len(cuts) + 1):
            members = place == at
            if members.sum() >= FEWEST_ROWS:
                within = numbers[members]
                ends = {"from": rounded(within.min()), "to": rounded(within.max())}
                groups.append((ends, members))
    missing = np.isnan(numbers)
    if missing.sum() >= FEWEST_ROWS:
        groups.append((MISSING, missing))
    return groups


def _of_moments(
    name: str, column: Column, own: pd.Series, features: Mapping[str, Feature]
) -> tuple[str, Groups]:
    """By the first part that a model sees, else by the moment itself."""
    moments = as_microseconds(own)
    parts = seen_parts(name, column, features)
    part = parts[0] if parts else "year"
    if part == "time of day":
        return part, _of_numbers(np.mod(moments, MICROSECONDS_A_DAY) / MICROSECONDS_AN_HOUR)
    when = own.dt
    match part:
        case "day of week":
            return part, _of_named(when.dayofweek.to_numpy(), DAYS)
        case "month":
            return part, _of_named(when.month.to_numpy() - 1, MONTHS)
        case "day of month":
            return part, _of_numbers(when.day.to_numpy(dtype=np.float64))
    return part, _of_numbers(when.year.to_numpy(dtype=np.float64))


def _of_named(codes: NDArray[Any], names: tuple[str, ...]) -> Groups:
    groups = [({"label": name}, codes == code) for code, name in enumerate(names)]
    return [(label, members) for label, members in groups if members.sum() >= FEWEST_ROWS]


def _mean(values: Floats) -> dict[str, Any]:
    from scipy.special import stdtrit

    n, mean = len(values), float(values.mean())
    reach = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / np.sqrt(n)
    return {
        "mean": rounded(mean),
        "low": rounded(mean - reach),
        "high": rounded(mean + reach),
        "rows": n,
    }
