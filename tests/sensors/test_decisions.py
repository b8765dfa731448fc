"""The three decisions of the loop: what to do in each situation, and why."""

from collections.abc import Callable
from typing import Any

import pytest

from mlops_assets.monitoring.retraining import Verdict
from mlops_assets.use_case import UseCase
from sensors.decisions import (
    Ingest,
    Promote,
    Train,
    Wait,
    on_arrival,
    on_challenger,
    on_evidence,
)
from sensors.situation import Situation

A, B, C, D = "2020-01", "2020-02", "2020-03", "2020-04"
CALM = Verdict(False, "performance held; no drift")
ALARM = Verdict(True, "drift in wind")


def _now(**changes: Any) -> Situation:
    """Two batches delivered, nothing done yet."""
    nothing: dict[str, Any] = {
        "delivered": {A: "a", B: "b"},
        "ingested": {},
        "unprofiled": (),
        "watched": (),
        "trained_until": None,
        "undecided": None,
        "first_release": None,
        "under_way": (),
        "attempts": {},
        "interrupted": {},
    }
    return Situation(**{**nothing, **changes})


def _released(**changes: Any) -> Situation:
    """A champion of the first two batches, and two later ones delivered."""
    champion: dict[str, Any] = {
        "delivered": {A: "a", B: "b", C: "c", D: "d"},
        "ingested": {A: "a", B: "b"},
        "trained_until": B,
        "first_release": B,
    }
    return _now(**{**champion, **changes})


def _watched(**changes: Any) -> Situation:
    """The same, with the third batch taken in and watched."""
    seen = {"ingested": {A: "a", B: "b", C: "c"}, "watched": (C,)}
    return _released(**{**seen, **changes})


@pytest.fixture(scope="module")
def use_case(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(training={"first_batches": 2})


@pytest.fixture(scope="module")
def patient(make_use_case: Callable[..., UseCase]) -> UseCase:
    return make_use_case(training={"first_batches": 2}, retraining={"cooldown_batches": 2})


class Judge:
    """Answers with one verdict and remembers what it was asked."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.asked: list[str] = []

    def __call__(self, batch: str) -> Verdict:
        self.asked.append(batch)
        return self.verdict


def _waits(decision: Ingest | Train | Promote | Wait, *words: str) -> None:
    assert isinstance(decision, Wait)
    for word in words:
        assert word in decision.why


# Arrival


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (_now(), Ingest(A, False, "ingest 2020-01 with content a", "2020-01 is new")),
        (
            _now(ingested={A: "a"}),
            Ingest(B, False, "ingest 2020-02 with content b", "2020-02 is new"),
        ),
        (_released(), Ingest(C, True, "ingest 2020-03 with content c", "2020-03 is new")),
        (
            _watched(
                delivered={A: "a", B: "b", C: "c2", D: "d"},
                attempts={"ingest 2020-03 with content c": 1, "ingest 2020-01 with content a": 1},
            ),
            Ingest(
                C,
                True,
                "ingest 2020-03 with content c2 (delivery 2)",
                "2020-03 was delivered again with other content",
            ),
        ),
        (
            _released(delivered={A: "a2", B: "b"}),
            Ingest(
                A,
                False,
                "ingest 2020-01 with content a2",
                "2020-01 was delivered again with other content",
            ),
        ),
        (
            _released(
                delivered={A: "a corrected by x", B: "b"},
                attempts={"ingest 2020-01 with content a": 1},
            ),
            Ingest(
                A,
                False,
                "ingest 2020-01 with content a corrected by x (delivery 2)",
                "2020-01 has new corrections",
            ),
        ),
        (
            _released(delivered={"2019-12": "z", A: "a", B: "b"}),
            Ingest("2019-12", False, "ingest 2019-12 with content z", "2019-12 is new"),
        ),
        (
            _released(ingested={A: "a", B: "b", C: "c"}),
            Ingest(C, True, "ingest 2020-03 with content c", "2020-03 has not been watched yet"),
        ),
        (
            _watched(unprofiled=(C,)),
            Ingest(C, True, "ingest 2020-03 with content c", "2020-03 has no profile yet"),
        ),
    ],
    ids=[
        "the oldest first", "the next", "watched by the champion", "delivered again",
        "learned from and delivered again", "corrected",
        "older than what was learned from", "not watched", "not profiled",
    ],
)  # fmt: skip
def test_the_oldest_batch_that_is_not_settled_is_taken_in(
    now: Situation, expected: Ingest, use_case: UseCase
) -> None:
    assert on_arrival(now, use_case, Judge(CALM)) == expected


def test_nothing_is_taken_in_where_everything_is(use_case: UseCase) -> None:
    now = _watched(delivered={A: "a", B: "b", C: "c"})

    _waits(on_arrival(now, use_case, Judge(CALM)), "all 3 of the source are taken in")


def test_the_same_content_is_not_taken_in_again(use_case: UseCase) -> None:
    now = _now(delivered={A: "a"}, ingested={A: "a"}, attempts={"ingest 2020-01 with content a": 1})

    _waits(on_arrival(now, use_case, Judge(CALM)), "all 1 of the source are taken in")


def test_content_that_comes_back_after_it_was_replaced_is_taken_in_again(use_case: UseCase) -> None:
    attempts = {
        "ingest 2020-01 with content a": 1,
        "ingest 2020-01 with content a2 (delivery 2)": 2,
    }
    now = _now(delivered={A: "a"}, ingested={A: "a2"}, attempts=attempts)

    decision = on_arrival(now, use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.intent == "ingest 2020-01 with content a (delivery 3)"


def test_a_batch_that_failed_is_passed_over_and_the_next_one_is_taken_in(use_case: UseCase) -> None:
    failed = {"ingest 2020-01 with content a": 1}

    decision = on_arrival(_now(attempts=failed), use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.batch == B
    _waits(
        on_arrival(_now(attempts=failed, ingested={B: "b"}), use_case, Judge(CALM)),
        "2020-01 could not be taken in: see their runs",
    )


def test_a_batch_that_failed_is_tried_again_with_other_content(use_case: UseCase) -> None:
    failed = {"ingest 2020-01 with content a": 1}
    now = _now(delivered={A: "mended", B: "b"}, attempts=failed)

    decision = on_arrival(now, use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.intent == "ingest 2020-01 with content mended (delivery 2)"
    tried = {**failed, decision.intent: 1}
    again = on_arrival(_now(delivered={A: "mended"}, attempts=tried), use_case, Judge(CALM))
    _waits(again, "2020-01 could not be taken in")


@pytest.mark.parametrize(
    ("attempts", "interrupted", "batch", "key"),
    [
        (1, 1, A, "ingest 2020-01 with content a (2)"),
        (3, 3, A, "ingest 2020-01 with content a (4)"),
        (2, 1, B, "ingest 2020-02 with content b"),
        (0, 0, A, "ingest 2020-01 with content a"),
    ],
)
def test_a_run_that_was_cut_off_is_repeated_under_a_new_key(
    attempts: int, interrupted: int, batch: str, key: str, use_case: UseCase
) -> None:
    intent = "ingest 2020-01 with content a"
    now = _now(attempts={intent: attempts}, interrupted={intent: interrupted})

    decision = on_arrival(now, use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.batch == batch
    assert now.run_key(decision.intent) == key


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (_now(under_way=("ingest", "train")), "2020-01 waits: ingest is under way"),
        (_watched(undecided="m"), "2020-04 waits for the decision on a finished challenger"),
        (_watched(), "2020-04 waits for the training up to 2020-03"),
        (
            _now(delivered={A: "a", B: "b", C: "c"}, ingested={A: "a", B: "b"}),
            "2020-03 waits for the training up to 2020-02",
        ),
    ],
    ids=["a run", "a decision", "a retraining", "the first training"],
)
def test_a_batch_waits_for_what_earlier_ones_set_off(
    now: Situation, words: str, use_case: UseCase
) -> None:
    _waits(on_arrival(now, use_case, Judge(ALARM)), words)


def test_a_batch_does_not_wait_for_what_was_tried_and_failed(use_case: UseCase) -> None:
    failed = {"train up to 2020-03": 1, "decide on m trained up to 2020-02": 1}
    now = _watched(undecided="m", attempts=failed)

    decision = on_arrival(now, use_case, Judge(ALARM))

    assert isinstance(decision, Ingest)
    assert decision.batch == D


def test_a_batch_that_could_not_be_watched_is_not_tried_again(use_case: UseCase) -> None:
    now = _released(
        delivered={A: "a", B: "b", C: "c"},
        ingested={A: "a", B: "b", C: "c"},
        attempts={"ingest 2020-03 with content c": 1},
    )

    _waits(on_arrival(now, use_case, Judge(CALM)), "2020-03 could not be taken in")


# Evidence


@pytest.mark.parametrize(
    ("ingested", "decision"),
    [
        ({}, Wait("0 of the 2 batches for the first training are there")),
        ({A: "a"}, Wait("1 of the 2 batches for the first training are there")),
        ({B: "b", A: "a"}, Train(B, "train up to 2020-02", "first training")),
        ({A: "a", B: "b", C: "c"}, Train(B, "train up to 2020-02", "first training")),
    ],
)
def test_the_first_training_is_on_the_first_batches(
    ingested: dict[str, str], decision: Train | Wait, use_case: UseCase
) -> None:
    assert on_evidence(_now(ingested=ingested), use_case, Judge(ALARM)) == decision


@pytest.mark.parametrize(
    "changes",
    [{"trained_until": B}, {"attempts": {"train up to 2020-02": 1}}],
    ids=["rejected", "failed"],
)
def test_without_a_first_release_the_next_batch_is_another_chance(
    changes: dict[str, Any], use_case: UseCase
) -> None:
    both = {A: "a", B: "b"}

    _waits(
        on_evidence(_now(ingested=both, **changes), use_case, Judge(CALM)),
        "no first release from training up to 2020-02",
    )
    third = on_evidence(_now(ingested={**both, C: "c"}, **changes), use_case, Judge(CALM))
    assert third == Train(C, "train up to 2020-03", "first training")


def test_a_training_that_was_cut_off_is_repeated_under_a_new_key(use_case: UseCase) -> None:
    intent = "train up to 2020-02"
    now = _now(ingested={A: "a", B: "b"}, attempts={intent: 1}, interrupted={intent: 1})

    decision = on_evidence(now, use_case, Judge(CALM))

    assert decision == Train(B, intent, "first training")
    assert now.run_key(intent) == "train up to 2020-02 (2)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"under_way": ("flights__train",)}, "flights__train is under way"),
        ({"undecided": "m"}, "a finished challenger awaits its decision"),
    ],
)
@pytest.mark.parametrize("now", [_now, _watched])
def test_no_training_starts_while_something_is_open(
    now: Callable[..., Situation], changes: dict[str, Any], words: str, use_case: UseCase
) -> None:
    ingested = {A: "a", B: "b", C: "c"}

    _waits(on_evidence(now(ingested=ingested, **changes), use_case, Judge(ALARM)), words)


def test_an_alarm_of_the_newest_watched_batch_retrains(use_case: UseCase) -> None:
    judge = Judge(ALARM)
    now = _watched(ingested={A: "a", B: "b", C: "c", D: "d"}, watched=(D, C))

    assert on_evidence(now, use_case, judge) == Train(D, "train up to 2020-04", "drift in wind")
    assert judge.asked == [D]


def test_a_calm_batch_does_not_retrain_and_says_why(use_case: UseCase) -> None:
    _waits(on_evidence(_watched(), use_case, Judge(CALM)), "2020-03: performance held; no drift")


def test_no_batch_watched_is_no_evidence(use_case: UseCase) -> None:
    _waits(on_evidence(_released(), use_case, Judge(ALARM)), "no batch has been watched yet")


@pytest.mark.parametrize("trained_until", [C, D])
def test_a_batch_that_was_learned_from_calls_for_nothing(
    trained_until: str, use_case: UseCase
) -> None:
    judge = Judge(ALARM)

    decision = on_evidence(_watched(trained_until=trained_until), use_case, judge)

    _waits(decision, "the latest challenger has learned from 2020-03 already")
    assert judge.asked == []


def test_retraining_waits_until_enough_batches_have_arrived(patient: UseCase) -> None:
    _waits(
        on_evidence(_watched(), patient, Judge(ALARM)),
        "2020-03: drift in wind",
        "only 1 of 2 batches have arrived since the last training",
    )
    two = _watched(watched=(C, D))
    assert on_evidence(two, patient, Judge(ALARM)) == Train(
        D, "train up to 2020-04", "drift in wind"
    )


def test_batches_learned_from_do_not_count_towards_the_cooldown(patient: UseCase) -> None:
    now = _watched(watched=(B, C))

    _waits(on_evidence(now, patient, Judge(ALARM)), "only 1 of 2 batches")


def test_a_champion_whose_challenger_is_lost_counts_every_watched_batch(patient: UseCase) -> None:
    now = _watched(watched=(C, D), trained_until=None)

    assert isinstance(on_evidence(now, patient, Judge(ALARM)), Train)


@pytest.mark.parametrize(("interrupted", "repeated"), [(0, False), (1, True)])
def test_a_retraining_that_ended_is_not_repeated_and_one_cut_off_is(
    interrupted: int, repeated: bool, use_case: UseCase
) -> None:
    intent = "train up to 2020-03"
    now = _watched(attempts={intent: 1}, interrupted={intent: interrupted})

    decision = on_evidence(now, use_case, Judge(ALARM))

    if repeated:
        assert isinstance(decision, Train)
    else:
        _waits(decision, "a training up to 2020-03 was tried and ended: see its run")


# Challenger


def test_a_finished_challenger_is_decided_on() -> None:
    assert on_challenger(_released(undecided="m", trained_until=C)) == Promote(
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
    _waits(on_challenger(_released(**changes)), words)


def test_a_decision_that_was_cut_off_is_repeated() -> None:
    intent = "decide on m trained up to 2020-02"
    now = _released(undecided="m", attempts={intent: 2}, interrupted={intent: 2})

    assert isinstance(on_challenger(now), Promote)
    assert now.run_key(intent) == f"{intent} (3)"


def test_the_same_model_of_another_window_is_another_decision() -> None:
    tried = {"decide on m trained up to 2020-02": 1}

    assert isinstance(
        on_challenger(_released(undecided="m", trained_until=C, attempts=tried)), Promote
    )
