"""What a tick does, as pure functions of the situation: each answers with what to do and why.

Belongs here: the three decisions of the loop, arrival, retraining and promotion. Does not belong
here: gathering facts (``situation.py``) or asking Dagster for runs (``loop.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from mlops_assets.monitoring.retraining import Verdict, cooled_down
from mlops_assets.use_case import UseCase
from sensors.situation import Situation

Judge = Callable[[str], Verdict]
"""Answers whether what a watched batch showed calls for retraining."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do, and why: the skip reason of the tick."""

    why: str


@dataclass(frozen=True)
class Ingest:
    """Take in a batch; ``watch`` where a champion can be asked about it."""

    batch: str
    watch: bool
    intent: str
    why: str


@dataclass(frozen=True)
class Train:
    """Train a challenger on the window that ends with ``last_batch``."""

    last_batch: str
    intent: str
    why: str


@dataclass(frozen=True)
class Verify:
    """Look again at who approved a finished challenger."""

    intent: str
    why: str


@dataclass(frozen=True)
class Promote:
    """Decide on a finished challenger."""

    intent: str
    why: str


def on_arrival(now: Situation, use_case: UseCase, judge: Judge) -> Ingest | Wait:
    """Take in the oldest batch that was not yet, once all that earlier ones set off is settled."""
    pending = _pending(now)
    if pending is None:
        return Wait(_nothing_pending(now))
    if now.under_way:
        return Wait(f"{pending} waits: {now.under_way[0]} is under way")
    if _is_to_be_decided(now):
        return Wait(f"{pending} waits for the decision on a finished challenger")
    if now.awaits_approval and not now.has_champion:
        # What comes later must be predicted before it is learned from.
        return Wait(f"{pending} waits: the first release {now.awaits_approval}")
    training = on_evidence(now, use_case, judge)
    if isinstance(training, Train):
        return Wait(f"{pending} waits for the training up to {training.last_batch}")
    return Ingest(
        pending,
        watch=now.is_predicted(pending),
        intent=_ingest_intent(pending, now),
        why=_why_pending(pending, now),
    )


def on_evidence(now: Situation, use_case: UseCase, judge: Judge) -> Train | Wait:
    """Train at first when enough batches are there, later when the newest batch calls for it."""
    if now.under_way:
        return Wait(f"{now.under_way[0]} is under way")
    if _is_to_be_decided(now):
        return Wait("a finished challenger awaits its decision")
    if now.tried_out is not None:
        return Wait(
            f"the challenger is being tried out in test {now.tried_out}, and a training would "
            "replace it: `mlops traffic` shows the test and stops it"
        )
    for batch in now.unprofiled:
        if batch in now.delivered and not now.was_tried(_ingest_intent(batch, now)):
            return Wait(f"{batch} has no profile yet, which is part of a training's evidence")
    if _is_redeclared(now) and not now.was_tried(_training_intent(now.trained_until or "", now)):
        return _training_as_declared(now)
    if not now.has_champion and now.awaits_approval:
        return Wait(f"the first release {now.awaits_approval}")
    if not now.has_champion:
        return _first_training(now, use_case)
    wanted = _retraining(now, use_case, judge)
    if isinstance(wanted, Train) and now.was_tried(wanted.intent):
        return Wait(f"a training up to {wanted.last_batch} was tried and ended: see its run")
    return wanted


def on_challenger(now: Situation) -> Verify | Promote | Wait:
    """Ask the gate about a challenger as soon as its evidence is complete, and approved where the
    policy asks for it. What speaks against it anyway is decided without anybody's approval."""
    if now.under_way:
        return Wait(f"{now.under_way[0]} is under way")
    if now.undecided is None:
        return Wait("no finished challenger awaits a decision")
    challenger = f"{now.undecided} trained up to {now.trained_until}"
    if now.unverified is not None:
        verify = Verify(
            f"verify approvals {now.unverified} of {challenger}",
            "who approved it was never asked, or not with these signatures, approvers and limits",
        )
        return Wait(_TRIED) if now.was_tried(verify.intent) else verify
    if now.awaits_approval is not None:
        return Wait(f"the challenger trained up to {now.trained_until} {now.awaits_approval}")
    approved = "" if now.approvals is None else f" with approvals {now.approvals}"
    tried = "" if now.trial is None else f" with A/B report {now.trial}"
    intent = f"decide on {challenger}{approved}{tried}"
    if now.was_tried(intent):
        return Wait(_TRIED if now.trial is None else _AWAITS_TRIAL)
    return Promote(intent, f"a challenger trained up to {now.trained_until} is complete")


_AWAITS_TRIAL = (
    "the challenger awaits what an A/B test shows: `mlops traffic` starts one and says how it "
    "stands, ab_report compares"
)
_TRIED = "the decision on the present challenger was tried and failed: see its run"


def _is_to_be_decided(now: Situation) -> bool:
    return isinstance(on_challenger(now), Verify | Promote)


def _pending(now: Situation) -> str | None:
    """The oldest batch that has to be taken in: never was, or differs from what was."""
    for batch in now.delivered:
        if not _is_settled(batch, now) and not now.was_tried(_ingest_intent(batch, now)):
            return batch
    return None


def _is_settled(batch: str, now: Situation) -> bool:
    if now.ingested.get(batch) != now.delivered[batch] or batch in now.unprofiled:
        return False
    return batch in now.watched or not now.is_predicted(batch)


def _why_pending(batch: str, now: Situation) -> str:
    if batch not in now.ingested:
        return f"{batch} is new"
    if now.ingested[batch] != now.delivered[batch]:
        return f"{batch} {_what_changed(now.ingested[batch], now.delivered[batch])}"
    if batch in now.unprofiled:
        return f"{batch} has no profile yet"
    return f"{batch} has not been watched yet"


def _what_changed(before: str, now: str) -> str:
    """Of ``content declared hash``, to which ``corrected by hash`` may be added, what differs."""
    if before.split(" ")[0] != now.split(" ")[0]:
        return "was delivered again with other content"
    declared, declared_now = (what.partition(" corrected by ")[0] for what in (before, now))
    return "has new corrections" if declared == declared_now else "is declared otherwise now"


def _nothing_pending(now: Situation) -> str:
    refused = [batch for batch in now.delivered if not _is_settled(batch, now)]
    if refused:
        return f"no new batch, but {', '.join(refused)} could not be taken in: see their runs"
    return f"no new batch: all {len(now.delivered)} of the source are taken in"


def _ingest_intent(batch: str, now: Situation) -> str:
    # Content that comes back after other content had its turn is a new occasion, not the old one.
    every = f"ingest {batch} with content "
    own = f"{every}{now.delivered[batch]}"
    others = sum(
        attempts
        for intent, attempts in now.attempts.items()
        if intent.startswith(every) and intent != own and not intent.startswith(f"{own} (")
    )
    return own if others == 0 else f"{own} (delivery {others + 1})"


def _first_training(now: Situation, use_case: UseCase) -> Train | Wait:
    needed = use_case.training.first_batches
    arrived = sorted(set(now.ingested) - set(now.unusable))
    if len(arrived) < needed:
        return Wait(f"{len(arrived)} of the {needed} batches for the first training are there")
    for last_batch in arrived[needed - 1 :]:
        train = Train(last_batch, _training_intent(last_batch, now), "first training")
        if last_batch > (now.trained_until or "") and not now.was_tried(train.intent):
            return train
    return Wait(f"no first release from training up to {arrived[-1]}: see its run and the ledger")


def _retraining(now: Situation, use_case: UseCase, judge: Judge) -> Train | Wait:
    if not now.watched:
        return Wait("no batch has been watched yet")
    newest = max(now.watched)
    trained_until = now.trained_until or ""
    since = sum(batch > trained_until for batch in now.watched)
    if since == 0:
        return Wait(f"the latest challenger has learned from {newest} already")
    verdict = judge(newest)
    if not verdict.retrain:
        return Wait(f"{newest}: {verdict.why}")
    if not cooled_down(since, use_case.retraining.cooldown_batches):
        return Wait(
            f"{newest}: {verdict.why}, but only {since} of {use_case.retraining.cooldown_batches} "
            "batches have arrived since the last training"
        )
    return Train(newest, _training_intent(newest, now), verdict.why)


def _training_intent(last_batch: str, now: Situation) -> str:
    return f"train up to {last_batch} as declared {now.declaration}"


def _is_redeclared(now: Situation) -> bool:
    """Whether the latest challenger was trained as the use case was declared before."""
    return now.trained_as not in (None, now.declaration)


def _training_as_declared(now: Situation) -> Train | Wait:
    outdated = [b for b in now.ingested if now.delivered.get(b, now.ingested[b]) != now.ingested[b]]
    waiting = [b for b in outdated if not now.was_tried(_ingest_intent(b, now))]
    if waiting:
        return Wait(f"{waiting[0]} is to be cleaned as it is declared now")
    last_batch = now.trained_until or ""
    return Train(
        last_batch, _training_intent(last_batch, now), "the use case is declared otherwise now"
    )
