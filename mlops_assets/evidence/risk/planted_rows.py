"""Values and pairs of values that were planted in the training set together with one label.

Belongs here: counting cells of one or two columns, and telling which are more frequent than chance
explains. Does not belong here: rows that are odd alone (``outliers.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.evidence.risk.perturbations import as_floats
from mlops_assets.target_declaration import Target
from mlops_assets.use_case import UseCase

CHANCE = 0.01
"""That any cell of a clean training set is named, over all cells together."""
MIN_UNITS = 10
"""Units of both sets in which a cell has to be, to be compared."""
BINS = 10
FREQUENT = 0.003
"""Share of the rows from which a single number is a level of its own."""
MOST_LEVELS = 60
ONE_LABEL = 0.9
"""Share of a cell's rows with its most common label from which they have one label."""
CLOSE_LABELS = 0.25
"""Of numbers: standard deviation of a cell's labels, in that of all, up to which they are one."""
CLEARLY = 4.0
MOST_SHOWN = 10

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Planted:
    """``marked`` are the train rows in a cell that is named, bool ``[n]``; ``compared`` counts the
    cells, ``smallest_seen`` is the share of units a planted value needs to be seen, roughly."""

    marked: NDArray[np.bool_]
    cells: list[dict[str, Any]]
    compared: int
    smallest_seen: float


def planted_rows(known: pd.DataFrame, fresh: pd.DataFrame, use_case: UseCase) -> Planted:
    """The cells of ``known`` that no chance explains from ``fresh``.

    A unit (a day, or a row without a time column) belongs to either set by chance, so that the
    number of a cell's units in ``known`` is hypergeometric (R. Fisher's exact test, one-sided, with
    Bonferroni's correction over all cells).
    """
    together = pd.concat([known, fresh], ignore_index=True)
    units, is_known = _units(together, use_case), np.arange(len(together)) < len(known)
    labels = known[use_case.target.column].to_numpy(np.float64)
    names, codes = _coded(together, use_case)
    tests = list(_tests(names, codes, units, is_known))
    compared = sum(len(found[1]) for found in tests)
    marked = np.zeros(len(known), np.bool_)
    cells: list[dict[str, Any]] = []
    for columns, chances, cell_of in tests:
        for cell in np.flatnonzero(chances < CHANCE / max(compared, 1)):
            inside = cell_of[: len(known)] == cell
            if _is_one_label(labels, inside, use_case.target):
                marked |= inside
                cells.append(
                    {
                        "columns": list(columns),
                        "rows": int(inside.sum()),
                        "chance": float(chances[cell]),
                    }
                )
    cells.sort(key=lambda one: (one["chance"], -one["rows"], one["columns"]))
    return Planted(marked, cells[:MOST_SHOWN], compared, _smallest(units, is_known, compared))


def _units(rows: pd.DataFrame, use_case: UseCase) -> Codes:
    time_column = use_case.training.split.time_column
    if time_column is None:
        return np.arange(len(rows), dtype=np.int64)
    days = rows[time_column].to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.unique(days, return_inverse=True)[1].astype(np.int64)


def _coded(rows: pd.DataFrame, use_case: UseCase) -> tuple[list[str], list[Codes]]:
    found = {}
    for name, column in use_case.inputs.items():
        if column.is_category or column.type == "boolean":
            found[name] = _category_codes(rows[name])
        elif column.type != "timestamp":
            found[name] = _number_codes(as_floats(rows[name]))
    return list(found), list(found.values())


def _category_codes(values: pd.Series) -> Codes:
    counted = values.value_counts()
    pairs = zip(counted.tolist(), counted.index.tolist(), strict=True)
    levels = [level for _, level in sorted(pairs, key=lambda p: (-p[0], str(p[1])))][:MOST_LEVELS]
    places: Codes = pd.Index(levels).get_indexer(pd.Index(values)).astype(np.int64) + 1
    return places


def _number_codes(numbers: NDArray[np.float64]) -> Codes:
    """A frequent single number has a code of its own, others that of their tenth."""
    present = numbers[np.isfinite(numbers)]
    if not len(present):
        return np.zeros(len(numbers), np.int64)
    edges = np.unique(np.quantile(present, np.arange(1, BINS) / BINS))
    codes = np.where(np.isfinite(numbers), np.searchsorted(edges, numbers, "right") + 1, 0)
    distinct, rows = np.unique(present, return_counts=True)
    frequent = distinct[rows >= max(FREQUENT * len(numbers), 2)]
    if 0 < len(frequent) <= 4 * MOST_LEVELS:
        places = np.clip(np.searchsorted(frequent, numbers), 0, len(frequent) - 1)
        codes = np.where(frequent[places] == numbers, BINS + 2 + places, codes)
    return codes.astype(np.int64)


def _tests(
    names: list[str], codes: list[Codes], units: Codes, is_known: NDArray[np.bool_]
) -> Iterator[tuple[tuple[str, ...], NDArray[np.float64], Codes]]:
    """Of every column and pair of columns the chance of each cell (1 of one that is too small to
    compare is left out), and the cell of each row."""
    groups = [(place,) for place in range(len(names))]
    for places in (*groups, *combinations(range(len(names)), 2)):
        cells = codes[places[0]]
        if len(places) == 2:
            cells = cells * (int(codes[places[1]].max()) + 1) + codes[places[1]]
        kept, cell_of = _large_enough(cells, units, is_known)
        if len(kept):
            yield tuple(names[place] for place in places), kept, cell_of


def _large_enough(
    cells: Codes, units: Codes, is_known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], Codes]:
    from scipy.stats import hypergeom

    distinct, codes = np.unique(cells, return_inverse=True)
    unit_count = int(units.max()) + 1
    of_known = np.zeros(unit_count, np.bool_)
    of_known[units[is_known]] = True
    pairs = np.unique(codes.astype(np.int64) * unit_count + units)
    where, unit = pairs // unit_count, pairs % unit_count
    every = np.bincount(where, minlength=len(distinct))
    known = np.bincount(where[of_known[unit]], minlength=len(distinct))
    large = np.flatnonzero(every >= MIN_UNITS)
    chances = hypergeom.sf(known[large] - 1, unit_count, int(of_known.sum()), every[large])
    renamed = np.full(len(distinct), -1, np.int64)
    renamed[large] = np.arange(len(large))
    return np.asarray(chances, np.float64), renamed[codes]


def _is_one_label(labels: NDArray[np.float64], inside: NDArray[np.bool_], target: Target) -> bool:
    """Whether a cell's rows have one label, and that is no wonder of few rows or a common one."""
    own = labels[inside]
    if len(own) < MIN_UNITS:
        return False
    if target.task == "regression":
        return bool(own.std() <= CLOSE_LABELS * labels.std())
    classes, counts = np.unique(own, return_counts=True)
    share, usual = counts.max() / len(own), float((labels == classes[counts.argmax()]).mean())
    error = np.sqrt(max(usual * (1.0 - usual), 1e-9) / len(own))
    return bool(share >= ONE_LABEL and share - usual > CLEARLY * error)


def _smallest(units: Codes, is_known: NDArray[np.bool_], compared: int) -> float:
    known = len(np.unique(units[is_known]))
    every = int(units.max(initial=0)) + 1
    if known >= every:
        return 1.0
    needed = np.log(CHANCE / max(compared, 1)) / np.log(known / every)
    return float(min(needed / max(known, 1), 1.0))
