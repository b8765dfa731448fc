"""Fairness: who is treated how, and whether that is alike.

Belongs here: the composition of the fairness report. Does not belong here: the figures
(``fairness_metrics.py``) and their intervals (``fairness_intervals.py``), what each definition says
(``fairness_definitions.py``), the page (``fairness_page.py``), or what follows from a limit
(``release/gate.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlops_assets.answers import Answers, DecisionRule
from mlops_assets.evidence.fairness.fairness_definitions import (
    applied_definition,
    definitions_of,
    findings,
    not_applicable,
    what_each_says,
)
from mlops_assets.evidence.fairness.fairness_groups import all_rows, measured_columns
from mlops_assets.evidence.fairness.fairness_metrics import CONFIDENCE
from mlops_assets.evidence.fairness.fairness_mitigation import (
    JudgedModel,
    applied_mitigation,
    before_and_after,
    mitigation_costs,
)
from mlops_assets.evidence.fairness.fairness_rows import (
    favourable_class,
    has_declared_costs,
    treated_rows,
)
from mlops_assets.governance.measures import FAIRNESS_MEASURES
from mlops_assets.governance.policy import effective_policy, judged
from mlops_assets.use_case import UseCase


@dataclass(frozen=True)
class BeforeMitigation:
    """The answers ``[n, k]`` of the model without mitigation to the test rows, and its rule."""

    answers: Answers
    rule: DecisionRule


def fairness_report(
    test: pd.DataFrame,
    answers: Answers,
    rule: DecisionRule,
    use_case: UseCase,
    *,
    subject: Mapping[str, str],
    variance: float,
    before: BeforeMitigation | None,
) -> dict[str, Any]:
    """How each sensitive group of the test rows is treated, as JSON-able data.

    ``test`` are the rows of the test split with the target encoded (``mlops_assets.answers``) and
    the sensitive columns; ``answers`` ``[n, k]`` those of the released form, ``rule`` how it
    decides; ``subject`` the hashes of the artifacts this is about; ``variance`` that of the labels
    in the train split; ``before`` the model without mitigation, ``None`` where none is switched on.

    ``limits`` holds the applied definition's measure of every group and crossing, with intervals
    that are simultaneous over the groups of one column or of one crossing. It is empty where no
    column is sensitive, and where the policy limits no fairness.

    Raises ``ValueError`` where rows and answers do not match or an answer is not finite.
    """
    applied, policy = applied_definition(use_case), effective_policy(use_case)
    treated = treated_rows(test, answers, rule, use_case, variance)
    columns = measured_columns(treated, test, use_case)
    each = what_each_says(columns, applied, definitions_of(use_case), policy)
    after = JudgedModel(answers, rule, treated)
    return {
        **_declared(use_case),
        "subject": dict(subject),
        "rows": len(test),
        "policy": policy.policy_class,
        "all_rows": all_rows(treated, use_case),
        "columns": columns,
        "definitions": each,
        "mitigation": _mitigation(test, before, after, each, use_case, variance),
        "not_applicable": not_applicable(use_case),
        "limits": judged(findings(columns, FAIRNESS_MEASURES[applied]), policy),
    }


def _declared(use_case: UseCase) -> dict[str, Any]:
    """What the use case says, and what follows from it."""
    declared, target = use_case.fairness, use_case.target
    applied = applied_definition(use_case)
    return {
        "use_case": use_case.title,
        "task": target.task,
        "target": target.column,
        "target_description": target.description,
        "favourable": _favourable(use_case),
        "definition": {
            "declared": declared.definition,
            "applied": applied,
            "measure": FAIRNESS_MEASURES[applied],
            "reason": declared.reason or None,
        },
        "min_rows": declared.min_rows,
        "confidence": CONFIDENCE,
        "declared_costs": has_declared_costs(use_case),
    }


def _favourable(use_case: UseCase) -> str | None:
    place = favourable_class(use_case)
    return None if place is None else use_case.target.class_names[place]


def _mitigation(
    test: pd.DataFrame,
    before: BeforeMitigation | None,
    after: JudgedModel,
    each: list[dict[str, Any]],
    use_case: UseCase,
    variance: float,
) -> dict[str, Any] | None:
    """What mitigation changed, ``each`` being what the definitions say with it."""
    if before is None:
        return None
    untreated = treated_rows(test, before.answers, before.rule, use_case, variance)
    columns = measured_columns(untreated, test, use_case)
    applied = applied_definition(use_case)
    without = what_each_says(columns, applied, definitions_of(use_case), effective_policy(use_case))
    old = JudgedModel(before.answers, before.rule, untreated)
    return {
        **applied_mitigation(use_case, after.rule),
        "definitions": before_and_after(without, each),
        "costs": mitigation_costs(test, old, after, use_case, variance),
    }
