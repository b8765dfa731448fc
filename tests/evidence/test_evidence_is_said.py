"""No page of evidence writes a word of its own that it does not ``say``."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluated import MakeUseCase, make_case
from explained_reports import made
from risk_world import draw, part, refit, world
from scored_rows import TASKS
from treated_people import fair_use_case, people
from treated_people import report_of as fairness_of

sys.path.insert(0, str(Path(__file__).parents[1] / "reporting"))

from pseudo import unsaid

from mlops_assets.answers import DecisionRule
from mlops_assets.evidence.evaluation.evaluation_page import evaluation_page
from mlops_assets.evidence.explainability.explainability_page import explainability_page
from mlops_assets.evidence.fairness.fairness_page import fairness_page
from mlops_assets.evidence.risk.risk import input_envelope, risk_report
from mlops_assets.evidence.risk.risk_page import risk_page
from mlops_assets.reporting.page import Page
from mlops_assets.target_declaration import Task


def check(page: Page, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert unsaid(page, json.loads(json.dumps(report)), monkeypatch) == []


@pytest.mark.parametrize("task", TASKS)
def test_the_evaluation(
    task: Task, make_use_case: MakeUseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(task, make_use_case)
    report = case.report(quantized=case.poor)
    check(evaluation_page(report), report, monkeypatch)


@pytest.mark.parametrize("definition", ["equal_opportunity", "calibration"])
def test_the_fairness(
    definition: str, make_use_case: MakeUseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    test, chances = people(1, rows=3000)
    harmed = (test["region"] == "c").to_numpy()
    use_case = fair_use_case(make_use_case, fairness={"definition": definition})
    report = fairness_of(test, np.where(harmed, chances * 0.5, chances), use_case)
    check(fairness_page(report), report, monkeypatch)


@pytest.mark.parametrize("task", TASKS)
def test_the_explainability(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    report = made(task=task)
    check(explainability_page(report), report, monkeypatch)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_risk(task: Task, make_use_case: MakeUseCase, monkeypatch: pytest.MonkeyPatch) -> None:
    use_case = world(make_use_case, task, policy={"ai_act_class": "high"})
    features = draw(4_000, 1, 2.0, task)
    report = risk_report(
        refit(part(features, "train"), 0),
        DecisionRule(),
        features,
        use_case,
        subject={"features": "f" * 8},
        variance=100.0 if task == "regression" else 1.0,
        refit=refit,
        envelope=input_envelope(features, use_case),
        membership=None,
        attribute_inference=None,
    )
    check(risk_page(report), report, monkeypatch)
