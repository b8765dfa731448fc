"""The rule that decides a class from an answer, chosen on the calibration rows.

Belongs here: which rule a use case's costs ask for, and how that is written down. Does not belong
here: the threshold for all (``decision_threshold.py``) and those by group (``group_decision.py``),
or the rule itself (``answers.DecisionRule``).

No test row is looked at: what decisions cost on rows that nothing was chosen by is for the
evaluation to say.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import (
    DECISION,
    Answers,
    Cut,
    DecisionRule,
    Labels,
    decisions,
)
from mlops_assets.evidence_declaration import BinaryCosts
from mlops_assets.reporting.text import mark
from mlops_assets.target_declaration import Task
from mlops_assets.training.decision_threshold import (
    ChosenThreshold,
    bayes_threshold,
    choose_threshold,
    mean_cost,
)
from mlops_assets.training.group_decision import choose_by_group
from mlops_assets.use_case import UseCase

NUMBER = mark("a number decides nothing")
NO_COSTS = mark("no costs are declared")
EXPECTED_COST = mark("the class whose expected cost is least, by the declared costs")


@dataclass(frozen=True)
class ChosenRule:
    """A rule, and how it was chosen, as ``model.json`` holds it: ``why``, and the mean cost of
    decisions on the calibration rows by this rule and by others."""

    rule: DecisionRule
    record: dict[str, Any]


def choose_rule(
    task: Task, labels: Labels, answers: Answers, rows: pd.DataFrame, use_case: UseCase
) -> DecisionRule:
    """The rule of ``decide``, without how it was chosen."""
    return decide(task, labels, answers, rows, use_case).rule


def decide(
    task: Task, labels: Labels, answers: Answers, rows: pd.DataFrame, use_case: UseCase
) -> ChosenRule:
    """The rule for a model that gives these calibrated ``answers`` ``[n, k]`` to the calibration
    ``rows`` ``[n]``, in order of time, with these ``labels`` ``[n]`` (see ``answers.py``).

    Raises ``BatchError`` where ``fairness.mitigation.group_thresholds`` cannot bring about what
    ``fairness.definition`` asks for.
    """
    match task:
        case "binary":
            return _of_two(labels, answers, rows, use_case)
        case "multiclass":
            return _of_several(labels, answers, use_case)
        case "regression":
            return ChosenRule(DecisionRule(), {"why": NUMBER})


def _of_two(labels: Labels, answers: Answers, rows: pd.DataFrame, use_case: UseCase) -> ChosenRule:
    declared, given = use_case.decision.costs, answers[:, 0]
    costs = declared or BinaryCosts()
    chosen = ChosenThreshold(DECISION, NO_COSTS)
    if declared is not None:
        chosen = choose_threshold(labels, given, declared)
    rule, by_group = DecisionRule(chosen.threshold), None
    if use_case.fairness.mitigation.group_thresholds is not None:
        found = choose_by_group(labels, given, rows, use_case, chosen.threshold)
        rule, by_group = replace(rule, **found.of_rule), found.record

    def cost(cut: Cut) -> float | None:
        decided = decisions("binary", answers, cut)
        assert decided is not None
        return mean_cost(labels, decided, costs)

    bayes = bayes_threshold(costs)
    record = {
        "why": chosen.why,
        "costs": None if declared is None else declared.model_dump(mode="json"),
        "rows": len(labels),
        "bayes_threshold": bayes,
        "mean_cost": {
            "chosen": cost(rule.cut(rows)),
            "one_threshold": cost(Cut(chosen.threshold)),
            "bayes": cost(Cut(bayes)),
            "half": cost(Cut(DECISION)),
        },
        "gain_over_bayes": chosen.gain,
        "standard_error_of_gain": chosen.standard_error,
        "by_group": by_group,
    }
    return ChosenRule(rule, record)


def _of_several(labels: Labels, answers: Answers, use_case: UseCase) -> ChosenRule:
    costs = _matrix(use_case)
    if costs is None:
        return ChosenRule(DecisionRule(), {"why": NO_COSTS, "costs": None, "rows": len(labels)})
    rule = DecisionRule(costs=tuple(tuple(line) for line in costs.tolist()))
    by_rule, most_probable = (decisions("multiclass", answers, cut) for cut in (rule.cut(), Cut()))
    codes = labels.astype(np.int64)
    record = {
        "why": EXPECTED_COST,
        "costs": costs.tolist(),
        "rows": len(labels),
        "mean_cost": {
            "chosen": float(costs[codes, by_rule].mean()),
            "most_probable": float(costs[codes, most_probable].mean()),
        },
    }
    return ChosenRule(rule, record)


def _matrix(use_case: UseCase) -> NDArray[np.float64] | None:
    """The declared costs ``[true, decided]`` in the order of the classes."""
    declared = use_case.decision.cost_matrix
    if not declared:
        return None
    named = {
        str(true): {str(decided): cost for decided, cost in line.items()}
        for true, line in declared.items()
    }
    names = use_case.target.class_names
    return np.array([[named[true][decided] for decided in names] for true in names], np.float64)
