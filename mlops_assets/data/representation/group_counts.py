"""What is counted of sensitive groups and their crossings, with nobody singled out.

Belongs here: counts and label rates of groups and crossings, and what of them may be written down.
Does not belong here: which groups there are (``groups.py``), shares, references and verdicts
(``report.py``).

Where a group has one to four rows, neither their number nor anything computed from it is written
down, and values of a column with more than twenty are named only where five rows share them. Where
one number alone is hidden, sums still tell which of the four it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.features import SPLIT_NAMES
from mlops_assets.data.representation.groups import (
    MAX_LEVELS,
    Grouping,
    crossed,
    group_declared,
    pairs,
)
from mlops_assets.data.representation.proportions import (
    CONFIDENCE,
    UNKNOWN,
    Difference,
    differences,
    holm,
    wilson,
)
from mlops_assets.target_declaration import Target
from mlops_assets.use_case import UseCase

FEWEST_SHOWN = 5
HIDDEN = f"fewer than {FEWEST_SHOWN}"
RARE = "(rare values)"
ROWS_TO_COMPARE = 30
MOST_GROUPS_COMPARED = 100
MOST_CROSSINGS = 60
TRAIN, TEST = SPLIT_NAMES.index("train"), SPLIT_NAMES.index("test")

Counts = NDArray[np.int64]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """What each row is: its ``split`` as a position in ``SPLIT_NAMES``, and its ``label`` as a
    number, NaN without one; whether labels are 0 and 1, so that groups have a rate of them."""

    split: NDArray[np.int64]
    label: NDArray[np.float64]
    is_binary: bool = True

    @classmethod
    def of(cls, features: pd.DataFrame, target: Target) -> "Rows":
        return cls(
            pd.Index(SPLIT_NAMES).get_indexer(pd.Index(features["split"])).astype(np.int64),
            features[target.column].to_numpy(np.float64, na_value=np.nan),
            target.task == "binary",
        )

    @property
    def has_label(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.label)


@dataclass(frozen=True)
class Counted:
    """Rows, labelled rows and positive ones of each group, as ``[groups, splits]``; of a target
    that is not binary, no row is called positive."""

    grouping: Grouping
    rows: Counts
    labelled: Counts
    positive: Counts | None


def count(grouping: Grouping, rows: Rows) -> Counted:
    shape = len(grouping.labels), len(SPLIT_NAMES)
    cells = grouping.codes.astype(np.int64) * shape[1] + rows.split

    def table(which: NDArray[np.bool_] | slice) -> Counts:
        return np.bincount(cells[which], minlength=shape[0] * shape[1]).reshape(shape)

    positive = table(rows.label == 1.0) if rows.is_binary else None
    return Counted(grouping, table(slice(None)), table(rows.has_label), positive)


def totals(rows: Rows) -> tuple[dict[str, int | str], dict[str, int | str]]:
    """Rows and labelled rows by split."""
    of = [rows.split, rows.split[rows.has_label]]
    every, labelled = (by_split(np.bincount(one, minlength=len(SPLIT_NAMES))) for one in of)
    return every, labelled


def label_rate(rows: Rows) -> float | None:
    """Share of positives among the labelled rows of the window."""
    labels = rows.label[rows.has_label]
    return round(float(labels.mean()), 6) if len(labels) else None


def figures(counted: Counted, place: int) -> Figures:
    """A group's counts by split and, of a binary target, its label rate over the window, as they
    may be written."""
    found: Figures = {
        "group": counted.grouping.names[place],
        "rows": by_split(counted.rows[place]),
        "labelled": by_split(counted.labelled[place]),
    }
    if counted.positive is not None:
        labelled = int(counted.labelled[place].sum())
        rate = wilson(int(counted.positive[place].sum()), labelled)
        found["label_rate"] = (UNKNOWN if is_hidden(labelled) else rate).as_figures()
    return found


def shown(rows: int) -> int | str:
    """A number of rows as it may be written."""
    return HIDDEN if is_hidden(rows) else rows


def is_hidden(rows: int) -> bool:
    return 0 < rows < FEWEST_SHOWN


def by_split(counts: Counts) -> dict[str, int | str]:
    return {name: shown(int(rows)) for name, rows in zip(SPLIT_NAMES, counts, strict=True)}


def may_be_named(features: pd.DataFrame, name: str, use_case: UseCase) -> Grouping:
    """The groups of a sensitive column by names that may be written down.

    Where a column has more than twenty values, it may be text that names a person: those that fewer
    than five rows share are one group, but for those that the reference names.
    """
    grouping = group_declared(features, name, use_case)
    named = {str(key) for key in use_case.representation.reference.get(name, {})}
    is_rare = grouping.counts() < FEWEST_SHOWN
    for place, label in enumerate(grouping.labels):
        if place in grouping.unknown or label in named:
            is_rare[place] = False
    is_text_like = grouping.cut == "values" and len(grouping.labels) > MAX_LEVELS
    return _together(grouping, is_rare) if is_text_like and is_rare.any() else grouping


def _together(grouping: Grouping, is_rare: NDArray[np.bool_]) -> Grouping:
    kept = np.flatnonzero(~is_rare)
    places = np.full(len(is_rare), len(kept), dtype=np.int32)
    places[kept] = np.arange(len(kept))
    return replace(
        grouping,
        labels=(*(grouping.labels[i] for i in kept), RARE),
        names=(*(grouping.names[i] for i in kept), f"{grouping.column} {RARE}"),
        codes=places[grouping.codes],
        unknown=frozenset(int(places[i]) for i in grouping.unknown),
    )


def crossings(groupings: Sequence[Grouping], rows: Rows, min_rows: int) -> Figures:
    """The crossings of every pair of columns, the smallest first by labelled test rows; of those
    beyond ``MOST_CROSSINGS``, and of those without a row, there is only the number. A group of one
    to four rows is not crossed: its crossings would tell what else its few people are."""
    found: list[tuple[tuple[int, int, str], Figures]] = []
    possible = occurring = too_small = 0
    for first, second in pairs(groupings):
        counted = count(crossed((first, second)), rows)
        every, tested = counted.rows.sum(axis=1), counted.labelled[:, TEST]
        may_cross = np.logical_and.outer(*(one.counts() >= FEWEST_SHOWN for one in (first, second)))
        places = np.flatnonzero(may_cross.ravel() & (every > 0))
        possible += int(may_cross.sum())
        occurring += len(places)
        too_small += int((tested[places] < min_rows).sum())
        keyed = [
            ((_coarse(tested[i]), _coarse(every[i]), counted.grouping.names[i]), i) for i in places
        ]
        smallest = sorted(keyed)[:MOST_CROSSINGS]
        found += [(key, _crossing(counted, int(i), min_rows)) for key, i in smallest]
    found.sort(key=lambda one: one[0])
    return {
        "possible": possible,
        "occurring": occurring,
        "too_small": too_small,
        "shown": [figures for _, figures in found[:MOST_CROSSINGS]],
    }


def _coarse(rows: np.int64) -> int:
    """Rows to sort by: what is hidden must not show in the order."""
    return FEWEST_SHOWN - 1 if is_hidden(int(rows)) else int(rows)


def _crossing(counted: Counted, place: int, min_rows: int) -> Figures:
    is_small = bool(counted.labelled[place, TEST] < min_rows)
    return {**figures(counted, place), "is_too_small": is_small}


def rate_differences(counted: Sequence[Counted]) -> list[Figures]:
    """For each column, the largest difference of label rates between two of its groups, with its
    p-value corrected (Holm) for all pairs of all columns, and how many pairs differ beyond chance.

    Compared are groups of at least ``ROWS_TO_COMPARE`` labelled rows, the
    ``MOST_GROUPS_COMPARED`` largest of a column; none where the target is not binary.
    """
    by_column = []
    with_rates = [(one, one.positive) for one in counted if one.positive is not None]
    for one, positives in with_rates:
        labelled, positive = one.labelled.sum(axis=1), positives.sum(axis=1)
        enough = [int(i) for i in np.argsort(-labelled, kind="stable")[:MOST_GROUPS_COMPARED]]
        compared = [i for i in enough if labelled[i] >= ROWS_TO_COMPARE]
        by_column.append(differences(positive.tolist(), labelled.tolist(), compared))
    corrected = iter(holm([pair.p_value for pairs_ in by_column for pair in pairs_]))
    return [
        _largest(one.grouping, pairs_, [next(corrected) for _ in pairs_])
        for (one, _), pairs_ in zip(with_rates, by_column, strict=True)
    ]


def _largest(grouping: Grouping, found: Sequence[Difference], chances: list[float]) -> Figures:
    """``found`` has the largest difference first; it may be that of a group of few rows, so that
    the largest one beyond chance is given as well."""
    certain = [place for place, chance in enumerate(chances) if chance < 1.0 - CONFIDENCE]

    def pair(place: int) -> Figures:
        one = found[place]
        return {
            "higher": grouping.names[one.first],
            "lower": grouping.names[one.second],
            "difference": round(one.difference, 6),
            "p_value": float(f"{chances[place]:.6g}"),
        }

    return {
        "column": grouping.column,
        "pairs": len(found),
        "beyond_chance": len(certain),
        "largest": pair(0) if found else None,
        "largest_beyond_chance": pair(certain[0]) if certain else None,
    }
