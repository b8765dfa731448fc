"""People with keys, and a challenger of class ``high`` that waits for one of them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from command_project import (
    MORE,
    OFFICER,
    approvers_of,
    declare,
    high_risk,
    make_command_project,
    mlops,
    workspace_of,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from small_project import NAME

from mlops_assets.release.approval import Signed, Statement, public_text, sign
from resources.approvals import evidence_files, subject_of, write_signature

MONTHS = ["2013-01", "2013-02"]


@dataclass(frozen=True)
class Awaiting:
    """A project whose first challenger awaits approval, the run that brought it there, and the
    private keys of those who may approve, in files."""

    root: Path
    run: CompletedProcess[str]
    trainer: Path
    officer: Path

    def copied(self, target: Path) -> "Awaiting":
        shutil.copytree(self.root, target)
        return Awaiting(target, self.run, self.trainer, self.officer)

    def approve(self, key: Path, *arguments: str) -> CompletedProcess[str]:
        """``mlops approve`` with a person's key."""
        comment = "the reports were read"
        return mlops(
            self.root, "approve", NAME, "--key", str(key), "--comment", comment, *arguments
        )

    def sign_only(self, key: Path, approver: str = OFFICER) -> Path:
        """Keep the signature of ``approver`` made with ``key`` as a file, and decide nothing."""
        workspace = workspace_of(self.root)
        subject = subject_of(workspace, evidence_files(workspace))
        [role] = [a.role for a in workspace.use_case.policy.approvers if a.name == approver]
        said = Statement(**vars(subject), approver=approver, role=role, comment="read")
        return write_signature(workspace, signed_with(key, said))


def signed_with(key: Path, said: Statement) -> Signed:
    return sign(said, read_key(key))


def read_key(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def await_approval(root: Path) -> Awaiting:
    """Make the keys and the project, as people do, and run it until it waits."""
    trainer, officer = root.with_name("trainer.pem"), root.with_name("officer.pem")
    make_command_project(root, MONTHS, MORE)
    public = []
    for key in (trainer, officer):
        made = mlops(root, "new-key", str(key))
        assert made.returncode == 0, made.stderr
        public.append(public_text(read_key(key).public_key()))
        assert public[-1] in made.stdout
    declare(root, **high_risk(approvers_of(*public)))
    return Awaiting(root, mlops(root, "run", NAME), trainer, officer)
