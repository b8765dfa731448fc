"""The gate: whether a challenger becomes the champion.

Belongs here: the decision, as a pure function of evidence that was read again when it is asked.
Does not belong here: gathering the evidence (``assets.py``), nor what follows from the answer
(``bundle.py``, ``champion.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_assets.catalog import BY_NAME
from mlops_assets.use_case import Promotion

Outcome = Literal["first release", "promoted", "rejected"]


@dataclass(frozen=True)
class Evidence:
    """What is known about a challenger at the moment of the decision.

    ``current`` are the hashes of its artifacts as they stand now, ``evaluated`` and ``explained``
    the hashes the two reports say they are about; ``None`` anywhere means that it could not be
    read. ``gain_low`` is the lower bound of the champion's log loss minus the challenger's on the
    newest labelled rows; ``champion_saw_test_rows`` whether those rows were among the champion's
    training batches; ``nobody_left_out`` whether the training rows represent every sensitive
    group as far as the use case demands it.
    """

    current: Mapping[str, str | None]
    evaluated: Mapping[str, str] | None
    explained: Mapping[str, str] | None
    champion: str | None
    compared_with: str | None
    champion_saw_test_rows: bool | None
    onnx_agrees: bool | None
    no_leakage: bool | None
    nobody_left_out: bool | None
    roc_auc_low: float | None
    gain_low: float | None


@dataclass(frozen=True)
class Decision:
    """What to do and why. ``reasons`` are sentences; for a rejection, all that speak against it."""

    outcome: Outcome
    reasons: tuple[str, ...]

    @property
    def promotes(self) -> bool:
        return self.outcome != "rejected"


def decide(evidence: Evidence, promotion: Promotion) -> Decision:
    """Promote only what is shown to be sound and better; anything missing speaks against it."""
    against = [*_broken_chain(evidence), *_unsound(evidence)]
    against += (
        _not_good_enough_to_start(evidence, promotion)
        if evidence.champion is None
        else _not_better(evidence, promotion)
    )
    if against:
        return Decision("rejected", tuple(against))
    if evidence.champion is None:
        return Decision(
            "first release",
            (
                f"no champion yet, and the ROC AUC is at least {evidence.roc_auc_low:.4f}: the "
                f"limit is {promotion.first_min_roc_auc}",
            ),
        )
    return Decision(
        "promoted",
        (
            f"better than the champion by at least {evidence.gain_low:.4f} log loss on the newest "
            f"labelled rows, at {promotion.confidence:.0%} confidence",
        ),
    )


def _broken_chain(evidence: Evidence) -> list[str]:
    needed = BY_NAME["release"].upstream
    against = [f"{name} is missing" for name in needed if evidence.current.get(name) is None]
    for report, named in (
        ("evaluation_report", evidence.evaluated),
        ("explainability_report", evidence.explained),
    ):
        if not named:
            against.append(f"{report} does not say what it is about")
            continue
        against += [
            f"{report} does not say which {name} it is about"
            for name in BY_NAME[report].upstream
            if name not in named
        ]
        against += [
            f"{report} is about another {name} than the one to be released"
            for name, found in named.items()
            if evidence.current.get(name) != found
        ]
    return against


def _unsound(evidence: Evidence) -> list[str]:
    against = []
    if evidence.onnx_agrees is None:
        against.append("whether the ONNX form agrees with the model is unknown")
    elif not evidence.onnx_agrees:
        against.append("the ONNX form does not agree with the model")
    if evidence.no_leakage is None:
        against.append("whether the features give the target away is unknown")
    elif not evidence.no_leakage:
        against.append("the features give the target away: see leakage.json")
    if evidence.nobody_left_out is None:
        against.append("whether the training rows leave a group out is unknown")
    elif not evidence.nobody_left_out:
        against.append("the training rows leave a group out: see representation_report")
    return against


def _not_good_enough_to_start(evidence: Evidence, promotion: Promotion) -> list[str]:
    if evidence.compared_with is not None:
        return ["the evaluation compares with a champion, but there is none"]
    if evidence.roc_auc_low is None:
        return ["the ROC AUC of the challenger is unknown"]
    # Written so that NaN, which compares with nothing, speaks against it as well.
    if not evidence.roc_auc_low >= promotion.first_min_roc_auc:
        return [
            f"the ROC AUC may be as low as {evidence.roc_auc_low:.4f}, and a first release needs "
            f"{promotion.first_min_roc_auc}"
        ]
    return []


def _not_better(evidence: Evidence, promotion: Promotion) -> list[str]:
    if evidence.compared_with != evidence.champion:
        return ["the evaluation compares with another champion than the present one"]
    if evidence.champion_saw_test_rows is not False:
        return ["the champion may have learned from the rows of the comparison"]
    if evidence.gain_low is None:
        return ["the difference to the champion is unknown"]
    if not evidence.gain_low > 0.0:
        return [
            "not shown to be better than the champion: its log loss gain on the newest labelled "
            f"rows may be {evidence.gain_low:+.4f}, at {promotion.confidence:.0%} confidence"
        ]
    return []
