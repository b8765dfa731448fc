"""An earlier release comes back in one step, and stays: by the real ``mlops`` and by Dagster."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from urllib.request import urlopen

import dagster as dg
import pytest
from command_project import (
    as_command_project,
    environment_of,
    instance_of,
    launch,
    mlops,
    run_until_quiet,
    workspace_of,
)
from conftest import MONTHS, FinishedProject
from small_project import NAME, deliver_into

from mlops_assets.governance.ledger import Entry, champion_at
from resources.approvals import kept_approval
from resources.artifact_store import ArtifactKey
from sensors.situation import CAUSE_TAG

pytestmark = pytest.mark.loop

REASON = "complaints from the gates"
NEXT = "2013-05"


@dataclass(frozen=True)
class RolledBack:
    """A project after ``mlops rollback --previous``, what that said, and the ledger before it."""

    root: Path
    said: subprocess.CompletedProcess[str]
    before: tuple[Entry, ...]


@pytest.fixture(scope="module")
def released(finished: FinishedProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with several releases, the latest of which is the champion."""
    folder = tmp_path_factory.mktemp("rollback") / "released"
    root = as_command_project(finished.root, folder, MONTHS)
    entries = workspace_of(root).releases.entries()
    assert len({entry.release for entry in entries if entry.release}) > 1
    assert entries[-1].release is not None
    return root


@pytest.fixture(scope="module")
def rolled_back(released: Path) -> RolledBack:
    root = Path(copytree(released, released.with_name("rolled back")))
    before = workspace_of(root).releases.entries()
    options = ("--previous", "--reason", REASON)
    return RolledBack(root, mlops(root, "rollback", NAME, *options, MLOPS_ACTOR="on call"), before)


def test_the_previous_release_is_the_champion_again(rolled_back: RolledBack) -> None:
    said, before = rolled_back.said, rolled_back.before
    previous = before[-1].champion_before
    assert said.returncode == 0, f"{said.stdout}\n{said.stderr}"
    assert f"champion {previous}" in said.stdout
    workspace = workspace_of(rolled_back.root)
    entries = workspace.releases.entries()
    assert entries[:-1] == before
    assert (entries[-1].outcome, entries[-1].release) == ("rolled back", previous)
    assert (entries[-1].reasons, entries[-1].decided_by) == ((REASON,), "on call")
    assert entries[-1].champion_before == before[-1].release
    pointer = workspace.store.json(ArtifactKey("release"), "release.json")
    assert pointer == {"champion": previous, "bundle": f"releases/{previous}"}
    approved = next(entry for entry in before if entry.release == previous)
    kept = kept_approval(workspace, approved)
    assert kept is not None
    assert workspace.store.json(ArtifactKey("release"), "approval.json") == kept


def test_it_is_in_dagsters_history_with_its_reason(rolled_back: RolledBack) -> None:
    with instance_of(rolled_back.root) as instance:
        [run] = instance.get_runs(filters=dg.RunsFilter(job_name=f"{NAME}__rollback"))
        event = instance.get_latest_materialization_event(dg.AssetKey([NAME, "release"]))
    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert run.tags[CAUSE_TAG] == REASON
    assert event is not None and event.asset_materialization is not None
    assert event.run_id == run.run_id
    shown = event.asset_materialization.metadata
    assert shown["outcome"].value == "rolled back"
    assert shown["champion"].value == rolled_back.before[-1].champion_before
    assert REASON in str(shown["reasons"].value)


def test_earlier_batches_keep_the_champion_that_watched_them(rolled_back: RolledBack) -> None:
    workspace = workspace_of(rolled_back.root)
    entries = workspace.releases.entries()
    for month in MONTHS:
        assert champion_at(entries, month) == champion_at(rolled_back.before, month)
    key = ArtifactKey("performance_report", MONTHS[-1])
    before = workspace.store.hash(key)
    options = {"partition_key": MONTHS[-1]}
    assert launch(rolled_back.root, "monitor", "performance_report", **options) is None
    assert workspace.store.hash(key) == before


def test_the_next_ticks_do_nothing_and_the_gate_refuses_what_was_withdrawn(
    rolled_back: RolledBack,
) -> None:
    root = Path(copytree(rolled_back.root, rolled_back.root.with_name("forced")))
    assert run_until_quiet(root) == []
    assert launch(root, "promote", "approval", "release") is None
    latest = workspace_of(root).releases.entries()[-1]
    assert latest.outcome == "rejected"
    assert "a rollback took this release back, and its evidence is the same" in latest.reasons
    assert latest.challenger == rolled_back.before[-1].challenger


def test_later_batches_are_watched_by_it_and_a_new_challenger_is_judged_against_it(
    rolled_back: RolledBack,
) -> None:
    root = Path(copytree(rolled_back.root, rolled_back.root.with_name("later")))
    workspace = workspace_of(root)
    restored = rolled_back.before[-1].champion_before
    deliver_into(workspace.folder / "data", NEXT)

    runs = run_until_quiet(root)

    assert [run.message for run in runs if not run.success] == []
    for name in ("drift_report", "performance_report"):
        assert workspace.store.report(ArtifactKey(name, NEXT))["champion"] == restored
    latest = workspace.releases.entries()[-1]
    assert (latest.batch, latest.outcome) == (NEXT, "promoted"), latest.reasons
    assert latest.champion_before == restored


def test_mlops_serve_serves_it(rolled_back: RolledBack) -> None:
    restored = rolled_back.before[-1].champion_before
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "mlops"), "serve", NAME, "--port", "0"],
        cwd=rolled_back.root,
        env=environment_of(rolled_back.root),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = map(json.loads, process.stdout)
        ready = next(line for line in lines if line["event"] == "ready")
        assert ready["release"] == restored
        with urlopen(f"{ready['url']}/v2/models/{NAME}") as answer:
            assert json.loads(answer.read())["versions"] == [restored]
    finally:
        process.terminate()
        process.communicate()


def test_the_job_in_dagster_does_the_same(released: Path) -> None:
    root = Path(copytree(released, released.with_name("by the job")))
    before = workspace_of(root).releases.entries()
    first = before[0].release
    config = {"rollback_to": first, "reason": REASON}
    options = {"run_config": {"ops": {f"{NAME}__release": {"config": config}}}}

    assert launch(root, "rollback", "release", **options) is None

    latest = workspace_of(root).releases.entries()[-1]
    assert (latest.outcome, latest.release) == ("rolled back", first)
    assert latest.champion_before == before[-1].release
    assert latest.reasons == (REASON,)
    again = launch(root, "rollback", "release", **options)
    assert again is not None and "is the present champion already" in again


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--previous",), 2, "required: --reason"),
        (("--reason", REASON), 2, "one of the arguments release --previous is required"),
        (("--previous", "--reason", "because"), 1, "needs a reason of two words at least"),
        (("0" * 32 + ".dir", "--reason", REASON), 1, "was never released here: choose from"),
        (("CHAMPION", "--reason", REASON), 1, "is the present champion already"),
    ],
)
def test_what_cannot_be_is_refused(
    released: Path, options: tuple[str, ...], status: int, said: str
) -> None:
    workspace = workspace_of(released)
    before = workspace.releases.entries()
    pointer = workspace.store.hash(ArtifactKey("release"))
    named = [before[-1].release or "" if word == "CHAMPION" else word for word in options]

    done = mlops(released, "rollback", NAME, *named)

    assert done.returncode == status
    assert said in re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert workspace.releases.entries() == before
    assert workspace.store.hash(ArtifactKey("release")) == pointer
