"""Which batch is taken in next, and why none."""

import pytest
from situations import ALARM, CALM, A, B, C, D, Judge, assert_waits, released, untouched, watched

from mlops_assets.use_case import UseCase
from sensors.decisions import (
    Ingest,
    on_arrival,
)
from sensors.situation import Situation


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (untouched(), Ingest(A, False, "ingest 2020-01 with content a", "2020-01 is new")),
        (
            untouched(ingested={A: "a"}),
            Ingest(B, False, "ingest 2020-02 with content b", "2020-02 is new"),
        ),
        (released(), Ingest(C, True, "ingest 2020-03 with content c", "2020-03 is new")),
        (
            watched(
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
            released(delivered={A: "a2", B: "b"}),
            Ingest(
                A,
                False,
                "ingest 2020-01 with content a2",
                "2020-01 was delivered again with other content",
            ),
        ),
        (
            released(
                ingested={A: "a declared p", B: "b declared p"},
                delivered={A: "a declared p corrected by x", B: "b declared p"},
                attempts={"ingest 2020-01 with content a declared p": 1},
            ),
            Ingest(
                A,
                False,
                "ingest 2020-01 with content a declared p corrected by x (delivery 2)",
                "2020-01 has new corrections",
            ),
        ),
        (
            released(
                ingested={A: "a declared p", B: "b declared p"},
                delivered={A: "a declared q", B: "b declared q"},
                attempts={"ingest 2020-01 with content a declared p": 1},
            ),
            Ingest(
                A,
                False,
                "ingest 2020-01 with content a declared q (delivery 2)",
                "2020-01 is declared otherwise now",
            ),
        ),
        (
            released(delivered={"2019-12": "z", A: "a", B: "b"}),
            Ingest("2019-12", False, "ingest 2019-12 with content z", "2019-12 is new"),
        ),
        (
            released(ingested={A: "a", B: "b", C: "c"}),
            Ingest(C, True, "ingest 2020-03 with content c", "2020-03 has not been watched yet"),
        ),
        (
            watched(unprofiled=(C,)),
            Ingest(C, True, "ingest 2020-03 with content c", "2020-03 has no profile yet"),
        ),
    ],
    ids=[
        "the oldest first", "the next", "watched by the champion", "delivered again",
        "learned from and delivered again", "corrected", "declared otherwise",
        "older than what was learned from", "not watched", "not profiled",
    ],
)  # fmt: skip
def test_the_oldest_batch_that_is_not_settled_is_taken_in(
    now: Situation, expected: Ingest, use_case: UseCase
) -> None:
    assert on_arrival(now, use_case, Judge(CALM)) == expected


def test_nothing_is_taken_in_where_everything_is(use_case: UseCase) -> None:
    now = watched(delivered={A: "a", B: "b", C: "c"})

    assert_waits(on_arrival(now, use_case, Judge(CALM)), "all 3 of the source are taken in")


def test_the_same_content_is_not_taken_in_again(use_case: UseCase) -> None:
    now = untouched(
        delivered={A: "a"}, ingested={A: "a"}, attempts={"ingest 2020-01 with content a": 1}
    )

    assert_waits(on_arrival(now, use_case, Judge(CALM)), "all 1 of the source are taken in")


def test_content_that_comes_back_after_it_was_replaced_is_taken_in_again(use_case: UseCase) -> None:
    attempts = {
        "ingest 2020-01 with content a": 1,
        "ingest 2020-01 with content a2 (delivery 2)": 2,
    }
    now = untouched(delivered={A: "a"}, ingested={A: "a2"}, attempts=attempts)

    decision = on_arrival(now, use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.intent == "ingest 2020-01 with content a (delivery 3)"


def test_a_batch_that_failed_is_passed_over_and_the_next_one_is_taken_in(use_case: UseCase) -> None:
    failed = {"ingest 2020-01 with content a": 1}

    decision = on_arrival(untouched(attempts=failed), use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.batch == B
    assert_waits(
        on_arrival(untouched(attempts=failed, ingested={B: "b"}), use_case, Judge(CALM)),
        "2020-01 could not be taken in: see their runs",
    )


def test_a_batch_that_failed_is_tried_again_with_other_content(use_case: UseCase) -> None:
    failed = {"ingest 2020-01 with content a": 1}
    now = untouched(delivered={A: "mended", B: "b"}, attempts=failed)

    decision = on_arrival(now, use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.intent == "ingest 2020-01 with content mended (delivery 2)"
    tried = {**failed, decision.intent: 1}
    again = on_arrival(untouched(delivered={A: "mended"}, attempts=tried), use_case, Judge(CALM))
    assert_waits(again, "2020-01 could not be taken in")


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
    now = untouched(attempts={intent: attempts}, interrupted={intent: interrupted})

    decision = on_arrival(now, use_case, Judge(CALM))

    assert isinstance(decision, Ingest)
    assert decision.batch == batch
    assert now.run_key(decision.intent) == key


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (untouched(under_way=("ingest", "train")), "2020-01 waits: ingest is under way"),
        (watched(undecided="m"), "2020-04 waits for the decision on a finished challenger"),
        (watched(), "2020-04 waits for the training up to 2020-03"),
        (
            untouched(delivered={A: "a", B: "b", C: "c"}, ingested={A: "a", B: "b"}),
            "2020-03 waits for the training up to 2020-02",
        ),
    ],
    ids=["a run", "a decision", "a retraining", "the first training"],
)
def test_a_batch_waits_for_what_earlier_ones_set_off(
    now: Situation, words: str, use_case: UseCase
) -> None:
    assert_waits(on_arrival(now, use_case, Judge(ALARM)), words)


def test_a_batch_does_not_wait_for_what_was_tried_and_failed(use_case: UseCase) -> None:
    failed = {"train up to 2020-03 as declared d": 1, "decide on m trained up to 2020-02": 1}
    now = watched(undecided="m", attempts=failed)

    decision = on_arrival(now, use_case, Judge(ALARM))

    assert isinstance(decision, Ingest)
    assert decision.batch == D


def test_a_batch_that_could_not_be_watched_is_not_tried_again(use_case: UseCase) -> None:
    now = released(
        delivered={A: "a", B: "b", C: "c"},
        ingested={A: "a", B: "b", C: "c"},
        attempts={"ingest 2020-03 with content c": 1},
    )

    assert_waits(on_arrival(now, use_case, Judge(CALM)), "2020-03 could not be taken in")
