"""One tick without a daemon: every sensor of a use case is evaluated once, and what it asks for is
run in this process.

Belongs here: what the daemon would do. Does not belong here: what a sensor decides
(``decisions.py``).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
from filelock import FileLock, Timeout

from resources.workspace import Workspace
from sensors.failures import alert_failed_run, why_failed
from sensors.situation import CAUSE_TAG, INTENT_TAG, UNFINISHED, USE_CASE_TAG

Progress = Callable[[str], None]
SENSORS = ("traffic", "new_batch", "comparison", "retraining", "promotion", "retention")
"""In this order: what was served is taken in before the batch that it is compared with, and a test
is looked at before anybody decides on it."""
JOB_OF = {"decide": "promote", "verify": "promote"}
"""The job of an intent that begins with another word than the job does."""
IN_PROCESS_TAG = "mlops/in_process"
QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class BusyError(Exception):
    """Another process is ticking the same use case."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that a tick made: what it was for, how it ended, and how long it took."""

    intent: str
    success: bool
    message: str
    seconds: float


def tick(
    definitions: dg.Definitions,
    workspace: Workspace,
    instance: dg.DagsterInstance,
    progress: Progress,
) -> list[FinishedRun]:
    """Evaluate each sensor once, in the order of the loop, and run what it asks for.

    Raises ``BusyError`` where another process does the same, and what a sensor raises where the
    source cannot be read.
    """
    return _tick(definitions, workspace, instance, progress, SENSORS)


def decide_now(
    definitions: dg.Definitions,
    workspace: Workspace,
    instance: dg.DagsterInstance,
    progress: Progress,
) -> list[FinishedRun]:
    """Let the gate decide on a finished challenger, and do nothing else: as ``tick`` until nothing
    is left of it."""
    finished = []
    while now := _tick(definitions, workspace, instance, progress, ("promotion",)):
        finished += now
    return finished


def _tick(
    definitions: dg.Definitions,
    workspace: Workspace,
    instance: dg.DagsterInstance,
    progress: Progress,
    sensors: tuple[str, ...],
) -> list[FinishedRun]:
    with alone(workspace):
        _cancel_interrupted(workspace, instance)
        finished = []
        for name in sensors:
            for request in _evaluate(definitions, f"{workspace.name}__{name}", instance):
                finished.append(_run(definitions, workspace, request, instance, progress))
        return finished


def tick_until_quiet(
    definitions: dg.Definitions,
    workspace: Workspace,
    instance: dg.DagsterInstance,
    progress: Progress,
) -> Iterator[FinishedRun]:
    """Tick until no sensor asks for anything more."""
    while finished := tick(definitions, workspace, instance, progress):
        yield from finished


def execute(
    definitions: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    *,
    partition_key: str | None = None,
    run_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    asset_selection: list[dg.AssetKey] | None = None,
) -> tuple[dg.DagsterRun, str | None]:
    """Run a job in this process; returns the run and, where it failed, why."""
    job = definitions.resolve_job_def(job_name)
    result = job.execute_in_process(
        instance=instance,
        partition_key=partition_key,
        run_config={**(run_config or {}), **QUIET_CONSOLE},
        tags={IN_PROCESS_TAG: "true", **(tags or {})},
        asset_selection=asset_selection,
        raise_on_error=False,
    )
    if result.success:
        return result.dagster_run, None
    said = why_failed(result.all_events)
    return result.dagster_run, said or "the run failed without a step failure: see its event log"


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """While nobody else ticks the use case; raises ``BusyError`` where somebody does."""
    workspace.store.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(workspace.store.root / ".tick.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BusyError(
            f"another process is ticking {workspace.name}: wait for it, or end it"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _cancel_interrupted(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    """Runs of an earlier tick that are unfinished although no tick is running were killed."""
    ours = {USE_CASE_TAG: workspace.name, IN_PROCESS_TAG: "true"}
    for run in instance.get_runs(filters=dg.RunsFilter(tags=ours, statuses=list(UNFINISHED))):
        instance.report_run_canceled(run, message="the process was killed")


def _evaluate(
    definitions: dg.Definitions, sensor_name: str, instance: dg.DagsterInstance
) -> list[dg.RunRequest]:
    sensor = definitions.resolve_sensor_def(sensor_name)
    context = dg.build_sensor_context(
        instance=instance, definitions=definitions, sensor_name=sensor_name
    )
    answer = sensor(context)
    if not isinstance(answer, dg.SensorResult):
        raise TypeError(f"{sensor_name} answered {type(answer).__name__}, not a SensorResult")
    for request in answer.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return list(answer.run_requests or ())


def _run(
    definitions: dg.Definitions,
    workspace: Workspace,
    request: dg.RunRequest,
    instance: dg.DagsterInstance,
    progress: Progress,
) -> FinishedRun:
    intent = request.tags[INTENT_TAG]
    what = intent.split(" with content ")[0].split(" as declared ")[0]
    progress(f"{what} ({request.tags[CAUSE_TAG]}) …")
    start = time.perf_counter()
    run, why = execute(
        definitions,
        _job_name(workspace, intent),
        instance,
        partition_key=request.partition_key,
        run_config=request.run_config,
        tags={**request.tags, "dagster/run_key": request.run_key or ""},
        asset_selection=list(request.asset_selection) if request.asset_selection else None,
    )
    if why is not None:
        alert_failed_run(run, why)
    finished = FinishedRun(intent, why is None, why or "done", time.perf_counter() - start)
    progress(f"    {finished.message} ({finished.seconds:.1f} s)")
    return finished


def _job_name(workspace: Workspace, intent: str) -> str:
    verb = intent.split(" ", 1)[0]
    return f"{workspace.name}__{JOB_OF.get(verb, verb)}"
