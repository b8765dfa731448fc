"""The assets of real traffic, ``prediction_log`` and ``operations_report``, one a day (UTC), and
the job that deletes the days which have expired.

Thin: each loads, calls one function, stores and reports. The work is in the modules beside it.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.traffic.day_log import log_files, take_in
from mlops_assets.traffic.logged_days import (
    LOG,
    expire,
    lacking_files,
    ledger,
    record_day,
    served_folder,
)
from mlops_assets.traffic.retention import day_problem
from resources.artifact_store import ArtifactKey
from resources.assets import asset_key, define, record_table, stored, storing, write_report
from resources.workspace import Workspace


def build_assets(workspace: Workspace) -> list[dg.AssetsDefinition]:
    return [_prediction_log(workspace), _operations_report(workspace)]


def _prediction_log(workspace: Workspace) -> dg.AssetsDefinition:
    retention_days = workspace.use_case.serving.retention_days

    @define(workspace, LOG)
    def prediction_log_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        day = context.partition_key
        key = ArtifactKey(LOG, day)
        today = datetime.now(UTC).date().isoformat()
        if problem := day_problem(day, today, retention_days):
            raise BatchError(problem)
        if lacking := lacking_files(workspace, day):
            raise BatchError(
                f"{day}: {len(lacking)} files that the stored log was made from are gone from "
                "served/answers: the log stays as it is"
            )
        with storing(workspace, key) as folder:
            manifest = take_in(served_folder(workspace), day, folder)
            (folder / "manifest.json").write_bytes(json_bytes(manifest))
        record_day(workspace, day)
        counted = {
            name: manifest[name]
            for name in ("rows", "answered", "shadow", "outside_envelope", "lost_rows")
        }
        parts = [{**one, "experiment": one["experiment"] or ""} for one in manifest["parts"]]
        shown = {"parts": record_table(parts)} if parts else {}
        return stored(workspace, key, {**counted, **shown})

    return prediction_log_asset


def _operations_report(workspace: Workspace) -> dg.AssetsDefinition:
    use_case = workspace.use_case

    @define(workspace, "operations_report")
    def operations_report_asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from mlops_assets.traffic.day_samples import read_day_samples
        from mlops_assets.traffic.operations import operations_report
        from mlops_assets.traffic.operations_page import operations_page
        from mlops_assets.traffic.requests import read_requests

        day = context.partition_key
        key = ArtifactKey("operations_report", day)
        log = ArtifactKey(LOG, day)
        with storing(workspace, key) as folder:
            report = operations_report(
                day,
                use_case.title,
                read_requests(log_files(workspace.store.folder(log))),
                read_day_samples(served_folder(workspace), day),
                workspace.store.json(log, "manifest.json"),
                use_case.serving.budget,
            )
            shown = write_report(folder, report, operations_page(report), use_case.language)
        numbers = {
            one["name"]: one["value"] for one in report["budget"] if one["value"] is not None
        }
        return stored(
            workspace, key, {**shown, "requests": report["requests"]["requests"], **numbers}
        )

    return operations_report_asset


def build_expiry_job(workspace: Workspace) -> dg.JobDefinition:
    """The job that deletes the days of answers that have expired, and says so in the history of
    the asset."""

    @dg.op(name=f"{workspace.name}__expire_days")
    def expire_days(context: dg.OpExecutionContext) -> None:
        days, objects = expire(workspace, datetime.now(UTC).date().isoformat())
        context.log.info(f"deleted {len(days)} days, {objects} objects of the cache")
        hashes = {one.day: one.hash for one in ledger(workspace)}
        for day in days:
            deleted = {"deleted": hashes.get(day, ""), "why": "older than serving.retention_days"}
            key = asset_key(workspace, LOG)
            context.log_event(dg.AssetObservation(key, partition=day, metadata=deleted))

    @dg.job(
        name=f"{workspace.name}__expire",
        description="Deletes the days of answers that are older than serving.retention_days.",
        tags={"mlops/use_case": workspace.name},
        executor_def=dg.in_process_executor,
    )
    def expire_job() -> None:
        expire_days()

    return expire_job
