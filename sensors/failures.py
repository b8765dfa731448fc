"""Any failed run becomes an alert that says why."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from resources.alerts import alert

EXPLAINING = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}


def alert_failed_run(run: dg.DagsterRun, message: str) -> bool:
    """Say which run failed and why; returns whether every channel took it."""
    batch = run.tags.get("dagster/partition")
    about = f" for {batch}" if batch else ""
    return alert(f"{run.job_name}{about} failed", f"run {run.run_id}: {message}")


def why_failed(events: Iterable[dg.DagsterEvent]) -> str | None:
    """What the failed steps and blocking checks among a run's events said, if any did."""
    reasons = []
    for event in events:
        data = event.event_specific_data
        if event.is_step_failure:
            said = _said(event.step_failure_data)
            reasons += [f"{event.step_key}: {said}"] if said else []
        elif isinstance(data, dg.AssetCheckEvaluation) and not data.passed and data.blocking:
            reasons.append(
                f"check {data.check_name} failed: {data.description or 'no description'}"
            )
    return "; ".join(reasons) or None


def _said(failure: Any) -> str | None:
    """Why a step failed, without its stack, which is in the run's log; ``None`` where a check
    stopped it, which speaks for itself."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None or error.cls_name == "DagsterAssetCheckFailedError":
        return None
    return f"{error.message.strip()} (the stack is in the run's log)"


def build_failure_sensor() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="failed_run_alert",
        description="Every failed run is reported to the alert channels.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
    def failed_run_alert(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        found = context.instance.get_records_for_run(run.run_id, of_type=EXPLAINING).records
        events = [record.event_log_entry.dagster_event for record in found]
        # A run whose process died left no such event.
        why = why_failed(event for event in events if event is not None)
        alert_failed_run(run, why or context.failure_event.message or "no message")

    return failed_run_alert
