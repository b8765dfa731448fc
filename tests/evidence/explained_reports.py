"""Reports on small models, of every family and task, beside a champion and two refits."""

from functools import cache
from typing import Any

from explained_models import COLUMNS, TARGETS, explained_model, file_of, labels_of, some_rows

from mlops_assets.answers import DecisionRule
from mlops_assets.evidence.explainability.explainability import explainability_report
from mlops_assets.target_declaration import Task
from mlops_assets.use_case import UseCase

BOOSTING = "histogram_gradient_boosting"
DECLARED: dict[str, Any] = {
    "title": "Late deliveries",
    "description": "Will a delivery be late?",
    "owner": "team:deliveries",
    "source": {
        "folder": "data",
        "batch_name": r"\d{4}",
        "licence": "CC0-1.0",
        "attribution": "made up for the tests",
        "terms": "none",
        "licence_expires": "never",
    },
    "training": {"first_batches": 1, "seed": 7},
    "policy": {"ai_act_class": "high"},
    "explanation": {"rows": 60, "background": 10, "refits": 2},
}


def use_case_of(task: Task) -> UseCase:
    fields: dict[str, Any] = {**DECLARED, "columns": dict(COLUMNS), "target": TARGETS[task]}
    if task == "multiclass":
        fields["fairness"] = {"favourable": "low"}
    return UseCase(**fields)


@cache
def made(family: str = BOOSTING, task: Task = "binary", compared: bool = True) -> dict[str, Any]:
    def model(seed: int, family: str = family) -> Any:
        content = file_of(family, task, seed=seed)
        assert content is not None
        return explained_model(content, family)

    rows = some_rows(60, 1)
    return explainability_report(
        model(3),
        rows,
        some_rows(40, 2),
        use_case=use_case_of(task),
        rule=DecisionRule(threshold=0.25),
        labels=labels_of(rows, task),
        champion=model(3, "linear") if compared else None,
        refits=[model(5), model(6)] if compared else [],
        subject={"onnx_model": "d41d8cd98f00b204e9800998ecf8427e.dir"},
    )
