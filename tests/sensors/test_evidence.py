"""When a model is trained, for the first time and again, and why not."""

from collections.abc import Callable
from typing import Any

import pytest
from situations import ALARM, CALM, A, B, C, D, Judge, assert_waits, released, untouched, watched

from mlops_assets.use_case import UseCase
from sensors.decisions import Ingest, Train, Wait, on_arrival, on_evidence
from sensors.situation import Situation


@pytest.mark.parametrize(
    ("ingested", "decision"),
    [
        ({}, Wait("0 of the 2 batches for the first training are there")),
        ({A: "a"}, Wait("1 of the 2 batches for the first training are there")),
        ({B: "b", A: "a"}, Train(B, "train up to 2020-02 as declared d", "first training")),
        (
            {A: "a", B: "b", C: "c"},
            Train(B, "train up to 2020-02 as declared d", "first training"),
        ),
    ],
)
def test_the_first_training_is_on_the_first_batches(
    ingested: dict[str, str], decision: Train | Wait, use_case: UseCase
) -> None:
    assert on_evidence(untouched(ingested=ingested), use_case, Judge(ALARM)) == decision


@pytest.mark.parametrize(
    "changes",
    [{"trained_until": B}, {"attempts": {"train up to 2020-02 as declared d": 1}}],
    ids=["rejected", "failed"],
)
def test_without_a_first_release_the_next_batch_is_another_chance(
    changes: dict[str, Any], use_case: UseCase
) -> None:
    both = {A: "a", B: "b"}

    assert_waits(
        on_evidence(untouched(ingested=both, **changes), use_case, Judge(CALM)),
        "no first release from training up to 2020-02",
    )
    third = on_evidence(untouched(ingested={**both, C: "c"}, **changes), use_case, Judge(CALM))
    assert third == Train(C, "train up to 2020-03 as declared d", "first training")


def test_a_training_that_was_cut_off_is_repeated_under_a_new_key(use_case: UseCase) -> None:
    intent = "train up to 2020-02 as declared d"
    now = untouched(ingested={A: "a", B: "b"}, attempts={intent: 1}, interrupted={intent: 1})

    decision = on_evidence(now, use_case, Judge(CALM))

    assert decision == Train(B, intent, "first training")
    assert now.run_key(intent) == "train up to 2020-02 as declared d (2)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"under_way": ("flights__train",)}, "flights__train is under way"),
        ({"undecided": "m"}, "a finished challenger awaits its decision"),
        ({"tried_out": "test-1"}, "is being tried out in test test-1"),
    ],
)
@pytest.mark.parametrize("now", [untouched, watched])
def test_no_training_starts_while_something_is_open(
    now: Callable[..., Situation], changes: dict[str, Any], words: str, use_case: UseCase
) -> None:
    ingested = {A: "a", B: "b", C: "c"}

    assert_waits(on_evidence(now(ingested=ingested, **changes), use_case, Judge(ALARM)), words)


def test_an_alarm_of_the_newest_watched_batch_retrains(use_case: UseCase) -> None:
    judge = Judge(ALARM)
    now = watched(ingested={A: "a", B: "b", C: "c", D: "d"}, watched=(D, C))

    assert on_evidence(now, use_case, judge) == Train(
        D, "train up to 2020-04 as declared d", "drift in wind"
    )
    assert judge.asked == [D]


def test_a_calm_batch_does_not_retrain_and_says_why(use_case: UseCase) -> None:
    assert_waits(
        on_evidence(watched(), use_case, Judge(CALM)), "2020-03: performance held; no drift"
    )


def test_no_batch_watched_is_no_evidence(use_case: UseCase) -> None:
    assert_waits(on_evidence(released(), use_case, Judge(ALARM)), "no batch has been watched yet")


@pytest.mark.parametrize("trained_until", [C, D])
def test_a_batch_that_was_learned_from_calls_for_nothing(
    trained_until: str, use_case: UseCase
) -> None:
    judge = Judge(ALARM)

    decision = on_evidence(watched(trained_until=trained_until), use_case, judge)

    assert_waits(decision, "the latest challenger has learned from 2020-03 already")
    assert judge.asked == []


def test_retraining_waits_until_enough_batches_have_arrived(patient: UseCase) -> None:
    assert_waits(
        on_evidence(watched(), patient, Judge(ALARM)),
        "2020-03: drift in wind",
        "only 1 of 2 batches have arrived since the last training",
    )
    two = watched(watched=(C, D))
    assert on_evidence(two, patient, Judge(ALARM)) == Train(
        D, "train up to 2020-04 as declared d", "drift in wind"
    )


def test_batches_learned_from_do_not_count_towards_the_cooldown(patient: UseCase) -> None:
    now = watched(watched=(B, C))

    assert_waits(on_evidence(now, patient, Judge(ALARM)), "only 1 of 2 batches")


def test_a_champion_whose_challenger_is_lost_counts_every_watched_batch(patient: UseCase) -> None:
    now = watched(watched=(C, D), trained_until=None)

    assert isinstance(on_evidence(now, patient, Judge(ALARM)), Train)


@pytest.mark.parametrize(("interrupted", "repeated"), [(0, False), (1, True)])
def test_a_retraining_that_ended_is_not_repeated_and_one_cut_off_is(
    interrupted: int, repeated: bool, use_case: UseCase
) -> None:
    intent = "train up to 2020-03 as declared d"
    now = watched(attempts={intent: 1}, interrupted={intent: interrupted})

    decision = on_evidence(now, use_case, Judge(ALARM))

    if repeated:
        assert isinstance(decision, Train)
    else:
        assert_waits(decision, "a training up to 2020-03 was tried and ended: see its run")


def test_another_declaration_is_learned_from_the_same_batches(use_case: UseCase) -> None:
    now = watched(declaration="e", trained_as="d")

    decision = on_evidence(now, use_case, Judge(CALM))

    intent = "train up to 2020-02 as declared e"
    assert decision == Train(B, intent, "the use case is declared otherwise now")
    tried = watched(declaration="e", trained_as="d", attempts={intent: 1})
    assert_waits(on_evidence(tried, use_case, Judge(CALM)), "performance held")
    assert on_evidence(tried, use_case, Judge(ALARM)) == Train(
        C, "train up to 2020-03 as declared e", "drift in wind"
    )


def test_batches_are_cleaned_as_declared_before_they_are_learned_from(use_case: UseCase) -> None:
    changed = {A: "a declared q", B: "b declared q", C: "c declared q"}
    before = {A: "a declared p", B: "b declared q", C: "c declared q"}
    now = watched(declaration="e", trained_as="d", delivered=changed, ingested=before)

    assert_waits(on_evidence(now, use_case, Judge(CALM)), "2020-01 is to be cleaned")
    failed = watched(
        declaration="e",
        trained_as="d",
        delivered=changed,
        ingested=before,
        attempts={"ingest 2020-01 with content a declared q": 1},
    )
    assert isinstance(on_evidence(failed, use_case, Judge(CALM)), Train)


def test_a_batch_that_may_not_be_learned_from_does_not_count(use_case: UseCase) -> None:
    three = {A: "a", B: "b", C: "c"}
    now = untouched(ingested=three, delivered=three, unusable=(B,))

    assert on_evidence(now, use_case, Judge(CALM)) == Train(
        C, "train up to 2020-03 as declared d", "first training"
    )
    two = untouched(ingested={A: "a", B: "b"}, unusable=(B,))
    assert_waits(on_evidence(two, use_case, Judge(CALM)), "1 of the 2 batches")


def test_a_batch_gets_its_profile_before_it_is_learned_from(use_case: UseCase) -> None:
    now = untouched(ingested={A: "a", B: "b"}, unprofiled=(B,))

    assert_waits(on_evidence(now, use_case, Judge(CALM)), "2020-02 has no profile yet")
    arrival = on_arrival(now, use_case, Judge(CALM))
    assert isinstance(arrival, Ingest) and arrival.batch == B
    tried = untouched(
        ingested={A: "a", B: "b"},
        unprofiled=(B,),
        attempts={"ingest 2020-02 with content b": 1},
    )
    assert isinstance(on_evidence(tried, use_case, Judge(CALM)), Train)
