"""Reading again, by hash, everything that a decision about a challenger rests on.

Belongs here: from artifacts to ``Evidence``. Does not belong here: the decision (``gate.py``), or
what follows from it (``assets.py``). What cannot be read is ``None``, and speaks against a release.
"""

from typing import Any

from mlops_assets.content_hash import hash_folder
from mlops_assets.data.leakage.report import passes
from mlops_assets.data.representation.report import representation_holds
from mlops_assets.governance.ledger import Entry, incumbent, is_withdrawn
from mlops_assets.governance.policy import effective_policy
from mlops_assets.governance.policy_summary import missing_declarations
from mlops_assets.release.approval import Approval, Subject, verdict
from mlops_assets.release.approval_record import read_signatures, texts_of
from mlops_assets.release.gate import APPROVAL, JUDGED_REPORTS, Evidence
from mlops_assets.release.limits import Demands, Measured
from mlops_assets.use_case import UseCase
from resources.actor import trainers
from resources.approvals import APPROVED, evidence_files, subject_of
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.workspace import Workspace

MADE_OF = (*APPROVED, APPROVAL)
Hashes = dict[str, str | None]


def demands_of(use_case: UseCase) -> Demands:
    """What the use case is held to now. Only of class ``high`` is a full declaration demanded."""
    from mlops_assets.evidence.fairness.fairness_definitions import applied_definition

    policy = effective_policy(use_case)
    return Demands(
        policy=policy,
        fairness=applied_definition(use_case),
        sensitive=tuple(use_case.sensitive),
        roles=use_case.policy.roles,
        undeclared=missing_declarations(use_case) if policy.policy_class == "high" else (),
    )


def gather_evidence(workspace: Workspace) -> Evidence:
    """Read again, by hash, everything the decision rests on; what cannot be read is ``None``."""
    current = {name: verified_hash(workspace, name) for name in MADE_OF}
    reports = {name: _readable_report(workspace, name, current) for name in JUDGED_REPORTS}
    evaluation, entries = reports["evaluation_report"], workspace.releases.entries()
    champion = incumbent(entries, current["onnx_model"] or "")
    compared = evaluation.get("champion") or {}
    metrics = (evaluation.get("forms") or {}).get("onnx") or {}
    parity = _model_facts(workspace, "onnx_model", current).get("parity") or {}
    verdicts, baseline = (evaluation.get(name) or {} for name in ("verdicts", "baseline"))
    made_of = {name: found for name, found in current.items() if found is not None}
    subject = _subject(workspace, current)
    record = _approval_record(workspace, current)
    return Evidence(
        task=workspace.use_case.target.task,
        current=current,
        subjects={name: report.get("subject") for name, report in reports.items()},
        measured={name: Measured.parse(report) for name, report in reports.items()},
        champion=champion.release if champion else None,
        compared_with=compared.get("release"),
        champion_saw_test_rows=_saw_test_rows(champion, evaluation),
        onnx_agrees=parity.get("agrees"),
        forms_agree=verdicts.get("forms_agree"),
        beats_baseline=_model_facts(workspace, "model", current).get("beats_baseline"),
        no_leakage=_no_leakage(workspace, current),
        nobody_left_out=_nobody_left_out(workspace, current),
        baseline_gain_low=(baseline.get("difference") or {}).get("loss_low"),
        roc_auc_low=(metrics.get("roc_auc") or {}).get("low"),
        gain_low=(compared.get("difference") or {}).get("loss_low"),
        withdrawn=is_withdrawn(entries, made_of),
        digest=None if subject is None else subject.evidence,
        approval_of=record.get("evidence"),
        approval=_approval(workspace, record, subject, current),
    )


def verified_hash(workspace: Workspace, name: str) -> str | None:
    """The artifact's hash, where the files on disk still have it."""
    lineage = workspace.store.lineage(ArtifactKey(name))
    try:
        folder = workspace.store.folder(ArtifactKey(name))
    except MissingArtifactError:
        return None
    intact = lineage is not None and hash_folder(folder) == lineage.files
    return lineage.hash if lineage is not None and intact else None


def trained_by(workspace: Workspace, model_hash: str | None) -> tuple[str, ...]:
    """The accounts that trained the model, none where that is unknown."""
    return () if model_hash is None else trainers(workspace, model_hash)


def _approval(
    workspace: Workspace, record: dict[str, Any], subject: Subject | None, current: Hashes
) -> Approval | None:
    """The verdict on the stored signatures, made now."""
    if not record or subject is None:
        return None
    policy = workspace.use_case.policy
    return verdict(
        read_signatures(texts_of(record)),
        subject,
        policy.approvers,
        trained_by(workspace, current["model"]),
        required=effective_policy(workspace.use_case).approval,
    )


def _subject(workspace: Workspace, current: Hashes) -> Subject | None:
    if any(current[name] is None for name in APPROVED):
        return None
    return subject_of(workspace, evidence_files(workspace))


def _approval_record(workspace: Workspace, current: Hashes) -> dict[str, Any]:
    if current[APPROVAL] is None:
        return {}
    return workspace.store.json(ArtifactKey(APPROVAL), "approval.json")


def _saw_test_rows(champion: Entry | None, evaluation: dict[str, Any]) -> bool | None:
    """The test rows are the newest of the challenger's last batch. A champion of the same window
    held out the same rows; one of a later window learned from them."""
    if champion is None or "last_batch" not in evaluation:
        return None
    return champion.batch > str(evaluation["last_batch"])


def _readable_report(workspace: Workspace, name: str, current: Hashes) -> dict[str, Any]:
    return {} if current[name] is None else workspace.store.report(ArtifactKey(name))


def _model_facts(workspace: Workspace, name: str, current: Hashes) -> dict[str, Any]:
    return {} if current[name] is None else workspace.store.json(ArtifactKey(name), "model.json")


def _no_leakage(workspace: Workspace, current: Hashes) -> bool | None:
    if current["features"] is None:
        return None
    return passes(workspace.store.json(ArtifactKey("features"), "leakage.json"))


def _nobody_left_out(workspace: Workspace, current: Hashes) -> bool | None:
    """A shortfall that the use case only warns of does not speak against a release."""
    if current["features"] is None:
        return None
    report = workspace.store.json(ArtifactKey("features"), "representation.json")
    return workspace.use_case.representation.policy == "warn" or representation_holds(report)
