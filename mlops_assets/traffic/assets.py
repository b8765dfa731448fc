"""The assets of real traffic, ``prediction_log`` and ``operations_report``, one a day (UTC), and
the job that deletes the days which have expired.

Thin: each loads, calls one function, stores and reports. The work is in the modules beside it.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.traffic.answer_sources import AnswersAwayError, AnswersUnreadableError
from mlops_assets.traffic.day_log import lacking, log_files, take_in, written
from mlops_assets.traffic.logged_days import (
    LOG,
    answer_sources,
    expire,
    expire_in_database,
    ledger,
    record_day,
    served_folder,
    taken_from,
)
from mlops_assets.traffic.retention import day_problem
from resources.artifact_store import ArtifactKey
from resources.assets import (
    SOURCE_LOST_TAG,
    asset_key,
    define,
    record_table,
    stored,
    storing,
    write_report,
)
from resources.sources.base import SourceLostError
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
        try:
            manifest = _take_in(workspace, key)
        except AnswersAwayError as error:
            raise SourceLostError(str(error)) from error
        record_day(workspace, day)
        counted = {
            name: manifest[name]
            for name in ("rows", "answered", "shadow", "outside_envelope", "lost_rows")
        }
        parts = [{**one, "experiment": one["experiment"] or ""} for one in manifest["parts"]]
        shown = {"parts": record_table(parts)} if parts else {}
        return stored(workspace, key, {**counted, **shown})

    return prediction_log_asset


def _take_in(workspace: Workspace, key: ArtifactKey) -> dict[str, Any]:
    """Store the log of a day, and return its manifest."""
    day = key.batch or ""
    with answer_sources(workspace) as sources:
        if gone := lacking(taken_from(workspace, day), written(sources, day)):
            raise BatchError(
                f"{day}: {gone} of the files or segments that the stored log was made from are "
                "gone from served/answers, or from the database, or MLOPS_LOG_DATABASE does not "
                "name it: the log stays as it is"
            )
        with storing(workspace, key) as folder:
            manifest = take_in(sources, served_folder(workspace), day, folder)
            (folder / "manifest.json").write_bytes(json_bytes(manifest))
    return manifest


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
        today = datetime.now(UTC).date().isoformat()
        days, objects = expire(workspace, today)
        context.log.info(f"deleted {len(days)} days, {objects} objects of the cache")
        hashes = {one.day: one.hash for one in ledger(workspace)}
        for day in days:
            _say_deleted(context, day, {"deleted": hashes.get(day, "")})
        # Last: a database that is away holds up nothing else.
        try:
            there = expire_in_database(workspace, today)
        except AnswersUnreadableError as error:
            if isinstance(error, AnswersAwayError):
                context.instance.add_run_tags(context.run.run_id, {SOURCE_LOST_TAG: "true"})
            raise dg.Failure(description=str(error), allow_retries=False) from error
        context.log.info(f"deleted {len(there)} days from the database")
        for day in there:
            _say_deleted(context, day, {"deleted_from_database": True})

    def _say_deleted(context: dg.OpExecutionContext, day: str, what: dict[str, Any]) -> None:
        metadata = {**what, "why": "older than serving.retention_days"}
        observed = dg.AssetObservation(asset_key(workspace, LOG), partition=day, metadata=metadata)
        context.log_event(observed)

    @dg.job(
        name=f"{workspace.name}__expire",
        description="Deletes the days of answers that are older than serving.retention_days.",
        tags={"mlops/use_case": workspace.name},
        executor_def=dg.in_process_executor,
    )
    def expire_job() -> None:
        expire_days()

    return expire_job
