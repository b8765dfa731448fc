"""The facts every sensor decides on, gathered once a tick.

Belongs here: reading what is there. Does not belong here: any decision (``arrivals.py``,
``retraining.py``, ``promotion.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import json_md5
from mlops_assets.data.batches import usable_batches
from mlops_assets.governance.ledger import decided, latest_decision
from mlops_assets.governance.policy import effective_policy
from resources.approvals import APPROVED, AskedApproval, asked_approval, made_of
from resources.artifact_store import ArtifactKey, ArtifactStore
from resources.assets import SOURCE_LOST_TAG
from resources.dvc_lock import fields_md5
from resources.workspace import Workspace
from sensors.attempts import Attempts
from sensors.trials import demanded_trial, tried_out

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
DECIDES_TRAINING = ("features", "model")
MONITORS = ("drift_report", "performance_report")
USE_CASE_TAG = "mlops/use_case"
INTENT_TAG = "mlops/intent"
CAUSE_TAG = "mlops/cause"


@dataclass(frozen=True)
class Situation(Attempts):
    """What is known about one use case at the moment of a tick.

    ``delivered`` maps the source's batches, oldest first, to what they would be made from (the
    fingerprint of the delivery, the declaration, and a person's corrections where there are any);
    ``ingested`` the cleaned ones to what they were made from; of these ``unprofiled`` have no
    profile, ``unusable`` may not be learned from (asked until there is a release), and ``watched``
    have both reports on what is ingested. ``declaration`` is the hash of what decides a training,
    ``trained_as`` that of the latest complete challenger. ``trained_until`` is the last batch of
    its window, ``undecided`` its hash where no decision was taken on it. ``awaits_approval`` says
    what to do where a person's signature is all that it lacks; ``approvals`` is the state of the
    signatures, where the policy asks for one, and ``unverified`` their state where the approval
    was asked in another, or not about this challenger. ``first_release`` is the batch after which
    a champion has predicted. ``attempts`` counts earlier runs by intent, ``interrupted`` those that
    were cut off before they could finish, by the loss of their process or of the source.
    """

    delivered: Mapping[str, str]
    ingested: Mapping[str, str]
    unprofiled: tuple[str, ...]
    unusable: tuple[str, ...]
    watched: tuple[str, ...]
    declaration: str
    trained_as: str | None
    trained_until: str | None
    undecided: str | None
    awaits_approval: str | None
    approvals: str | None
    trial: str | None
    tried_out: str | None
    unverified: str | None
    first_release: str | None
    under_way: tuple[str, ...]
    attempts: Mapping[str, int]
    interrupted: Mapping[str, int]

    @property
    def has_champion(self) -> bool:
        return self.first_release is not None

    def is_predicted(self, batch: str) -> bool:
        """Whether a champion has not learned from ``batch``, so that it can be watched."""
        return self.first_release is not None and batch > self.first_release


def gather(workspace: Workspace, instance: dg.DagsterInstance) -> Situation:
    """The present situation. Raises ``SourceError`` where the source cannot be read: a source
    that is away is not a source without batches."""
    store = workspace.store
    cleaned_as = fields_md5(workspace, BY_NAME["cleaned_dataset"])
    delivered = {
        delivery.name: _identity(
            delivery.fingerprint, cleaned_as, workspace.corrections_md5(delivery.name)
        )
        for delivery in workspace.source.deliveries()
    }
    ingested = {batch: _made_from(store, batch) for batch in store.batches("cleaned_dataset")}
    entries = workspace.releases.entries()
    first_release = min((e.batch for e in entries if e.release is not None), default=None)
    challenger = _complete_challenger(store)
    decision = decided(entries, *challenger) if challenger else None
    before = latest_decision(entries)
    latest = challenger[0] if challenger else before.batch if before else None
    undecided = challenger[1] if challenger and decision is None else None
    requires_approval = effective_policy(workspace.use_case).approval
    asked = asked_approval(workspace) if undecided and requires_approval else None
    unverified = undecided is not None and requires_approval and not (asked and asked.is_current)
    runs = instance.get_runs(filters=dg.RunsFilter(tags={USE_CASE_TAG: workspace.name}))
    intents = [(run.tags.get(INTENT_TAG), _is_interrupted(run)) for run in runs]
    return Situation(
        delivered=delivered,
        ingested=ingested,
        unprofiled=tuple(b for b in ingested if not _are_made(store, b, "data_profile")),
        unusable=tuple(usable_batches(workspace)[1]) if first_release is None else (),
        watched=tuple(batch for batch in ingested if _are_made(store, batch, *MONITORS)),
        declaration=json_md5([fields_md5(workspace, BY_NAME[name]) for name in DECIDES_TRAINING]),
        trained_as=_trained_as(store) if challenger else None,
        trained_until=latest,
        undecided=undecided,
        awaits_approval=awaited_approval(workspace, asked),
        approvals=asked.state if asked else None,
        trial=demanded_trial(workspace) if undecided and first_release is not None else None,
        tried_out=tried_out(workspace, entries),
        unverified=_approval_state(workspace, asked) if unverified else None,
        first_release=first_release,
        under_way=_under_way(workspace, instance),
        attempts=_count([i for i, _ in intents]),
        interrupted=_count([intent for intent, interrupted in intents if interrupted]),
    )


def reports(
    workspace: Workspace, batch: str
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The drift and the performance report of a batch, ``None`` where it has none."""
    found = []
    for name in MONITORS:
        key = ArtifactKey(name, batch)
        found.append(workspace.store.report(key) if workspace.store.lineage(key) else None)
    return found[0], found[1]


def _approval_state(workspace: Workspace, asked: AskedApproval | None) -> str:
    """What the approval is to be asked about: other signatures, or evidence that it never was."""
    return asked.state if asked else json_md5(made_of(workspace))


def awaits_decision(workspace: Workspace) -> bool:
    """Whether there is a complete challenger that no decision was taken on."""
    challenger = _complete_challenger(workspace.store)
    entries = workspace.releases.entries()
    return challenger is not None and decided(entries, *challenger) is None


def awaited_approval(workspace: Workspace, asked: AskedApproval | None) -> str | None:
    """What to do where a signature is all that the challenger lacks, ``None`` where it is not."""
    if asked is None or not asked.awaits_signature:
        return None
    return (
        f"awaits approval of {asked.evidence[:16]}, for {asked.missing}: "
        f"mlops evidence {workspace.name} shows what there is to approve, "
        f"mlops approve {workspace.name} signs it"
    )


def _under_way(workspace: Workspace, instance: dg.DagsterInstance) -> tuple[str, ...]:
    """Unfinished runs of the use case's jobs, and those that somebody launched from an asset."""
    unfinished = instance.get_runs(filters=dg.RunsFilter(statuses=list(UNFINISHED)))
    return tuple(
        run.job_name
        for run in unfinished
        if run.tags.get(USE_CASE_TAG) == workspace.name
        or any(key.path[0] == workspace.name for key in run.asset_selection or ())
    )


def _is_interrupted(run: dg.DagsterRun) -> bool:
    return run.status == dg.DagsterRunStatus.CANCELED or SOURCE_LOST_TAG in run.tags


def _identity(fingerprint: str, declaration: str, corrections: str | None) -> str:
    corrected = "" if corrections is None else f" corrected by {corrections}"
    return f"{fingerprint} declared {declaration}{corrected}"


def _trained_as(store: ArtifactStore) -> str:
    """The hash of what decided the training of the present challenger."""
    lineages = [store.lineage(ArtifactKey(name)) for name in DECIDES_TRAINING]
    return json_md5([lineage and lineage.settings["fields"] for lineage in lineages])


def _made_from(store: ArtifactStore, batch: str) -> str:
    """What a cleaned batch was made from. Where the raw copy was replaced since, the batch is not
    taken in, and the answer is the hash of the one it was made from."""
    raw = ArtifactKey("raw_copy", batch)
    cleaned = store.lineage(ArtifactKey("cleaned_dataset", batch))
    if cleaned is None or cleaned.upstream[str(raw)] != store.hash(raw):
        return cleaned.upstream[str(raw)] if cleaned else ""
    fingerprint = str(store.json(raw, "manifest.json")["fingerprint"])
    used = cleaned.settings
    return _identity(fingerprint, used["fields"], used["corrections"])


def _are_made(store: ArtifactStore, batch: str, *names: str) -> bool:
    """Whether these reports are there and about the batch as it is now."""
    cleaned = ArtifactKey("cleaned_dataset", batch)
    found = [store.lineage(ArtifactKey(name, batch)) for name in names]
    return all(r is not None and r.upstream[str(cleaned)] == store.hash(cleaned) for r in found)


def _complete_challenger(store: ArtifactStore) -> tuple[str, str] | None:
    """Last batch and hash of the present challenger, where its evidence is complete and all of
    one piece: a training that was cut off left none."""
    lineages = {name: store.lineage(ArtifactKey(name)) for name in APPROVED}
    for lineage in lineages.values():
        if lineage is None:
            return None
        for name, value in lineage.upstream.items():
            upstream = lineages.get(name)
            if upstream is not None and upstream.hash != value:
                return None
    features, onnx = lineages["features"], lineages["onnx_model"]
    if features is None or onnx is None:
        return None
    return features.settings["last_batch"], onnx.hash


def _count(intents: list[str | None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for intent in intents:
        if intent is not None:
            counts[intent] = counts.get(intent, 0) + 1
    return counts
