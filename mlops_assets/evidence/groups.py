"""Which rows every report looks at separately: declared slices and sensitive groups.

Belongs here: turning the use case's words into row masks. Does not belong here: what is measured
on them (``metrics.py``).
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.column_declaration import Column
from mlops_assets.data.cleaning import matching_rows
from mlops_assets.use_case import UseCase

Mask = NDArray[np.bool_]
MAX_LEVELS = 20
QUANTILES = 4


def row_groups(rows: pd.DataFrame, use_case: UseCase) -> dict[str, Mask]:
    """Masks ``[n]`` by group name: every slice, and every value of each sensitive column (four
    ranges where a number has more than twenty)."""
    groups = {
        f"slice: {declared.name}": matching_rows(rows, declared.where, f"slices {declared.name!r}")
        for declared in use_case.slices
    }
    for name in use_case.sensitive:
        groups.update(_levels(name, rows[name], use_case.columns[name]))
    return groups


def _levels(name: str, values: pd.Series, column: Column) -> dict[str, Mask]:
    levels = sorted(values.dropna().unique())
    if column.is_category or len(levels) <= MAX_LEVELS:
        # pandas holds integers as floats where one is missing; the group is the same one.
        shown = [int(level) if column.type == "integer" else level for level in levels]
        equal = [(values == level).fillna(False).to_numpy(bool) for level in levels]
        found = {f"{name} = {level}": mask for level, mask in zip(shown, equal, strict=True)}
    else:
        found = _ranges(name, values.to_numpy(np.float64, na_value=np.nan))
    missing: NDArray[Any] = values.isna().to_numpy()
    return {**found, f"{name} missing": missing} if missing.any() else found


def _ranges(name: str, numbers: NDArray[np.float64]) -> dict[str, Mask]:
    edges = np.unique(np.nanquantile(numbers, np.linspace(0.0, 1.0, QUANTILES + 1)))
    found = {}
    for position, (low, high) in enumerate(pairwise(edges)):
        last = position == len(edges) - 2
        mask = (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        found[f"{name} from {low:g} {'to' if last else 'to below'} {high:g}"] = mask
    return found
