"""Signature files and the evidence they are about, in a real folder."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from mlops_assets.governance.ledger import Entry
from mlops_assets.release.approval import Signed, Statement, Subject
from mlops_assets.use_case import UseCase
from resources.approvals import (
    APPROVED,
    LARGEST,
    evidence_files,
    folder,
    kept_approval,
    sha256_of_files,
    signature_texts,
    state_of,
    subject_of,
    write_signature,
)
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.workspace import Workspace

MakeUseCase = Callable[..., UseCase]
DIGEST = "0123456789abcdef" * 4
SIGNED = Signed(
    Statement(
        **vars(Subject("deliveries", DIGEST, "high", "l")), approver="A", role="r", comment=""
    ),
    "signature",
)


@pytest.fixture
def workspace(tmp_path: Path, make_use_case: MakeUseCase) -> Workspace:
    return Workspace("deliveries", make_use_case(), tmp_path / "defs" / "deliveries", tmp_path)


def make(workspace: Workspace, name: str, content: str) -> None:
    with workspace.store.write(ArtifactKey(name), upstream={}) as staged:
        (staged / "part").mkdir()
        (staged / "part" / "file").write_text(content)
        (staged / "other").write_text("same")


def make_all(workspace: Workspace) -> None:
    for name in APPROVED:
        make(workspace, name, name)


def test_the_evidence_is_every_file_of_every_artifact_but_the_approval(
    workspace: Workspace,
) -> None:
    make_all(workspace)

    files = evidence_files(workspace)

    assert set(files) == set(APPROVED) and "approval" not in files
    assert files["model"] == {
        "part/file": sha256(b"model").hexdigest(),
        "other": sha256(b"same").hexdigest(),
    }


@pytest.mark.parametrize("name", APPROVED)
def test_any_change_of_a_file_is_another_evidence(workspace: Workspace, name: str) -> None:
    make_all(workspace)
    before = subject_of(workspace, evidence_files(workspace))
    make(workspace, name, "changed")

    assert subject_of(workspace, evidence_files(workspace)).evidence != before.evidence


def test_without_one_artifact_there_is_nothing_to_approve(workspace: Workspace) -> None:
    for name in APPROVED[:-1]:
        make(workspace, name, name)

    with pytest.raises(MissingArtifactError, match=f"{APPROVED[-1]} has not been made"):
        evidence_files(workspace)


def test_signatures_are_found_by_the_evidence_they_are_named_for(workspace: Workspace) -> None:
    assert signature_texts(workspace, DIGEST) == {}
    path = write_signature(workspace, SIGNED)
    (folder(workspace) / f"{'f' * 16}-other.json").write_text("of other evidence")

    assert path.parent == workspace.folder / "approvals"
    assert {path.name: path.read_text()} == signature_texts(workspace, DIGEST)
    assert json.loads(path.read_text()) == SIGNED.to_dict()


def test_junk_beside_signatures_is_read_as_what_it_is(workspace: Workspace) -> None:
    folder(workspace).mkdir(parents=True)
    (folder(workspace) / f"{DIGEST[:16]}-bytes.json").write_bytes(b"\xff\xfe")
    (folder(workspace) / f"{DIGEST[:16]}-huge.json").write_bytes(b" " * (LARGEST + 1))
    (folder(workspace) / f"{DIGEST[:16]}-folder.json").mkdir()

    texts = signature_texts(workspace, DIGEST)

    assert texts == {f"{DIGEST[:16]}-bytes.json": "��", f"{DIGEST[:16]}-huge.json": ""}


def test_the_state_is_of_signatures_approvers_and_limits(
    workspace: Workspace, make_use_case: MakeUseCase
) -> None:
    someone = {"name": "Any", "role": "officer", "account": "a", "public_key": "A" * 43 + "="}
    others = [
        replace(workspace, use_case=make_use_case(policy={"ai_act_class": "limited"})),
        replace(
            workspace,
            use_case=make_use_case(policy={"ai_act_class": "minimal", "approvers": [someone]}),
        ),
    ]
    states = [state_of(each, DIGEST) for each in (workspace, workspace, *others)]
    write_signature(workspace, SIGNED)
    states.append(state_of(workspace, DIGEST))

    assert len(set(states)) == 4 and states[0] == states[1]


def test_the_approval_of_a_decision_comes_back_by_its_hash(workspace: Workspace) -> None:
    def entry(**evidence: str) -> Entry:
        return Entry("2020-01", "c", "promoted", ("better",), "r", None, evidence)

    key, hashes = ArtifactKey("approval"), []
    for holds in (True, False):
        with workspace.store.write(key, upstream={}) as staged:
            (staged / "approval.json").write_text(json.dumps({"holds": holds}))
        hashes.append(workspace.store.hash(key))

    assert kept_approval(workspace, entry(approval=hashes[0])) == {"holds": True}
    assert kept_approval(workspace, entry(approval=hashes[1])) == {"holds": False}
    assert kept_approval(workspace, entry()) is None
    assert kept_approval(workspace, entry(approval="0" * 32 + ".dir")) is None


def test_the_bytes_of_every_file_below_a_folder_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "file").write_bytes(b"one")
    (tmp_path / "other").write_bytes(b"two")
    assert sha256_of_files(tmp_path) == {
        "other": sha256(b"two").hexdigest(),
        "part/file": sha256(b"one").hexdigest(),
    }
