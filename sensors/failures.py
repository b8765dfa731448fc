"""Any failed run becomes an alert."""

import dagster as dg

from resources.alerts import alert


def alert_failed_run(run: dg.DagsterRun, message: str) -> bool:
    """Say which run failed and why; returns whether every channel took it."""
    batch = run.tags.get("dagster/partition")
    about = f" for {batch}" if batch else ""
    return alert(f"{run.job_name}{about} failed", f"run {run.run_id}: {message}")


def build_failure_sensor() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="failed_run_alert",
        description="Every failed run is reported to the alert channels.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
    def failed_run_alert(context: dg.RunFailureSensorContext) -> None:
        alert_failed_run(context.dagster_run, context.failure_event.message or "no message")

    return failed_run_alert
