"""The command that tries a challenger out on real traffic."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "ab_test"))

from trials import INPUTS, add_bundle, add_candidate, promote, workspace

from mlops_assets import cli_traffic
from mlops_assets.ab_test.experiments import Event, latest_experiment
from mlops_assets.ab_test.gathering import read_events
from mlops_assets.serving.traffic_plan import TrafficPlan, read_plan
from mlops_assets.use_case import UseCase
from resources.actor import ACTOR
from resources.workspace import Workspace


@pytest.fixture
def trial(
    tmp_path: Path, make_use_case: Callable[..., UseCase], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A use case with a champion."""
    monkeypatch.setenv(ACTOR, "somebody")
    found = workspace(tmp_path, make_use_case)
    promote(found, add_bundle(found, 1.0))
    return found


def asked(found: Workspace, **options: Any) -> tuple[int, str]:
    said: list[str] = []
    given = {"challenger": None, "share": None, "shadow": False, "stop": False, **options}
    return cli_traffic.traffic(found, Namespace(**given), said.append), "\n".join(said)


def plan_of(found: Workspace) -> TrafficPlan | None:
    return read_plan(found.store.root / "traffic.json")


def champion(found: Workspace) -> str:
    return str(found.releases.entries()[-1].release)


def test_a_test_is_started_changed_and_stopped_with_a_command_each(trial: Workspace) -> None:
    other = add_bundle(trial, 0.9)

    assert asked(trial, challenger=other, share=0.1)[0] == 0
    begun = plan_of(trial)
    assert begun == TrafficPlan(f"0001-{other[:8]}", other, champion(trial), "ab", 0.1)
    assert asked(trial, share=0.3)[0] == 0
    changed = plan_of(trial)
    assert changed is not None and changed.share == 0.3
    assert changed.experiment == begun.experiment
    status, said = asked(trial, stop=True)

    assert status == 0 and "stopped" in said and plan_of(trial) is None
    events = read_events(trial)
    assert [event.happened for event in events] == ["started", "changed", "stopped"]
    assert {event.by for event in events} == {"somebody"}
    found = latest_experiment(events)
    assert found is not None
    assert [period.share for period in found.periods] == [0.1, 0.3]
    assert found.periods[0].end == found.periods[1].start


def test_the_record_holds_the_plan_made_at_the_start(trial: Workspace) -> None:
    other = add_bundle(trial, 0.9)

    status, said = asked(trial, challenger=other, share=0.5)

    plan = latest_experiment(read_events(trial)).plan  # type: ignore[union-attr]
    assert status == 0 and f"{plan.rows:,} labelled rows" in said
    assert (plan.minimum_effect, plan.confidence, plan.power) == (0.05, 0.95, 0.8)
    assert plan.measured_on == "2024-01" and plan.losses.rows == 900
    assert plan.entities > plan.fixed_entities > 0


def test_a_switch_to_a_shadow_and_back_begins_a_test_of_its_own(trial: Workspace) -> None:
    other = add_bundle(trial, 0.9)
    asked(trial, challenger=other, share=0.1)

    status, _ = asked(trial, shadow=True)
    shadow = plan_of(trial)
    assert status == 0 and shadow is not None
    assert (shadow.mode, shadow.share, shadow.challenger) == ("shadow", 1.0, other)
    assert asked(trial, share=0.2)[0] == 0
    back = plan_of(trial)

    assert back is not None and (back.mode, back.share) == ("ab", 0.2)
    assert len({event.experiment for event in read_events(trial)}) == 3
    assert [e.happened for e in read_events(trial)] == [
        "started", "stopped", "started", "stopped", "started",
    ]  # fmt: skip


def test_the_candidate_is_known_by_its_name(trial: Workspace) -> None:
    other = add_bundle(trial, 0.9)
    add_candidate(trial, other)

    assert asked(trial, challenger="candidate", shadow=True)[0] == 0
    plan = plan_of(trial)
    assert plan is not None and plan.challenger == other


def test_what_is_under_way_is_said(trial: Workspace) -> None:
    assert "no test is under way" in asked(trial)[1]
    other = add_bundle(trial, 0.9)
    asked(trial, challenger=other, share=0.25)

    status, said = asked(trial)

    assert status == 0
    assert "A/B, share 0.25" in said and other in said and "by somebody" in said
    (trial.store.root / "traffic.json").unlink()
    assert "interrupted" in asked(trial)[1]


def test_a_test_against_another_champion_is_over_and_the_next_one_begins(trial: Workspace) -> None:
    other, third = add_bundle(trial, 0.9), add_bundle(trial, 0.8)
    asked(trial, challenger=other, share=0.1)
    promote(trial, third)

    assert "over: another champion" in asked(trial)[1]
    assert asked(trial, share=0.2) == (1, "no test is under way: name a --challenger to start one")
    assert asked(trial, challenger=other, share=0.2)[0] == 0

    plan = plan_of(trial)
    assert plan is not None and plan.champion == third and plan.experiment.startswith("0002")
    assert [event.happened for event in read_events(trial)] == ["started", "stopped", "started"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stop": True, "share": 0.1}, "--stop goes alone"),
        ({"shadow": True, "share": 0.1}, "without --share"),
        ({"challenger": "candidate"}, "needs --share"),
        ({"share": 1.0}, "above 0 and below 1"),
        ({"share": 0.0}, "above 0 and below 1"),
        ({"share": float("nan")}, "above 0 and below 1"),
    ],
)
def test_options_that_make_no_sense_change_nothing(
    trial: Workspace, options: dict[str, Any], said: str
) -> None:
    status, found = asked(trial, **options)

    assert status == 2 and said in found and not (trial.store.root / "traffic.json").exists()


def refused(trial: Workspace, said: str, **options: Any) -> None:
    before = read_events(trial)
    status, found = asked(trial, **options)
    assert status == 1 and said in found, found
    assert read_events(trial) == before


def test_what_cannot_be_tried_out_is_refused(trial: Workspace) -> None:
    narrow = [{**INPUTS[0], "datatype": "INT64"}, *INPUTS[1:]]
    more = [*INPUTS, {"name": "age", "datatype": "FP64", "shape": [-1, 1], "missing": "NaN"}]
    refused(trial, "the champion already", challenger=champion(trial), share=0.1)
    refused(trial, "no version", challenger="ef" * 16 + ".dir", share=0.1)
    refused(trial, "has not been made", challenger="candidate", share=0.1)
    refused(trial, "outputs", challenger=add_bundle(trial, 0.9, outputs=[]), share=0.1)
    refused(trial, "['city']", challenger=add_bundle(trial, 0.9, inputs=narrow), shadow=True)
    refused(trial, "['age']", challenger=add_bundle(trial, 0.9, inputs=more), shadow=True)
    refused(trial, "name a --challenger", share=0.1)
    changed = add_bundle(trial, 0.7)
    path = trial.store.root / "releases" / changed / "manifest.json"
    path.chmod(0o644)
    path.write_text("{}")
    refused(trial, "was changed on disk", challenger=changed, share=0.1)


def test_one_test_at_a_time(trial: Workspace) -> None:
    other, third = add_bundle(trial, 0.9), add_bundle(trial, 0.8)
    asked(trial, challenger=other, share=0.1)

    refused(trial, "--stop it first", challenger=third, share=0.1)
    refused(trial, "just that already", challenger=other, share=0.1)


def test_without_a_release_there_is_nothing_to_compare_with(
    tmp_path: Path, make_use_case: Callable[..., UseCase]
) -> None:
    found = workspace(tmp_path, make_use_case)

    assert "no release yet" in asked(found, challenger="candidate", share=0.1)[1]
    assert asked(found)[0] == 0 and asked(found, stop=True)[0] == 0


def test_a_use_case_without_a_row_id_is_told_that_nothing_will_be_shown(
    tmp_path: Path, make_use_case: Callable[..., UseCase]
) -> None:
    found = workspace(tmp_path, make_use_case, row_id=None)
    promote(found, add_bundle(found, 1.0))

    assert "serving.row_id" in asked(found, challenger=add_bundle(found, 0.9), shadow=True)[1]


def test_a_broken_plan_is_said_and_can_be_stopped(trial: Workspace) -> None:
    asked(trial, challenger=add_bundle(trial, 0.9), share=0.1)
    path = trial.store.root / "traffic.json"
    path.write_text("{")

    assert asked(trial)[0] == 1
    assert asked(trial, stop=True)[0] == 0 and plan_of(trial) is None


def test_entities_are_planned_for(tmp_path: Path, make_use_case: Callable[..., UseCase]) -> None:
    found = workspace(tmp_path, make_use_case, entity_id="customer")
    promote(found, add_bundle(found, 1.0))
    asked(found, challenger=add_bundle(found, 0.9), share=0.5)

    plan = latest_experiment(read_events(found)).plan  # type: ignore[union-attr]

    assert plan.losses.entities == 300 and plan.rows == 3 * plan.entities


def test_the_record_only_grows(trial: Workspace) -> None:
    other = add_bundle(trial, 0.9)
    asked(trial, challenger=other, share=0.1)
    before = json.loads((trial.store.root / "experiments.json").read_bytes())
    asked(trial, stop=True)

    after = json.loads((trial.store.root / "experiments.json").read_bytes())
    assert after[: len(before)] == before and Event.parse(after[-1]).happened == "stopped"


def test_the_command_line_is_parsed(trial: Workspace) -> None:
    parser, said = ArgumentParser(), []
    commands = parser.add_subparsers()
    cli_traffic.add_commands(commands, lambda _: trial, said.append)
    other = add_bundle(trial, 0.9)

    options = parser.parse_args(["traffic", "x", "--challenger", other, "--share", "0.2"])

    assert options.command(options) == 0 and any(other in line for line in said)
