"""The command ``mlops traffic``: which challenger is tried out on real traffic, and on how much.

Belongs here: starting, changing and stopping a test, which is to write down what servers read
within a second and what is kept for good. Does not belong here: what servers do with it
(``serving/``), how a test is planned (``ab_test/planning.py``), or what it shows
(``ab_test/report.py``).
"""

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.cli_release import Commands, Say, WorkspaceOf, add_command

if TYPE_CHECKING:
    from mlops_assets.ab_test.experiments import Event
    from mlops_assets.serving.traffic_plan import Mode
    from resources.workspace import Workspace

CANDIDATE = "candidate"


class TrafficError(Exception):
    """Something that cannot be asked for now; the message says why, and what could be."""


def add_commands(commands: Commands, workspace_of: WorkspaceOf, say: Say) -> None:
    """Add the command of this module to the parser."""
    words = "try a challenger out on real traffic: start, change, stop, or say what is under way"
    parser = add_command(commands, "traffic", traffic, words, workspace_of, say)
    parser.add_argument(
        "--challenger", help="a bundle's hash, or 'candidate': the one that would be released"
    )
    parser.add_argument(
        "--share", type=float, help="of the entities that the challenger answers: A/B"
    )
    parser.add_argument(
        "--shadow", action="store_true", help="ask the challenger too, and answer by the champion"
    )
    parser.add_argument("--stop", action="store_true", help="let the champion answer alone")


def traffic(workspace: "Workspace", options: argparse.Namespace, say: Say) -> int:
    """Start, change or stop a test, or say what is under way; 1 where that cannot be done, 2 for
    options that make no sense together."""
    from filelock import FileLock

    from mlops_assets.data.batch_error import BatchError
    from mlops_assets.serving.traffic_plan import TrafficPlanError
    from resources.artifact_store import MissingArtifactError

    problem = _nonsense(options)
    if problem is not None:
        say(problem)
        return 2
    workspace.store.root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(workspace.store.root / ".traffic.lock"):
            if options.stop:
                _stop(workspace, say)
            elif options.challenger or options.shadow or options.share is not None:
                _start_or_change(workspace, options, say)
            else:
                _say_state(workspace, say)
    except (TrafficError, TrafficPlanError, MissingArtifactError, BatchError) as error:
        say(str(error))
        return 1
    return 0


def _nonsense(options: argparse.Namespace) -> str | None:
    asked = options.challenger or options.shadow or options.share is not None
    if options.stop and asked:
        return "--stop goes alone"
    if options.shadow and options.share is not None:
        return "--shadow goes without --share: a shadow is asked about everything"
    if options.challenger and not options.shadow and options.share is None:
        return "--challenger needs --share (A/B) or --shadow"
    if options.share is not None and not 0.0 < options.share < 1.0:
        return "--share is above 0 and below 1: with all of the traffic there is nothing to compare"
    return None


def _start_or_change(workspace: "Workspace", options: argparse.Namespace, say: Say) -> None:
    champion = _champion(workspace)
    now = _under_way(workspace, champion)
    mode: Mode = "shadow" if options.shadow else "ab"
    share = 1.0 if options.shadow else float(options.share)
    challenger = _challenger(workspace, options.challenger, now)
    if now is not None and challenger != now.challenger:
        raise TrafficError(
            f"test {now.experiment} of another challenger is under way: --stop it first"
        )
    if now is not None and mode == now.mode:
        if share == now.share:
            raise TrafficError(f"test {now.experiment} is just that already")
        _record(workspace, replace(now, happened="changed", share=share, plan=None))
        say(f"test {now.experiment}: the challenger's share is {share:g} from now on")
        return
    _start(workspace, challenger, champion, mode, share, say)


def _start(
    workspace: "Workspace", challenger: str, champion: str, mode: "Mode", share: float, say: Say
) -> None:
    from mlops_assets.ab_test.experiments import Event, next_id, under_way
    from mlops_assets.ab_test.gathering import measured_losses, read_events, unfit_reason
    from mlops_assets.ab_test.planning import plan_test

    if challenger == champion:
        raise TrafficError(f"{challenger} is the champion already")
    reason = unfit_reason(workspace, challenger, champion)
    if reason is not None:
        raise TrafficError(f"{challenger} cannot be tried out beside {champion}: {reason}")
    serving = workspace.use_case.serving
    losses, batch = measured_losses(workspace, challenger, champion)
    plan = plan_test(serving.ab_test, losses, mode, share, batch)
    events = read_events(workspace)
    before = under_way(events)
    if before is not None:
        # Of another form, or against a champion that is none any more.
        _record(workspace, replace(before, happened="stopped", plan=None))
    test = next_id(events, challenger)
    event = Event(test, "started", "", "", challenger, champion, mode, share, plan.to_dict())
    _record(workspace, event)
    said = f"answers a share of {share:g}" if mode == "ab" else "is asked as a shadow"
    say(f"test {test}: challenger {challenger} {said}, beside champion {champion}")
    say(
        f"planned: {plan.rows:,} labelled rows ({plan.entities:,} entities) to find a difference "
        f"of {plan.minimum_effect:g} of the mean loss with {plan.power:.0%} power at "
        f"{plan.confidence:.0%} confidence, by the variance on batch {batch}; looked at once, "
        f"{plan.fixed_entities:,} entities would do"
    )
    if serving.row_id is None:
        say(
            "serving.row_id names no column, so that labels cannot be joined: ab_report will not "
            "say which is better"
        )


def _stop(workspace: "Workspace", say: Say) -> None:
    from mlops_assets.ab_test.experiments import under_way
    from mlops_assets.ab_test.gathering import read_events

    event = under_way(read_events(workspace))
    if event is None:
        from mlops_assets.serving.traffic_plan import write_plan

        # A plan that no record knows of is not to go on.
        write_plan(_plan_file(workspace), None)
        say("no test is under way: the champion answers alone")
        return
    _record(workspace, replace(event, happened="stopped", plan=None))
    say(f"test {event.experiment} is stopped: the champion answers alone")


def _say_state(workspace: "Workspace", say: Say) -> None:
    from mlops_assets.ab_test.experiments import latest_experiment, under_way
    from mlops_assets.ab_test.gathering import read_events
    from mlops_assets.serving.traffic_plan import read_plan

    events = read_events(workspace)
    event, experiment = under_way(events), latest_experiment(events)
    if event is None or experiment is None:
        say("no test is under way: the champion answers alone")
        return
    plan = experiment.plan
    form = f"A/B, share {event.share:g}" if event.mode == "ab" else "shadow"
    say(f"test {event.experiment}: {form}, begun {experiment.started} by {experiment.by}")
    say(f"challenger {event.challenger}")
    say(f"champion   {event.champion}")
    say(
        f"planned: {plan.rows:,} labelled rows, minimum effect {plan.minimum_effect:g}, "
        f"confidence {plan.confidence:.0%}, power {plan.power:.0%}"
    )
    if _champion(workspace) != event.champion:
        say("over: another champion serves now. Stop it, or start another test")
    elif read_plan(_plan_file(workspace)) is None:
        say(f"interrupted: {_plan_file(workspace).name} has no plan. Stop it, and start again")


def _record(workspace: "Workspace", event: "Event") -> None:
    """Keep what happened, now and by this account, and tell the servers. What starts or changes is
    kept first, so that nothing is answered by a test that nobody knows of."""
    from mlops_assets.ab_test.experiments import FILE, traffic_plan
    from mlops_assets.ab_test.gathering import read_events
    from mlops_assets.content_hash import json_bytes
    from mlops_assets.serving.traffic_plan import write_plan
    from resources.actor import actor
    from resources.artifact_store import write_atomically

    kept = replace(event, at=datetime.now(UTC).isoformat(timespec="milliseconds"), by=actor())
    stopped = event.happened == "stopped"
    if stopped:
        write_plan(_plan_file(workspace), None)
    records = [one.to_dict() for one in (*read_events(workspace), kept)]
    write_atomically(workspace.store.root / FILE, json_bytes(records))
    if not stopped:
        write_plan(_plan_file(workspace), traffic_plan(kept))


def _under_way(workspace: "Workspace", champion: str) -> "Event | None":
    """The latest event of the test that is under way against the present champion."""
    from mlops_assets.ab_test.experiments import under_way
    from mlops_assets.ab_test.gathering import read_events

    event = under_way(read_events(workspace))
    return event if event is not None and event.champion == champion else None


def _challenger(workspace: "Workspace", named: str | None, now: "Event | None") -> str:
    from mlops_assets.ab_test.gathering import candidate_bundle

    if named is None and now is None:
        raise TrafficError("no test is under way: name a --challenger to start one")
    if named is None and now is not None:
        return now.challenger
    return candidate_bundle(workspace) if named == CANDIDATE else str(named)


def _champion(workspace: "Workspace") -> str:
    from mlops_assets.governance.ledger import champion

    entry = champion(workspace.releases.entries())
    if entry is None or entry.release is None:
        raise TrafficError(
            f"{workspace.name} has no release yet, so that there is no champion to compare with"
        )
    return entry.release


def _plan_file(workspace: "Workspace") -> Path:
    from mlops_assets.serving.traffic_plan import PLAN_FILE

    return workspace.store.root / PLAN_FILE
