"""Which rows every report looks at separately: declared slices and sensitive groups.

Belongs here: turning the use case's words into row masks, the crossings of two of them, the days of
the rows. Does not belong here: how a sensitive column is cut into groups
(``representation/groups.py``), what is measured on them (``group_metrics.py``, ``slices.py``), or
slices that nobody declared (``weak_slices.py``).
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.cleaning.conditions import matching_rows
from mlops_assets.data.representation.group_counts import FEWEST_SHOWN
from mlops_assets.data.representation.groups import sensitive_groups
from mlops_assets.use_case import UseCase

Mask = NDArray[np.bool_]
GroupKind = Literal["slice", "group", "crossing"]
MIN_DAYS = 20
"""With fewer days than this, the chance between them cannot be told from the chance of rows."""


def row_groups(rows: pd.DataFrame, use_case: UseCase) -> dict[str, Mask]:
    """Masks ``[n]`` by group name: every slice, and every group of each sensitive column: its
    ``representation.bands`` where they are declared, else its values (four ranges where a number
    has more than twenty), and the rows that do not say."""
    return {name: mask for part in _partitions(rows, use_case) for name, mask in part.items()}


def subpopulations(rows: pd.DataFrame, use_case: UseCase) -> Iterator[tuple[str, GroupKind, Mask]]:
    """Every slice and group, then, where ``evaluation.crossings`` asks for it, every crossing of
    two that is neither of the two itself, one mask ``[n]`` at a time. Crossings of fewer rows than
    may be counted in a report (``group_counts.FEWEST_SHOWN``) are not named."""
    parts = _partitions(rows, use_case)
    for part in parts:
        for name, mask in part.items():
            yield name, "slice" if name.startswith("slice: ") else "group", mask
    if not use_case.evaluation.crossings:
        return
    for first, second in combinations(parts, 2):
        for name, mask in first.items():
            for other, with_other in second.items():
                both = mask & with_other
                held = int(both.sum())
                is_one_of_both = held in (int(mask.sum()), int(with_other.sum()))
                if held >= FEWEST_SHOWN and not is_one_of_both:
                    yield f"{name}, {other}", "crossing", both


def day_blocks(rows: pd.DataFrame, use_case: UseCase) -> NDArray[np.int64] | None:
    """The day of each row ``[n]``, counted from 0, where ``training.split.time_column`` is
    declared and the rows are of ``MIN_DAYS`` days or more; else ``None``."""
    column = use_case.training.split.time_column
    if column is None or column not in rows:
        return None
    days = rows[column].to_numpy().astype("datetime64[D]")
    found, codes = np.unique(days, return_inverse=True)
    enough = len(found) >= MIN_DAYS and not np.isnat(found).any()
    return codes.astype(np.int64) if enough else None


def _partitions(rows: pd.DataFrame, use_case: UseCase) -> list[dict[str, Mask]]:
    """Each slice alone, then the groups of each sensitive column."""
    parts: list[dict[str, Mask]] = [
        {f"slice: {one.name}": matching_rows(rows, one.where, f"slices {one.name!r}")}
        for one in use_case.slices
    ]
    for grouping in sensitive_groups(rows, use_case):
        parts.append({name: grouping.codes == place for place, name in enumerate(grouping.names)})
    return parts
