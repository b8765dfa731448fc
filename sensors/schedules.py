"""The schedules: what happens at a fixed time, whether or not anything is new."""

from collections.abc import Iterator

import dagster as dg

from resources.workspace import Workspace
from sensors.situation import USE_CASE_TAG


def build_schedules(workspace: Workspace) -> list[dg.ScheduleDefinition]:
    return [_daily_monitoring(workspace), _monthly_evaluation(workspace)]


def _daily_monitoring(workspace: Workspace) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{workspace.name}__daily_monitoring",
        job_name=f"{workspace.name}__monitor",
        cron_schedule="0 6 * * *",
        description="The newest watched batch is watched again: labels may have come in since.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def daily_monitoring() -> Iterator[dg.RunRequest | dg.SkipReason]:
        watched = workspace.store.batches("drift_report")
        if not watched:
            yield dg.SkipReason("no batch has been watched yet")
            return
        tags = {USE_CASE_TAG: workspace.name}
        yield dg.RunRequest(partition_key=watched[-1], tags=tags)

    return daily_monitoring


def _monthly_evaluation(workspace: Workspace) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"{workspace.name}__monthly_evaluation",
        job_name=f"{workspace.name}__evaluate",
        cron_schedule="0 7 1 * *",
        description="The evaluation and its explanation are made again from the stored model.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        tags={USE_CASE_TAG: workspace.name},
    )
