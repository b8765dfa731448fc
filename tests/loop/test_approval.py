"""A model of class ``high`` waits for a person: who may sign, what a signature is worth, and what
voids it, with the real ``mlops``."""

import getpass
from collections.abc import Callable
from pathlib import Path

import pytest
from approving import MONTHS, Awaiting, await_approval
from command_project import (
    OFFICER,
    TRAINER,
    declare,
    instance_of,
    launch,
    mlops,
    run_until_quiet,
    workspace_of,
)
from small_project import NAME

from mlops_assets.governance.ledger import champion
from mlops_assets.lifecycle import build_definitions
from resources.approvals import folder
from resources.artifact_store import ArtifactKey
from sensors.decisions import Ingest, on_arrival
from sensors.situation import gather
from sensors.tick import decide_now

pytestmark = pytest.mark.loop


@pytest.fixture(scope="module")
def awaiting(tmp_path_factory: pytest.TempPathFactory) -> Awaiting:
    return await_approval(tmp_path_factory.mktemp("approval") / "project")


@pytest.fixture
def copy_of(awaiting: Awaiting, tmp_path: Path) -> Awaiting:
    return awaiting.copied(tmp_path / "copy")


def approval_of(root: Path) -> dict[str, object]:
    record: dict[str, object] = workspace_of(root).store.json(
        ArtifactKey("approval"), "approval.json"
    )
    return record


def decide(root: Path) -> None:
    """Let the gate decide, as the promotion sensor does."""
    workspace = workspace_of(root)
    with instance_of(root) as instance:
        decide_now(build_definitions(workspace), workspace, instance, lambda _: None)


def entries_of(root: Path) -> list[str]:
    return [entry.outcome for entry in workspace_of(root).releases.entries()]


def test_the_run_ends_well_and_says_what_it_waits_for(awaiting: Awaiting) -> None:
    run = awaiting.run
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "awaits approval of " in run.stdout
    assert f"mlops approve {NAME} signs it" in run.stdout
    assert entries_of(awaiting.root) == []


def test_nothing_later_is_taken_in_before_the_first_release(awaiting: Awaiting) -> None:
    workspace = workspace_of(awaiting.root)
    assert [delivery.name for delivery in workspace.source.deliveries()] == MONTHS
    assert list(workspace.store.batches("raw_copy")) == MONTHS[:1]
    assert run_until_quiet(awaiting.root) == []


def test_the_evidence_is_shown_with_its_digest_and_its_reports(awaiting: Awaiting) -> None:
    shown = mlops(awaiting.root, "evidence", NAME)
    assert shown.returncode == 0
    assert f"policy high: evidence {approval_of(awaiting.root)['evidence']}" in shown.stdout
    assert "speaks against a release:\n  nothing" in shown.stdout
    assert "the limit is at most 10 instead of the policy's 0.05" in shown.stdout
    for report in ("evaluation", "fairness", "explainability", "risk"):
        path = f"artifacts/{NAME}/{report}_report/report.html"
        assert path in shown.stdout
        assert (awaiting.root / path).is_file()


def test_who_trained_may_not_approve_alone_and_a_second_person_suffices(copy_of: Awaiting) -> None:
    alone = copy_of.approve(copy_of.trainer)
    assert alone.returncode == 0
    assert "only who trained has signed, and may not approve alone" in alone.stdout
    assert entries_of(copy_of.root) == []

    both = copy_of.approve(copy_of.officer)
    assert both.returncode == 0, both.stdout
    assert "first release: " in both.stdout
    assert approval_of(copy_of.root)["holds"] is True
    [entry] = workspace_of(copy_of.root).releases.entries()
    assert set(entry.approved_by) == {TRAINER, OFFICER}
    assert getpass.getuser() in entry.trained_by
    kept = workspace_of(copy_of.root).store.json(ArtifactKey("release"), "approval.json")
    assert {said["name"] for said in kept["approved_by"]} == {TRAINER, OFFICER}


@pytest.fixture(scope="module")
def released(awaiting: Awaiting, tmp_path_factory: pytest.TempPathFactory) -> Awaiting:
    """The same after the second person alone said yes."""
    project = awaiting.copied(tmp_path_factory.mktemp("released") / "project")
    said = project.approve(project.officer)
    assert said.returncode == 0, f"{said.stdout}\n{said.stderr}"
    return project


def test_after_the_release_the_loop_goes_on(released: Awaiting) -> None:
    workspace = workspace_of(released.root)
    entry = champion(workspace.releases.entries())
    assert entry is not None
    assert (entry.outcome, entry.approved_by) == ("first release", (OFFICER,))
    with instance_of(released.root) as instance:
        now = gather(workspace, instance)
    next_one = on_arrival(now, workspace.use_case, lambda _: pytest.fail("not asked"))
    assert isinstance(next_one, Ingest)
    assert (next_one.batch, next_one.watch) == (MONTHS[1], True)


def test_an_approved_release_is_made_again_with_equal_hashes(released: Awaiting) -> None:
    entry = champion(workspace_of(released.root).releases.entries())
    assert entry is not None and entry.release is not None
    again = mlops(released.root, "reproduce", NAME, entry.release, MLOPS_ACTOR="somebody else")
    assert again.returncode == 0, f"{again.stdout}\n{again.stderr}"
    assert "hashes are equal" in again.stdout


def _alter_report(root: Path) -> None:
    path = workspace_of(root).store.folder(ArtifactKey("risk_report")) / "report.html"
    path.write_bytes(path.read_bytes() + b"<!-- nothing to see -->")


def _alter_model(root: Path) -> None:
    path = workspace_of(root).store.folder(ArtifactKey("onnx_model")) / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _alter_limit(root: Path) -> None:
    policy = workspace_of(root).use_case.policy.model_dump(mode="json")
    policy["limits"]["evasion_rate"][0]["limit"] = 20.0
    declare(root, policy=policy)


@pytest.mark.parametrize("alter", [_alter_report, _alter_model, _alter_limit])
def test_what_is_altered_after_the_signature_voids_it(
    copy_of: Awaiting, alter: Callable[[Path], None]
) -> None:
    copy_of.sign_only(copy_of.officer)
    alter(copy_of.root)

    decide(copy_of.root)

    assert champion(workspace_of(copy_of.root).releases.entries()) is None
    assert approval_of(copy_of.root)["holds"] is False


def test_a_forged_signature_is_refused_and_named(copy_of: Awaiting) -> None:
    forged = copy_of.sign_only(copy_of.trainer, OFFICER)

    ended = mlops(copy_of.root, "run", NAME)

    assert ended.returncode == 0, ended.stdout
    assert "awaits approval" in ended.stdout
    assert entries_of(copy_of.root) == []
    [refused] = approval_of(copy_of.root)["refused"]  # type: ignore[misc]
    assert refused["source"] == forged.name
    assert f"the signature is not one of {OFFICER!r}" in refused["reason"]


def test_the_launchpad_takes_a_printed_signature(copy_of: Awaiting) -> None:
    printed = copy_of.approve(copy_of.officer, "--print-signature")
    assert printed.returncode == 0, printed.stdout
    assert not folder(workspace_of(copy_of.root)).exists()
    lines = printed.stdout.splitlines()[-3:]
    config = dict(line.split(": ", 1) for line in lines)

    failed = _ask(copy_of.root, {**config, "comment": "something else"})
    assert failed is not None and "nothing was approved" in failed
    assert _ask(copy_of.root, config) is None
    decide(copy_of.root)

    entry = workspace_of(copy_of.root).releases.entries()[0]
    assert (entry.outcome, entry.approved_by) == ("first release", (OFFICER,))


def _ask(root: Path, config: dict[str, str]) -> str | None:
    """Materialize the asset ``approval`` with what the launchpad was told; why it failed."""
    ops = {"ops": {f"{NAME}__approval": {"config": config}}}
    return launch(root, "promote", "approval", run_config=ops)
