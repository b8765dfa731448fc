"""What is checked, tried and approved is released byte for byte, in a real store."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from challengers import (
    challenge,
    check_infra,
    declared_policy,
    make_candidate,
    materialize,
    remake,
    signature,
    store_artifact,
)

from mlops_assets.content_hash import folder_md5, hash_folder
from mlops_assets.governance.ledger import Entry
from mlops_assets.release.assets import LOST_APPROVAL
from mlops_assets.release.gate import Decision, decide
from mlops_assets.release.gathering import (
    demands_of,
    gather_evidence,
    outdated_before_release,
)
from mlops_assets.use_case import UseCase
from resources.actor import record_trainer
from resources.approvals import write_signature
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

MakeUseCase = Callable[..., UseCase]
CANDIDATE = ArtifactKey("candidate")


@pytest.fixture
def workspace(
    tmp_path: Path, make_use_case: MakeUseCase, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A challenger of class ``high`` that its approver has signed."""
    monkeypatch.setenv("MLOPS_ACTOR", "trainer")
    workspace = challenge(tmp_path, make_use_case)
    record_trainer(workspace, workspace.store.hash(ArtifactKey("model")))
    return workspace


def bundle_of(workspace: Workspace) -> str:
    return str(workspace.store.json(CANDIDATE, "candidate.json")["bundle"])


def decision(workspace: Workspace) -> Decision:
    demands = demands_of(workspace.use_case)
    return decide(gather_evidence(workspace), workspace.use_case.promotion, demands)


def approve(workspace: Workspace) -> None:
    write_signature(workspace, signature(workspace))
    result, why = materialize(workspace, "approval")
    assert result.success, why


def release(workspace: Workspace, **config: str) -> Entry:
    result, why = materialize(workspace, "release", config)
    assert result.success, why
    return workspace.releases.entries()[-1]


def approval_beside(workspace: Workspace) -> dict[str, Any]:
    return workspace.store.json(ArtifactKey("release"), "approval.json")


def test_the_release_is_the_candidates_very_bundle(workspace: Workspace) -> None:
    approve(workspace)
    candidate = bundle_of(workspace)
    before = hash_folder(workspace.releases.bundle(candidate))

    entry = release(workspace)

    assert (entry.outcome, entry.release) == ("first release", candidate)
    pointer = workspace.store.json(ArtifactKey("release"), "release.json")
    assert pointer == {"champion": candidate, "bundle": f"releases/{candidate}"}
    assert hash_folder(workspace.releases.bundle(candidate)) == before
    assert folder_md5(before) == candidate


def test_who_said_yes_stands_beside_the_release_and_its_hash_in_the_ledger(
    workspace: Workspace,
) -> None:
    approve(workspace)
    entry = release(workspace)
    assert approval_beside(workspace)["approved_by"][0]["name"] == "First Approver"
    assert entry.evidence["approval"] == workspace.store.hash(ArtifactKey("approval"))
    assert entry.evidence["candidate"] == workspace.store.hash(CANDIDATE)
    assert not {"infra_check", "ab_report"} & set(entry.evidence)


def test_a_candidate_that_is_not_released_leaves_no_trace_in_the_ledger(
    workspace: Workspace,
) -> None:
    check_infra(workspace, start_seconds=11.0)
    approve(workspace)
    result, why = materialize(workspace, "release")
    assert not result.success and "no first release: infra_check: seconds from the start" in why
    [entry] = workspace.releases.entries()
    assert (entry.outcome, entry.release) == ("rejected", None)
    assert workspace.releases.bundle(bundle_of(workspace)).is_dir()


def test_another_bundle_voids_the_signature(workspace: Workspace) -> None:
    approve(workspace)
    other = make_candidate(workspace, also={"golden.json": b"{}"})
    check_infra(workspace)
    found = decision(workspace)
    assert "approval was asked about other evidence: materialize it again" in found.reasons
    result, why = materialize(workspace, "approval")
    assert result.success, why
    assert decision(workspace).outcome == "awaits approval"
    assert bundle_of(workspace) == other


def test_a_bundle_with_another_model_than_was_evaluated_rejects(workspace: Workspace) -> None:
    """Forged in every record but the evidence itself, and signed."""
    make_candidate(workspace, also={"model.onnx": b"another"})
    check_infra(workspace)
    approve(workspace)
    assert decision(workspace).reasons == (
        "the candidate holds another model.onnx than the evidence",
    )


def test_a_bundle_changed_on_disk_is_lost(workspace: Workspace) -> None:
    approve(workspace)
    path = workspace.releases.bundle(bundle_of(workspace)) / "model.onnx"
    path.write_text("tampered")
    assert "the candidate's bundle is lost or was changed" in decision(workspace).reasons[0]


def test_a_bundle_that_was_deleted_comes_back_from_the_cache(workspace: Workspace) -> None:
    approve(workspace)
    shutil.rmtree(workspace.releases.bundle(bundle_of(workspace)))
    assert decision(workspace).outcome == "first release"


def test_a_record_that_says_other_bytes_than_the_bundle_has_is_no_candidate(
    workspace: Workspace,
) -> None:
    record = workspace.store.json(CANDIDATE, "candidate.json")
    record["files"]["model.onnx"] = "0" * 64
    store_artifact(workspace, "candidate", {"candidate.json": record})
    assert "the candidate's bundle is lost or was changed" in decision(workspace).reasons[0]


def test_a_candidate_of_older_evidence_rejects(workspace: Workspace) -> None:
    remake(workspace, "risk_report", remark="changed")
    approve(workspace)
    assert (
        "the candidate is about another risk_report than the one to be released"
        in decision(workspace).reasons
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: shutil.rmtree(store.root / "infra_check"),
        lambda store: (store.root / "lineage" / "infra_check.json").unlink(),
        lambda store: (store.root / "infra_check" / "report.json").write_text("{}"),
    ],
    ids=["files", "record", "changed"],
)
def test_an_infra_check_that_cannot_be_read_rejects(
    workspace: Workspace, spoil: Callable[[Any], None]
) -> None:
    approve(workspace)
    spoil(workspace.store)
    assert decision(workspace).reasons == ("infra_check is missing",)


def test_an_infra_check_of_another_bundle_rejects(workspace: Workspace) -> None:
    make_candidate(workspace, also={"golden.json": b"{}"})
    approve(workspace)
    assert decision(workspace).reasons == (
        "infra_check is about another bundle than the candidate's",
    )


@pytest.mark.parametrize(
    "report", [{}, [], {"subject": None}, {"subject": {}}, "nothing", None, 1, {"problem": None}]
)
def test_an_infra_check_of_garbage_rejects(workspace: Workspace, report: Any) -> None:
    store_artifact(workspace, "infra_check", {"report.json": report})
    approve(workspace)
    [said] = decision(workspace).reasons
    assert said.startswith("infra_check ")


def test_another_declaration_outdates_the_candidate_until_it_is_made_again(
    workspace: Workspace, make_use_case: MakeUseCase
) -> None:
    assert outdated_before_release(workspace) == ()
    deviation = [{"limit": 0.9, "reason": "made up for this test"}]
    changed = replace(
        workspace,
        use_case=make_use_case(policy=declared_policy(limits={"noise_flips": deviation})),
    )
    approve(changed)
    assert "made as the use case was declared before" in decision(changed).reasons[0]
    assert outdated_before_release(changed) == ("candidate", "infra_check")

    make_candidate(changed)
    check_infra(changed)
    assert outdated_before_release(changed) == ()
    approve(changed)
    assert decision(changed).outcome == "first release"


def test_what_has_to_be_made_before_the_gate_is_asked_is_known(workspace: Workspace) -> None:
    make_candidate(workspace, also={"golden.json": b"{}"})
    assert outdated_before_release(workspace) == ("infra_check",)
    (workspace.store.root / "lineage" / "candidate.json").unlink()
    assert outdated_before_release(workspace) == ("candidate", "infra_check")
    (workspace.store.root / "lineage" / "model.json").unlink()
    assert outdated_before_release(workspace) == ()


def _second_release(workspace: Workspace) -> str:
    """A later release that nobody approved, put there by hand."""

    def write(folder: Path) -> None:
        (folder / "model.onnx").write_text("second")

    name = workspace.releases.add(write)
    first = workspace.releases.entries()[-1].release
    workspace.releases.record(Entry("2020-02", "two", "promoted", ("better",), name, first))
    return name


def test_a_rollback_brings_the_approval_of_what_it_brings_back(workspace: Workspace) -> None:
    approve(workspace)
    first = release(workspace).release or ""
    before = (workspace.store.folder(ArtifactKey("release")) / "approval.json").read_bytes()
    second = _second_release(workspace)
    remake(workspace, "model", remark="a later challenger")

    release(workspace, rollback_to=first, reason="complaints since Monday")

    after = (workspace.store.folder(ArtifactKey("release")) / "approval.json").read_bytes()
    assert after == before
    release(workspace, rollback_to=second, reason="it was something else")
    assert approval_beside(workspace) == LOST_APPROVAL


def test_a_rollback_does_not_wait_for_a_record_that_is_lost(workspace: Workspace) -> None:
    approve(workspace)
    first = release(workspace)
    _second_release(workspace)
    lost = first.evidence["approval"]
    (workspace.store.cache / lost[:2] / lost[2:]).unlink()

    entry = release(workspace, rollback_to=first.release or "", reason="complaints since Monday")

    assert entry.release == first.release
    assert approval_beside(workspace) == LOST_APPROVAL


def test_a_rejected_challenger_leaves_the_champion_with_its_own_approval(
    workspace: Workspace,
) -> None:
    approve(workspace)
    first = release(workspace)
    said = json.dumps(approval_beside(workspace))
    for name in ("onnx_model", "quantized_model"):
        remake(workspace, name, remark="worse")
    make_candidate(workspace)
    result, why = materialize(workspace, "approval")
    assert result.success, why

    entry = release(workspace)

    assert (entry.outcome, entry.release) == ("rejected", None)
    pointer = workspace.store.json(ArtifactKey("release"), "release.json")
    assert pointer["champion"] == first.release
    assert json.dumps(approval_beside(workspace)) == said
