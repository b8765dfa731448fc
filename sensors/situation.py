"""The facts every sensor decides on, gathered once a tick.

Belongs here: reading what is there. Does not belong here: any decision (``arrivals.py``,
``retraining.py``, ``promotion.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg

from mlops_assets.catalog import BY_NAME
from mlops_assets.content_hash import file_md5
from mlops_assets.governance.ledger import champion, decided
from resources.artifact_store import ArtifactKey, ArtifactStore
from resources.workspace import Workspace

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
USE_CASE_TAG = "mlops/use_case"
INTENT_TAG = "mlops/intent"
CAUSE_TAG = "mlops/cause"


@dataclass(frozen=True)
class Situation:
    """What is known about one use case at the moment of a tick.

    ``delivered`` maps the source's batches, oldest first, to their md5; ``ingested`` the cleaned
    ones to the md5 of the bytes they were made from; ``watched`` have both reports.
    ``trained_until`` is the last batch of the present challenger's window, ``undecided`` the hash
    of a complete challenger that no decision was taken on. ``attempts`` counts earlier runs by
    intent, ``interrupted`` those that were cut off before they could finish.
    """

    delivered: Mapping[str, str]
    ingested: Mapping[str, str]
    watched: tuple[str, ...]
    trained_until: str | None
    undecided: str | None
    has_champion: bool
    under_way: tuple[str, ...]
    attempts: Mapping[str, int]
    interrupted: Mapping[str, int]

    def was_tried(self, intent: str) -> bool:
        """Whether a run of this intent came to an end, good or bad."""
        return self.attempts.get(intent, 0) > self.interrupted.get(intent, 0)

    def run_key(self, intent: str) -> str:
        """The intent, numbered where an earlier run of it was interrupted."""
        count = self.interrupted.get(intent, 0)
        return intent if count == 0 else f"{intent} ({count + 1})"


def gather(workspace: Workspace, instance: dg.DagsterInstance) -> Situation:
    """The present situation. Raises ``SourceError`` where the source cannot be read: a source
    that is away is not a source without batches."""
    store = workspace.store
    delivered = {b.name: _md5(b.path, *_stamp(b.path)) for b in workspace.source.batches()}
    ingested = {batch: _made_from(store, batch) for batch in store.batches("cleaned_dataset")}
    with_drift = store.batches("drift_report")
    with_performance = set(store.batches("performance_report"))
    features = store.lineage(ArtifactKey("features"))
    runs = instance.get_runs(filters=dg.RunsFilter(tags={USE_CASE_TAG: workspace.name}))
    intents = [(run.tags.get(INTENT_TAG), run.status) for run in runs]
    return Situation(
        delivered=delivered,
        ingested=ingested,
        watched=tuple(batch for batch in with_drift if batch in with_performance),
        trained_until=features.settings["last_batch"] if features else None,
        undecided=_undecided(workspace),
        has_champion=champion(workspace.releases.entries()) is not None,
        under_way=tuple(run.job_name for run in runs if run.status in UNFINISHED),
        attempts=_count([i for i, _ in intents]),
        interrupted=_count([i for i, status in intents if status == dg.DagsterRunStatus.CANCELED]),
    )


def reports(
    workspace: Workspace, batch: str
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The drift and the performance report of a batch, ``None`` where it has none."""
    found = []
    for name in ("drift_report", "performance_report"):
        key = ArtifactKey(name, batch)
        found.append(workspace.store.report(key) if workspace.store.lineage(key) else None)
    return found[0], found[1]


def _made_from(store: ArtifactStore, batch: str) -> str:
    """md5 of the bytes that a cleaned batch was made from. Where the raw copy was replaced since,
    the batch is not taken in, and the answer is the hash of the one it was made from."""
    raw = ArtifactKey("raw_copy", batch)
    cleaned = store.lineage(ArtifactKey("cleaned_dataset", batch))
    used = cleaned.upstream[str(raw)] if cleaned else ""
    if used != store.hash(raw):
        return used
    return str(store.json(raw, "manifest.json")["md5"])


def _undecided(workspace: Workspace) -> str | None:
    """The challenger that awaits a decision, its evidence complete and all of one piece."""
    store = workspace.store
    lineages = {name: store.lineage(ArtifactKey(name)) for name in BY_NAME["release"].upstream}
    for lineage in lineages.values():
        if lineage is None:
            return None
        for name, value in lineage.upstream.items():
            upstream = lineages.get(name)
            if upstream is not None and upstream.hash != value:
                return None
    features, onnx = lineages["features"], lineages["onnx_model"]
    if features is None or onnx is None:
        return None
    entries = workspace.releases.entries()
    done = decided(entries, features.settings["last_batch"], onnx.hash)
    return None if done else onnx.hash


def _count(intents: list[str | None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for intent in intents:
        if intent is not None:
            counts[intent] = counts.get(intent, 0) + 1
    return counts


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=4096)
def _md5(path: Path, size: int, modified: int) -> str:
    """md5 of a source file, read again only when its size or time of change differ."""
    del size, modified
    return file_md5(path)
