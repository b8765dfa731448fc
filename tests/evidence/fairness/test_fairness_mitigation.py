"""Mitigation is shown before and after, with what it costs on the same rows."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from treated_people import MakeUseCase, fair_use_case, people, report_of

from mlops_assets.answers import DecisionRule
from mlops_assets.evidence.fairness.fairness import BeforeMitigation
from mlops_assets.evidence.fairness.fairness_mitigation import area_difference

BASIS = "made up: a law that allows to decide by group"


@pytest.fixture(scope="module")
def compared(make_use_case: MakeUseCase) -> tuple[dict[str, Any], Any, Any, Any]:
    """A report on answers that no longer harm ``region = c``, with those that did before; the rows,
    the answers before and after."""
    test, chances = people(11, rows=6000)
    harmed = (test["region"] == "c").to_numpy()
    before = np.clip(np.where(harmed, chances * 0.6, chances), 0.001, 0.999)
    use_case = fair_use_case(make_use_case, fairness={"mitigation": {"reweighing": ["region"]}})
    unmitigated = BeforeMitigation(before[:, None], DecisionRule())
    return report_of(test, chances, use_case, before=unmitigated), test, before, chances


def test_what_stands_out_is_told_before_and_after(compared: Any) -> None:
    mitigation = compared[0]["mitigation"]
    assert mitigation["reweighing"] == ["region"]
    (line,) = [
        one
        for one in mitigation["definitions"]
        if (one["definition"], one["column"]) == ("equal_opportunity", "region")
    ]
    assert (line["before"]["group"], line["before"]["verdict"]) == ("region = c", "beyond")
    assert line["after"]["value"] < 0.1 < line["before"]["value"]
    assert line["limit"] == 0.1


def test_costs_are_those_of_the_same_rows(compared: Any) -> None:
    report, test, before, after = compared
    found = {one["name"]: one for one in report["mitigation"]["costs"]}
    labels = test["late"].to_numpy()
    expected = {
        "loss": [log_loss(labels, x) for x in (before, after)],
        "accuracy": [((x >= 0.5) == labels).mean() for x in (before, after)],
        "mean_cost": [((x >= 0.5) != labels).mean() for x in (before, after)],
        "roc_auc": [roc_auc_score(labels, x) for x in (before, after)],
    }
    for name, (first, second) in expected.items():
        one = found[name]
        assert (one["before"], one["after"]) == pytest.approx((first, second), abs=1e-6)
        assert one["difference"] == pytest.approx(second - first, abs=2e-6)
        assert one["low"] <= one["difference"] <= one["high"]
        assert one["effect"] == "better"


def test_a_model_that_answers_the_same_costs_nothing(make_use_case: MakeUseCase) -> None:
    test, chances = people(12)
    same = BeforeMitigation(chances[:, None], DecisionRule())
    report = report_of(test, chances, fair_use_case(make_use_case), before=same)
    costs = report["mitigation"]["costs"]
    assert {(one["difference"], one["low"], one["high"]) for one in costs} == {(0.0, 0.0, 0.0)}
    assert {one["effect"] for one in costs} == {"no difference shown"}


def test_thresholds_by_group_are_told_with_their_legal_basis(make_use_case: MakeUseCase) -> None:
    base = fair_use_case(make_use_case)
    sensitive = {"role": "sensitive", "sensitive_input": True, "reason": "the law asks for it"}
    group = {"type": "integer", "categorical": True, **sensitive}
    use_case = fair_use_case(
        make_use_case,
        columns={**base.columns, "group": group},
        fairness={"mitigation": {"group_thresholds": {"column": "group", "legal_basis": BASIS}}},
    )
    test, chances = people(13)
    rule = DecisionRule(group_column="group", group_thresholds=(("1", 0.25), ("2", 0.75)))
    unmitigated = BeforeMitigation(chances[:, None], DecisionRule())
    found = report_of(test, chances, use_case, rule=rule, before=unmitigated)["mitigation"]
    assert found["group_thresholds"] == {
        "column": "group",
        "legal_basis": BASIS,
        "threshold": 0.5,
        "thresholds": [["1", 0.25], ["2", 0.75]],
    }
    (cost,) = [one for one in found["costs"] if one["name"] == "accuracy"]
    assert cost["effect"] == "worse"


def test_areas_differ_as_often_as_the_interval_says() -> None:
    rng, runs, missed, widths = np.random.default_rng(4), 300, 0, []
    for _ in range(runs):
        positive = rng.random(200) < 0.4
        shared = rng.normal(size=200) + positive
        first, second = (shared + rng.normal(0.0, 0.7, 200) for _ in range(2))
        found = area_difference(positive, first, second)
        missed += not found.low[0] <= 0.0 <= found.high[0]
        widths.append(found.high[0] - found.low[0])
    areas = [roc_auc_score(positive, score) for score in (first, second)]
    assert found.value[0] == pytest.approx(areas[1] - areas[0])
    assert 0.02 * runs <= missed <= 0.09 * runs
    assert max(widths) < 0.2  # as unpaired scores would never be


def test_without_mitigation_there_is_nothing_to_compare(make_use_case: MakeUseCase) -> None:
    assert report_of(*people(), fair_use_case(make_use_case))["mitigation"] is None
