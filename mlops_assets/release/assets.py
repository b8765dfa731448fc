"""The assets of the release stage: ``candidate``, the bundle that may be released, ``infra_check``,
what a real server of it showed, ``approval``, who said yes, and ``release``, the champion and the
decision that made it, or the rollback."""

from pathlib import Path
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
from mlops_assets.release.candidate import CANDIDATE, FILE, candidate_record
from mlops_assets.release.gate import APPROVAL, Decision, decide, objections
from mlops_assets.release.gathering import (
    DECIDED_ON,
    demands_of,
    gather_evidence,
    ledger_entry,
    trained_by,
    trial_rows,
    watched_batches,
)
from mlops_assets.release.infra_check import INFRA_CHECK, infra_report
from mlops_assets.serving.release import manifest
from resources.actor import actor
from resources.approvals import (
    SETTING,
    evidence_files,
    kept_approval,
    sha256_of_files,
    signature_texts,
    state_of,
    subject_of,
    write_signature,
)
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.assets import define, stored, storing, write_report
from resources.dvc_lock import fields_md5, record_in_dvc_lock
from resources.workspace import Workspace

NO_FIRST_RELEASE = "no first release"
"""What the message of a run begins with that found no challenger good enough to start with."""
AWAITS_APPROVAL = "awaits approval"
"""What the message of a run begins with that was asked to decide before anybody had signed."""
AWAITS_TRIAL = "awaits A/B test"
"""What it begins with where the A/B test does not show enough yet."""


LOST_APPROVAL = {"lost": "the record of who approved this release is in no cache"}


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
    return [
        _candidate(workspace),
        _infra_check(workspace),
        _approval(workspace),
        _release(workspace),
    ]


def _candidate(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, CANDIDATE)
    def candidate() -> dg.MaterializeResult[Any]:
        key = ArtifactKey(CANDIDATE)
        name = make_bundle(workspace)
        bundle = workspace.releases.bundle(name)
        record = candidate_record(name, manifest(bundle), sha256_of_files(bundle))
        with storing(workspace, key) as folder:
            (folder / FILE).write_bytes(json_bytes(record))
        shown = {"bundle": name, "serves": record["serves"], "files": len(record["files"])}
        return stored(workspace, key, shown)

    return candidate


def _infra_check(workspace: Workspace) -> dg.AssetsDefinition:
    @define(workspace, INFRA_CHECK)
    def infra_check(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.release.infra_page import infra_page
        from mlops_assets.release.trial import try_out
        from mlops_assets.release.trial_server import serving_command

        key, use_case = ArtifactKey(INFRA_CHECK), workspace.use_case
        name = workspace.store.json(ArtifactKey(CANDIDATE), FILE)["bundle"]
        bundle, budget = workspace.releases.bundle(name), use_case.serving.budget
        command = serving_command(workspace.store.root.resolve(), name)
        rows = trial_rows(workspace, bundle)
        measured, said = try_out(command, bundle, workspace.name, rows, budget)
        report = infra_report(use_case.title, name, manifest(bundle)["serves"], measured, budget)
        if not report["holds"]:
            context.log.warning("\n".join(["the server wrote last:", *said]))
        with storing(workspace, key) as folder:
            shown = write_report(folder, report, infra_page(report), use_case.language)
        figures = {name: value for name, value in report["figures"].items() if value is not None}
        return stored(workspace, key, {**shown, **figures})

    return infra_check


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
        if decision.outcome == AWAITS_APPROVAL:
            raise MissingArtifactError(f"{decision.outcome}: {said}")
        present = champion(workspace.releases.entries())
        if decision.outcome == AWAITS_TRIAL and present is not None:
            return _undecided(workspace, decision, present)
        bundle = evidence.candidate.bundle if evidence.candidate else None
        entry = ledger_entry(workspace, decision, evidence, bundle if decision.promotes else None)
        if not decision.promotes and present is None:
            workspace.releases.record(entry)
            raise MissingArtifactError(f"{NO_FIRST_RELEASE}: {said}")
        # What the challenger is compared with is not the champion where it is the champion itself.
        serves = entry if decision.promotes or present is None else present
        with storing(workspace, ArtifactKey("release")) as folder:
            _write_release(workspace, folder, serves)
        return _recorded(workspace, entry)

    return release


def _roll_back(workspace: Workspace, config: RollbackConfig) -> dg.MaterializeResult[Any]:
    """Bring an earlier release back. Only it is needed: no present artifact has to be sound."""
    try:
        entry = rollback_entry(
            workspace.releases.entries(),
            config.rollback_to,
            config.reason,
            by=actor(),
            watched=watched_batches(workspace),
        )
    except RollbackError as error:
        raise MissingArtifactError(str(error)) from error
    workspace.releases.bundle(config.rollback_to)
    lineages = {name: workspace.store.lineage(ArtifactKey(name)) for name in DECIDED_ON}
    with workspace.store.write(
        ArtifactKey("release"),
        upstream={name: lineage.hash for name, lineage in lineages.items() if lineage},
        code=workspace.code_hashes["release"],
        settings={"fields": fields_md5(workspace, BY_NAME["release"])},
    ) as folder:
        _write_release(workspace, folder, entry)
    record_in_dvc_lock(workspace)
    return _recorded(workspace, entry)


def _write_release(workspace: Workspace, folder: Path, entry: Entry) -> None:
    """Which bundle serves, as its ledger's ``entry`` says, and beside it who approved it. A record
    that is in no cache any more is no reason not to go back to what worked."""
    pointer = {"champion": entry.release, "bundle": f"releases/{entry.release}"}
    approval = kept_approval(workspace, entry) or LOST_APPROVAL
    (folder / "release.json").write_bytes(json_bytes(pointer))
    (folder / "approval.json").write_bytes(json_bytes(approval))


def _undecided(
    workspace: Workspace, decision: Decision, present: Entry
) -> dg.MaterializeResult[Any]:
    """The champion stays until the test has shown enough; nothing was decided, or is recorded."""
    with storing(workspace, ArtifactKey("release")) as folder:
        _write_release(workspace, folder, present)
    said = {"outcome": decision.outcome, "reasons": _listed(decision.reasons)}
    return stored(
        workspace, ArtifactKey("release"), {"champion": present.release or "none", **said}
    )


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
