"""Days of answers in a real PostgreSQL, for the tests of this room.

Belongs here: shipping to it, taking days in, and deleting them, as servers and the pipeline do.
Does not belong here: what is tested (the tests).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from logged_answers import left_open

from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.prediction_log.shipping import run
from mlops_assets.traffic.assets import build_assets, build_expiry_job
from mlops_assets.traffic.checks import build_checks
from mlops_assets.traffic.day_log import take_in
from mlops_assets.traffic.logged_days import answer_sources, served_folder
from resources.assets import day_partitions
from resources.workspace import Workspace
from sensors.situation import INTENT_TAG, USE_CASE_TAG

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def ago(days: int) -> str:
    return (NOON - timedelta(days=days)).date().isoformat()


def at(days_ago: int) -> float:
    return (NOON - timedelta(days=days_ago)).timestamp()


def ship(
    workspace: Workspace, instance: str, *batches: AnsweredBatch, to_database: bool = True
) -> None:
    left_open(served_folder(workspace), instance, *batches)
    outcome = run(served_folder(workspace), instance, adopt=True, database=to_database)
    assert outcome.problem is None


def taken(workspace: Workspace, day: str, target: Path) -> dict[str, Any]:
    target.mkdir()
    with answer_sources(workspace) as sources:
        return take_in(sources, served_folder(workspace), day, target)


def materialize(
    workspace: Workspace, instance: dg.DagsterInstance, day: str
) -> tuple[dict[str, bool], str]:
    """Take in a day and report on it: what the checks said, and what the events say of failures."""
    result = _materialize(workspace, instance, day, [*build_checks(workspace)])
    checks = result.get_asset_check_evaluations()
    return {check.check_name: check.passed for check in checks}, _failures(result)


def store(
    workspace: Workspace, instance: dg.DagsterInstance, day: str, intent: str = "by hand"
) -> str:
    """Take in a day, and nothing else; what the events say of failures."""
    return _failures(_materialize(workspace, instance, day, (), intent))


def _materialize(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    day: str,
    checks: Sequence[dg.AssetChecksDefinition],
    intent: str = "by hand",
) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions(day_partitions(workspace).name or "", [day])
    assets = build_assets(workspace)
    return dg.materialize(
        [*assets, *checks] if checks else assets[:1],
        partition_key=day,
        instance=instance,
        raise_on_error=False,
        tags={USE_CASE_TAG: workspace.name, INTENT_TAG: intent},
    )


def _failures(result: dg.ExecuteInProcessResult) -> str:
    return " ".join(str(event) for event in result.all_events if event.is_failure)


def expire(workspace: Workspace, instance: dg.DagsterInstance, moment: datetime) -> str:
    """Run the job at ``moment``; what it says of its failure."""

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return moment.astimezone(tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlops_assets.traffic.assets.datetime", Then)
        job = build_expiry_job(workspace)
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    return _failures(result)
