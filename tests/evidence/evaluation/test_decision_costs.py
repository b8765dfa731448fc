"""What decisions cost: by the rule, without it, and by others."""

import numpy as np
import pytest
from evaluated import MakeUseCase, make_case

from mlops_assets.answers import DecisionRule
from mlops_assets.evidence.evaluation.decision_costs import cost_matrix
from mlops_assets.evidence.evaluation.evaluation_page import evaluation_page
from mlops_assets.reporting.markdown import to_markdown

COSTS = {"costs": {"false_positive": 1.0, "false_negative": 5.0, "true_positive": -1.0}}


def test_binary_costs_are_counted_at_the_rules_threshold(make_use_case: MakeUseCase) -> None:
    case = make_case("binary", make_use_case)
    use_case = make_use_case(decision=COSTS)
    object.__setattr__(case, "use_case", use_case)
    report = case.report(rule=DecisionRule(0.25))
    decided, truth = (case.good[:, 0] >= 0.25).astype(int), case.labels
    spent = np.array([[0.0, 1.0], [5.0, -1.0]])[truth, decided]
    outcomes = report["decision"]["outcomes"]
    assert outcomes["rule"]["cost"]["value"] == pytest.approx(spent.mean())
    assert outcomes["rule"]["cost"]["low"] < spent.mean() < outcomes["rule"]["cost"]["high"]
    plain = np.array([[0.0, 1.0], [5.0, -1.0]])[truth, (case.good[:, 0] >= 0.5).astype(int)]
    assert outcomes["without_costs"]["more"]["value"] == pytest.approx((plain - spent).mean())
    assert outcomes["rule"]["confusion"][1][1] == int((decided & truth).sum())
    assert set(outcomes) == {"rule", "without_costs", "baseline", "champion"}
    assert "probability of 0.2500" in to_markdown(evaluation_page(report))


def test_a_matrix_is_read_in_the_order_of_the_classes(make_use_case: MakeUseCase) -> None:
    target = {"column": "late", "task": "multiclass", "type": "string", "classes": ["a", "b", "c"]}
    matrix = {t: {d: 10 * i + j for j, d in enumerate("cba")} for i, t in enumerate("bca")}
    use_case = make_use_case(
        target=target, decision={"cost_matrix": matrix}, fairness={"favourable": "a"}
    )
    found = cost_matrix(use_case)
    assert found is not None
    assert found.tolist() == [[22, 21, 20], [2, 1, 0], [12, 11, 10]]


def test_without_declared_costs_nothing_is_reckoned(make_use_case: MakeUseCase) -> None:
    report = make_case("binary", make_use_case).report()
    assert report["decision"]["costs"] is None
    assert report["decision"]["outcomes"]["rule"]["cost"]["value"] is None
