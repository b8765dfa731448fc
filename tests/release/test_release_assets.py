"""Approval, release and rollback as assets, on evidence in a real store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from challengers import (
    KEYS,
    challenge,
    check_infra,
    make_candidate,
    materialize,
    remake,
    signature,
)

from mlops_assets.governance.ledger import Entry, champion
from mlops_assets.release.approval import Signed, sign
from mlops_assets.release.gate import Decision, decide
from mlops_assets.release.gathering import demands_of, gather_evidence
from mlops_assets.use_case import UseCase
from resources.actor import record_trainer
from resources.approvals import asked_approval, folder, write_signature
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

MakeUseCase = Callable[..., UseCase]


@pytest.fixture
def workspace(
    tmp_path: Path, make_use_case: MakeUseCase, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A challenger of class ``high`` that somebody trained who may not approve."""
    monkeypatch.setenv("MLOPS_ACTOR", "trainer")
    workspace = challenge(tmp_path, make_use_case)
    record_trainer(workspace, workspace.store.hash(ArtifactKey("model")))
    return workspace


def asked(workspace: Workspace) -> dict[str, Any]:
    """The approval, asked now."""
    result, why = materialize(workspace, "approval")
    assert result.success, why
    return workspace.store.json(ArtifactKey("approval"), "approval.json")


def decision(workspace: Workspace) -> Decision:
    demands = demands_of(workspace.use_case)
    return decide(gather_evidence(workspace), workspace.use_case.promotion, demands)


def test_good_evidence_awaits_a_signature_and_opens_with_it(workspace: Workspace) -> None:
    assert not asked(workspace)["holds"]
    found = asked_approval(workspace)
    assert found is not None and found.awaits_signature
    assert decision(workspace).outcome == "awaits approval"

    path = write_signature(workspace, signature(workspace))
    assert path.parent == folder(workspace)
    changed = asked_approval(workspace)
    assert changed is not None and not changed.is_current

    record = asked(workspace)
    assert record["holds"] and record["trained_by"][0] == "trainer"
    assert record["approved_by"][0]["name"] == "First Approver"
    assert decision(workspace).outcome == "first release"


def test_asking_the_gate_too_early_is_no_rejection(workspace: Workspace) -> None:
    asked(workspace)

    result, why = materialize(workspace, "release")

    assert not result.success
    assert why.startswith("awaits approval: nobody who may approve has signed this evidence")
    assert workspace.releases.entries() == ()


@pytest.mark.parametrize("name", ["fairness_report", "representation_report", "window_profile"])
def test_any_upstream_change_voids_the_approval(workspace: Workspace, name: str) -> None:
    write_signature(workspace, signature(workspace))
    asked(workspace)

    remake(workspace, name, remark="changed")
    make_candidate(workspace)
    check_infra(workspace)

    stale = decision(workspace)
    assert stale.outcome == "rejected"
    assert "approval was asked about other evidence: materialize it again" in stale.reasons
    assert not asked(workspace)["holds"]
    assert decision(workspace).outcome == "awaits approval"


def test_a_file_changed_on_disk_is_missing_evidence(workspace: Workspace) -> None:
    write_signature(workspace, signature(workspace))
    asked(workspace)
    report = workspace.store.folder(ArtifactKey("risk_report")) / "report.json"
    report.write_text(report.read_text().replace("0.01", "0.02"))

    assert "risk_report is missing" in decision(workspace).reasons


def test_evidence_of_another_model_rejects_although_it_is_signed(workspace: Workspace) -> None:
    remake(workspace, "model", remark="another")
    make_candidate(workspace)
    write_signature(workspace, signature(workspace))
    asked(workspace)

    found = decision(workspace)

    assert found.outcome == "rejected"
    about = "is about another model than the one to be released"
    assert f"evaluation_report {about}" in found.reasons


def test_what_speaks_against_is_decided_without_an_approval(
    tmp_path: Path, make_use_case: MakeUseCase
) -> None:
    workspace = challenge(tmp_path, make_use_case, noise=0.3)
    assert "decisions changed by noise in the inputs: 0.3, beyond" in asked(workspace)["against"][0]
    found = asked_approval(workspace)
    assert found is not None and not found.awaits_signature

    result, why = materialize(workspace, "release")

    assert not result.success and why.startswith("no first release: decisions changed by noise")
    [entry] = workspace.releases.entries()
    assert entry.outcome == "rejected" and entry.policy_class == "high"


def test_a_stored_verdict_is_not_trusted(workspace: Workspace) -> None:
    """The report says that 0.3 is within the limit, and everything else fits."""
    remake(workspace, "risk_report", noise=0.3)
    key = ArtifactKey("risk_report")
    report = workspace.store.report(key)
    for entry in report["limits"]:
        entry.update(verdict="within", action="warn", limit=1.0)
    upstream = workspace.upstream_hashes("risk_report", None)
    with workspace.store.write(key, upstream=upstream) as staged:
        (staged / "report.json").write_text(json.dumps(report))
        (staged / "envelope.json").write_text("{}")
    make_candidate(workspace)
    check_infra(workspace)
    write_signature(workspace, signature(workspace))
    asked(workspace)

    assert decision(workspace).outcome == "rejected"


def test_who_trained_may_not_approve_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_ACTOR", "first")
    remake(workspace, "model", remark="trained by an approver")
    record_trainer(workspace, workspace.store.hash(ArtifactKey("model")))
    for name in ("onnx_model", "quantized_model", *REPORTS):
        remake(workspace, name)
    make_candidate(workspace)
    check_infra(workspace)

    write_signature(workspace, signature(workspace, "First Approver"))
    assert asked(workspace)["missing"] == "only who trained has signed, and may not approve alone"
    write_signature(workspace, signature(workspace, "Second Approver"))
    assert asked(workspace)["holds"]


REPORTS = (
    "evaluation_report",
    "fairness_report",
    "explainability_report",
    "risk_report",
    "window_profile",
    "representation_report",
)


def test_a_forged_signature_is_kept_and_refused(workspace: Workspace) -> None:
    real = signature(workspace)
    write_signature(
        workspace, Signed(real.statement, sign(real.statement, KEYS["Stranger"]).signature)
    )

    record = asked(workspace)

    assert not record["holds"]
    assert "the signature is not one of 'First Approver'" in record["refused"][0]["reason"]
    assert len(record["signatures"]) == 1
    assert "does not count" in decision(workspace).reasons[1]


def test_a_signature_from_the_launchpad_is_checked_before_it_is_kept(workspace: Workspace) -> None:
    real = signature(workspace)
    config = {"approver": "First Approver", "comment": "as it should be"}

    result, why = materialize(workspace, "approval", {**config, "signature": "A" * 86 + "=="})
    assert not result.success and why.startswith("nothing was approved: ")
    assert not folder(workspace).exists()

    result, why = materialize(workspace, "approval", {**config, "signature": real.signature})
    assert result.success, why
    assert workspace.store.json(ArtifactKey("approval"), "approval.json")["holds"]


def _released(workspace: Workspace, content: str, batch: str) -> str:
    def write(folder: Path) -> None:
        (folder / "model.onnx").write_text(content)

    name = workspace.releases.add(write)
    before = champion(workspace.releases.entries())
    entry = Entry(batch, content, "promoted", ("better",), name, before.release if before else None)
    workspace.releases.record(entry)
    return name


def test_a_rollback_needs_nothing_but_the_release(
    tmp_path: Path, make_use_case: MakeUseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_ACTOR", "on call")
    bare = Workspace("deliveries", make_use_case(), tmp_path / "defs" / "deliveries", tmp_path)
    first = _released(bare, "one", "2020-01")
    second = _released(bare, "two", "2020-02")

    config = {"rollback_to": first, "reason": "complaints since Monday"}
    result, why = materialize(bare, "release", config)

    assert result.success, why
    last = bare.releases.entries()[-1]
    assert (last.outcome, last.release, last.champion_before) == ("rolled back", first, second)
    assert (last.reasons, last.decided_by) == (("complaints since Monday",), "on call")
    assert bare.store.json(ArtifactKey("release"), "release.json")["champion"] == first


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"rollback_to": "second", "reason": "no good reason"}, "is the present champion already"),
        ({"rollback_to": "0" * 32, "reason": "no good reason"}, "was never released here"),
        ({"rollback_to": "first", "reason": " "}, "a rollback needs a reason"),
        ({"rollback_to": "", "reason": "no release named"}, "was never released here"),
    ],
)
def test_a_rollback_that_cannot_be_changes_nothing(
    tmp_path: Path, make_use_case: MakeUseCase, config: dict[str, str], said: str
) -> None:
    bare = Workspace("deliveries", make_use_case(), tmp_path / "defs" / "deliveries", tmp_path)
    names = {
        "first": _released(bare, "one", "2020-01"),
        "second": _released(bare, "two", "2020-02"),
    }
    before = bare.releases.entries()
    asked_for = {**config, "rollback_to": names.get(config["rollback_to"], config["rollback_to"])}

    result, why = materialize(bare, "release", asked_for)

    assert not result.success and said in why
    assert bare.releases.entries() == before


def test_a_bundle_that_was_changed_does_not_come_back(
    tmp_path: Path, make_use_case: MakeUseCase
) -> None:
    bare = Workspace("deliveries", make_use_case(), tmp_path / "defs" / "deliveries", tmp_path)
    first = _released(bare, "one", "2020-01")
    second = _released(bare, "two", "2020-02")
    (bare.store.root / "releases" / first / "model.onnx").write_text("tampered")

    result, why = materialize(bare, "release", {"rollback_to": first, "reason": "it was better"})

    assert not result.success and "was changed on disk" in why
    found = champion(bare.releases.entries())
    assert found is not None and found.release == second
