"""A test of a challenger is heeded as long as it can still decide something."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_assets.governance.ledger import Entry
from mlops_assets.serving.traffic_plan import TrafficPlan, write_plan
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace
from sensors.trials import demanded_trial, running_test, tried_out

PLAN = TrafficPlan("e1", challenger="b", champion="a", mode="ab", share=0.5)
CHAMPION = Entry("2024-01", "m", "first release", ("why",), "a", None)


@pytest.fixture
def workspace(tmp_path: Path, use_case: UseCase) -> Workspace:
    made = Workspace("deliveries", use_case, tmp_path, tmp_path)
    made.releases.record(CHAMPION)
    write_plan(made.store.root / "traffic.json", PLAN)
    return made


def store(workspace: Workspace, name: str, file: str, **content: str) -> str:
    with workspace.store.write(ArtifactKey(name), upstream={}) as folder:
        (folder / file).write_text(json.dumps(content), encoding="utf-8")
    return workspace.store.hash(ArtifactKey(name))


def test_a_test_of_the_present_candidate_is_tried_out(workspace: Workspace) -> None:
    assert tried_out(workspace, [CHAMPION]) is None
    store(workspace, "candidate", "candidate.json", bundle="b")
    assert tried_out(workspace, [CHAMPION]) == "e1"
    store(workspace, "candidate", "candidate.json", bundle="c")
    assert tried_out(workspace, [CHAMPION]) is None


@pytest.mark.parametrize(
    ("challenger", "verdict", "expected"),
    [("b", "undecided", "e1"), ("b", "better", "e1"), ("b", "worse", None), ("c", "worse", "e1")],
)
def test_one_that_is_lost_keeps_nobody_waiting(
    workspace: Workspace, challenger: str, verdict: str, expected: str | None
) -> None:
    store(workspace, "candidate", "candidate.json", bundle="b")
    store(workspace, "ab_report", "report.json", challenger=challenger, verdict=verdict)
    assert tried_out(workspace, [CHAMPION]) == expected


def test_a_test_ends_with_its_champion_and_with_its_plan(workspace: Workspace) -> None:
    assert running_test(workspace, [CHAMPION]) == PLAN
    assert running_test(workspace, [replace(CHAMPION, release="c")]) is None
    assert running_test(workspace, []) is None
    path = workspace.store.root / "traffic.json"
    path.write_text("{", encoding="utf-8")
    assert running_test(workspace, [CHAMPION]) is None
    write_plan(path, None)
    assert running_test(workspace, [CHAMPION]) is None


def test_what_a_test_shows_matters_where_it_is_demanded(workspace: Workspace) -> None:
    assert demanded_trial(workspace) is None
    promotion = workspace.use_case.promotion.model_copy(update={"ab_test": True})
    demanding = replace(
        workspace, use_case=workspace.use_case.model_copy(update={"promotion": promotion})
    )
    assert demanded_trial(demanding) == "none"
    assert demanded_trial(demanding) == "none"
    made = store(demanding, "ab_report", "report.json", verdict="better")
    assert demanded_trial(demanding) == made
