"""The envelope is learned from train rows and leaves a hundredth of their like outside."""

import numpy as np
import pandas as pd
from risk_world import MakeUseCase, draw, part, refit, world

from mlops_assets.answers import DecisionRule
from mlops_assets.column_declaration import Column
from mlops_assets.content_hash import json_bytes
from mlops_assets.evidence.risk.envelope import abstention, columns_of, learn_envelope
from mlops_assets.evidence.risk.released_model import ReleasedModel
from mlops_assets.serving.envelope import outside_envelope


def test_a_hundredth_of_rows_from_the_same_distribution_is_outside(
    make_use_case: MakeUseCase,
) -> None:
    use_case, shares = world(make_use_case), []
    for seed in range(6):
        rows = draw(6_000, seed)
        held = learn_envelope(part(rows, "train"), part(rows, "calibration"), use_case.inputs)
        fresh = columns_of(draw(4_000, seed + 100), use_case.inputs)
        shares.append(float(outside_envelope(held, fresh).mean()))
    assert 0.006 < np.mean(shares) < 0.016


def test_odd_combinations_of_usual_values_are_outside(make_use_case: MakeUseCase) -> None:
    use_case = world(make_use_case)
    rows = draw(4_000, 1)
    rows["debt"] = rows["income"].fillna(40.0) + np.random.default_rng(1).normal(size=len(rows))
    held = learn_envelope(part(rows, "train"), part(rows, "calibration"), use_case.inputs)
    odd = rows.head(50).assign(income=25.0, debt=58.0)
    assert outside_envelope(held, columns_of(odd, use_case.inputs)).all()
    alone = {**held, "joint": {**held["joint"], "limit": None}}
    assert not outside_envelope(alone, columns_of(odd, use_case.inputs)).any()


def test_the_same_rows_give_the_same_bytes_and_timestamps_are_left_out(
    make_use_case: MakeUseCase,
) -> None:
    use_case, rows = world(make_use_case), draw(2_000, 2)
    train, held_out = part(rows, "train"), part(rows, "calibration")
    first, again = (learn_envelope(train, held_out, use_case.inputs) for _ in range(2))
    assert json_bytes(first) == json_bytes(again)
    assert "due" not in {
        one["name"] for one in learn_envelope(*_timed(train), _timed_inputs())["columns"]
    }


def test_a_column_without_any_value_holds_nothing_out(make_use_case: MakeUseCase) -> None:
    use_case = world(make_use_case)
    rows = draw(500, 3).assign(income=np.nan)
    held = learn_envelope(rows, rows.head(0), use_case.inputs)
    assert not outside_envelope(held, columns_of(rows, use_case.inputs)).any()


def test_abstaining_is_weighed(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(4_000, 4)
    held = learn_envelope(part(rows, "train"), part(rows, "calibration"), use_case.inputs)
    test = part(rows, "test")
    test.loc[:99, ["income", "late"]] = [500.0, 0]
    model = ReleasedModel(refit(rows, 0), DecisionRule(), "binary", 1.0)
    evidence, (finding,) = abstention(held, model, test, "late", use_case.inputs, 7)
    assert evidence["outside"] >= 100
    assert finding.value == evidence["outside"] / len(test)
    assert evidence["loss_outside"]["low"] > evidence["loss_inside"]["high"]


def _timed(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    timed = rows.assign(due=pd.Timestamp("2020-01-01"))
    return timed, timed.head(0)


def _timed_inputs() -> dict[str, Column]:
    return {"due": Column(type="timestamp"), "debt": Column(type="number")}
