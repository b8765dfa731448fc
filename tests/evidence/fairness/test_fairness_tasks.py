"""Fairness of several classes and of numbers: what can be looked at, and what cannot."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from treated_people import (
    CLASSES,
    MULTICLASS,
    REGRESSION,
    MakeUseCase,
    fair_use_case,
    groups_of,
    people,
    report_of,
)

from mlops_assets.answers import DecisionRule

COSTS = {"early": [0, 1, 9], "late": [1, 0, 2], "lost": [4, 3, 0]}


def _classes(seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    test, _ = people(seed)
    rng = np.random.default_rng(seed + 100)
    answers = rng.dirichlet(np.ones(3), len(test))
    places = (answers.cumsum(axis=1) < rng.random(len(test))[:, None]).sum(axis=1)
    return test.assign(late=places.clip(0, 2)), answers


def _numbers(seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    test, _ = people(seed)
    rng = np.random.default_rng(seed + 200)
    predicted = rng.normal(10.0, 4.0, len(test))
    labels = predicted + rng.normal(0.0, 3.0, len(test))
    return test.assign(late=labels), np.column_stack([predicted, predicted - 5, predicted + 5])


def test_several_classes_are_the_favourable_one_against_the_rest(
    make_use_case: MakeUseCase,
) -> None:
    test, answers = _classes()
    fairness = {"favourable": "early"}
    report = report_of(
        test, answers, fair_use_case(make_use_case, target=MULTICLASS, fairness=fairness)
    )
    decided, region = answers.argmax(axis=1), test["region"] == "b"
    group = groups_of(report, "region")["b"]
    deserving = region & (test["late"] == 0)
    rates = {
        "selection_rate": (decided[region] == 0).mean(),
        "true_positive_rate": (decided[deserving] == 0).mean(),
        "error_cost": (decided[region] != test["late"][region]).mean(),
        "calibration": (answers[region, 0] - (test["late"][region] == 0)).mean(),
    }
    found = {name: group["figures"][name]["value"] for name in rates}
    assert found == pytest.approx(rates, abs=1e-6)
    assert {one["measure"] for one in report["limits"]} == {"equal_opportunity_difference"}


def test_costs_of_several_classes_count_from_the_cheapest_decision(
    make_use_case: MakeUseCase,
) -> None:
    test, answers = _classes(1)
    matrix = {true: dict(zip(CLASSES, line, strict=True)) for true, line in COSTS.items()}
    use_case = fair_use_case(
        make_use_case,
        target=MULTICLASS,
        decision={"cost_matrix": matrix},
        fairness={"favourable": "lost", "definition": "error_cost"},
    )
    table = np.array(list(COSTS.values()), dtype=np.float64)
    rule = DecisionRule(costs=tuple(tuple(map(float, line)) for line in table))
    report = report_of(test, answers, use_case, rule=rule)
    decided = (answers[:, :, None] * table).sum(axis=1).argmin(axis=1)
    expected = table[test["late"], decided].mean()
    found = report["all_rows"]["figures"]["error_cost"]["value"]
    assert found == pytest.approx(expected, abs=1e-6)


def test_several_classes_without_a_favourable_one_have_calibration_and_costs(
    make_use_case: MakeUseCase,
) -> None:
    test, answers = _classes(2)
    report = report_of(test, answers, fair_use_case(make_use_case, target=MULTICLASS))
    assert report["favourable"] is None
    assert report["definition"]["applied"] == "error_cost"
    assert set(report["all_rows"]["figures"]) == {"calibration", "error_cost"}
    apart = answers.max(axis=1) - (answers.argmax(axis=1) == test["late"])
    found = report["all_rows"]["figures"]["calibration"]["value"]
    assert found == pytest.approx(apart.mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("declared", "applied", "measure"),
    [
        ("selection_rate", "error_cost", "error_cost_ratio"),
        ("error_cost", "error_cost", "error_cost_ratio"),
        ("calibration", "calibration", "group_calibration_difference"),
    ],
)
def test_numbers_have_calibration_and_costs(
    make_use_case: MakeUseCase, declared: str, applied: str, measure: str
) -> None:
    test, answers = _numbers()
    use_case = fair_use_case(make_use_case, target=REGRESSION, fairness={"definition": declared})
    report = report_of(test, answers, use_case, variance=25.0)
    assert (report["definition"]["declared"], report["definition"]["applied"]) == (
        declared,
        applied,
    )
    assert {one["measure"] for one in report["limits"]} == {measure}
    errors = (answers[:, 0] - test["late"]) / 5.0
    for label, group in groups_of(report, "region").items():
        own = errors[test["region"] == label]
        found = {name: one["value"] for name, one in group["figures"].items()}
        assert found == pytest.approx(
            {"calibration": own.mean(), "error_cost": (own**2).mean()}, abs=1e-6
        )


@pytest.mark.parametrize(
    ("definition", "spoil"),
    [
        ("error_cost", lambda predicted, rng: predicted + rng.normal(0.0, 3.0, len(predicted))),
        ("calibration", lambda predicted, _: predicted - 1.5),
    ],
)
def test_numbers_that_are_worse_for_a_group_are_caught(
    make_use_case: MakeUseCase, definition: str, spoil: Any
) -> None:
    test, answers = _numbers(3)
    harmed = (test["region"] == "c").to_numpy()
    answers[harmed, 0] = spoil(answers[harmed, 0], np.random.default_rng(0))
    use_case = fair_use_case(make_use_case, target=REGRESSION, fairness={"definition": definition})
    found = {
        one["subject"]: one["verdict"]
        for one in report_of(test, answers, use_case, variance=25.0)["limits"]
    }
    assert found["region = c"] == "beyond"
    assert found["region = a"] != "beyond"


def test_a_group_of_one_row_of_numbers_has_no_figures(make_use_case: MakeUseCase) -> None:
    test, answers = _numbers(4)
    test["region"] = np.where(np.arange(len(test)) == 0, "z", test["region"])
    report = report_of(test, answers, fair_use_case(make_use_case, target=REGRESSION))
    group = groups_of(report, "region")["z"]
    assert {one["value"] for one in group["measures"].values()} == {None}
