"""The released model as the tests of the risk report ask it: rows in, answers and decisions out.

Belongs here: asking, and what counts as another decision. Does not belong here: which rows it is
asked about (``perturbations.py``, ``evasion.py``).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, Ask, DecisionRule, Labels, decisions, row_losses
from mlops_assets.target_declaration import Task


@dataclass(frozen=True)
class ReleasedModel:
    """``ask`` is the released file, ``rule`` what decides, ``variance`` that of a regression's
    labels in the train split."""

    ask: Ask
    rule: DecisionRule
    task: Task
    variance: float

    def losses(self, labels: Labels, rows: pd.DataFrame) -> NDArray[np.float64]:
        """What the answer to each row costs, ``[n]``."""
        return row_losses(self.task, labels, self.ask(rows), self.variance)

    def outcome(self, rows: pd.DataFrame) -> "Outcome":
        """What the model answers and decides."""
        answers = self.ask(rows)
        return Outcome(answers, decisions(self.task, answers, self.rule.cut(rows)))

    def turned(self, first: "Outcome", second: "Outcome", tolerance: float) -> NDArray[np.bool_]:
        """Which rows are decided otherwise, bool ``[n]``; of a number, which predictions are more
        than ``tolerance`` standard deviations of the target apart."""
        if first.decided is None or second.decided is None:
            apart = np.abs(first.answers[:, 0] - second.answers[:, 0])
            moved: NDArray[np.bool_] = apart > tolerance * np.sqrt(self.variance)
            return moved
        changed: NDArray[np.bool_] = first.decided != second.decided
        return changed


@dataclass(frozen=True)
class Outcome:
    """Answers ``[n, k]`` and decisions ``[n]`` (none of a number)."""

    answers: Answers
    decided: NDArray[np.int64] | None

    def at(self, places: NDArray[np.int64]) -> "Outcome":
        decided = None if self.decided is None else self.decided[places]
        return Outcome(self.answers[places], decided)
