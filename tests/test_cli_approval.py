"""The commands of ``mlops`` about who says yes: keys, evidence, signing."""

import stat
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "release"))

from challengers import challenge
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mlops_assets import cli_approval
from mlops_assets.release.approval import Signed, Statement, is_signed_by, public_text
from mlops_assets.use_case import UseCase
from resources.approvals import evidence_files, folder, subject_of
from resources.workspace import Workspace

MakeUseCase = Callable[..., UseCase]


def new_key(path: Path) -> tuple[int, str]:
    said: list[str] = []
    return cli_approval.new_key(Namespace(file=path), said.append), "\n".join(said)


def public_key_of(path: Path, passphrase: bytes | None = None) -> str:
    key = load_pem_private_key(path.read_bytes(), passphrase)
    assert isinstance(key, Ed25519PrivateKey)
    return public_text(key.public_key())


def test_a_new_key_is_the_owners_alone_and_its_public_half_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "own.pem"

    status, said = new_key(path)

    assert status == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"public_key: {public_key_of(path)}" in said
    assert "PRIVATE" not in said


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "own.pem"
    new_key(path)
    before = path.read_bytes()

    status, said = new_key(path)

    assert status == 2 and "name a file that does not exist yet" in said
    assert path.read_bytes() == before
    assert new_key(tmp_path / "no folder" / "own.pem")[0] == 2


def test_a_key_with_a_passphrase_cannot_be_read_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_KEY_PASSPHRASE", "a secret")
    path = tmp_path / "own.pem"
    new_key(path)

    assert public_key_of(path, b"a secret")
    with pytest.raises(TypeError):
        public_key_of(path)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "approver.pem"
    new_key(path)
    return path


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: MakeUseCase, key: Path) -> Workspace:
    return made(tmp_path, make_use_case, key)


def made(root: Path, make_use_case: MakeUseCase, key: Path, **more: Any) -> Workspace:
    own = {"name": "Own", "role": "officer", "account": "o", "public_key": public_key_of(key)}
    return challenge(root, make_use_case, **{"approvers": [own], **more})


def ask(workspace: Workspace, key: Path, **changes: Any) -> tuple[int, str]:
    said: list[str] = []
    options = {"key": key, "comment": "read", "digest": None, "print_signature": True, **changes}
    status = cli_approval.approve(workspace, Namespace(**options), said.append)
    return status, "\n".join(said)


def test_what_there_is_to_approve_is_shown(workspace: Workspace) -> None:
    said: list[str] = []

    assert cli_approval.show_evidence(workspace, Namespace(), said.append) == 0

    text = "\n".join(said)
    assert subject_of(workspace, evidence_files(workspace)).evidence in text
    assert "speaks against a release:\n  nothing" in text
    assert "artifacts/deliveries/risk_report/report.html" in text


def test_what_is_missing_is_printed(tmp_path: Path, make_use_case: MakeUseCase, key: Path) -> None:
    workspace = made(tmp_path, make_use_case, key, purpose="")
    said: list[str] = []

    cli_approval.show_evidence(workspace, Namespace(), said.append)

    text = "\n".join(said)
    assert "policy.purpose is MISSING" in text
    assert "policy.purpose is not declared, which the policy 'high' demands" in text


def test_a_printed_signature_is_one_under_the_present_evidence(
    workspace: Workspace, key: Path
) -> None:
    status, said = ask(workspace, key)

    assert status == 0
    printed = said.rsplit("signature: ", 1)[1]
    subject = subject_of(workspace, evidence_files(workspace))
    statement = Statement(**vars(subject), approver="Own", role="officer", comment="read")
    assert is_signed_by(Signed(statement, printed), public_key_of(key))
    assert not folder(workspace).exists()


def test_other_evidence_than_the_one_that_was_meant_is_not_signed(
    workspace: Workspace, key: Path
) -> None:
    status, said = ask(workspace, key, digest="0" * 64)

    assert status == 1 and "there is other evidence now" in said
    assert "signature" not in said


def test_a_key_that_is_nobodys_does_not_sign(workspace: Workspace, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    new_key(stranger)

    status, said = ask(workspace, stranger)

    assert status == 1 and "has nobody with the public key" in said


@pytest.mark.parametrize("content", [None, b"", b"no key"])
def test_a_key_that_cannot_be_read_says_so(
    workspace: Workspace, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_bytes(content)

    status, said = ask(workspace, path)

    assert status == 1 and "broken.pem: no key that can be read" in said


def test_what_the_gate_rejects_is_not_signed(
    tmp_path: Path, make_use_case: MakeUseCase, key: Path
) -> None:
    workspace = made(tmp_path, make_use_case, key, noise=0.3)

    status, said = ask(workspace, key, print_signature=False)

    assert status == 1
    assert "decisions changed by noise in the inputs: 0.3, beyond" in said
    assert "nothing was signed: the gate rejects this challenger" in said
    assert not folder(workspace).exists()
