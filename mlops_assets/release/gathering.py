"""Reading again, by hash, everything that a decision about a challenger rests on.

Belongs here: from artifacts to ``Evidence``. Does not belong here: the decision (``gate.py``), or
what follows from it (``assets.py``). What cannot be read is ``None``, and speaks against a release.
"""

import json
from pathlib import Path
from typing import Any

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import hash_folder
from mlops_assets.data.leakage.report import passes
from mlops_assets.data.representation.report import representation_holds
from mlops_assets.governance.ledger import Entry, incumbent, is_withdrawn
from mlops_assets.governance.policy import effective_policy
from mlops_assets.governance.policy_summary import missing_declarations
from mlops_assets.release.approval import Approval, Subject, verdict
from mlops_assets.release.approval_record import read_signatures, texts_of
from mlops_assets.release.bundle import MADE_OF, copied_files
from mlops_assets.release.candidate import CANDIDATE, FILE, Candidate
from mlops_assets.release.gate import APPROVAL, JUDGED_REPORTS, Decision, Evidence
from mlops_assets.release.infra_check import INFRA_CHECK, infra_objections
from mlops_assets.release.limits import Demands, Measured
from mlops_assets.use_case import UseCase
from resources.actor import trainers
from resources.approvals import APPROVED, evidence_files, sha256_of_files, subject_of
from resources.artifact_store import ArtifactKey, Lineage, MissingArtifactError
from resources.dvc_lock import fields_md5
from resources.workspace import Workspace

DECIDED_ON = (*APPROVED, APPROVAL)
"""The artifacts whose hashes a decision is kept with."""
AB_REPORT = "ab_report"
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
    current = {name: verified_hash(workspace, name) for name in DECIDED_ON}
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
    candidate = _candidate(workspace, current)
    bundle = candidate.bundle if candidate else None
    trial = _measured_report(workspace, AB_REPORT)
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
        candidate=candidate,
        serving_against=infra_objections(
            _measured_report(workspace, INFRA_CHECK), bundle, workspace.use_case.serving.budget
        ),
        trial_against=_trial_against(workspace, trial, bundle, champion),
        trial_is_lost=(trial or {}).get("verdict") == "worse",
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


def outdated_before_release(workspace: Workspace) -> tuple[str, ...]:
    """What has to be made again before the gate can decide on the present evidence, in order: the
    candidate where its declaration changed since, and the check of a server of it where there is
    none of this very candidate. Nothing where the evidence is not complete."""
    if any(workspace.store.lineage(ArtifactKey(name)) is None for name in MADE_OF):
        return ()
    candidate = workspace.store.lineage(ArtifactKey(CANDIDATE))
    stands = candidate is not None and _is_as_declared(workspace, candidate)
    if not stands or candidate is None:
        return (CANDIDATE, INFRA_CHECK)
    check = workspace.store.lineage(ArtifactKey(INFRA_CHECK))
    is_of_it = check is not None and check.upstream.get(CANDIDATE) == candidate.hash
    return () if is_of_it else (INFRA_CHECK,)


def trial_rows(workspace: Workspace, bundle: Path) -> dict[str, Any]:
    """Test rows spread over all of them, as the tensors that the release in ``bundle`` takes.

    Raises ``MissingArtifactError`` where the features are not those that it was made of.
    """
    from mlops_assets.export.tensors import to_tensors
    from mlops_assets.release.trial import MOST_ROWS
    from mlops_assets.training.assets import load_features

    made_of = json.loads((bundle / "manifest.json").read_bytes())["made_of"]
    if workspace.store.hash(ArtifactKey("features")) != made_of["features"]:
        raise MissingArtifactError(
            "the candidate was made of other features than there are now: materialize it again"
        )
    test = load_features(workspace, "test")
    return to_tensors(test.iloc[:: max(-(-len(test) // MOST_ROWS), 1)], workspace.use_case.inputs)


def ledger_entry(
    workspace: Workspace, decision: Decision, evidence: Evidence, released: str | None
) -> Entry:
    """The ledger's entry on a decision; ``released`` is the bundle that became the champion by
    it."""
    last_batch = workspace.store.json(ArtifactKey("features"), "features.json")["last_batch"]
    approval = evidence.approval
    newest = max(watched_batches(workspace), default="")
    return Entry(
        batch=last_batch,
        challenger=evidence.current["onnx_model"] or "",
        outcome=decision.outcome,
        reasons=decision.reasons,
        release=released,
        champion_before=evidence.champion,
        evidence={name: found for name, found in evidence.current.items() if found is not None},
        notes=decision.notes,
        policy_class=workspace.use_case.policy.ai_act_class,
        approved_by=tuple(s.approver for s in approval.approved_by) if approval else (),
        trained_by=trained_by(workspace, evidence.current["model"]),
        applies_after=newest if newest > last_batch else None,
    )


def watched_batches(workspace: Workspace) -> list[str]:
    """The batches that a champion was asked about."""
    names = ("drift_report", "performance_report")
    return sorted({batch for name in names for batch in workspace.store.batches(name)})


def _candidate(workspace: Workspace, current: Hashes) -> Candidate | None:
    """The candidate and its bundle, read again; ``None`` where either is not as it was made."""
    lineage = workspace.store.lineage(ArtifactKey(CANDIDATE))
    if current[CANDIDATE] is None or lineage is None:
        return None
    try:
        record = workspace.store.json(ArtifactKey(CANDIDATE), FILE)
        bundle = workspace.releases.bundle(str(record["bundle"]))
        if sha256_of_files(bundle) != record["files"]:
            return None
        manifest = json.loads((bundle / "manifest.json").read_bytes())
        return Candidate(
            bundle=record["bundle"],
            made_of=dict(manifest["made_of"]),
            compared_with=manifest["compared_with"],
            altered=_altered(workspace, bundle),
            is_as_declared=_is_as_declared(workspace, lineage),
        )
    except (MissingArtifactError, OSError, ValueError, KeyError, TypeError):
        return None


def _altered(workspace: Workspace, bundle: Path) -> tuple[str, ...]:
    """The files of the bundle that should be those of an artifact, and are not."""
    lineages = {name: workspace.store.lineage(ArtifactKey(name)) for name in MADE_OF}
    known = {
        name: {file.path: file.md5 for file in lineage.files}
        for name, lineage in lineages.items()
        if lineage is not None
    }
    held = {file.path: file.md5 for file in hash_folder(bundle)}
    return tuple(
        path
        for path, (artifact, source) in sorted(copied_files(known).items())
        if held.get(path) != known.get(artifact, {}).get(source)
    )


def _is_as_declared(workspace: Workspace, candidate: Lineage) -> bool:
    return candidate.settings.get("fields") == fields_md5(workspace, BY_NAME[CANDIDATE])


def _measured_report(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """A report of measurements; ``None`` where it is missing, changed, or none that can be
    read."""
    if verified_hash(workspace, name) is None:
        return None
    try:
        return workspace.store.report(ArtifactKey(name))
    except (OSError, ValueError):
        return None


def _trial_against(
    workspace: Workspace, trial: dict[str, Any] | None, bundle: str | None, champion: Entry | None
) -> str | None:
    """Why the A/B test does not show what is demanded, ``""`` where it does, without the figures
    that it has so far: they change with each hour of traffic."""
    if not workspace.use_case.promotion.ab_test or bundle is None:
        return None
    from mlops_assets.ab_test.verdict import ab_objection

    said = ab_objection(trial, bundle, champion.release if champion else None)
    return "" if said is None else f"{said.partition(':')[0]}: see {AB_REPORT}"


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
