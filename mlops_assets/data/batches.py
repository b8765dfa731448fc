"""The batches that are stored: which may be learned from, their rows, counts and corrections.

Belongs here: what the assets of several stages read of batches. Does not belong here: making one
(``assets.py``), or what is computed on its rows (the modules beside this one).
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from mlops_assets.content_hash import bytes_md5
from mlops_assets.data.batch_error import BatchError
from mlops_assets.data.cleaning.cleaned_batch import CorrectionsFile
from mlops_assets.data.cleaning.fates import quarantined_share
from mlops_assets.data.privacy.privacy import undecided_columns
from mlops_assets.data.privacy.protection import KEY_VARIABLE
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace


def usable_batches(workspace: Workspace) -> tuple[list[str], dict[str, str]]:
    """Cleaned batches fit for training, and the others with the reason. The evidence is read
    again here, for a check blocks only the run that it was part of."""
    usable, excluded = [], {}
    limit = workspace.use_case.rows.max_quarantined
    for batch in workspace.store.batches("cleaned_dataset"):
        key = ArtifactKey("cleaned_dataset", batch)
        share = quarantined_share(workspace.store.json(key, "counts.json"))
        undecided = undecided_columns(workspace.store.json(key, "privacy.json"))
        if share > limit:
            excluded[batch] = f"{share:.1%} of its rows are quarantined; the limit is {limit:.1%}"
        elif undecided:
            excluded[batch] = f"personal data that nothing is decided about: {undecided}"
        else:
            usable.append(batch)
    return usable, excluded


def load_batches(workspace: Workspace, batches: Iterable[str]) -> Mapping[str, pd.DataFrame]:
    return {batch: load_batch(workspace, batch) for batch in batches}


def load_batch(workspace: Workspace, batch: str) -> pd.DataFrame:
    """The cleaned rows of a batch; raises ``BatchError`` where there are none."""
    folder = workspace.store.folder(ArtifactKey("cleaned_dataset", batch))
    rows: pd.DataFrame = pq.read_table(folder / "data.parquet").to_pandas()
    if rows.empty:
        raise BatchError(f"batch {batch} has no valid row: see its quarantine.parquet")
    return rows


def counts_of(workspace: Workspace, batches: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What became of the rows of each batch."""
    return {
        batch: workspace.store.json(ArtifactKey("cleaned_dataset", batch), "counts.json")
        for batch in batches
    }


def corrections_of(workspace: Workspace, batch: str) -> CorrectionsFile | None:
    """A person's corrections of the batch, where there are any."""
    path = workspace.corrections(batch)
    if not path.is_file():
        return None
    content = path.read_bytes()
    return CorrectionsFile(path.name, content, bytes_md5(content))


def pseudonym_key() -> bytes | None:
    """The key of pseudonyms, from the environment."""
    key = os.environ.get(KEY_VARIABLE)
    return key.encode() if key else None
