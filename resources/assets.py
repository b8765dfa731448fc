"""What every asset does alike: its definition from the catalog, its store, its report to Dagster.

Belongs here: the frame around an asset's body. Does not belong here: any body (the stage folders'
``assets.py``).
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from mlops_assets.artifact import Artifact
from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import json_bytes
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.privacy.protection import MissingKeyError
from mlops_assets.governance.policy import PolicyError
from mlops_assets.reporting.page import Page
from mlops_assets.reporting.report_files import FILE, report_address
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.dvc_lock import fields_md5, record_in_dvc_lock
from resources.sources.base import SourceError, SourceLostError
from resources.workspace import ParameterError, Workspace

EXPECTED_ERRORS = (
    BatchError,
    MissingKeyError,
    PolicyError,
    SourceError,
    MissingArtifactError,
    ParameterError,
)
"""Errors whose message says all a user needs: they fail a step without a stack trace."""

REPORTS_URL = "MLOPS_REPORTS_URL"
"""The environment variable with the address at which readers reach ``mlops reports``."""
DEFAULT_REPORTS_URL = "http://127.0.0.1:3001"
SOURCE_LOST_TAG = "mlops/source_lost"
"""On a run that failed because the source went away: it is tried again when the source is back."""


def asset_key(workspace: Workspace, name: str) -> dg.AssetKey:
    return dg.AssetKey([workspace.name, name])


def batch_partitions(workspace: Workspace) -> dg.DynamicPartitionsDefinition:
    return dg.DynamicPartitionsDefinition(name=f"{workspace.name}__batches")


def day_partitions(workspace: Workspace) -> dg.DynamicPartitionsDefinition:
    """The days (UTC, ``2024-01-31``) on which the use case was served."""
    return dg.DynamicPartitionsDefinition(name=f"{workspace.name}__days")


def define(
    workspace: Workspace, name: str, checks: Sequence[dg.AssetCheckSpec] = ()
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """The decorator that makes an asset of the catalog's artifact ``name``. ``checks`` are those
    that its body answers itself. Expected errors of its body become Dagster failures with their
    message."""
    artifact = BY_NAME[name]
    decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=asset_key(workspace, name),
        deps=_dependencies(workspace, artifact),
        partitions_def=_partitions(workspace, artifact),
        group_name=f"{workspace.name}_{artifact.stage}",
        kinds=set(artifact.kinds),
        description=artifact.description,
        owners=[workspace.use_case.owner],
        code_version=workspace.code_hashes[name],
        check_specs=checks,
        freshness_policy=_freshness(workspace) if name == "raw_copy" else None,
        tags={"mlops/use_case": workspace.name, "mlops/stage": artifact.stage},
    )
    return lambda body: decorator(_failing_clearly(body))


def _partitions(workspace: Workspace, artifact: Artifact) -> dg.DynamicPartitionsDefinition | None:
    if artifact.per_day:
        return day_partitions(workspace)
    return batch_partitions(workspace) if artifact.per_batch else None


def _dependencies(workspace: Workspace, artifact: Artifact) -> list[dg.AssetDep]:
    """What the artifact is made of, and the measured ones that it looks at: all days of them."""
    own = [dg.AssetDep(asset_key(workspace, name)) for name in artifact.upstream]
    every = dg.AllPartitionMapping() if artifact.per_batch else None
    looked_at = [
        dg.AssetDep(asset_key(workspace, name), partition_mapping=every)
        for name in artifact.looks_at
    ]
    return [*own, *looked_at]


def _freshness(workspace: Workspace) -> dg.FreshnessPolicy | None:
    """Overdue when no batch came for as long as the source takes for one."""
    days = workspace.use_case.source.update_days
    if days is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(days=days))


def _failing_clearly(body: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(body)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return body(*arguments, **named)
        except EXPECTED_ERRORS as error:
            if isinstance(error, SourceLostError):
                context = arguments[0]
                context.instance.add_run_tags(context.run.run_id, {SOURCE_LOST_TAG: "true"})
            raise dg.Failure(description=str(error), allow_retries=False) from error

    return run


@contextmanager
def storing(
    workspace: Workspace,
    key: ArtifactKey,
    *,
    upstream: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Path]:
    """A folder to write an artifact into, stored at the end of the block with its lineage, which
    is then recorded for DVC."""
    made_from = {**workspace.upstream_hashes(key.name, key.batch), **(upstream or {})}
    used = {"fields": fields_md5(workspace, BY_NAME[key.name]), **(settings or {})}
    with workspace.store.write(
        key, upstream=made_from, code=workspace.code_hashes[key.name], settings=used
    ) as folder:
        yield folder
    record_in_dvc_lock(workspace)


def stored(
    workspace: Workspace,
    key: ArtifactKey,
    metadata: Mapping[str, Any],
    checks: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[Any]:
    """What an asset returns: its content hash as data version, what is worth looking at, and the
    checks it answers itself."""
    lineage = workspace.store.lineage(key)
    if lineage is None:
        raise dg.Failure(description=f"{workspace.name}/{key} was not stored")
    size = sum(file.size for file in lineage.files)
    replaced = workspace.store.replaced(key)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(lineage.hash),
        metadata={
            "hash": lineage.hash,
            "bytes": size,
            **({"replaces": replaced[-1]} if replaced else {}),
            **_link_to_report(workspace, key),
            **metadata,
        },
        check_results=list(checks),
    )


def _link_to_report(workspace: Workspace, key: ArtifactKey) -> dict[str, dg.UrlMetadataValue]:
    """Where ``mlops reports`` shows an artifact's report, if it has one."""
    if FILE not in BY_NAME[key.name].files:
        return {}
    base = os.environ.get(REPORTS_URL, DEFAULT_REPORTS_URL).rstrip("/")
    parts = (key.name, key.batch) if key.batch else (key.name,)
    return {"report_url": dg.MetadataValue.url(base + report_address(workspace.name, *parts))}


def write_report(
    folder: Path, report: dict[str, Any], page: Page, language: str = "en"
) -> dict[str, Any]:
    """Write ``report.json``, and ``report.html`` in ``language``; returns the metadata that shows
    the report."""
    from mlops_assets.reporting.html import to_html
    from mlops_assets.reporting.markdown import to_markdown
    from mlops_assets.reporting.text import in_language

    (folder / "report.json").write_bytes(json_bytes(report))
    (folder / "report.html").write_text(to_html(page, language), encoding="utf-8")
    shown = dg.MetadataValue.md(to_markdown(page, language))
    return {"report": shown, "verdict": in_language(page.verdict, language)}


def record_table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows of names and numbers as the UI shows them."""
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])


def table_schema(table: pa.Schema, descriptions: Mapping[str, str]) -> dg.TableSchema:
    """A table's columns as the UI shows them."""
    return dg.TableSchema(
        [
            dg.TableColumn(field.name, str(field.type), descriptions.get(field.name))
            for field in table
        ]
    )
