"""Noise, missing values and unseen categories cost what the model makes of them, and no more."""

import numpy as np
import pandas as pd
from risk_world import COLUMNS, MakeUseCase, draw, part, refit, world

from mlops_assets.answers import Answers, DecisionRule
from mlops_assets.evidence.risk.perturbations import missing_values, noise, unseen_categories
from mlops_assets.evidence.risk.released_model import ReleasedModel


def model_of(ask: object) -> ReleasedModel:
    return ReleasedModel(ask, DecisionRule(), "binary", 1.0)  # type: ignore[arg-type]


def sharp(rows: pd.DataFrame) -> Answers:
    """Decides by whether a number is above its middle: noise around it turns decisions."""
    return np.where(rows["debt"].to_numpy() > 0.0, 0.9, 0.1)[:, None]


def test_noise_turns_as_many_decisions_as_are_near_the_edge(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(4_000, 1)
    evidence, (finding,) = noise(model_of(sharp), rows, rows, use_case.inputs, 7)
    deviation = rows["debt"].std()
    density = (rows["debt"].abs() < 0.1 * deviation).mean() / (0.2 * deviation)
    expected = 2.0 * density * 0.05 * deviation * np.sqrt(1.0 / (2.0 * np.pi))
    assert finding.value is not None and abs(finding.value - expected) < 0.4 * expected
    assert evidence["changed"] == round(finding.value * 4_000)


def test_a_model_that_ignores_its_inputs_bears_everything(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(1_000, 2)
    model = model_of(lambda asked: np.full((len(asked), 1), 0.4))
    labels = rows["late"].to_numpy()
    found = [
        noise(model, rows, rows, use_case.inputs, 7),
        missing_values(model, rows, labels, use_case.inputs, 7),
        unseen_categories(model, rows, rows, labels, use_case.inputs, 7),
    ]
    assert all(one.value == 0.0 for _, findings in found for one in findings)


def test_missing_values_cost_where_the_model_needs_them(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(6_000, 3, 3.0)
    model = model_of(refit(part(rows, "train"), 0))
    test = part(rows, "test")
    labels = test["late"].to_numpy()
    evidence, (finding,) = missing_values(model, test, labels, use_case.inputs, 7)
    assert finding.low is not None and finding.low > 0.0
    assert evidence["whole_columns"][0]["column"] == "income"
    assert evidence["whole_columns"][0]["rise"] > (finding.value or 0.0)


def test_declared_values_leave_no_room_for_an_unseen_one(make_use_case: MakeUseCase) -> None:
    rows = draw(1_000, 4)
    labels = rows["late"].to_numpy()
    model = model_of(refit(rows, 0))
    evidence, findings = unseen_categories(
        model, rows, rows, labels, world(make_use_case).inputs, 7
    )
    assert evidence["columns"] == ["city"] and evidence["closed"] == ["size"]
    assert [one.subject for one in findings] == ["city"]
    closed = {**COLUMNS, "city": {**COLUMNS["city"], "values": ["Ghent", "Lille", "Metz", "Nancy"]}}
    use_case = world(make_use_case, columns=closed)
    evidence, (finding,) = unseen_categories(model, rows, rows, labels, use_case.inputs, 7)
    assert finding.value == finding.high == 0.0 and evidence["why_exact"]


def test_what_cannot_come_is_said(make_use_case: MakeUseCase) -> None:
    use_case = world(make_use_case, columns={"size": COLUMNS["size"]})
    rows = draw(300, 5)
    model = model_of(lambda asked: np.full((len(asked), 1), 0.4))
    for evidence, (finding,) in (
        noise(model, rows, rows, use_case.inputs, 7),
        missing_values(model, rows, rows["late"].to_numpy(), use_case.inputs, 7),
    ):
        assert evidence["why_exact"] and finding.value == 0.0


def test_integers_stay_whole_and_in_their_range(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(500, 6).assign(age=120)
    seen: list[pd.DataFrame] = []

    def watches(asked: pd.DataFrame) -> Answers:
        seen.append(asked)
        return np.full((len(asked), 1), 0.4)

    train = draw(500, 7).assign(age=np.arange(500) % 100)
    noise(model_of(watches), train, rows, use_case.inputs, 7)
    assert seen[-1]["age"].dtype == rows["age"].dtype
    assert seen[-1]["age"].between(100, 120).all() and (seen[-1]["age"] < 120).any()
