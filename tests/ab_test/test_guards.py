"""Whether a test's traffic can be relied on."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency

sys.path.insert(0, str(Path(__file__).parent))

from logged import experiment, log

from mlops_assets.ab_test.answered import Answered, read_variant
from mlops_assets.ab_test.guards import (
    DAY,
    LEVEL,
    Assigned,
    Guard,
    assigned,
    division_p_value,
    guards_of,
    labels_alike,
    shadowed,
)
from mlops_assets.target_declaration import Target

TARGET = Target(column="late", type="boolean")


def divided(by: np.ndarray, shares: Any, days: Any = 0, labelled: Any = True) -> Assigned:
    number = len(by)
    return Assigned(
        np.broadcast_to(np.asarray(days) * DAY, number).astype(np.int64),
        by,
        np.broadcast_to(np.asarray(shares, float), number),
        np.broadcast_to(np.asarray(labelled, bool), number),
    )


def test_a_division_as_planned_is_called_another_less_often_than_stated_at_any_look() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(300):
        shares = np.where(np.arange(4_000) < 1_500, 0.1, 0.3)
        by = rng.random(4_000) < shares
        looks = [divided(by[:n], shares[:n]) for n in range(200, 4_001, 200)]
        # At 5%, for the strict level would need very many tests.
        alarms += min(division_p_value(look) or 0.0 for look in looks) < 0.05

    assert alarms / 300 <= 0.05


@pytest.mark.parametrize(("planned", "real"), [(0.5, 0.53), (0.1, 0.13), (0.1, 0.07)])
def test_another_division_is_found(planned: float, real: float) -> None:
    by = np.random.default_rng(2).random(20_000) < real

    found = division_p_value(divided(by, planned))

    assert found is not None and found < LEVEL


def test_a_champion_that_answers_where_all_is_the_challengers_is_found() -> None:
    assert division_p_value(divided(np.array([True, False]), 1.0)) == 0.0
    assert division_p_value(divided(np.array([], bool), 0.5)) is None


def test_labels_are_compared_as_in_a_table_of_one_day() -> None:
    rng = np.random.default_rng(3)
    by, labelled = rng.random(900) < 0.4, rng.random(900) < 0.6
    table = [[int((by & labelled).sum()), int((by & ~labelled).sum())]]
    table += [[int((~by & labelled).sum()), int((~by & ~labelled).sum())]]

    found = labels_alike(divided(by, 0.4, labelled=labelled))

    # Mantel and Haenszel divide by n - 1, Pearson by n.
    statistic = chi2_contingency(table, correction=False).statistic * 899 / 900
    from scipy.stats import chi2

    assert found == pytest.approx(chi2.sf(statistic, 1))


def test_labels_that_come_later_are_no_difference_and_those_that_lack_are() -> None:
    rng = np.random.default_rng(4)
    days = rng.integers(0, 10, 20_000)
    by = rng.random(20_000) < np.where(days > 5, 0.6, 0.1)
    late = rng.random(20_000) < np.where(days > 5, 0.1, 0.9)

    alike = labels_alike(divided(by, 0.3, days, late))
    fewer = labels_alike(divided(by, 0.3, days, late & (~by | (rng.random(20_000) < 0.85))))

    assert alike is not None and alike > LEVEL
    assert fewer is not None and fewer < LEVEL


def test_labels_that_all_came_are_alike_and_none_are_unknown() -> None:
    by = np.arange(400) % 3 == 0

    assert labels_alike(divided(by, 1 / 3, labelled=True)) == 1.0
    assert labels_alike(divided(by, 1 / 3, by.astype(int), True)) is None
    assert labels_alike(divided(by, 1 / 3, labelled=False)) is None


def answered(folder: Path, variant: Any, rows: range, mode: Any = "ab", **more: Any) -> Answered:
    ids = [f"r{number}" for number in rows]
    path = log(folder / f"{variant}.parquet", ids, [0.5] * len(ids), variant=variant, **more)
    return read_variant([path], experiment(mode), variant, TARGET, None)


def test_entities_are_taken_by_their_first_answers(tmp_path: Path) -> None:
    one = answered(tmp_path, "champion", range(0, 4), seconds=[9, 9, 9, 9])
    other = answered(tmp_path, "challenger", range(3, 5), seconds=[1, 2])
    one.labelled[:] = True

    found = assigned(one, other)

    assert len(found.times) == 5 and found.by_challenger.sum() == 2
    assert found.labelled.sum() == 4  # r3 by the champion's answer


def test_shadows_that_were_left_out_break_the_test(tmp_path: Path) -> None:
    one = answered(tmp_path, "champion", range(0, 100), "shadow")
    few = answered(tmp_path, "challenger", range(0, 90), "shadow", answered=False)
    all_of_them = answered(tmp_path, "challenger", range(0, 100), "shadow", answered=False)

    # experiment("shadow") has a share of a half here: as many are planned.
    one.shares[:] = 1.0
    broken = guards_of("shadow", one, few, 0, 190)
    sound = guards_of("shadow", one, all_of_them, 0, 200)

    assert shadowed(one, few) == pytest.approx(0.9)
    assert sound and all(guard.holds is True for guard in sound)
    assert not all(guard.holds is True for guard in broken)
    assert [guard.name for guard in broken if not guard.holds] == ["shadows complete"]


def test_what_is_unknown_does_not_hold(tmp_path: Path) -> None:
    unknown = pa.array([None] * 50, pa.bool_())
    one = answered(tmp_path, "champion", range(0, 50))
    other = answered(tmp_path, "challenger", range(50, 100), outside_envelope=unknown)

    found = {guard.name: guard for guard in guards_of("ab", one, other, None, 100)}

    assert found["inside the envelope"].holds is None
    assert found["log complete"].holds is None
    assert found["labelled alike"].holds is None
    assert found["divided as planned"].holds is True
    assert not all(guard.holds is True for guard in found.values())


def test_a_challenger_outside_its_envelope_and_lost_rows_break_the_test(tmp_path: Path) -> None:
    outside = pa.array([number < 10 for number in range(50)], pa.bool_())
    one = answered(tmp_path, "champion", range(0, 50))
    other = answered(tmp_path, "challenger", range(50, 100), outside_envelope=outside)

    found = {guard.name: guard for guard in guards_of("ab", one, other, 5, 95)}

    assert found["inside the envelope"].to_dict() == {
        "name": "inside the envelope",
        "value": pytest.approx(0.2),
        "limit": 0.05,
        "at_least": False,
        "holds": False,
    }
    assert found["log complete"].value == 0.05 and found["log complete"].holds is False


def test_a_guard_holds_at_its_limit() -> None:
    assert Guard("log complete", 0.01, 0.01).holds is True
    assert Guard("shadows complete", 0.95, 0.95, at_least=True).holds is True
    assert Guard("shadows complete", float("nan"), 0.95, at_least=True).holds is False
