"""The promotion sensor and its runs, through Dagster, on a challenger in a real store."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "release"))

from challengers import challenge, signature

from mlops_assets.release.assets import build_assets
from mlops_assets.use_case import UseCase
from resources.approvals import asked_approval, write_signature
from resources.assets import asset_key
from resources.workspace import Workspace
from sensors.loop import build_sensors
from sensors.tick import FinishedRun, decide_now

MakeUseCase = Callable[..., UseCase]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def _workspace(root: Path, make_use_case: MakeUseCase, noise: float) -> Workspace:
    workspace = challenge(root, make_use_case, noise=noise)
    assert workspace.source_folder is not None
    workspace.source_folder.mkdir(parents=True)
    (workspace.source_folder / "2020-01.parquet").write_text("a batch")
    return workspace


def _decide(workspace: Workspace, instance: dg.DagsterInstance) -> list[FinishedRun]:
    promote = dg.define_asset_job(
        f"{workspace.name}__promote",
        dg.AssetSelection.assets(*(asset_key(workspace, n) for n in ("approval", "release"))),
    )
    promotion = [s for s in build_sensors(workspace) if s.name == f"{workspace.name}__promotion"]
    definitions = dg.Definitions(assets=build_assets(workspace), jobs=[promote], sensors=promotion)
    return decide_now(definitions, workspace, instance, lambda _: None)


def _verbs(finished: list[FinishedRun]) -> list[tuple[str, bool]]:
    return [(run.intent.split(" ", 1)[0], run.success) for run in finished]


def test_a_challenger_is_asked_about_once_and_then_waits_for_each_signature(
    tmp_path: Path, make_use_case: MakeUseCase, instance: dg.DagsterInstance
) -> None:
    """Nobody knows who trained it, so two people have to sign."""
    workspace = _workspace(tmp_path, make_use_case, 0.01)

    assert _verbs(_decide(workspace, instance)) == [("verify", True)]
    assert _decide(workspace, instance) == []
    write_signature(workspace, signature(workspace, "First Approver"))
    assert _verbs(_decide(workspace, instance)) == [("verify", True)]
    found = asked_approval(workspace)
    assert found is not None and "two people must sign" in found.missing
    assert workspace.releases.entries() == ()


def test_what_speaks_against_is_decided_at_once_without_a_signature(
    tmp_path: Path, make_use_case: MakeUseCase, instance: dg.DagsterInstance
) -> None:
    workspace = _workspace(tmp_path, make_use_case, 0.3)

    finished = _decide(workspace, instance)

    assert _verbs(finished) == [("verify", True), ("decide", False)]
    assert finished[-1].message.startswith(f"{workspace.name}__release: no first release: ")
    [entry] = workspace.releases.entries()
    assert entry.outcome == "rejected"
    assert entry.reasons[0].startswith("decisions changed by noise in the inputs: 0.3, beyond")
    assert _decide(workspace, instance) == []
