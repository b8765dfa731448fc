"""Weights of the fitted rows that make sensitive groups and outcomes independent.

Belongs here: the groups that ``fairness.mitigation.reweighing`` names, and what a row weighs. Does
not belong here: weights of classes (``remedies.py``), how both reach an estimator
(``fitted_pipeline.py``), or deciding by group (``group_decision.py``).

Source: F. Kamiran and T. Calders, "Data preprocessing techniques for classification without
discrimination", Knowledge and Information Systems 2012. Each class weighs as much as before, so
that weights of classes hold beside these, and calibration has nothing to bring back: it is learned
from calibration rows that weigh the same, for what is answered must be what happens.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Labels
from mlops_assets.data.representation.group_counts import is_hidden, may_be_named, shown
from mlops_assets.data.representation.groups import Codes, Grouping, crossed
from mlops_assets.use_case import UseCase


def reweighed_groups(rows: pd.DataFrame, use_case: UseCase) -> Grouping | None:
    """The groups of the declared columns, crossed; ``None`` where nothing is reweighed. Rows that
    do not say theirs are a group as well."""
    columns = use_case.fairness.mitigation.reweighing
    if not columns:
        return None
    return crossed([may_be_named(rows, name, use_case) for name in columns])


def independence_weights(groups: Codes, labels: Labels) -> NDArray[np.float64]:
    """``P(group) P(label) / P(group, label)`` of each row, float64 ``[n]``, where ``groups`` and
    ``labels`` (positions of classes) are ``[n]``.

    Weighed so, groups that hold every class have equal shares of each; a group that lacks a class
    cannot be given it.
    """
    cells = _cells(groups, labels)
    rows = cells.sum(axis=1, keepdims=True) * cells.sum(axis=0, keepdims=True) / len(labels)
    weights = np.divide(rows, cells, out=np.ones_like(rows), where=cells > 0)
    of_rows: NDArray[np.float64] = weights[groups, labels.astype(np.int64)]
    return of_rows


def describe_reweighing(
    grouping: Grouping | None, labels: Labels, use_case: UseCase
) -> dict[str, Any] | None:
    """The rows and weights of each group and class, as ``model.json`` holds them; ``grouping`` and
    ``labels`` are those of the fitted rows. Of one to four rows nothing is written down, nor is the
    weight of any class of their group."""
    if grouping is None:
        return None
    weights, cells = independence_weights(grouping.codes, labels), _cells(grouping.codes, labels)
    by_cell = np.ones_like(cells)
    by_cell[grouping.codes, labels.astype(np.int64)] = weights
    # The weight of one class tells the rows of the whole group, and so those of another class.
    is_told = [not any(is_hidden(int(rows)) for rows in line) for line in cells]
    return {
        "columns": list(use_case.fairness.mitigation.reweighing),
        "groups": [
            {
                "group": grouping.names[group],
                "class": use_case.target.class_names[label],
                "rows": shown(int(cells[group, label])),
                "weight": float(by_cell[group, label]) if is_told[group] else None,
            }
            for group, label in np.argwhere(cells > 0).tolist()
        ],
    }


def _cells(groups: Codes, labels: Labels) -> NDArray[np.float64]:
    """Rows of each group and class, ``[groups, classes]``, as far as either occurs."""
    shape = int(groups.max()) + 1, int(labels.max()) + 1
    places = groups.astype(np.int64) * shape[1] + labels.astype(np.int64)
    return np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
