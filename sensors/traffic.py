"""The sensors of real traffic: days that servers answered on are taken in, compared while a test is
under way, and deleted when they have expired.

Belongs here: the facts, the decisions on them, and the shells. Does not belong here: what is made
of a day (``mlops_assets/traffic/``), or the loop of batches and trainings (``loop.py``).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from mlops_assets.content_hash import json_md5
from mlops_assets.traffic.answer_sources import AnswersUnreadableError
from mlops_assets.traffic.day_log import content_of, lacking, written
from mlops_assets.traffic.logged_days import (
    DAY,
    answer_sources,
    expired_days,
    expired_in_database,
    served_folder,
    stored_days,
    taken_from,
)
from mlops_assets.traffic.retention import first_kept
from resources.artifact_store import ArtifactKey
from resources.assets import EXPECTED_ERRORS, SOURCE_LOST_TAG, day_partitions
from resources.workspace import Workspace
from sensors.attempts import Attempts
from sensors.decisions import Wait
from sensors.situation import CAUSE_TAG, INTENT_TAG, UNFINISHED, USE_CASE_TAG
from sensors.trials import running_test

SETTLING = timedelta(minutes=15)
"""After midnight, until what was answered before it is surely written."""


@dataclass(frozen=True)
class TrafficSituation(Attempts):
    """What is known about the traffic of one use case at the moment of a tick.

    ``served`` maps each day (UTC) that servers left something of to what it would be made from,
    ``stored`` the days taken in to what they were made from. ``first_kept`` is the oldest day that
    is not deleted, ``expired`` are stored days to delete. ``experiment`` is the test under way, and
    ``comparable`` the hash of the logs and labels it can be judged by. ``attempts`` counts earlier
    runs by intent, ``interrupted`` those that were cut off; ``under_way`` are unfinished ones.
    ``away`` says why answers cannot be asked for: then ``served`` is empty, and ``expired`` are
    days stored here alone.
    """

    today: str
    last_closed: str
    served: Mapping[str, str]
    stored: Mapping[str, str]
    first_kept: str
    expired: tuple[str, ...]
    experiment: str | None
    comparable: str
    under_way: tuple[str, ...]
    attempts: Mapping[str, int]
    interrupted: Mapping[str, int]
    away: str | None = None


@dataclass(frozen=True)
class TakeIn:
    """Take in the answers of a closed day, and report on its operations."""

    day: str
    intent: str
    why: str


@dataclass(frozen=True)
class Compare:
    """Look at the test under way again."""

    intent: str
    why: str


@dataclass(frozen=True)
class Expire:
    """Delete the days that are older than is declared."""

    intent: str
    why: str


Decision = TakeIn | Compare | Expire | Wait


def on_traffic(now: TrafficSituation) -> TakeIn | Wait:
    """Take in the oldest closed day that was not, or that the servers wrote more of since."""
    if now.under_way:
        return Wait(f"{now.under_way[0]} is under way")
    if now.away is not None:
        return Wait(now.away)
    refused = []
    for day, content in sorted(now.served.items()):
        if not now.first_kept <= day <= now.last_closed or now.stored.get(day) == content:
            continue
        intent = f"traffic {day} with content {content}"
        if now.was_tried(intent):
            refused.append(day)
            continue
        again = "more of it was written" if day in now.stored else "it is closed"
        return TakeIn(day, intent, f"{day} was served on, and {again}")
    if refused:
        return Wait(f"{', '.join(refused)} could not be taken in: see their runs")
    return Wait(
        f"every day up to {now.last_closed} is taken in" if now.stored else "nothing was served yet"
    )


def on_comparison(now: TrafficSituation) -> Compare | Wait:
    """Compare champion and challenger whenever there is more to judge them by."""
    if now.experiment is None:
        return Wait("no test is under way")
    if now.under_way:
        return Wait(f"{now.under_way[0]} is under way")
    if not now.stored:
        return Wait(f"{now.experiment}: no day of it is taken in yet")
    intent = f"compare {now.experiment} with content {now.comparable}"
    if now.was_tried(intent):
        return Wait(f"{now.experiment}: nothing came in since it was looked at")
    return Compare(intent, f"{now.experiment} has new answers or labels")


def on_expiry(now: TrafficSituation) -> Expire | Wait:
    """Delete what has expired, whether or not anything is served."""
    if now.under_way:
        return Wait(f"{now.under_way[0]} is under way")
    if not now.expired:
        return Wait(now.away or f"no day before {now.first_kept} is stored")
    intent = f"expire {', '.join(now.expired)} on {now.today}"
    if now.was_tried(intent):
        return Wait(f"{', '.join(now.expired)} could not be deleted today: see the run")
    return Expire(intent, f"{', '.join(now.expired)}: older than {now.first_kept}")


def gather_traffic(
    workspace: Workspace, instance: dg.DagsterInstance, moment: datetime
) -> TrafficSituation:
    """The facts at ``moment``."""
    today = moment.astimezone(UTC).date().isoformat()
    closed = (moment.astimezone(UTC) - SETTLING).date() - timedelta(days=1)
    stored = stored_days(workspace)
    served, expired, away = _answers(workspace, today)
    runs = instance.get_runs(filters=dg.RunsFilter(tags={USE_CASE_TAG: workspace.name}))
    intents = [(run.tags.get(INTENT_TAG, ""), _was_cut_off(run)) for run in runs]
    return TrafficSituation(
        today=today,
        last_closed=closed.isoformat(),
        served=served,
        stored={day: content_of(taken_from(workspace, day)) for day in stored},
        first_kept=first_kept(today, workspace.use_case.serving.retention_days),
        expired=expired,
        experiment=_experiment(workspace),
        comparable=json_md5([stored, _labels(workspace)]),
        under_way=tuple(run.job_name for run in runs if run.status in UNFINISHED),
        attempts=Counter(intent for intent, _ in intents),
        interrupted=Counter(intent for intent, cut_off in intents if cut_off),
        away=away,
    )


def _answers(
    workspace: Workspace, today: str
) -> tuple[dict[str, str], tuple[str, ...], str | None]:
    """What each day that was served on would be made from, but for those of which something is gone
    since they were taken in; the expired days; and why answers cannot be asked for, if they
    cannot."""
    expired = expired_days(workspace, today)
    try:
        served = {}
        with answer_sources(workspace) as sources:
            found = {day for source in sources for day in source.days()}
            for day in _days(found, workspace):
                there = written(sources, day)
                if not lacking(taken_from(workspace, day), there):
                    served[day] = content_of(there)
        return served, tuple(sorted({*expired, *expired_in_database(workspace, today)})), None
    except AnswersUnreadableError as error:
        return {}, expired, str(error)


def _was_cut_off(run: dg.DagsterRun) -> bool:
    return run.status == dg.DagsterRunStatus.CANCELED or SOURCE_LOST_TAG in run.tags


def _days(answered: set[str], workspace: Workspace) -> list[str]:
    """Days of answers, and days on which a server ran without any."""
    operations = (served_folder(workspace) / "operations").glob("*")
    ran = {path.name for path in operations if any(path.glob("*.jsonl"))}
    return sorted(day for day in answered | ran if DAY.fullmatch(day))


def _labels(workspace: Workspace) -> dict[str, str]:
    store = workspace.store
    batches = store.batches("cleaned_dataset")
    return {batch: store.hash(ArtifactKey("cleaned_dataset", batch)) for batch in batches}


def _experiment(workspace: Workspace) -> str | None:
    """The test under way, ``None`` where there is none; a promotion or a rollback ends one."""
    plan = running_test(workspace, workspace.releases.entries())
    return None if plan is None else plan.experiment


def build_traffic_sensors(workspace: Workspace) -> list[dg.SensorDefinition]:
    return [
        _sensor(
            workspace,
            "traffic",
            "traffic",
            "A day (UTC) on which the use case was served is taken in once it is over, and its "
            "operations are reported on.",
            on_traffic,
        ),
        _sensor(
            workspace,
            "comparison",
            "compare",
            "While a test of a challenger is under way, it is looked at whenever answers or labels "
            "came in.",
            on_comparison,
        ),
        _sensor(
            workspace,
            "retention",
            "expire",
            "Days of answers older than the use case declares are deleted, every version of them.",
            on_expiry,
        ),
    ]


def _sensor(
    workspace: Workspace,
    name: str,
    verb: str,
    description: str,
    decide: Callable[[TrafficSituation], Decision],
) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{workspace.name}__{name}",
        job_name=f"{workspace.name}__{verb}",
        description=description,
        minimum_interval_seconds=workspace.use_case.automation.check_every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        try:
            now = gather_traffic(workspace, context.instance, datetime.now(UTC))
        except EXPECTED_ERRORS as error:
            raise dg.Failure(description=str(error)) from error
        days = day_partitions(workspace)
        known = {*context.instance.get_dynamic_partitions(days.name or "")}
        # Today's too, so that a person can have it taken in.
        unknown = sorted({*now.served} - known)
        added = [days.build_add_request(unknown)] if unknown else []
        return _result(decide(now), now, workspace, added)

    return shell


def _result(
    decision: Decision,
    now: TrafficSituation,
    workspace: Workspace,
    added: Sequence[dg.AddDynamicPartitionsRequest],
) -> dg.SensorResult:
    if isinstance(decision, Wait):
        return dg.SensorResult(skip_reason=decision.why, dynamic_partitions_requests=added)
    tags = {
        USE_CASE_TAG: workspace.name,
        INTENT_TAG: decision.intent,
        CAUSE_TAG: decision.why,
    }
    day = decision.day if isinstance(decision, TakeIn) else None
    request = dg.RunRequest(run_key=now.run_key(decision.intent), partition_key=day, tags=tags)
    return dg.SensorResult(run_requests=[request], dynamic_partitions_requests=added)
