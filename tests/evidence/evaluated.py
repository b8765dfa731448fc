"""A small use case of each task with test rows and the answers of several models to them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scored_rows import some_rows

from mlops_assets.answers import Answers, DecisionRule
from mlops_assets.evidence.evaluation.evaluation import ChampionAnswers, evaluation_report
from mlops_assets.target_declaration import Task
from mlops_assets.training.selection import SIMPLEST
from mlops_assets.use_case import UseCase

ROWS = 600
SUBJECT = {"features": "f" * 8, "model": "m" * 8, "onnx_model": "o" * 8}
SIZES = {"onnx": 1000, "quantized": 300}
COMPLEXITY = {"parameters": 12, "operations": 34, "bytes": 5678}
ENTRY = {
    "name": "ridge",
    "loss": 0.5,
    "standard_error": 0.01,
    "difference_to_best": 0.0,
    "standard_error_of_difference": 0.0,
    "rows": 300,
    "complexity": COMPLEXITY,
    "chosen": True,
    "round": 2,
    "folds": [1, 2, 3, 4, 5],
    "why": SIMPLEST,
}
LEFT_EARLY = {
    "name": "forest",
    "difference_to_best": None,
    "standard_error_of_difference": None,
    "chosen": False,
    "round": 1,
    "folds": [2, 4],
    "why": "left after round 1: others were better on 2 of the folds",
}
TRAINING = {
    "chosen": "ridge",
    "family": "linear",
    "loss": "log loss",
    "baseline": {"loss": 0.7},
    "complexity": COMPLEXITY,
    "leaderboard": [ENTRY, {**ENTRY, **LEFT_EARLY}],
    "not_tried": [{"name": "MLP", "why": "beyond training.search.max_fits"}],
    "search": {"complexity": {"max_parameters": 100, "max_operations": None, "max_bytes": 10_000}},
    "seed": 1,
}
SLICES = [{"name": "far", "where": "distance > 0.5"}, {"name": "few", "where": "number < 5"}]
TARGETS: dict[Task, dict[str, Any]] = {
    "binary": {"column": "late", "type": "boolean"},
    "multiclass": {
        "column": "late",
        "task": "multiclass",
        "type": "string",
        "classes": ["early", "fair", "late", "lost"],
    },
    "regression": {"column": "late", "task": "regression", "type": "number", "unit": "minutes"},
}
BY_HALF = DecisionRule()
MakeUseCase = Callable[..., UseCase]


@dataclass(frozen=True)
class Case:
    """Test rows, and answers from good to none: ``poor`` knows little, ``same`` nothing."""

    use_case: UseCase
    test: pd.DataFrame
    good: Answers
    poor: Answers
    same: Answers
    variance: float

    @property
    def labels(self) -> NDArray[Any]:
        return self.test["late"].to_numpy()

    def forms(self, **changes: Answers | None) -> dict[str, Answers | None]:
        """All forms answer the same, but for what is said otherwise."""
        return {**dict.fromkeys(("model", "onnx", "quantized"), self.good), **changes}

    def report(
        self,
        champion: bool = True,
        rule: DecisionRule = BY_HALF,
        **changes: Answers | None,
    ) -> dict[str, Any]:
        return evaluation_report(
            self.test,
            self.forms(**changes),
            self.same,
            ChampionAnswers("c" * 32, "2020-02", self.poor) if champion else None,
            SUBJECT,
            self.use_case,
            self.variance,
            sizes=SIZES,
            training=TRAINING,
            rule=rule,
        )


def make_case(task: Task, make_use_case: MakeUseCase, rows: int = ROWS) -> Case:
    labels, good = some_rows(task, rows)
    rng = np.random.default_rng(0)
    test = pd.DataFrame(
        {
            "batch": np.where(np.arange(rows) < 100, "2020-02", "2020-03"),
            "number": np.arange(rows),
            "distance": rng.random(rows),
            "group": rng.integers(1, 3, rows),
            "late": labels,
        }
    )
    variance = float(labels.var()) if task == "regression" else 1.0
    same = np.repeat(good.mean(axis=0, keepdims=True), rows, axis=0)
    use_case = make_use_case(target=TARGETS[task], slices=SLICES)
    return Case(use_case, test, good, 0.3 * good + 0.7 * same, same, variance)
