"""What becomes of a project at the gate: signed by a person, gathered and decided.

Belongs here: signing, deciding, and which figures are not within their limits. Does not belong
here: making a project (``planted_project.py``), or what is expected of it (``matrix.py``).
"""

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from planted_project import KEY, OFFICER, run

from mlops_assets.release.approval import Signed, Statement, sign
from mlops_assets.release.gate import JUDGED_REPORTS, Decision, decide
from mlops_assets.release.gathering import demands_of, gather_evidence
from resources.approvals import evidence_files, subject_of, write_signature
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace


def signed(workspace: Workspace, key: Ed25519PrivateKey = KEY, **changes: Any) -> Signed:
    """What the officer signs under the present evidence; ``changes`` replace what is said."""
    subject = subject_of(workspace, evidence_files(workspace))
    said = Statement(**vars(subject), approver=OFFICER, role="risk officer", comment="seen")
    return sign(replace(said, **changes), key)


def ask(workspace: Workspace) -> Decision:
    """Materialize the approval with the signatures that are there, and decide."""
    asked = run(workspace, (("approval",), None))
    assert not asked.failures, asked.failures
    demands = demands_of(workspace.use_case)
    return decide(gather_evidence(workspace), workspace.use_case.promotion, demands)


def sign_and_ask(workspace: Workspace) -> Decision:
    """The decision where nobody's signature is missing, so that only evidence speaks against."""
    write_signature(workspace, signed(workspace))
    return ask(workspace)


def not_within(workspace: Workspace) -> dict[tuple[str, str], str]:
    """The verdict of each figure in the reports that is not within its limit, by measure and
    subject."""
    return {
        (entry["measure"], entry["subject"]): entry["verdict"]
        for name in JUDGED_REPORTS
        for entry in workspace.store.report(ArtifactKey(name))["limits"]
        if entry["verdict"] != "within"
    }
