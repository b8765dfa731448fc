"""The commands of ``mlops`` about who says yes to a release: ``new-key``, ``evidence``,
``approve``, ``rollback``.

Belongs here: their options, and printing what the functions called answer. Does not belong here:
what a signature is worth (``release/approval.py``), or the decision (``release/gate.py``).
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.cli_release import Commands, Say, WorkspaceOf, add_command

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from mlops_assets.release.approval import Statement, Subject
    from mlops_assets.release.limits import Judgement
    from resources.workspace import Workspace

PASSPHRASE = "MLOPS_KEY_PASSPHRASE"


def add_commands(commands: Commands, workspace_of: WorkspaceOf, say: Say) -> None:
    """Add the commands of this module to the parser."""
    made = commands.add_parser("new-key", help="make the key that a person signs approvals with")
    made.add_argument("file", type=Path, help="of the private key, which must not exist yet")
    made.set_defaults(command=lambda options: new_key(options, say))

    words = "what there is to approve: its digest, what speaks against it, where the reports are"
    add_command(commands, "evidence", show_evidence, words, workspace_of, say)

    words = "sign the evidence of the finished challenger, and let the gate decide"
    approved = add_command(commands, "approve", approve, words, workspace_of, say)
    approved.add_argument("--key", type=Path, required=True, help="file of your private key")
    approved.add_argument("--comment", required=True, help="what you say to it; it is kept")
    approved.add_argument("--digest", help="the digest that you mean; any other is refused")
    approved.add_argument(
        "--print-signature",
        action="store_true",
        help="only print what the launchpad of the asset `approval` asks for",
    )

    words = "bring an earlier release back, at once"
    back = add_command(commands, "rollback", roll_back, words, workspace_of, say)
    which = back.add_mutually_exclusive_group(required=True)
    which.add_argument("release", nargs="?", help="a release's hash: see ledger.json")
    which.add_argument("--previous", action="store_true", help="the one before the champion")
    back.add_argument("--reason", required=True, help="why; it is kept")


def new_key(options: argparse.Namespace, say: Say) -> int:
    """Make an Ed25519 key, write the private half, print the public one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from mlops_assets.release.approval import public_text

    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    passphrase = os.environ.get(PASSPHRASE, "").encode()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption(),
    )
    try:
        # Nobody else may read it at any moment, and what is there already stays.
        descriptor = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        say(f"{options.file}: {error.strerror}: name a file that does not exist yet")
        return 2
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(pem)
    secured = "its passphrase" if passphrase else f"no passphrase ({PASSPHRASE} is not set)"
    say(f"{options.file}: the private key, with {secured}. Keep it to yourself. In defs.yaml:")
    say("  policy:\n    approvers:\n      - name: YOUR NAME\n        role: YOUR ROLE")
    say(f"        account: THE ACCOUNT YOU TRAIN WITH\n        public_key: {public_text(public)}")
    return 0


def show_evidence(workspace: "Workspace", _: argparse.Namespace, say: Say) -> int:
    """Print what there is to approve."""
    from resources.artifact_store import MissingArtifactError

    try:
        subject, judgement = _what_there_is(workspace)
    except MissingArtifactError as error:
        say(str(error))
        return 1
    _say_evidence(workspace, subject, judgement, say)
    return 0


def approve(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Sign what there is to approve, where nothing speaks against it."""
    from mlops_assets.release.approval import sign
    from mlops_assets.release.assets import take_in_signature
    from resources.artifact_store import MissingArtifactError

    try:
        subject, judgement = _what_there_is(workspace)
        statement, key = _statement(workspace, subject, options)
    except (MissingArtifactError, ValueError) as error:
        say(str(error))
        return 1
    _say_evidence(workspace, subject, judgement, say)
    if judgement.against:
        say("nothing was signed: the gate rejects this challenger whoever approves it")
        return 1
    signed = sign(statement, key)
    say(f"\nSigned by {statement.approver} ({statement.role}): {statement.comment}")
    if options.print_signature:
        say(f"approver: {statement.approver}\ncomment: {statement.comment}")
        say(f"signature: {signed.signature}")
        return 0
    take_in_signature(workspace, signed)
    return _let_the_gate_decide(workspace, say)


def roll_back(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Bring an earlier release back, by a run that is in the history."""
    from dagster import DagsterInstance

    from mlops_assets.governance.ledger import champion, previous_release
    from mlops_assets.lifecycle import build_definitions
    from sensors.situation import CAUSE_TAG, USE_CASE_TAG
    from sensors.tick import alone, execute

    entries = workspace.releases.entries()
    release = previous_release(entries) if options.previous else options.release
    if release is None:
        say(f"{workspace.name} has no release before the present one")
        return 1
    config = {"rollback_to": release, "reason": options.reason}
    with DagsterInstance.get() as instance, alone(workspace):
        _, why = execute(
            build_definitions(workspace),
            f"{workspace.name}__rollback",
            instance,
            run_config={"ops": {f"{workspace.name}__release": {"config": config}}},
            tags={USE_CASE_TAG: workspace.name, CAUSE_TAG: options.reason},
        )
    if why is not None:
        say(why)
        return 1
    present = champion(workspace.releases.entries())
    if present is not None:
        say(f"champion {present.release}, trained up to {present.batch}")
    return 0


def say_what_is_awaited(workspace: "Workspace", say: Say) -> None:
    """Say that a person's signature is missing, or what an A/B test shows, where that is so."""
    from mlops_assets.governance.ledger import champion
    from resources.approvals import asked_approval
    from sensors.situation import awaited_approval, awaits_decision
    from sensors.trials import tried_out

    if not awaits_decision(workspace):
        return
    entries = workspace.releases.entries()
    awaited = awaited_approval(workspace, asked_approval(workspace))
    if awaited is not None:
        say(f"\n{workspace.name}: the finished challenger {awaited}")
    elif workspace.use_case.promotion.ab_test and champion(entries) is not None:
        test = tried_out(workspace, entries)
        how = (
            f"mlops traffic {workspace.name} --challenger candidate --share 0.1 starts one"
            if test is None
            else f"test {test} is under way, mlops traffic {workspace.name} shows it"
        )
        say(f"\n{workspace.name}: the finished challenger awaits an A/B test: {how}")


def _what_there_is(workspace: "Workspace") -> "tuple[Subject, Judgement]":
    from mlops_assets.release.gate import objections
    from mlops_assets.release.gathering import demands_of, gather_evidence
    from resources.approvals import evidence_files, subject_of

    subject = subject_of(workspace, evidence_files(workspace))
    use_case = workspace.use_case
    evidence = gather_evidence(workspace)
    return subject, objections(evidence, use_case.promotion, demands_of(use_case))


def _say_evidence(
    workspace: "Workspace", subject: "Subject", judgement: "Judgement", say: Say
) -> None:
    from mlops_assets.catalog import BY_NAME
    from mlops_assets.governance.policy_summary import missing_declarations
    from resources.approvals import APPROVED

    say(f"{workspace.name}, policy {subject.policy}: evidence {subject.evidence}")
    against = judgement.against or ("nothing",)
    say("speaks against a release:\n" + "\n".join(f"  {said}" for said in against))
    if judgement.notes:
        say("to be known:\n" + "\n".join(f"  {said}" for said in judgement.notes))
    for field in missing_declarations(workspace.use_case):
        say(f"  {field} is MISSING")
    root = workspace.store.root.relative_to(workspace.root)
    for name in APPROVED:
        if BY_NAME[name].is_report:
            say(f"  {root / name}/report.html")


def _statement(
    workspace: "Workspace", subject: "Subject", options: argparse.Namespace
) -> "tuple[Statement, Ed25519PrivateKey]":
    """What is to be signed, by the approver whose key it is. Raises ``ValueError`` where the digest
    is another, the key cannot be read, or is nobody's who may approve."""
    from mlops_assets.release.approval import Statement, public_text

    if options.digest is not None and options.digest != subject.evidence:
        raise ValueError(
            f"there is other evidence now, {subject.evidence}: look at it again (mlops evidence)"
        )
    key = _read_key(options.key)
    own = public_text(key.public_key())
    approver = next((a for a in workspace.use_case.policy.approvers if a.public_key == own), None)
    if approver is None:
        raise ValueError(
            f"policy.approvers of {workspace.name} has nobody with the public key {own}"
        )
    said = Statement(
        **vars(subject), approver=approver.name, role=approver.role, comment=options.comment
    )
    return said, key


def _read_key(path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    passphrase = os.environ.get(PASSPHRASE, "").encode() or None
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase)
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no key that can be read ({PASSPHRASE}): {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: not an Ed25519 key: make one with mlops new-key")
    return key


def _let_the_gate_decide(workspace: "Workspace", say: Say) -> int:
    from dagster import DagsterInstance

    from mlops_assets.governance.ledger import latest_decision
    from mlops_assets.lifecycle import build_definitions
    from sensors.tick import decide_now

    before = len(workspace.releases.entries())
    with DagsterInstance.get() as instance:
        finished = decide_now(build_definitions(workspace), workspace, instance, say)
    entry = latest_decision(workspace.releases.entries())
    if entry is not None and len(workspace.releases.entries()) > before:
        say(f"{entry.outcome}: {'; '.join(entry.reasons)}")
    say_what_is_awaited(workspace, say)
    return 0 if all(run.success for run in finished) else 1
