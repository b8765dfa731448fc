"""The stored predictions of a batch, for those who look at what was answered.

Belongs here: finding them, and that they are of the champion and of the rows as they are now. Does
not belong here: making them (``assets.py``), or reading answers out of a file
(``answer_columns.py``).
"""

from dataclasses import dataclass
from pathlib import Path

from mlops_assets.release.answers import champion_of
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.workspace import Workspace


@dataclass(frozen=True)
class Predicted:
    """A batch's predictions: the file, the release that made them, and the number of rows."""

    file: Path
    release: str
    rows: int


def cleaned_md5(workspace: Workspace, batch: str) -> str:
    """md5 of the batch's cleaned rows as they are stored now."""
    lineage = workspace.store.lineage(ArtifactKey("cleaned_dataset", batch))
    files = {file.path: file.md5 for file in lineage.files} if lineage else {}
    if "data.parquet" not in files:
        raise MissingArtifactError(
            f"{workspace.name}/cleaned_dataset/{batch} has not been made: materialize it first"
        )
    return files["data.parquet"]


def predicted(workspace: Workspace, batch: str) -> Predicted:
    """The batch's predictions.

    Raises ``MissingArtifactError`` where there are none, or not of the champion that predicts the
    batch, or of other rows than the cleaned dataset holds now.
    """
    key = ArtifactKey("predictions", batch)
    record = workspace.store.json(key, "predictions.json")
    release = champion_of(workspace, batch).release
    again = f"materialize {workspace.name}/{key} again"
    if record["release"] != release:
        raise MissingArtifactError(
            f"the predictions of {batch} are those of release {record['release']}, and its "
            f"champion is {release}: {again}"
        )
    if record["input"] != cleaned_md5(workspace, batch):
        raise MissingArtifactError(
            f"the rows of {batch} have changed since they were predicted: {again}"
        )
    file = workspace.store.folder(key) / "data.parquet"
    return Predicted(file, record["release"], record["rows"])
