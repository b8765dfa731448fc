"""When a finished challenger is decided on."""

from typing import Any

import pytest
from situations import C, assert_waits, released

from sensors.decisions import (
    Promote,
    on_challenger,
)


def test_a_finished_challenger_is_decided_on() -> None:
    assert on_challenger(released(undecided="m", trained_until=C)) == Promote(
        "decide on m trained up to 2020-03", "a challenger trained up to 2020-03 is complete"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no finished challenger"),
        ({"undecided": "m", "under_way": ("flights__ingest",)}, "flights__ingest is under way"),
        (
            {"undecided": "m", "attempts": {"decide on m trained up to 2020-02": 1}},
            "was tried and failed: see its run",
        ),
    ],
)
def test_a_decision_waits(changes: dict[str, Any], words: str) -> None:
    assert_waits(on_challenger(released(**changes)), words)


def test_a_decision_that_was_cut_off_is_repeated() -> None:
    intent = "decide on m trained up to 2020-02"
    now = released(undecided="m", attempts={intent: 2}, interrupted={intent: 2})

    assert isinstance(on_challenger(now), Promote)
    assert now.run_key(intent) == f"{intent} (3)"


def test_the_same_model_of_another_window_is_another_decision() -> None:
    tried = {"decide on m trained up to 2020-02": 1}

    assert isinstance(
        on_challenger(released(undecided="m", trained_until=C, attempts=tried)), Promote
    )
