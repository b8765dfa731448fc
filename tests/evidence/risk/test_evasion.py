"""The search finds the smallest change where it is known, and none where there is none."""

import numpy as np
import pandas as pd
import pytest
from risk_world import MakeUseCase, draw, world

from mlops_assets.answers import Answers, Ask, DecisionRule
from mlops_assets.evidence.risk import evasion as module
from mlops_assets.evidence.risk.evasion import SMALL, evasion
from mlops_assets.evidence.risk.released_model import ReleasedModel


def attack(make_use_case: MakeUseCase, ask: Ask, rows: pd.DataFrame) -> dict[str, object]:
    use_case = world(make_use_case)
    model = ReleasedModel(ask, DecisionRule(), "binary", 1.0)
    return evasion(model, draw(2_000, 0), rows, use_case.inputs)[0]


def above(middle: float, column: str = "debt") -> Ask:
    def ask(rows: pd.DataFrame) -> Answers:
        return np.where(rows[column].to_numpy() > middle, 0.9, 0.1)[:, None]

    return ask


def test_the_share_within_reach_is_that_near_the_edge(make_use_case: MakeUseCase) -> None:
    rows = draw(300, 1)
    deviation = draw(2_000, 0)["debt"].std(ddof=0)
    evidence = attack(make_use_case, above(0.0), rows)
    near = (rows["debt"].abs() <= SMALL * deviation).sum()
    assert abs(int(str(evidence["turned"])) - near) <= 2
    shares = evidence["curve"]["share"]  # type: ignore[index]
    assert shares == sorted(shares)


def test_a_decision_that_depends_on_nothing_is_never_turned(make_use_case: MakeUseCase) -> None:
    evidence = attack(make_use_case, lambda r: np.full((len(r), 1), 0.4), draw(40, 2))
    assert evidence["turned"] == evidence["by_category"] == 0
    assert evidence["never"] == evidence["rows"] == 40


def test_two_numbers_are_moved_where_one_is_not_enough(make_use_case: MakeUseCase) -> None:
    train = draw(2_000, 0)
    scales = {name: train[name].std(ddof=0) for name in ("income", "debt")}

    def both(rows: pd.DataFrame) -> Answers:
        parts = [(rows[n].fillna(0.0) / s).to_numpy(np.float64) for n, s in scales.items()]
        return np.where(np.minimum(*parts) > 3.0, 0.9, 0.1)[:, None]

    rows = draw(30, 3).assign(income=2.93 * scales["income"], debt=2.93 * scales["debt"])

    def slope(asked: pd.DataFrame) -> Answers:
        # The answers betray the way: the black box is not blind.
        hint = sum((asked[n].fillna(0.0) / s).to_numpy(np.float64) for n, s in scales.items())
        return both(asked) - 0.01 * np.tanh(-np.asarray(hint)[:, None])

    assert attack(make_use_case, slope, rows)["turned"] == 30


def test_another_category_is_no_small_change(make_use_case: MakeUseCase) -> None:
    def by_city(rows: pd.DataFrame) -> Answers:
        return np.where((rows["city"] == "Metz").to_numpy(), 0.9, 0.1)[:, None]

    evidence = attack(make_use_case, by_city, draw(40, 4))
    assert evidence["turned"] == 0 and evidence["by_category"] == 40


def test_chunks_change_nothing(make_use_case: MakeUseCase, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = draw(30, 5)
    whole = attack(make_use_case, above(3.0), rows)
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    assert attack(make_use_case, above(3.0), rows) == whole


def test_a_number_is_turned_by_half_a_standard_deviation(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case, "regression"), draw(40, 6, task="regression")

    def ask(asked: pd.DataFrame) -> Answers:
        return np.repeat(asked["debt"].to_numpy(np.float64)[:, None], 3, axis=1)

    deviation = float(draw(2_000, 0)["debt"].std(ddof=0))
    model = ReleasedModel(ask, DecisionRule(), "regression", deviation**2)
    evidence, (finding,) = evasion(model, draw(2_000, 0), rows, use_case.inputs)
    assert finding.value == 0.0
    assert evidence["median_distance"] == pytest.approx(0.5, abs=0.05)
