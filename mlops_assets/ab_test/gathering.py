"""What a test is planned by, and what its report is made from, read from the stores.

Belongs here: the latest test's record, the log's days, the batches of labels, the two releases, and
reading all this in bounded memory. Does not belong here: what is computed (``planning.py``,
``report.py``), or what is written when a test begins (``cli_traffic.py``).

The batches are taken in the order in which the reports first saw them: what an interval says is
said of labels in the order in which they came in, and a batch that comes late does not change what
was known before it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_assets.ab_test.answered import Answered, read_variant
from mlops_assets.ab_test.experiments import (
    FILE,
    Event,
    Experiment,
    days_of,
    latest_experiment,
)
from mlops_assets.ab_test.joining import Comparison, labelled_rows
from mlops_assets.ab_test.planning import Losses, losses_of
from mlops_assets.ab_test.report import Sources
from mlops_assets.ab_test.units import Units, joined_units, new_units
from mlops_assets.answers import row_losses
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.labels import encode_labels
from mlops_assets.data.parquet_files import read_chunks
from mlops_assets.release.answers import released_answers
from mlops_assets.serving.answered import Variant
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.workspace import Workspace

REPORT = ArtifactKey("ab_report")
PLANNING_ROWS = 100_000
"""Labelled rows that both releases are asked about before a test."""


@dataclass(frozen=True)
class Gathered:
    """A test's comparison with its counted entities, and what both came from."""

    comparison: Comparison
    units: Units
    sources: Sources


def read_events(workspace: Workspace) -> list[Event]:
    """Every event of the use case's tests, oldest first."""
    path = workspace.store.root / FILE
    if not path.is_file():
        return []
    return [Event.parse(record) for record in json.loads(path.read_bytes())]


def present_experiment(workspace: Workspace) -> Experiment | None:
    """The test that began last, over or not."""
    try:
        return latest_experiment(read_events(workspace))
    except (ValueError, TypeError, KeyError) as problem:
        raise MissingArtifactError(f"{FILE} cannot be read: {problem}") from problem


def gather(workspace: Workspace, experiment: Experiment, row_id: str) -> Gathered:
    """Read the log and the labels of a test. Raises ``BatchError`` naming a file that does not fit
    the use case as it is declared now."""
    days = days_of(experiment, workspace.store.batches("prediction_log"))
    batches = _in_order_of_arrival(workspace, experiment)
    comparison = Comparison(
        experiment.mode,
        workspace.use_case.target,
        _answered(workspace, experiment, "champion", days),
        _answered(workspace, experiment, "challenger", days),
        row_id,
        workspace.use_case.serving.entity_id,
        _variance(workspace, experiment.champion),
    )
    manifests = [
        workspace.store.json(ArtifactKey("prediction_log", d), "manifest.json") for d in days
    ]
    lost = [manifest["lost_rows"] for manifest in manifests]
    keys = [ArtifactKey("prediction_log", day) for day in days]
    keys += [ArtifactKey("cleaned_dataset", batch) for batch in batches]
    sources = Sources(
        {str(key): workspace.store.hash(key) for key in keys},
        batches,
        sum(manifest["rows"] for manifest in manifests),
        sum(lost) if lost else None,
    )
    return Gathered(comparison, _units(workspace, comparison, batches), sources)


def _answered(
    workspace: Workspace, experiment: Experiment, variant: Variant, days: Sequence[str]
) -> Answered:
    release = experiment.champion if variant == "champion" else experiment.challenger
    folders = [workspace.store.folder(ArtifactKey("prediction_log", day)) for day in days]
    files = [path for folder in folders if (path := folder / f"{release}.parquet").is_file()]
    use_case = workspace.use_case
    entity = use_case.serving.entity_id
    if entity == use_case.serving.row_id:
        entity = None
    return read_variant(files, experiment, variant, use_case.target, entity)


def _units(workspace: Workspace, comparison: Comparison, batches: Sequence[str]) -> Units:
    """Batch by batch, so that no more than one is held."""
    parts: list[Units] = []
    counted = np.empty(0, np.uint64)
    for batch in batches:
        folder = workspace.store.folder(ArtifactKey("cleaned_dataset", batch))
        chunks = _labels(folder / "data.parquet", batch, comparison.columns)
        found = new_units(labelled_rows(chunks, comparison), counted)
        counted = np.sort(np.concatenate([counted, found.entities]))
        parts.append(found)
    return joined_units(parts)


def _labels(path: Path, batch: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    missing = set(columns) - set(pq.read_schema(path).names)
    if missing:
        raise BatchError(
            f"batch {batch}: its cleaned rows have no column {', '.join(sorted(missing))}, which "
            "serving names: clean it again with the use case as it is now"
        )
    return read_chunks(path, columns)


def _in_order_of_arrival(workspace: Workspace, experiment: Experiment) -> list[str]:
    """Those that the previous report of the same test knew, in its order; then the others."""
    present = workspace.store.batches("cleaned_dataset")
    known: list[str] = []
    if workspace.store.lineage(REPORT) is not None:
        before = workspace.store.report(REPORT)
        known = before.get("batches", []) if before["experiment"] == experiment.id else []
    return list(dict.fromkeys([*(batch for batch in known if batch in present), *present]))


def _variance(workspace: Workspace, champion: str) -> float:
    """That of the labels the champion was trained on, in which the loss of a number is measured."""
    bundle = workspace.releases.bundle(champion)
    return float(json.loads((bundle / "reference.json").read_bytes()).get("variance", 1.0))


def candidate_bundle(workspace: Workspace) -> str:
    """The hash of the bundle that would be released. Raises ``MissingArtifactError`` where there is
    none."""
    return str(workspace.store.json(ArtifactKey("candidate"), "candidate.json")["bundle"])


def unfit_reason(workspace: Workspace, challenger: str, champion: str) -> str | None:
    """Why ``challenger`` cannot be asked what ``champion`` is asked, or does not answer as it does;
    ``None`` where it does. Raises ``MissingArtifactError`` for a bundle that is not there or was
    changed."""
    own, others = (
        json.loads((workspace.releases.bundle(release) / "signature.json").read_bytes())
        for release in (champion, challenger)
    )
    if own["outputs"] != others["outputs"]:
        return (
            "it predicts something else than the champion: the outputs of their signatures differ"
        )
    sent = {tensor["name"]: tensor["datatype"] for tensor in own["inputs"]}
    wanted = {tensor["name"]: tensor["datatype"] for tensor in others["inputs"]}
    lacking = [name for name, datatype in wanted.items() if sent.get(name) != datatype]
    if lacking:
        return f"it needs {lacking}, which those who ask the champion do not send, or not as that"
    return None


def measured_losses(workspace: Workspace, challenger: str, champion: str) -> tuple[Losses, str]:
    """The losses of two releases on the newest batch with labels (its first ``PLANNING_ROWS`` of
    them), and which batch that is. Raises ``MissingArtifactError`` where no batch has any."""
    for batch in reversed(workspace.store.batches("cleaned_dataset")):
        folder = workspace.store.folder(ArtifactKey("cleaned_dataset", batch))
        rows = _first_labelled(folder / "data.parquet", workspace.use_case.target.column)
        if rows is not None:
            return _losses(workspace, rows, challenger, champion), batch
    raise MissingArtifactError(
        "no cleaned batch has two labelled rows, so that nothing is known to plan a test by"
    )


def _first_labelled(path: Path, target: str) -> pd.DataFrame | None:
    parts: list[pa.Table] = []
    rows = 0
    for chunk in read_chunks(path):
        parts.append(chunk.filter(pc.is_valid(chunk.column(target))))
        rows += parts[-1].num_rows
        if rows >= PLANNING_ROWS:
            break
    if rows < 2:
        return None
    found: pd.DataFrame = pa.concat_tables(parts).slice(0, PLANNING_ROWS).to_pandas()
    return found


def _losses(workspace: Workspace, rows: pd.DataFrame, challenger: str, champion: str) -> Losses:
    use_case = workspace.use_case
    labels = encode_labels(rows[use_case.target.column], use_case.target)
    variance = _variance(workspace, champion)
    own, others = (
        row_losses(
            use_case.target.task, labels, released_answers(workspace, release, rows), variance
        )
        for release in (champion, challenger)
    )
    return losses_of(own, others, _entity_codes(rows, use_case.serving.entity_id))


def _entity_codes(rows: pd.DataFrame, column: str | None) -> NDArray[np.int64]:
    """A number for each row's entity; one of its own where none is named."""
    own = np.arange(len(rows), dtype=np.int64)
    if column is None:
        return own
    codes = pd.factorize(rows[column])[0].astype(np.int64)
    return np.where(codes < 0, len(rows) + own, codes)
