"""The approvals of one use case: signature files beside its YAML, and what they are about.

Belongs here: reading and writing the files, and hashing the evidence. Does not belong here: what a
signature is worth (``mlops_assets/release/approval.py``).

A signature file is a person's input, as a correction is: it is kept with the YAML, in git, as
``approvals/<first 16 digits of the evidence's digest>-<name>.json``.
"""

import json
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import json_bytes, json_md5
from mlops_assets.governance.ledger import Entry
from mlops_assets.governance.policy import effective_policy
from mlops_assets.governance.policy_summary import limits_digest
from mlops_assets.release.approval import Signed, Subject, evidence_digest, file_name
from mlops_assets.release.gate import APPROVAL
from resources.artifact_store import ArtifactKey, MissingArtifactError, write_atomically
from resources.workspace import APPROVALS, Workspace

SETTING = "approvals"
"""Of the lineage of ``approval``: the state that it was asked in."""
LARGEST = 65_536
"""Bytes of a signature file; one that is larger is none."""
APPROVED = tuple(name for name in BY_NAME["release"].upstream if name != APPROVAL)
"""The artifacts whose files a person approves."""


@dataclass(frozen=True)
class AskedApproval:
    """What the stored approval says, and whether it was asked as everything stands now.

    ``state`` is a hash of what decides it beside the evidence: the signature files, who may
    approve, and the limits in force; ``is_current`` whether it was asked in this state. ``missing``
    says what is needed yet, ``against`` what else the gate would object to.
    """

    evidence: str
    required: bool
    holds: bool
    missing: str
    against: tuple[str, ...]
    state: str
    is_current: bool

    @property
    def awaits_signature(self) -> bool:
        """Whether a signature is all that is missing."""
        return self.is_current and self.required and not self.holds and not self.against


def folder(workspace: Workspace) -> Path:
    return workspace.folder / APPROVALS


def evidence_files(workspace: Workspace) -> dict[str, dict[str, str]]:
    """SHA-256 (hex) of every file that a release is made of, by artifact and path. Raises
    ``MissingArtifactError`` where one of the artifacts is missing."""
    found: dict[str, dict[str, str]] = {}
    for name in APPROVED:
        found[name] = sha256_of_files(workspace.store.folder(ArtifactKey(name)))
    return found


def sha256_of_files(folder: Path) -> dict[str, str]:
    """SHA-256 (hex) of every file below ``folder``, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in paths}


def subject_of(workspace: Workspace, files: dict[str, dict[str, str]]) -> Subject:
    """What there is to approve, where the evidence consists of ``files``."""
    return Subject(
        use_case=workspace.name,
        evidence=evidence_digest(files),
        policy=effective_policy(workspace.use_case).policy_class,
        limits=limits_digest(workspace.use_case),
    )


def signature_texts(workspace: Workspace, evidence: str) -> dict[str, str]:
    """The texts of the signature files that are named for ``evidence`` (its digest), by name."""
    return {
        path.name: _text(path)
        for path in sorted(folder(workspace).glob(f"{evidence[:16]}-*.json"))
        if path.is_file()
    }


def write_signature(workspace: Workspace, signed: Signed) -> Path:
    """Keep a signature as a file; returns where."""
    from resources.dvc_lock import render_dvc_yaml

    is_first = not folder(workspace).is_dir()
    path = folder(workspace) / file_name(signed.statement)
    write_atomically(path, json_bytes(signed.to_dict()))
    dvc_yaml = workspace.root / "dvc.yaml"
    if is_first and dvc_yaml.is_file() and not os.environ.get("DVC_STAGE"):
        # The folder of the first signature is a dependency of its stage.
        rendered = render_dvc_yaml(workspace.root, workspace.folder.parent)
        write_atomically(dvc_yaml, rendered.encode())
    return path


def state_of(workspace: Workspace, evidence: str) -> str:
    """A hash of what decides an approval beside the ``evidence`` (its digest)."""
    approvers = [
        approver.model_dump(mode="json") for approver in workspace.use_case.policy.approvers
    ]
    texts = signature_texts(workspace, evidence)
    return json_md5([texts, approvers, limits_digest(workspace.use_case)])


def asked_approval(workspace: Workspace) -> AskedApproval | None:
    """The approval as it was stored last, ``None`` where there is none about the artifacts as they
    stand now."""
    key = ArtifactKey(APPROVAL)
    lineage = workspace.store.lineage(key)
    if lineage is None or lineage.upstream != made_of(workspace):
        return None
    record = workspace.store.json(key, "approval.json")
    state = state_of(workspace, record["evidence"])
    return AskedApproval(
        evidence=record["evidence"],
        required=record["required"],
        holds=record["holds"],
        missing=record["missing"],
        against=tuple(record["against"]),
        state=state,
        is_current=lineage.settings.get(SETTING) == state,
    )


def made_of(workspace: Workspace) -> dict[str, str]:
    """The hashes of the artifacts that are approved, as far as they are there."""
    lineages = {name: workspace.store.lineage(ArtifactKey(name)) for name in APPROVED}
    return {name: lineage.hash for name, lineage in lineages.items() if lineage is not None}


def kept_approval(workspace: Workspace, entry: Entry) -> dict[str, Any] | None:
    """The approval that a decision rested on, brought back from the cache by its hash; ``None``
    where it is in no cache."""
    name = entry.evidence.get(APPROVAL)
    if name is None:
        return None
    with TemporaryDirectory() as scratch:
        restored = Path(scratch) / APPROVAL
        try:
            workspace.store.restore(name, restored)
        except MissingArtifactError:
            return None
        record: dict[str, Any] = json.loads((restored / "approval.json").read_bytes())
        return record


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        return ""
    return path.read_bytes().decode("utf-8", errors="replace")
