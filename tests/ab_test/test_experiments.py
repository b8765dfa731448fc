"""The record of tests, and what follows from it."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from logged import CHALLENGER, CHAMPION, SECOND, START_MICROSECONDS, started

from mlops_assets.ab_test.experiments import (
    Event,
    days_of,
    latest_experiment,
    next_id,
    traffic_plan,
    under_way,
)
from mlops_assets.serving.traffic_plan import TrafficPlan

BEGUN = started(share=0.1)
CHANGED = replace(BEGUN, happened="changed", at="2024-01-03T00:00:00+00:00", share=0.3, plan=None)
STOPPED = replace(CHANGED, happened="stopped", at="2024-01-05T12:00:00+00:00")
DAY = 86_400 * SECOND


def test_shares_hold_from_a_change_to_the_next_but_not_while_it_settles() -> None:
    found = latest_experiment([BEGUN, CHANGED, STOPPED])
    assert found is not None and not found.is_running
    changed, stopped = START_MICROSECONDS + 2 * DAY, START_MICROSECONDS + 4 * DAY + DAY // 2
    times = np.array(
        [
            START_MICROSECONDS - 1,
            START_MICROSECONDS + 4 * SECOND,
            START_MICROSECONDS + 6 * SECOND,
            changed - 1,
            changed + 4 * SECOND,
            changed + 6 * SECOND,
            stopped - 1,
            stopped,
        ]
    )

    assert found.shares_at(times).tolist() == [0.0, 0.0, 0.1, 0.1, 0.0, 0.3, 0.3, 0.0]


def test_a_test_holds_until_it_is_stopped() -> None:
    found = latest_experiment([BEGUN])

    assert found is not None and found.is_running
    assert found.shares_at(np.array([START_MICROSECONDS + 900 * DAY])).tolist() == [0.1]
    assert under_way([BEGUN, CHANGED]) == CHANGED
    assert under_way([BEGUN, CHANGED, STOPPED]) is None and under_way([]) is None


def test_the_latest_test_is_the_present_one() -> None:
    other = replace(BEGUN, experiment="0002-abababab", at="2024-02-01T00:00:00+00:00")

    found = latest_experiment([BEGUN, CHANGED, STOPPED, other])

    assert found is not None and found.id == "0002-abababab" and len(found.periods) == 1
    assert latest_experiment([]) is None


def test_days_are_those_on_which_it_was_under_way() -> None:
    days = ["2023-12-31", "2024-01-01", "2024-01-04", "2024-01-05", "2024-01-06"]
    over, running = latest_experiment([BEGUN, CHANGED, STOPPED]), latest_experiment([BEGUN])
    assert over is not None and running is not None

    assert days_of(over, days) == days[1:4]
    assert days_of(running, days) == days[1:]


def test_each_test_has_an_id_of_its_own() -> None:
    assert next_id([], CHALLENGER) == "0001-abababab"
    assert next_id([BEGUN, CHANGED, STOPPED], CHALLENGER) == "0002-abababab"


def test_the_record_is_read_as_it_was_written() -> None:
    for event in (BEGUN, STOPPED):
        assert Event.parse(json.loads(json.dumps(event.to_dict()))) == event


def test_servers_are_told_what_began() -> None:
    assert traffic_plan(CHANGED) == TrafficPlan(BEGUN.experiment, CHALLENGER, CHAMPION, "ab", 0.3)


def test_a_record_without_a_start_is_an_error() -> None:
    with pytest.raises(ValueError, match="no start"):
        latest_experiment([CHANGED])
