"""What mitigation changed, and what it costs.

Belongs here: the model without mitigation against the one with it, on the same rows. Does not
belong here: the mitigation itself (``training/``), or whether a group is treated alike
(``fairness_definitions.py``).

Differences are paired. The interval of a mean of few values (mistakes, costs) is made of the exact
intervals of their shares, that of the loss is Student's, and that of the ROC AUC is normal with the
variance of E. DeLong, D. DeLong and D. Clarke-Pearson ("Comparing the areas under two or more
correlated receiver operating characteristic curves", Biometrics 44, 1988).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, DecisionRule, Labels, decisions, row_losses
from mlops_assets.evidence.fairness.fairness_groups import number
from mlops_assets.evidence.fairness.fairness_intervals import Bounds, mean_bounds, weighted_bounds
from mlops_assets.evidence.fairness.fairness_metrics import CONFIDENCE
from mlops_assets.evidence.fairness.fairness_rows import TreatedRows, row_labels
from mlops_assets.evidence.metrics.ranking import rank
from mlops_assets.use_case import UseCase

Values = NDArray[np.float64]
Figures = dict[str, Any]
ALPHA = 1.0 - CONFIDENCE
LOWER_IS_BETTER = {"loss": True, "accuracy": False, "mean_cost": True, "roc_auc": False}


@dataclass(frozen=True)
class JudgedModel:
    """A model's answers to the test rows, its rule, and how both treat the rows."""

    answers: Answers
    rule: DecisionRule
    treated: TreatedRows


def applied_mitigation(use_case: UseCase, rule: DecisionRule) -> Figures:
    """What is switched on, as the use case declares it."""
    declared = use_case.fairness.mitigation
    by_group = declared.group_thresholds
    return {
        "reweighing": list(declared.reweighing),
        "group_thresholds": by_group
        and {
            "column": by_group.column,
            "legal_basis": by_group.legal_basis,
            "threshold": rule.threshold,
            "thresholds": [list(one) for one in rule.group_thresholds],
        },
    }


def before_and_after(before: list[Figures], after: list[Figures]) -> list[Figures]:
    """What each definition says of each column without and with mitigation; both are of
    ``what_each_says``."""
    told = ("group", "value", "low", "high", "verdict")
    return [
        {
            **{name: one[name] for name in ("definition", "measure", "applied", "column")},
            "limit": one["limit"] if one["limit"] is not None else old["limit"],
            "before": {name: old[name] for name in told},
            "after": {name: one[name] for name in told},
        }
        for old, one in zip(before, after, strict=True)
    ]


def mitigation_costs(
    test: pd.DataFrame,
    before: JudgedModel,
    after: JudgedModel,
    use_case: UseCase,
    variance: float,
) -> list[Figures]:
    """Loss, accuracy, mean cost of errors and ROC AUC (binary) without and with mitigation, and the
    paired difference, with minus without, with its 95% interval. Cost and loss are better lower."""
    task, labels = use_case.target.task, row_labels(test, use_case)
    losses = [row_losses(task, labels, one.answers, variance) for one in (before, after)]
    found = [_compared("loss", losses, _mean_difference(losses[1] - losses[0]))]
    if task != "regression":
        right = [_right(test, labels, one, use_case) for one in (before, after)]
        found.append(_compared("accuracy", right, _of_few_values(right[1] - right[0])))
        costs = [one.treated.costs for one in (before, after)]
        found.append(_compared("mean_cost", costs, _of_few_values(costs[1] - costs[0])))
    if task == "binary" and 0 < labels.sum() < len(labels):
        found.append(_areas(labels == 1, before.answers[:, 0], after.answers[:, 0]))
    return found


def area_difference(positive: NDArray[np.bool_], first: Values, second: Values) -> Bounds:
    """ROC AUC of the second score minus that of the first, ``[1]``; scores are ``[n]``, both
    classes occur."""
    own, rest = zip(*(_placements(positive, scores) for scores in (first, second)), strict=True)
    apart = own[1].mean() - own[0].mean()
    variance = sum(
        float(np.var(part[1] - part[0], ddof=1)) / len(part[0]) if len(part[0]) > 1 else np.nan
        for part in (own, rest)
    )
    spread = NormalDist().inv_cdf(1.0 - ALPHA / 2.0) * np.sqrt(variance)
    return Bounds(np.array([apart]), np.array([apart - spread]), np.array([apart + spread]))


def _placements(positive: NDArray[np.bool_], scores: Values) -> tuple[Values, Values]:
    """Of each positive row the share of negative ones below it, of each negative one that of
    positive ones above it, in the order of the rows; ties count half."""
    shares = []
    for is_own, sign in ((positive, 1.0), (~positive, -1.0)):
        ranking = rank(is_own, sign * scores)
        won = np.empty(len(scores))
        won[ranking.own] = (ranking.below + ranking.up_to) / (2.0 * len(ranking.rest))
        shares.append(won[is_own])
    return shares[0], shares[1]


def _right(
    test: pd.DataFrame,
    labels: Labels,
    model: JudgedModel,
    use_case: UseCase,
) -> Values:
    decided = decisions(use_case.target.task, model.answers, model.rule.cut(test))
    assert decided is not None  # a class is decided
    right: Values = (decided == labels).astype(np.float64)
    return right


def _areas(positive: NDArray[np.bool_], first: Values, second: Values) -> Figures:
    areas = [_placements(positive, scores)[0] for scores in (first, second)]
    return _compared("roc_auc", areas, area_difference(positive, first, second))


def _mean_difference(differences: Values) -> Bounds:
    rows = np.array([float(len(differences))])
    varies = np.array([differences.var(ddof=1) if len(differences) > 1 else np.nan])
    return mean_bounds(np.array([differences.mean()]), varies, rows, ALPHA)


def _of_few_values(differences: Values) -> Bounds:
    values, counts = np.unique(differences, return_counts=True)
    costly = values != 0.0
    rows = np.array([float(len(differences))])
    return weighted_bounds(values[costly], counts[costly][None, :].astype(np.float64), rows, ALPHA)


def _compared(name: str, both: Sequence[Values], apart: Bounds) -> Figures:
    low, high = number(apart.low[0]), number(apart.high[0])
    return {
        "name": name,
        "before": number(both[0].mean()),
        "after": number(both[1].mean()),
        "difference": number(apart.value[0]),
        "low": low,
        "high": high,
        "effect": _effect(low, high, is_lower_better=LOWER_IS_BETTER[name]),
    }


def _effect(low: float | None, high: float | None, *, is_lower_better: bool) -> str:
    if low is None or high is None:
        return "unknown"
    if low <= 0.0 <= high:
        return "no difference shown"
    return "better" if (high < 0.0) == is_lower_better else "worse"
