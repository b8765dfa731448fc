"""The assets of the release stage: ``approval``, who said yes, and ``release``, the champion and
the decision that made it, or the rollback."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import json_bytes
from mlops_assets.governance.ledger import (
    Entry,
    RollbackError,
    champion,
    rollback_entry,
)
from mlops_assets.governance.policy import effective_policy
from mlops_assets.release.approval import Approval, Signed, Statement, verdict
from mlops_assets.release.approval_record import approval_record, read_signatures
from mlops_assets.release.bundling import make_bundle
from mlops_assets.release.gate import APPROVAL, Decision, Evidence, decide, objections
from mlops_assets.release.gathering import MADE_OF, demands_of, gather_evidence, trained_by
from resources.actor import actor
from resources.approvals import (
    SETTING,
    evidence_files,
    signature_texts,
    state_of,
    subject_of,
    write_signature,
)
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.assets import define, stored, storing
from resources.dvc_lock import fields_md5, record_in_dvc_lock
from resources.workspace import Workspace

NO_FIRST_RELEASE = "no first release"
"""What the message of a run begins with that found no challenger good enough to start with."""
AWAITS_APPROVAL = "awaits approval"
"""What the message of a run begins with that was asked to decide before anybody had signed."""


class SignatureConfig(dg.Config):
    """A signature that was made elsewhere (``mlops approve --print-signature``)."""

    approver: str = ""
    comment: str = ""
    signature: str = ""


class RollbackConfig(dg.Config):
    """Which earlier release is to come back, and why; empty where the gate is to decide."""

    rollback_to: str = ""
    reason: str = ""


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_approval(workspace), _release(workspace)]


def _approval(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, APPROVAL)
    def approval(
        context: dg.AssetExecutionContext, config: SignatureConfig
    ) -> dg.MaterializeResult[Any]:
        key = ArtifactKey(APPROVAL)
        files = evidence_files(workspace)
        subject = subject_of(workspace, files)
        if config.signature:
            said = Statement(
                **vars(subject),
                approver=config.approver,
                role=_role_of(workspace, config.approver),
                comment=config.comment,
            )
            take_in_signature(workspace, Signed(said, config.signature))
        texts = signature_texts(workspace, subject.evidence)
        trainers = trained_by(workspace, workspace.store.hash(ArtifactKey("model")))
        given = verdict(
            read_signatures(texts),
            subject,
            workspace.use_case.policy.approvers,
            trainers,
            required=effective_policy(workspace.use_case).approval,
        )
        against = _objections(workspace) if given.required else ()
        record = approval_record(subject, files, given, texts, trained_by=trainers, against=against)
        settings = {SETTING: state_of(workspace, subject.evidence)}
        with storing(workspace, key, settings=settings) as folder:
            (folder / "approval.json").write_bytes(json_bytes(record))
        context.log.info(given.missing or "nothing is missing")
        return stored(workspace, key, _approval_metadata(given, subject.evidence, against))

    return approval


def take_in_signature(workspace: Workspace, signed: Signed) -> None:
    """Keep a signature as a file, where it is a valid one of an approver under what there is to
    approve now. Raises ``MissingArtifactError`` where it is not: then nothing is kept."""
    subject = subject_of(workspace, evidence_files(workspace))
    approvers = workspace.use_case.policy.approvers
    alone = verdict({"the signature": signed}, subject, approvers, (), required=False)
    if alone.refused:
        raise MissingArtifactError(f"nothing was approved: {alone.refused[0].reason}")
    write_signature(workspace, signed)


def _role_of(workspace: Workspace, name: str) -> str:
    declared = [a.role for a in workspace.use_case.policy.approvers if a.name == name]
    return declared[0] if declared else ""


def _objections(workspace: Workspace) -> tuple[str, ...]:
    demands, promotion = demands_of(workspace.use_case), workspace.use_case.promotion
    return objections(gather_evidence(workspace), promotion, demands).against


def _approval_metadata(given: Approval, evidence: str, against: tuple[str, ...]) -> dict[str, Any]:
    refused = [f"{each.source}: {each.reason}" for each in given.refused]
    return {
        "evidence": evidence,
        "required": given.required,
        "holds": given.holds,
        "missing": given.missing or "nothing",
        "approved_by": [said.approver for said in given.approved_by],
        "refused": _listed(refused),
        "speaks_against": _listed(against),
    }


def _listed(sentences: tuple[str, ...] | list[str]) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {said}" for said in sentences) or "none")


def _release(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, "release")
    def release(
        context: dg.AssetExecutionContext, config: RollbackConfig
    ) -> dg.MaterializeResult[Any]:
        if config.rollback_to or config.reason:
            return _roll_back(workspace, config)
        evidence = gather_evidence(workspace)
        decision = decide(evidence, workspace.use_case.promotion, demands_of(workspace.use_case))
        said = "; ".join(decision.reasons)
        context.log.info(f"{decision.outcome}: {said}")
        if decision.outcome == "awaits approval":
            raise MissingArtifactError(f"{AWAITS_APPROVAL}: {said}")
        present = champion(workspace.releases.entries())
        if not decision.promotes and present is None:
            workspace.releases.record(_entry(workspace, decision, evidence, None))
            raise MissingArtifactError(f"{NO_FIRST_RELEASE}: {said}")
        made = make_bundle(workspace, evidence.champion) if decision.promotes else None
        # What the challenger is compared with is not the champion where it is the champion itself.
        serves = made or (present.release if present else None)
        with storing(workspace, ArtifactKey("release")) as folder:
            (folder / "release.json").write_bytes(json_bytes(_pointer(serves)))
        return _recorded(workspace, _entry(workspace, decision, evidence, made))

    return release


def _roll_back(workspace: Workspace, config: RollbackConfig) -> dg.MaterializeResult[Any]:
    """Bring an earlier release back. Only it is needed: no present artifact has to be sound."""
    try:
        entry = rollback_entry(
            workspace.releases.entries(),
            config.rollback_to,
            config.reason,
            by=actor(),
            watched=_watched(workspace),
        )
    except RollbackError as error:
        raise MissingArtifactError(str(error)) from error
    workspace.releases.bundle(config.rollback_to)
    lineages = {name: workspace.store.lineage(ArtifactKey(name)) for name in MADE_OF}
    with workspace.store.write(
        ArtifactKey("release"),
        upstream={name: lineage.hash for name, lineage in lineages.items() if lineage},
        code=workspace.code_hashes["release"],
        settings={"fields": fields_md5(workspace, BY_NAME["release"])},
    ) as folder:
        (folder / "release.json").write_bytes(json_bytes(_pointer(entry.release)))
    record_in_dvc_lock(workspace)
    return _recorded(workspace, entry)


def _pointer(release: str | None) -> Mapping[str, Any]:
    return {"champion": release, "bundle": f"releases/{release}"}


def _recorded(workspace: Workspace, entry: Entry) -> dg.MaterializeResult[Any]:
    """Keep the decision; what the UI shows of it."""
    workspace.releases.record(entry)
    entries = workspace.releases.entries()
    present = champion(entries)
    return stored(
        workspace,
        ArtifactKey("release"),
        {
            "champion": present.release if present else "none",
            "outcome": entry.outcome,
            "reasons": _listed(entry.reasons),
            "notes": _listed(entry.notes),
            "challenger": entry.challenger,
            "training_window_ends": entry.batch,
            "policy": entry.policy_class or "unknown",
            "approved_by": list(entry.approved_by),
            **({"decided_by": entry.decided_by} if entry.decided_by else {}),
            "decisions": len(entries),
        },
    )


def _entry(workspace: Workspace, decision: Decision, evidence: Evidence, made: str | None) -> Entry:
    last_batch = workspace.store.json(ArtifactKey("features"), "features.json")["last_batch"]
    approval = evidence.approval
    newest = max(_watched(workspace), default="")
    return Entry(
        batch=last_batch,
        challenger=evidence.current["onnx_model"] or "",
        outcome=decision.outcome,
        reasons=decision.reasons,
        release=made,
        champion_before=evidence.champion,
        evidence={name: found for name, found in evidence.current.items() if found is not None},
        notes=decision.notes,
        policy_class=workspace.use_case.policy.ai_act_class,
        approved_by=tuple(s.approver for s in approval.approved_by) if approval else (),
        trained_by=trained_by(workspace, evidence.current["model"]),
        applies_after=newest if newest > last_batch else None,
    )


def _watched(workspace: Workspace) -> list[str]:
    """The batches that a champion was asked about."""
    names = ("drift_report", "performance_report")
    return sorted({batch for name in names for batch in workspace.store.batches(name)})
