"""What is far out of range, or in another unit, is noticed, and what is not is said."""

import numpy as np
from risk_world import COLUMNS, MakeUseCase, draw, part, world

from mlops_assets.evidence.risk.envelope import learn_envelope
from mlops_assets.evidence.risk.implausible_values import UNITS, out_of_range, unit_errors


def test_the_envelope_notices_what_no_declared_limit_does(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(3_000, 1)
    held = learn_envelope(part(rows, "train"), part(rows, "calibration"), use_case.inputs)
    evidence, (finding,) = out_of_range(held, part(rows, "test"), use_case.inputs)
    assert evidence["tried"] > 500 and finding.value == 0.0
    assert evidence["noticed_by_limits"] < evidence["noticed"] == evidence["tried"]


def test_an_envelope_that_holds_everything_notices_nothing(make_use_case: MakeUseCase) -> None:
    use_case = world(make_use_case, columns={"income": COLUMNS["income"]})
    rows = draw(2_000, 2)
    held = learn_envelope(rows, rows, use_case.inputs)
    blind = {**held, "joint": {**held["joint"], "limit": None}}
    blind["columns"] = [{**held["columns"][0], "low": -1e12, "high": 1e12}]
    evidence, (finding,) = out_of_range(blind, rows, use_case.inputs)
    assert evidence["tried"] == 0 and finding.value == 0.0
    narrow = {**held, "joint": {**held["joint"], "limit": None}}
    assert out_of_range(narrow, rows, use_case.inputs)[1][0].value == 0.0


def test_every_unit_of_a_usual_column_is_noticed(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(4_000, 3)
    train, held_out = part(rows, "train"), part(rows, "calibration")
    held = learn_envelope(train, held_out, use_case.inputs)
    evidence, (finding,) = unit_errors(held, train, held_out, use_case, 7)
    assert [one["column"] for one in evidence["columns"]] == ["age", "income", "debt"]
    by_column = {one["column"]: one["unnoticed"] for one in evidence["columns"]}
    assert by_column["age"] == by_column["income"] == []
    assert finding.value == sum(bool(one) for one in by_column.values()) / 3.0
    assert set(evidence["columns"][0]["noticed"]) == set(UNITS)


def test_a_column_that_is_nearly_always_zero_hides_its_unit(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(4_000, 4)
    rain = np.where(np.random.default_rng(4).random(len(rows)) < 0.02, 0.1, 0.0)
    rows["debt"] = rain
    train, held_out = part(rows, "train"), part(rows, "calibration")
    held = learn_envelope(train, held_out, use_case.inputs)
    evidence, (finding,) = unit_errors(held, train, held_out, use_case, 7)
    hidden = next(one for one in evidence["columns"] if one["column"] == "debt")
    assert "divided by 1000" in hidden["unnoticed"] and (finding.value or 0.0) > 0.0


def test_without_held_out_rows_it_is_unknown(make_use_case: MakeUseCase) -> None:
    use_case, rows = world(make_use_case), draw(500, 5)
    held = learn_envelope(rows, rows.head(0), use_case.inputs)
    assert unit_errors(held, rows, rows.head(0), use_case, 7)[1][0].value is None
