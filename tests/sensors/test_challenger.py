"""When a finished challenger is decided on, and what waits for a person's signature."""

from dataclasses import replace
from typing import Any

import pytest
from situations import (
    ALARM,
    CALM,
    A,
    B,
    C,
    D,
    Judge,
    assert_waits,
    released,
    untouched,
    watched,
)

from mlops_assets.use_case import UseCase
from sensors.decisions import (
    Ingest,
    Promote,
    Train,
    Verify,
    Wait,
    on_arrival,
    on_challenger,
    on_evidence,
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


AWAITS = "awaits approval of 0123: mlops approve flights"


def test_a_challenger_that_lacks_its_approval_waits_and_says_what_to_do() -> None:
    now = released(undecided="m", trained_until=C, awaits_approval=AWAITS, approvals="s1")

    assert_waits(on_challenger(now), "the challenger trained up to 2020-03 awaits approval of 0123")


def test_a_new_signature_is_looked_at_before_the_decision() -> None:
    now = released(undecided="m", trained_until=C, approvals="s2", unverified="s2")
    verify = on_challenger(now)

    assert isinstance(verify, Verify)
    assert verify.intent == "verify approvals s2 of m trained up to 2020-03"
    tried = released(undecided="m", unverified="s2", trained_until=C, attempts={verify.intent: 1})
    assert_waits(on_challenger(tried), "was tried and failed")


def test_what_a_test_shows_later_is_another_occasion_to_decide() -> None:
    before = released(undecided="m", trained_until=C, trial="none")
    decision = on_challenger(before)
    assert isinstance(decision, Promote)
    tried = {"attempts": {decision.intent: 1}}
    waits = on_challenger(replace(before, **tried))
    assert isinstance(waits, Wait) and "A/B test" in waits.why
    assert isinstance(on_challenger(replace(before, trial="h2", **tried)), Promote)


def test_another_signature_is_another_occasion_to_decide() -> None:
    first = on_challenger(released(undecided="m", trained_until=C, approvals="s1"))
    assert isinstance(first, Promote)
    assert first.intent == "decide on m trained up to 2020-03 with approvals s1"

    tried = {first.intent: 1}
    again = released(undecided="m", trained_until=C, approvals="s2", attempts=tried)
    assert isinstance(on_challenger(again), Promote)


def test_while_a_first_release_waits_nothing_else_is_taken_in(use_case: UseCase) -> None:
    both = {A: "a", B: "b"}
    now = untouched(
        delivered={**both, C: "c"},
        ingested=both,
        undecided="m",
        trained_until=B,
        awaits_approval=AWAITS,
    )

    assert_waits(on_arrival(now, use_case, Judge(CALM)), "2020-03 waits: the first release awaits")
    assert_waits(on_evidence(now, use_case, Judge(ALARM)), "the first release awaits approval")
    redeclared = replace(now, declaration="e", trained_as="d")
    assert isinstance(on_evidence(redeclared, use_case, Judge(CALM)), Train)


def test_beside_a_champion_batches_are_watched_and_a_newer_challenger_may_come(
    use_case: UseCase,
) -> None:
    now = watched(undecided="m", trained_until=B, awaits_approval=AWAITS)

    arrival = on_arrival(now, use_case, Judge(CALM))
    assert isinstance(arrival, Ingest) and (arrival.batch, arrival.watch) == (D, True)
    newer = on_evidence(now, use_case, Judge(ALARM))
    assert isinstance(newer, Train) and newer.last_batch == C


def test_a_signature_to_be_looked_at_comes_before_new_batches(use_case: UseCase) -> None:
    now = watched(undecided="m", unverified="s2")

    assert_waits(on_arrival(now, use_case, Judge(CALM)), "waits for the decision")
    assert_waits(on_evidence(now, use_case, Judge(ALARM)), "awaits its decision")
