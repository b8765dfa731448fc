"""Thresholds by group bring the rates together at least cost, or are left alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    equal_opportunity_difference,
    equalized_odds_difference,
    selection_rate_difference,
)
from sklearn.metrics import precision_score

from mlops_assets.answers import Cut, DecisionRule, decisions
from mlops_assets.training.decision import decide
from mlops_assets.training.decision_threshold import regrets
from mlops_assets.training.group_decision import NOTHING_BETTER, TOO_FEW
from mlops_assets.use_case import UseCase

Make = Callable[..., UseCase]
ROWS = 3000


@pytest.fixture(scope="module")
def make(declared: Callable[[], dict[str, Any]]) -> Make:
    def made(definition: str, favourable: int = 1, min_rows: int = 50) -> UseCase:
        changed = declared()
        changed["columns"]["group"] |= {"sensitive_input": True, "reason": "known to the clerk"}
        changed["fairness"] = {
            "definition": definition,
            "reason": "a test",
            "favourable": favourable,
            "min_rows": min_rows,
            "mitigation": {
                "group_thresholds": {"column": "group", "legal_basis": "an act of parliament"}
            },
        }
        changed["decision"] = {"costs": {"false_positive": 1.0, "false_negative": 2.0}}
        return UseCase(**changed)

    return made


def _scored(seed: int = 0, small: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of two groups, calibrated answers and labels: the second is seldomer positive and less
    well told apart."""
    rng = np.random.default_rng(seed)
    group = rng.choice([1, 2], ROWS, p=[0.6, 0.4])
    chances = np.where(group == 1, rng.beta(1.2, 1.2, ROWS), rng.beta(1.5, 3.5, ROWS))
    labels = (rng.random(ROWS) < chances).astype(np.int64)
    rows = pd.DataFrame({"group": group})
    rows.iloc[:small, 0] = 3
    return rows, labels, chances[:, None]


def _decided(answers: np.ndarray, cut: Cut) -> np.ndarray:
    found = decisions("binary", answers, cut)
    assert found is not None
    return found


REFERENCE: dict[str, Callable[..., Any]] = {
    "selection_rate": selection_rate_difference,
    "equal_opportunity": equal_opportunity_difference,
    "equalized_odds": equalized_odds_difference,
}


@pytest.mark.parametrize("favourable", [0, 1])
@pytest.mark.parametrize("definition", REFERENCE)
def test_the_rates_of_the_definition_come_together(
    definition: str, favourable: int, make: Make
) -> None:
    rows, labels, answers = _scored()

    rule = decide("binary", labels, answers, rows, make(definition, favourable)).rule

    def difference(cut: Cut) -> float:
        decided = _decided(answers, cut)
        given = (labels, decided) if favourable == 1 else (1 - labels, 1 - decided)
        return float(REFERENCE[definition](*given, sensitive_features=rows["group"]))

    one, by_group = difference(Cut(rule.threshold)), difference(rule.cut(rows))
    assert one > 0.2
    assert by_group < (0.02 if definition != "equalized_odds" else one / 3)
    assert [value for value, _ in rule.group_thresholds] == ["1", "2"]
    assert all(t == np.float32(t) for _, t in rule.group_thresholds)


def test_equal_opportunity_is_had_at_least_cost(make: Make) -> None:
    rows, labels, answers = _scored()
    rule = decide("binary", labels, answers, rows, make("equal_opportunity")).rule
    cost = regrets_of(rule, rows, labels, answers)

    groups = rows["group"].to_numpy()
    positives = [answers[(groups == g) & (labels == 1), 0] for g in (1, 2)]
    for rate in np.linspace(0.05, 0.95, 91):
        thresholds = [float(np.float32(np.quantile(p, 1.0 - rate))) for p in positives]
        other = DecisionRule(0.5, None, "group", (("1", thresholds[0]), ("2", thresholds[1])))
        assert cost <= regrets_of(other, rows, labels, answers) + 0.002


def regrets_of(
    rule: DecisionRule, rows: pd.DataFrame, labels: np.ndarray, answers: np.ndarray
) -> float:
    """Mean regret by groups, with the Bayes threshold of the use case's costs."""
    parts = [
        regrets(labels[at], answers[at, 0], np.array([threshold]), 1.0 / 3.0)[0] * at.sum()
        for value, threshold in rule.group_thresholds
        if (at := (rows["group"] == int(value)).to_numpy()).any()
    ]
    return float(sum(parts) / len(rows))


def test_precision_comes_together(make: Make) -> None:
    rows, labels, answers = _scored()

    chosen = decide("binary", labels, answers, rows, make("predictive_parity"))

    def spread(cut: Cut) -> float:
        decided = _decided(answers, cut)
        by = [
            precision_score(labels[at], decided[at])
            for at in ((rows["group"] == g).to_numpy() for g in (1, 2))
        ]
        return float(abs(by[0] - by[1]))

    assert spread(chosen.rule.cut(rows)) < 0.02 < spread(Cut(chosen.rule.threshold))


def test_a_small_group_and_rows_without_a_value_are_decided_as_all(make: Make) -> None:
    rows, labels, answers = _scored(small=120)
    labels[:80] = 0
    rows["group"] = rows["group"].astype("float64").mask(np.arange(ROWS) % 50 == 49)

    chosen = decide("binary", labels, answers, rows, make("equal_opportunity"))

    assert [value for value, _ in chosen.rule.group_thresholds] == ["1", "2"]
    apart = chosen.rule.cut(rows).threshold
    assert isinstance(apart, np.ndarray)
    unsaid = ~rows["group"].isin([1.0, 2.0]).to_numpy()
    assert (apart[unsaid] == chosen.rule.threshold).all()
    assert (apart[~unsaid] != chosen.rule.threshold).all()
    third = chosen.record["by_group"]["groups"][2]
    assert (third["group"], third["why"]) == ("3", TOO_FEW) and "rates" not in third
    assert chosen.record["by_group"]["small_groups"] == 0


def test_a_group_of_few_people_is_not_named(make: Make) -> None:
    rows, labels, answers = _scored(small=40)

    record = decide("binary", labels, answers, rows, make("selection_rate")).record["by_group"]

    assert [group["group"] for group in record["groups"]] == ["1", "2"]
    assert record["small_groups"] == 1


def test_the_record_says_what_it_costs(make: Make) -> None:
    rows, labels, answers = _scored()

    record = decide("binary", labels, answers, rows, make("equal_opportunity")).record

    costs = record["mean_cost"]
    assert costs["one_threshold"] == costs["bayes"] < costs["chosen"] < 1.05 * costs["bayes"]
    first, second = record["by_group"]["groups"]
    before = np.subtract(first["rates_with_one_threshold"], second["rates_with_one_threshold"])
    assert abs(before[0]) > 0.1
    assert first["rates"] == pytest.approx(second["rates"], abs=0.01)


def test_answers_that_tell_nothing_leave_one_threshold(make: Make) -> None:
    rows, labels, _ = _scored()
    answers = np.full((ROWS, 1), 0.25)

    chosen = decide("binary", labels, answers, rows, make("equal_opportunity"))

    assert chosen.rule.group_column is None
    assert chosen.record["by_group"]["why"] == NOTHING_BETTER
