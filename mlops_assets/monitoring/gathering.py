"""What the two monitors look at, found in the stores.

Belongs here: the champion's reference, the rows of a batch that one of them needs, and what was
served of it. Does not belong here: what is concluded from it (``drift.py``, ``performance.py``,
``served.py``, ``skew.py``), or the predictions (``prediction/gathering.py``).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_assets.answers import DecisionRule
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.conditions import columns_named
from mlops_assets.data.parquet_files import read_chunks
from mlops_assets.monitoring.served import ServedRows
from mlops_assets.prediction.input_columns import ModelInput, model_inputs
from mlops_assets.traffic.joining import id_texts, joined, latest_answers
from mlops_assets.traffic.logged_days import logged_files, stored_days
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.workspace import Workspace


def reference_of(workspace: Workspace, release: str) -> dict[str, Any]:
    """What the release's bundle holds for monitoring to compare with."""
    bundle = workspace.releases.bundle(release)
    reference: dict[str, Any] = json.loads((bundle / "reference.json").read_bytes())
    return reference


def cleaned_rows(workspace: Workspace, batch: str) -> Path:
    """The file of the batch's cleaned rows; raises ``BatchError`` where there are none."""
    path = workspace.store.folder(ArtifactKey("cleaned_dataset", batch)) / "data.parquet"
    if pq.read_metadata(path).num_rows == 0:
        raise BatchError(f"batch {batch} has no valid row: see its quarantine.parquet")
    return path


def rows_to_judge(workspace: Workspace, cleaned: Path, rule: DecisionRule) -> pd.DataFrame:
    """The columns by which performance is measured: the target, those that slices and sensitive
    groups are made of, and the one that decisions go by."""
    use_case, names = workspace.use_case, pq.read_schema(cleaned).names
    wanted = {use_case.target.column, *use_case.sensitive, rule.group_column or ""}
    for one in use_case.slices:
        wanted.update(columns_named(one.where, names))
    rows: pd.DataFrame = pq.read_table(
        cleaned, columns=[n for n in names if n in wanted]
    ).to_pandas()
    return rows


def served_rows(
    workspace: Workspace,
    batch: str,
    *,
    logged: Iterable[str],
    cleaned: Iterable[str],
    by: tuple[str, ...] = (),
) -> ServedRows:
    """The batch's rows that were answered live: the columns ``logged`` of the answers, or those
    whose name begins as one that ends with a dot, beside the columns ``cleaned`` of the rows; the
    latest answer of each row, or of each row and value of ``by``.

    Memory is bounded by the ids of the batch and by the rows that were served.
    """
    row_id, path = workspace.use_case.serving.row_id, cleaned_rows(workspace, batch)
    rows, days = pq.read_metadata(path).num_rows, stored_days(workspace)
    if row_id is None:
        return ServedRows("no row id", rows)
    if not days:
        return ServedRows("no log", rows)
    files = logged_files(workspace, days)
    ids = pq.read_table(path, columns=[row_id]).column(row_id)
    wanted = _logged_columns(files, logged)
    answers = latest_answers(files, ids, columns=wanted, by=by)
    if answers.num_rows == 0:
        return ServedRows("nothing joined", rows)
    names = [n for n in pq.read_schema(path).names if n in {row_id, *cleaned}]
    found = joined(answers, _rows_of(path, answers.column("row_id"), row_id, names), row_id, by)
    if found.num_rows == 0:
        return ServedRows("nothing joined", rows)
    present = {str(day) for day in pc.unique(found.column("time").cast(pa.date32())).to_pylist()}
    return ServedRows("served", rows, found, {d: h for d, h in days.items() if d in present})


def _logged_columns(files: Iterable[Path], logged: Iterable[str]) -> list[str]:
    wanted = tuple(logged)
    names = dict.fromkeys(name for path in files for name in pq.read_schema(path).names)
    return [n for n in names if any(n == w or (w[-1] == "." and n.startswith(w)) for w in wanted)]


def _rows_of(path: Path, ids: pa.ChunkedArray, row_id: str, names: list[str]) -> pa.Table:
    """The cleaned rows that have one of the ``ids``."""
    wanted = pc.unique(ids)
    schema = pa.schema([pq.read_schema(path).field(name) for name in names])
    kept = [schema.remove_metadata().empty_table()]
    for chunk in read_chunks(path, names):
        is_wanted = pc.is_in(id_texts(chunk.column(row_id)), value_set=wanted)
        kept.append(chunk.select(names).filter(is_wanted).replace_schema_metadata(None))
    return pa.concat_tables(kept)


def releases_in(served: ServedRows) -> tuple[str, ...]:
    """The releases that answered, in order."""
    if served.joined is None:
        return ()
    return tuple(sorted(pc.unique(served.joined.column("release")).to_pylist()))


def rules_of(workspace: Workspace, releases: Iterable[str]) -> dict[str, DecisionRule]:
    """The decision rule of each release that is in the store."""
    found = {}
    for release in releases:
        try:
            reference = reference_of(workspace, release)
        except MissingArtifactError:
            continue
        found[release] = DecisionRule.parse(reference["decision_rule"])
    return found


def inputs_of(workspace: Workspace, releases: Iterable[str]) -> dict[str, tuple[ModelInput, ...]]:
    """The inputs of each release that is in the store."""
    found = {}
    for release in releases:
        try:
            found[release] = model_inputs(workspace.releases.bundle(release))
        except MissingArtifactError:
            continue
    return found
