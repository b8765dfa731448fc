"""What is counted and added up of each group, and Fairlearn's rates of it.

Belongs here: sums over the rows of a group or of all others, rates. Does not belong here: intervals
and comparisons (``fairness_metrics.py``), what a row is treated like (``fairness_rows.py``).

Rates are Fairlearn's (https://fairlearn.org, ``fairlearn.metrics.MetricFrame``), computed of one
row for each group, outcome and decision, weighted by how many such rows there are: their time does
not grow with the rows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.representation.groups import Grouping
from mlops_assets.evidence.fairness.fairness_rows import TreatedRows

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "precision")

Values = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Sums:
    """What is added up over groups: ``cells`` ``[g, happened, decided]`` counts, ``None``
    where no outcome is favourable; sums of answers, outcomes, costs and of the squares of residuals
    and costs, ``[g]``; ``cost_counts`` ``[g, k]`` rows of each cost of ``weights`` ``[k]``."""

    is_number: bool
    rows: Counts
    cells: Counts | None
    answers: Values
    outcomes: Values
    squares: Values
    costs: Values
    squared_costs: Values
    weights: Values
    cost_counts: Counts

    def rest(self) -> "Sums":
        """Of all rows but the group's, for every group."""
        return Sums(
            is_number=self.is_number,
            rows=self.rows.sum() - self.rows,
            cells=None if self.cells is None else self.cells.sum(axis=0) - self.cells,
            answers=self.answers.sum() - self.answers,
            outcomes=self.outcomes.sum() - self.outcomes,
            squares=self.squares.sum() - self.squares,
            costs=self.costs.sum() - self.costs,
            squared_costs=self.squared_costs.sum() - self.squared_costs,
            weights=self.weights,
            cost_counts=self.cost_counts.sum(axis=0) - self.cost_counts,
        )


@dataclass(frozen=True)
class Part:
    """A figure's counted rows and those it is a share of."""

    counted: Counts
    of: Counts


def summed(treated: TreatedRows, grouping: Grouping) -> Sums:
    """The sums of every group, from the rows ``[n]``."""
    codes, size = grouping.codes.astype(np.int64), len(grouping.labels)

    def total(values: Values) -> Values:
        added: Values = np.bincount(codes, values, minlength=size).astype(np.float64)
        return added

    cells = None
    if treated.happened is not None and treated.decided is not None:
        places = codes * 4 + treated.happened * 2 + treated.decided
        cells = np.bincount(places, minlength=size * 4).reshape(size, 2, 2)
    weights, counts = np.zeros(0), np.zeros((size, 0), np.int64)
    if not treated.is_number:
        values, which = np.unique(treated.costs, return_inverse=True)
        each = np.bincount(codes * len(values) + which, minlength=size * len(values))
        costly = values != 0.0
        weights, counts = values[costly], each.reshape(size, -1)[:, costly]
    return Sums(
        is_number=treated.is_number,
        rows=np.bincount(codes, minlength=size).astype(np.int64),
        cells=cells,
        answers=total(treated.answers),
        outcomes=total(treated.outcomes),
        squares=total((treated.answers - treated.outcomes) ** 2),
        costs=total(treated.costs),
        squared_costs=total(treated.costs**2),
        weights=weights,
        cost_counts=counts,
    )


def parts(cells: Counts) -> dict[str, Part]:
    """What each of ``RATES`` is a share of, from counts by group, outcome and decision."""
    decided, happened = cells[:, :, 1].sum(axis=1), cells[:, 1].sum(axis=1)
    return {
        "selection_rate": Part(decided, cells.sum(axis=(1, 2))),
        "true_positive_rate": Part(cells[:, 1, 1], happened),
        "false_positive_rate": Part(cells[:, 0, 1], cells[:, 0].sum(axis=1)),
        "precision": Part(cells[:, 1, 1], decided),
    }


def fairlearn_rates(cells: Counts) -> tuple[dict[str, Values], dict[str, float]]:
    """``RATES`` by name of each group ``[g]`` and of all rows, from counts of rows by group,
    outcome and decision, ``[g, 2, 2]``. Without rows they are NaN; without those that a rate is a
    share of, Fairlearn says 0."""
    from fairlearn.metrics import (
        MetricFrame,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )

    def precision(y_true: Values, y_pred: Values, sample_weight: Values) -> float:
        # What is decided takes the part of what happened.
        return float(true_positive_rate(y_pred, y_true, sample_weight=sample_weight))

    functions = (selection_rate, true_positive_rate, false_positive_rate, precision)
    metrics = dict(zip(RATES, functions, strict=True))
    group, happened, decided = np.nonzero(cells)
    if not len(group):
        unknown = np.full(len(cells), np.nan)
        return dict.fromkeys(RATES, unknown), dict.fromkeys(RATES, float("nan"))
    weighted = {"sample_weight": cells[group, happened, decided]}
    frame = MetricFrame(
        metrics=metrics,
        y_true=happened,
        y_pred=decided,
        sensitive_features=pd.Series(group, name="group"),
        sample_params=dict.fromkeys(RATES, weighted),
    )
    found = frame.by_group.reindex(range(len(cells)))
    by_group = {name: found[name].to_numpy(np.float64) for name in RATES}
    return by_group, {name: float(frame.overall[name]) for name in RATES}


def mean(totals: Values, rows: Values | float) -> Values:
    """``totals / rows``, NaN without rows."""
    of = np.broadcast_to(np.asarray(rows, np.float64), totals.shape)
    means: Values = np.divide(totals, of, out=np.full(totals.shape, np.nan), where=of > 0.0)
    return means
