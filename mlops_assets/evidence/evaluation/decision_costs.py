"""What decisions come to: the confusion at the decision rule, and what it costs.

Belongs here: the counts of outcomes and the mean cost of a decision rule beside others, on the test
rows. Does not belong here: the choice of the rule, which has seen none of them (``training/``),
metrics of decisions (``decision_shares.py``), the page (``decision_section.py``).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Cut, DecisionRule, Labels, decisions
from mlops_assets.evidence.metrics.bootstrap import Blocks, Estimate
from mlops_assets.evidence.metrics.decision_shares import confusion
from mlops_assets.evidence.metrics.spread import mean_estimate
from mlops_assets.use_case import UseCase


def cost_matrix(use_case: UseCase) -> NDArray[np.float64] | None:
    """What each decision costs, float64 ``[true, decided]`` in the order of the classes; ``None``
    where the use case declares no costs."""
    declared, matrix = use_case.decision.costs, use_case.decision.cost_matrix
    if declared is not None:
        return np.array(
            [
                [declared.true_negative, declared.false_positive],
                [declared.false_negative, declared.true_positive],
            ]
        )
    if not matrix:
        return None
    by_name = {str(t): {str(d): cost for d, cost in line.items()} for t, line in matrix.items()}
    names = use_case.target.class_names
    return np.array([[by_name[true][decided] for decided in names] for true in names], np.float64)


def decision_report(
    use_case: UseCase,
    labels: Labels,
    answers: Answers,
    others: Mapping[str, tuple[Answers, Cut]],
    rule: DecisionRule,
    cut: Cut,
    *,
    chosen: Mapping[str, Any] | None,
    blocks: Blocks | None = None,
) -> dict[str, Any] | None:
    """What follows from ``answers`` ``[n, k]`` by the rule, as ``cut`` applies it to the rows, and
    what the same answers without costs, and the answers of ``others`` by their own cuts, would come
    to.

    ``chosen`` is how training chose the rule. ``None`` for a number, which decides nothing. Costs
    are per row, with their 95% intervals, and with what they are above those of the rule
    (``more``), on the identical rows.
    """
    task, costs = use_case.target.task, cost_matrix(use_case)
    by_rule = decisions(task, answers, cut)
    if by_rule is None:
        return None
    plain = decisions(task, answers)
    given = {name: decisions(task, other, by) for name, (other, by) in others.items()}
    alternatives = {"rule": by_rule, "without_costs": plain, **given}
    truth, classes = labels.astype(np.int64), len(use_case.target.class_names)
    return {
        "rule": rule.to_dict(),
        "chosen": None if chosen is None else dict(chosen),
        "classes": list(use_case.target.class_names),
        "costs": None if costs is None else costs.tolist(),
        "outcomes": {
            name: _outcome(classes, truth, decided, by_rule, costs, blocks)
            for name, decided in alternatives.items()
            if decided is not None
        },
    }


def _outcome(
    classes: int,
    truth: NDArray[np.int64],
    decided: NDArray[np.int64],
    by_rule: NDArray[np.int64],
    costs: NDArray[np.float64] | None,
    blocks: Blocks | None,
) -> dict[str, Any]:
    cost, more = Estimate(), Estimate()
    if costs is not None:
        spent, by_the_rule = costs[truth, decided], costs[truth, by_rule]
        # Sorted, so that the order of the rows does not change the last bit of a sum.
        order = np.lexsort((by_the_rule, spent, *([] if blocks is None else [blocks])))
        held = None if blocks is None else blocks[order]
        cost = mean_estimate(spent[order], blocks=held)
        more = mean_estimate((spent - by_the_rule)[order], blocks=held)
    return {
        "confusion": confusion(truth, decided, classes).tolist(),
        "cost": cost.to_dict(),
        "more": more.to_dict(),
    }
