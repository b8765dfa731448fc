"""Situations that the decisions are asked about, and a judge that remembers what it was asked."""

from typing import Any

from mlops_assets.monitoring.retraining import Verdict
from sensors.decisions import (
    Ingest,
    Promote,
    Train,
    Verify,
    Wait,
)
from sensors.situation import Situation

A, B, C, D = "2020-01", "2020-02", "2020-03", "2020-04"
CALM = Verdict(False, "performance held; no drift")
ALARM = Verdict(True, "drift in wind")


def untouched(**changes: Any) -> Situation:
    """Two batches delivered, nothing done yet."""
    nothing: dict[str, Any] = {
        "delivered": {A: "a", B: "b"},
        "ingested": {},
        "unprofiled": (),
        "unusable": (),
        "watched": (),
        "declaration": "d",
        "trained_as": None,
        "trained_until": None,
        "undecided": None,
        "awaits_approval": None,
        "approvals": None,
        "trial": None,
        "tried_out": None,
        "unverified": None,
        "first_release": None,
        "under_way": (),
        "attempts": {},
        "interrupted": {},
    }
    return Situation(**{**nothing, **changes})


def released(**changes: Any) -> Situation:
    """A champion of the first two batches, and two later ones delivered."""
    champion: dict[str, Any] = {
        "delivered": {A: "a", B: "b", C: "c", D: "d"},
        "ingested": {A: "a", B: "b"},
        "trained_until": B,
        "first_release": B,
    }
    return untouched(**{**champion, **changes})


def watched(**changes: Any) -> Situation:
    """The same, with the third batch taken in and watched."""
    seen = {"ingested": {A: "a", B: "b", C: "c"}, "watched": (C,)}
    return released(**{**seen, **changes})


class Judge:
    """Answers with one verdict and remembers what it was asked."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.asked: list[str] = []

    def __call__(self, batch: str) -> Verdict:
        self.asked.append(batch)
        return self.verdict


def assert_waits(decision: Ingest | Train | Verify | Promote | Wait, *words: str) -> None:
    assert isinstance(decision, Wait)
    for word in words:
        assert word in decision.why
