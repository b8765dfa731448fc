"""The gate: whether a challenger becomes the champion.

Belongs here: the decision, as a pure function of evidence that was read again when it is asked.
Does not belong here: gathering the evidence (``gathering.py``), the limits of the policy
(``limits.py``), the signatures (``approval.py``), nor what follows from the answer (``assets.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mlops_assets.catalog import BY_NAME
from mlops_assets.policy_declaration import Promotion
from mlops_assets.release.candidate import Candidate, candidate_objections
from mlops_assets.release.limits import Demands, Judgement, Measured, judge_limits
from mlops_assets.target_declaration import Task

if TYPE_CHECKING:
    from mlops_assets.release.approval import Approval

Outcome = Literal[
    "first release", "promoted", "rejected", "awaits A/B test", "awaits approval", "rolled back"
]
"""Of a decision; a test or an approval that is awaited is none yet, and a rollback is a
person's."""

JUDGED_REPORTS = (
    "evaluation_report",
    "fairness_report",
    "explainability_report",
    "risk_report",
)
"""The reports that say by hash which challenger they are about."""
APPROVAL = "approval"


@dataclass(frozen=True)
class Evidence:
    """What is known about a challenger at the moment of the decision.

    ``current`` are the hashes of its artifacts as they stand now, ``subjects`` the hashes that each
    report says it is about, ``measured`` its figures that a policy may limit; ``None`` anywhere
    means that it could not be read. ``gain_low`` is the lower bound of the champion's loss
    (``answers.row_losses``) minus the challenger's on the newest labelled rows;
    ``champion_saw_test_rows`` whether those rows were among the champion's training batches;
    ``nobody_left_out`` whether the training rows represent every sensitive group as far as the use
    case demands it; ``onnx_agrees`` whether the ONNX form answered as the model when it was made;
    ``forms_agree`` whether it does on the test rows and in every slice of them; ``beats_baseline``
    whether it was measurably better, in the cross-validation of its window, than the dummy that
    answers the same for all rows. A first
    release is asked two lower bounds on the test rows besides: ``baseline_gain_low`` of the paired
    gain over that dummy, and, of a binary task, ``roc_auc_low``. ``withdrawn`` says whether this
    very evidence made a release that a rollback took back. ``candidate`` is the bundle that would
    be released, ``serving_against`` what its infra check says against it (nothing where it is
    empty). ``trial_against`` is why the A/B test does not show what the use case demands (``""``
    where it does), and ``trial_is_lost`` whether more of it would change nothing. ``digest`` is
    what there is to approve, ``approval_of`` what ``approval`` was asked about, and ``approval``
    its verdict made now.
    """

    task: Task
    current: Mapping[str, str | None]
    subjects: Mapping[str, Mapping[str, str] | None]
    measured: Mapping[str, Measured | None]
    champion: str | None
    compared_with: str | None
    champion_saw_test_rows: bool | None
    onnx_agrees: bool | None
    forms_agree: bool | None
    beats_baseline: bool | None
    no_leakage: bool | None
    nobody_left_out: bool | None
    baseline_gain_low: float | None
    roc_auc_low: float | None
    gain_low: float | None
    withdrawn: bool | None
    candidate: Candidate | None = None
    serving_against: tuple[str, ...] | None = None
    trial_against: str | None = None
    trial_is_lost: bool = False
    digest: str | None = None
    approval_of: str | None = None
    approval: "Approval | None" = None


@dataclass(frozen=True)
class Decision:
    """What to do and why. ``reasons`` are sentences; for a rejection, all that speak against it.
    ``notes`` are what does not decide, and has to be known beside it."""

    outcome: Outcome
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def promotes(self) -> bool:
        return self.outcome in ("first release", "promoted")


def decide(evidence: Evidence, promotion: Promotion, demands: Demands) -> Decision:
    """Promote only what is shown to be sound, better and within every limit, and is approved where
    the policy asks for it; anything missing speaks against it."""
    found = objections(evidence, promotion, demands)
    against = (*found.against, *_broken_approval(evidence, demands))
    trial = _trial_objection(evidence, promotion)
    if against and against == (trial,) and not evidence.trial_is_lost:
        return Decision("awaits A/B test", against, found.notes)
    if against:
        return Decision("rejected", against, found.notes)
    approval = evidence.approval
    if approval is not None and not approval.holds:
        refused = [f"{each.source} does not count: {each.reason}" for each in approval.refused]
        return Decision("awaits approval", (approval.missing, *refused), found.notes)
    if evidence.champion is None:
        return Decision("first release", (_why_first(evidence, promotion),), found.notes)
    return Decision(
        "promoted",
        (
            f"better than the champion by at least {evidence.gain_low:.4f} of the loss on the "
            f"newest labelled rows, at {promotion.confidence:.0%} confidence",
        ),
        found.notes,
    )


def objections(evidence: Evidence, promotion: Promotion, demands: Demands) -> Judgement:
    """All that speaks against a release but for its approval, and what is only noted."""
    limits = judge_limits(evidence.measured, demands, has_champion=evidence.champion is not None)
    against = [*_broken_chain(evidence), *_unsound(evidence), *_unfit_to_serve(evidence)]
    against += [
        f"{name} is not declared, which the policy {demands.policy.policy_class!r} demands"
        for name in demands.undeclared
    ]
    against += limits.against
    against += (
        _not_good_enough_to_start(evidence, promotion)
        if evidence.champion is None
        else _not_better(evidence, promotion)
    )
    trial = _trial_objection(evidence, promotion)
    return Judgement((*against, *([] if trial is None else [trial])), limits.notes)


def _broken_chain(evidence: Evidence) -> list[str]:
    needed = [name for name in BY_NAME["release"].upstream if name != APPROVAL]
    against = [f"{name} is missing" for name in needed if evidence.current.get(name) is None]
    for report in JUDGED_REPORTS:
        named = evidence.subjects.get(report)
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


def _broken_approval(evidence: Evidence, demands: Demands) -> list[str]:
    """What is wrong with the approval itself; that it is not given yet is not."""
    if evidence.current.get(APPROVAL) is None or evidence.approval is None:
        return ["approval is missing"]
    if evidence.digest is None or evidence.approval_of != evidence.digest:
        return ["approval was asked about other evidence: materialize it again"]
    if evidence.approval.required is not demands.policy.approval:
        return ["whether the policy asks for an approval is not what the approval was asked"]
    return []


def _why_first(evidence: Evidence, promotion: Promotion) -> str:
    if evidence.task == "binary":
        return (
            f"no champion yet, and the ROC AUC is at least {evidence.roc_auc_low:.4f}: the limit "
            f"is {promotion.first_min_roc_auc}"
        )
    return (
        "no champion yet, and it is better than the baseline that answers the same for all rows, "
        f"at {promotion.confidence:.0%} confidence"
    )


def _unsound(evidence: Evidence) -> list[str]:
    found: tuple[tuple[bool | None, str, str], ...] = (
        (
            evidence.onnx_agrees,
            "whether the ONNX form agrees with the model is unknown",
            "the ONNX form does not agree with the model",
        ),
        (
            evidence.forms_agree,
            "whether the ONNX form agrees in every slice is unknown",
            "the ONNX form does not agree in every slice: see evaluation_report",
        ),
        (
            evidence.beats_baseline,
            "whether it is better than the baseline is unknown",
            "not measurably better, over its window, than the baseline that answers the same for "
            "all rows: see evaluation_report",
        ),
        (
            evidence.no_leakage,
            "whether the features give the target away is unknown",
            "the features give the target away: see leakage.json",
        ),
        (
            evidence.nobody_left_out,
            "whether the training rows leave a group out is unknown",
            "the training rows leave a group out: see representation_report",
        ),
    )
    against = [
        unknown if holds is None else broken
        for holds, unknown, broken in found
        if holds is not True
    ]
    if evidence.withdrawn is not False:
        against.append(
            "a rollback took this release back, and its evidence is the same"
            if evidence.withdrawn
            else "whether a rollback took it back is unknown"
        )
    return against


def _unfit_to_serve(evidence: Evidence) -> list[str]:
    """What speaks against the very bundle: what it is, and what a server of it showed."""
    against = candidate_objections(evidence.candidate, evidence.current, evidence.compared_with)
    if evidence.serving_against is None:
        return [*against, "whether a server of the candidate keeps its budget is unknown"]
    return [*against, *evidence.serving_against]


def _trial_objection(evidence: Evidence, promotion: Promotion) -> str | None:
    """A first release has nothing to be tested against."""
    if not promotion.ab_test or evidence.champion is None:
        return None
    if evidence.trial_against is None:
        return "what the A/B test shows is unknown"
    return evidence.trial_against or None


def _not_good_enough_to_start(evidence: Evidence, promotion: Promotion) -> list[str]:
    if evidence.compared_with is not None:
        return ["the evaluation compares with a champion, but there is none"]
    if evidence.baseline_gain_low is None:
        return ["how much better than the baseline it is on the newest labelled rows is unknown"]
    if not evidence.baseline_gain_low > 0.0:
        return [
            "not shown to be better than the baseline that answers the same for all rows: its gain "
            f"of the loss on the newest labelled rows may be {evidence.baseline_gain_low:+.4f}, at "
            f"{promotion.confidence:.0%} confidence"
        ]
    if evidence.task != "binary":
        return []
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
            "not shown to be better than the champion: its gain of the loss on the newest "
            f"labelled rows may be {evidence.gain_low:+.4f}, at {promotion.confidence:.0%} "
            "confidence"
        ]
    return []
