"""A use case with sensitive columns, and test rows treated alike or not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.answers import Answers, DecisionRule
from mlops_assets.evidence.fairness.fairness import BeforeMitigation, fairness_report
from mlops_assets.use_case import UseCase

MakeUseCase = Callable[..., UseCase]
Report = dict[str, Any]
CLASSES = ["early", "late", "lost"]
MULTICLASS = {"column": "late", "task": "multiclass", "type": "string", "classes": CLASSES}
REGRESSION = {"column": "late", "task": "regression", "type": "number", "unit": "minutes"}


def fair_use_case(make_use_case: MakeUseCase, **changes: Any) -> UseCase:
    """Of the class ``high``; sensitive are ``group`` (1, 2) and ``region`` (a to d)."""
    base = make_use_case()
    columns = {
        "due": base.columns["due"],
        "parcels": base.columns["parcels"],
        "group": base.columns["group"],
        "region": {"type": "string", "role": "sensitive", "nullable": True},
    }
    policy = {"ai_act_class": "high"}
    return make_use_case(**{"columns": columns, "policy": policy, **changes})


def people(seed: int = 0, rows: int = 3000) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Test rows with labels 0 and 1, and the true chance of 1, ``[n]``, which no group changes."""
    rng = np.random.default_rng(seed)
    chances = 1.0 / (1.0 + np.exp(-rng.normal(size=rows)))
    test = pd.DataFrame(
        {
            "group": rng.integers(1, 3, rows),
            "region": rng.choice(list("abcd"), rows, p=[0.5, 0.3, 0.15, 0.05]),
            "late": (rng.random(rows) < chances).astype(np.int64),
        }
    )
    return test, chances


def report_of(
    test: pd.DataFrame,
    answers: Answers | NDArray[np.float64],
    use_case: UseCase,
    *,
    rule: DecisionRule | None = None,
    before: BeforeMitigation | None = None,
    variance: float = 1.0,
) -> Report:
    """The report on answers ``[n]`` or ``[n, k]``."""
    shaped = answers[:, None] if answers.ndim == 1 else answers
    return fairness_report(
        test,
        shaped,
        rule or DecisionRule(),
        use_case,
        subject={"model": "m" * 32},
        variance=variance,
        before=before,
    )


def groups_of(report: Report, column: str) -> dict[str, Report]:
    """The groups of one column by their labels."""
    (found,) = [one for one in report["columns"] if one["column"] == column]
    return {group["label"]: group for group in found["groups"]}
