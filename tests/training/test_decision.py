"""The rule of each task, as the model carries it and the record has it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.answers import DecisionRule, decisions
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence_declaration import BinaryCosts, Decision
from mlops_assets.training.decision import EXPECTED_COST, NO_COSTS, choose_rule, decide
from mlops_assets.training.decision_threshold import bayes_threshold

Make = Callable[..., Any]
COSTS = BinaryCosts(false_positive=1.0, false_negative=5.0, true_positive=-1.0)
NAMES = ("low", "middle", "high")
MATRIX: dict[str | int, dict[str | int, float]] = {
    "high": {"low": 9.0, "middle": 3.0, "high": 0.0},
    "low": {"high": 1.0, "middle": 0.5, "low": 0.0},
    "middle": {"low": 2.0, "middle": 0.0, "high": 0.5},
}


def _with(use_case: Any, **decision: Any) -> Any:
    return use_case.model_copy(update={"decision": Decision(**decision)})


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_without_costs_the_rule_is_the_plain_one(
    task: str, task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = task_use_case(task, families=("linear",), max_fits=3)

    found = train_quietly(task_window(task), use_case)

    assert found.model.rule == DecisionRule()
    assert DecisionRule.parse(found.record["decision_rule"]) == DecisionRule()
    if task != "regression":
        assert found.record["decision"]["why"] == NO_COSTS


def test_the_model_carries_the_rule_that_the_record_has_and_no_test_row_decides(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = _with(task_use_case("binary", families=("linear",), max_fits=3), costs=COSTS)
    window = task_window("binary")
    other = window.assign(y=window["y"].where(window["split"] != "test", 1 - window["y"]))

    found, again = (train_quietly(rows, use_case) for rows in (window, other))

    assert found.model.rule.threshold == bayes_threshold(COSTS) == np.float32(1.0 / 7.0)
    assert DecisionRule.parse(found.record["decision_rule"]) == found.model.rule
    assert json_bytes(again.record) == json_bytes(found.record)
    calibration = window[window["split"] == "calibration"]
    decided = found.model.answers(calibration)[:, 0] >= found.model.rule.threshold
    labels = calibration["y"].to_numpy()
    mean = (np.where(decided, np.where(labels == 1, -1.0, 1.0), 5.0 * labels)).mean()
    record = found.record["decision"]
    assert record["mean_cost"]["chosen"] == pytest.approx(mean)
    assert record["mean_cost"]["chosen"] < record["mean_cost"]["half"]
    assert record["rows"] == len(calibration)


def test_costs_of_several_classes_are_in_the_order_of_the_classes(
    task_use_case: Make, task_window: Make, train_quietly: Make
) -> None:
    use_case = _with(
        task_use_case("multiclass", families=("linear",), max_fits=3), cost_matrix=MATRIX
    )
    window = task_window("multiclass")

    found = train_quietly(window, use_case)

    assert found.model.rule.costs == ((0.0, 0.5, 1.0), (2.0, 0.0, 0.5), (9.0, 3.0, 0.0))
    record = found.record["decision"]
    assert record["why"] == EXPECTED_COST
    assert record["mean_cost"]["chosen"] < record["mean_cost"]["most_probable"]
    calibration = window[window["split"] == "calibration"]
    decided = decisions("multiclass", found.model.answers(calibration), found.model.rule.cut())
    assert decided is not None
    mean = np.mean(
        [MATRIX[NAMES[y]][NAMES[d]] for y, d in zip(calibration["y"], decided, strict=True)]
    )
    assert record["mean_cost"]["chosen"] == pytest.approx(mean)


def test_the_rule_alone_is_that_of_the_record(task_use_case: Make) -> None:
    use_case = _with(task_use_case("binary"), costs=COSTS)
    rng = np.random.default_rng(0)
    answers = rng.random((500, 1))
    labels = (rng.random(500) < answers[:, 0]).astype(np.int64)
    given: tuple[Any, ...] = (labels, answers, pd.DataFrame(index=range(500)), use_case)

    assert choose_rule("binary", *given) == decide("binary", *given).rule
