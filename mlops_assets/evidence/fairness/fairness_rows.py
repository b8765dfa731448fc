"""What a model did to each row, as every definition of fair looks at it.

Belongs here: the favourable outcome and decision of a row, what is answered and what happened, what
a mistake costs. Does not belong here: what is counted of a group (``fairness_metrics.py``), or how
a class is decided (``answers.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, DecisionRule, Labels, decisions
from mlops_assets.evidence_declaration import BinaryCosts
from mlops_assets.use_case import UseCase

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class TreatedRows:
    """Rows as they were treated, each field ``[n]``.

    ``happened`` and ``decided`` say whether outcome and decision are the favourable ones; ``None``
    where no outcome is. ``answers`` and ``outcomes`` are the probability of the favourable outcome
    and whether it happened; where none is, of the class decided and whether it is right; or, where
    ``is_number``, prediction and number in standard deviations of the target. ``costs`` is what
    each decision costs more than the best one for its row would have, or the squared error in
    variances of the target.
    """

    is_number: bool

    happened: Flags | None
    decided: Flags | None
    answers: Values
    outcomes: Values
    costs: Values

    def __len__(self) -> int:
        return len(self.costs)


def treated_rows(
    test: pd.DataFrame, answers: Answers, rule: DecisionRule, use_case: UseCase, variance: float
) -> TreatedRows:
    """The test rows, with the target encoded, as ``answers`` ``[n, k]`` and ``rule`` treat them.

    Raises ``ValueError`` where rows and answers are not equally many, or an answer is not finite.
    """
    target = use_case.target
    if len(test) != len(answers):
        raise ValueError(f"{len(test)} test rows and {len(answers)} answers")
    if not np.isfinite(answers).all():
        raise ValueError("answers that are NaN or infinite: fairness cannot be measured on them")
    if target.task == "regression":
        numbers = test[target.column].to_numpy(np.float64)
        unit = np.sqrt(variance)
        predicted, happened = answers[:, 0] / unit, numbers / unit
        return TreatedRows(True, None, None, predicted, happened, (predicted - happened) ** 2)
    labels = test[target.column].to_numpy(np.int64)
    decided = decisions(target.task, answers, rule.cut(test))
    assert decided is not None  # a class is decided
    costs, favourable = cost_table(use_case)[labels, decided], favourable_class(use_case)
    if favourable is None:
        sure, right = answers[np.arange(len(labels)), decided], labels == decided
        return TreatedRows(False, None, None, sure, right.astype(np.float64), costs)
    happened = labels == favourable
    probability, outcomes = _probability(answers, favourable), happened.astype(np.float64)
    return TreatedRows(False, happened, decided == favourable, probability, outcomes, costs)


def favourable_class(use_case: UseCase) -> int | None:
    """Position of the outcome that people hope for: the declared one, the positive class where a
    binary use case says nothing, else ``None``."""
    declared, names = use_case.fairness.favourable, use_case.target.class_names
    if declared is not None:
        return names.index(str(declared))
    return 1 if use_case.target.task == "binary" else None


def row_labels(test: pd.DataFrame, use_case: UseCase) -> Labels:
    """The labels of the test rows as ``mlops_assets.answers`` has them."""
    kind = np.float64 if use_case.target.task == "regression" else np.int64
    labels: Labels = test[use_case.target.column].to_numpy(kind)
    return labels


def cost_table(use_case: UseCase) -> Values:
    """What deciding a class costs more than the cheapest decision, float64 ``[true, decided]``: by
    the costs declared under ``decision``, and one for each mistake where there are none."""
    declared, names = use_case.decision, use_case.target.class_names
    if declared.costs is not None:
        table = _binary_table(declared.costs)
    elif declared.cost_matrix:
        table = _declared_table(declared.cost_matrix, names)
    else:
        table = 1.0 - np.eye(len(names))
    cheapest: Values = table.min(axis=1, keepdims=True)
    return table - cheapest


def has_declared_costs(use_case: UseCase) -> bool:
    return use_case.decision.costs is not None or bool(use_case.decision.cost_matrix)


def _binary_table(costs: BinaryCosts) -> Values:
    return np.array(
        [
            [costs.true_negative, costs.false_positive],
            [costs.false_negative, costs.true_positive],
        ]
    )


def _declared_table(
    matrix: Mapping[str | int, Mapping[str | int, float]], names: tuple[str, ...]
) -> Values:
    by_name = {
        str(true): {str(decided): cost for decided, cost in line.items()}
        for true, line in matrix.items()
    }
    return np.array([[by_name[true][decided] for decided in names] for true in names])


def _probability(answers: Answers, favourable: int) -> Values:
    """Of the favourable outcome; a binary model answers that of the positive class alone."""
    if answers.shape[1] > 1:
        return answers[:, favourable]
    return answers[:, 0] if favourable == 1 else 1.0 - answers[:, 0]
