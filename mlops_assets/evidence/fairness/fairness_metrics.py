"""How each group is treated, and how far that is from how all rows are.

Belongs here: the figures of a group, and the measures that each definition of fair compares. Does
not belong here: their intervals (``fairness_intervals.py``), which groups there are
(``data/representation/groups.py``), or what is concluded (``fairness_definitions.py``).

A difference or ratio is Fairlearn's ``to_overall``: of the group and all rows, it among
them. A rate without rows is unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_assets.data.representation.groups import Grouping
from mlops_assets.evidence.fairness.fairness_intervals import (
    Bounds,
    absolute,
    difference_to_all,
    either_direction,
    larger,
    mean_bounds,
    positive_mean_bounds,
    ratio_to_all,
    residual_bounds,
    share_bounds,
    weighted_bounds,
)
from mlops_assets.evidence.fairness.fairness_rows import TreatedRows
from mlops_assets.evidence.fairness.fairness_sums import (
    Counts,
    Sums,
    Values,
    fairlearn_rates,
    mean,
    parts,
    summed,
)

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """One figure of every group: its bounds ``[g]``, the rows ``[g]`` it is taken from, and which
    groups have enough of them."""

    bounds: Bounds
    rows: Counts
    enough: NDArray[np.bool_]


@dataclass(frozen=True)
class GroupFigures:
    """``figures`` by name have the interval of each group alone, ``measures`` the simultaneous one
    of all groups with enough rows. ``rows`` ``[g]``; ``positives`` ``[g]`` are those to whom the
    favourable outcome happened, ``None`` where no outcome is favourable; means are ``[g]``."""

    rows: Counts
    positives: Counts | None
    mean_answers: Values
    mean_outcomes: Values
    figures: dict[str, Figure]
    measures: dict[str, Figure]


def group_figures(treated: TreatedRows, grouping: Grouping, min_rows: int) -> GroupFigures:
    """Every figure and measure of the groups of one column, or crossing, ``[groups]``.

    A figure of fewer than ``min_rows`` rows (those it is a share of) is not ``enough``; without any
    it is unknown.
    """
    sums = summed(treated, grouping)
    figures = _figures(sums, min_rows)
    positives = None if sums.cells is None else sums.cells[:, 1].sum(axis=1)
    rows = sums.rows.astype(np.float64)
    return GroupFigures(
        sums.rows,
        positives,
        mean(sums.answers, rows),
        mean(sums.outcomes, rows),
        figures,
        _measures(sums, figures),
    )


def _figures(sums: Sums, min_rows: int) -> dict[str, Figure]:
    alpha, rows = 1.0 - CONFIDENCE, sums.rows.astype(np.float64)
    figures = {}
    if sums.cells is not None:
        values, _ = fairlearn_rates(sums.cells)
        for name, part in parts(sums.cells).items():
            bounds = share_bounds(values[name], part.of.astype(np.float64), alpha)
            figures[name] = Figure(bounds, part.of, part.of >= min_rows)
    enough = sums.rows >= min_rows
    for name, bounds in {
        "calibration": _calibration(sums, alpha),
        "error_cost": _cost(sums, alpha),
    }.items():
        figures[name] = Figure(bounds.where(rows > 0), sums.rows, enough)
    return figures


def _measures(sums: Sums, figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """By the names of ``governance.policy.MEASURES``."""
    rest, found = sums.rest(), {}
    weight = mean(sums.rows.astype(np.float64), sums.rows.sum())
    if sums.cells is not None:
        found = _rate_measures(sums.cells, figures)
    calibration, cost = figures["calibration"], figures["error_cost"]
    alpha = _simultaneous(calibration.enough)
    found["group_calibration_difference"] = Figure(
        absolute(_calibration(sums, alpha)), calibration.rows, calibration.enough
    )
    ratio = ratio_to_all(_cost(sums, alpha), _cost(rest, alpha), weight)
    found["error_cost_ratio"] = Figure(ratio, cost.rows, cost.enough)
    return found


def _rate_measures(cells: Counts, figures: Mapping[str, Figure]) -> dict[str, Figure]:
    tpr, fpr = figures["true_positive_rate"], figures["false_positive_rate"]

    def apart(name: str, alpha: float) -> Bounds:
        return absolute(_to_all(cells, figures, name, alpha, difference_to_all))

    def alone(name: str) -> Figure:
        of = figures[name]
        return Figure(apart(name, _simultaneous(of.enough)), of.rows, of.enough)

    selection = figures["selection_rate"]
    ratio = _to_all(cells, figures, "selection_rate", _simultaneous(selection.enough), ratio_to_all)
    both = tpr.enough & fpr.enough
    alpha = _simultaneous(np.concatenate([tpr.enough, fpr.enough]))
    odds = larger(apart("true_positive_rate", alpha), apart("false_positive_rate", alpha))
    return {
        "selection_rate_ratio": Figure(either_direction(ratio), selection.rows, selection.enough),
        "equal_opportunity_difference": alone("true_positive_rate"),
        "equalized_odds_difference": Figure(odds, np.minimum(tpr.rows, fpr.rows), both),
        "predictive_parity_difference": alone("precision"),
    }


def _to_all(
    cells: Counts,
    figures: Mapping[str, Figure],
    name: str,
    alpha: float,
    compared: Callable[[Bounds, Bounds, Values], Bounds],
) -> Bounds:
    part = parts(cells)[name]
    counted, of = part.counted.sum() - part.counted, (part.of.sum() - part.of).astype(np.float64)
    own = part.of.astype(np.float64)
    group = share_bounds(figures[name].bounds.value, own, alpha)
    rest = share_bounds(mean(counted.astype(np.float64), of), of, alpha)
    return compared(group, rest, mean(own, part.of.sum()))


def _simultaneous(enough: NDArray[np.bool_]) -> float:
    """The chance to miss that each interval may have, so that all of them hold at once."""
    return (1.0 - CONFIDENCE) / max(1, int(enough.sum()))


def _calibration(sums: Sums, alpha: float) -> Bounds:
    rows = sums.rows.astype(np.float64)
    answers, outcomes = mean(sums.answers, rows), mean(sums.outcomes, rows)
    squares = mean(sums.squares, rows)
    if not sums.is_number:
        return residual_bounds(outcomes, answers, squares, rows, alpha)
    return mean_bounds(
        answers - outcomes, _variance(answers - outcomes, squares, rows), rows, alpha
    )


def _cost(sums: Sums, alpha: float) -> Bounds:
    rows = sums.rows.astype(np.float64)
    if not sums.is_number:
        return weighted_bounds(sums.weights, sums.cost_counts.astype(np.float64), rows, alpha)
    means = mean(sums.costs, rows)
    varies = _variance(means, mean(sums.squared_costs, rows), rows)
    return positive_mean_bounds(means, varies, rows, alpha)


def _variance(means: Values, squares: Values, rows: Values) -> Values:
    """Unbiased, of single rows; unknown of fewer than two."""
    return np.maximum(squares - means**2, 0.0) * mean(rows, rows - 1.0)
