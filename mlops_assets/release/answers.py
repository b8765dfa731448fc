"""What a release, or the form that is to be one, answers for rows as the use case declares them.

Belongs here: which release is the champion of a batch, and asking either about cleaned rows. Does
not belong here: how that follows from the ledger (``governance/ledger.py``), the answers for all
rows of a batch (``prediction/``), or what they are worth (``evidence/``, ``monitoring/``).
"""

import json
from collections.abc import Container
from pathlib import Path

import pandas as pd

from mlops_assets.answers import Answers, Ask, from_outputs
from mlops_assets.export.assets import answers, model_file
from mlops_assets.governance.ledger import Entry, champion_at
from mlops_assets.release.bundle import datatype, output_tensors
from mlops_assets.serving.release import released_model
from mlops_assets.use_case import UseCase
from resources.artifact_store import ArtifactKey, MissingArtifactError
from resources.workspace import Workspace


def champion_of(workspace: Workspace, batch: str) -> Entry:
    """The champion that predicts ``batch``; raises ``MissingArtifactError`` where there is none."""
    entry = champion_at(workspace.releases.entries(), batch)
    if entry is None or entry.release is None:
        raise MissingArtifactError(
            f"no release learned from batches before {batch}, so there is no champion to watch"
        )
    return entry


def askable_bundle(workspace: Workspace, release: str, columns: Container[str]) -> Path:
    """The folder of a release, where it can be asked about cleaned rows with these ``columns``.

    Raises ``MissingArtifactError`` where the rows no longer have an input that it was made for, or
    in another type, and where it predicts something else than the use case now declares.
    """
    bundle = workspace.releases.bundle(release)
    signature = json.loads((bundle / "signature.json").read_bytes())
    if signature["outputs"] != output_tensors(workspace.use_case.target):
        raise MissingArtifactError(
            f"release {release} predicts something else than the target that is declared now, so "
            "that the two cannot be compared: give the new target a use case of its own"
        )
    declared = workspace.use_case.columns
    wanted = {entry["name"]: entry["datatype"] for entry in signature["inputs"]}
    lost = [
        name
        for name, type_ in wanted.items()
        if name not in declared or name not in columns or datatype(declared[name]) != type_
    ]
    if lost:
        raise MissingArtifactError(
            f"release {release} cannot be asked: it needs {lost} as they were declared when it was "
            "made. Declare a column that is no input any more with role: ignored and its old type"
        )
    return bundle


def released_answers(workspace: Workspace, release: str, rows: pd.DataFrame) -> Answers:
    """What a release answers, from the inputs that it was made for, whatever a new model's are.

    Raises ``MissingArtifactError`` as ``askable_bundle`` does.
    """
    from mlops_assets.export.tensors import to_tensors

    bundle = askable_bundle(workspace, release, rows.columns)
    signature = json.loads((bundle / "signature.json").read_bytes())
    declared = workspace.use_case.columns
    wanted = {entry["name"]: declared[entry["name"]] for entry in signature["inputs"]}
    return answers(released_model(bundle), to_tensors(rows, wanted))


def form_to_release(workspace: Workspace) -> Path:
    """The file that is released if the gate says so: the form that the evaluation names."""
    released = workspace.store.report(ArtifactKey("evaluation_report"))["released_form"]
    return model_file(workspace, released["form"])


def asking(model: Path | bytes, use_case: UseCase) -> Ask:
    """What an ONNX file, or its content, answers."""
    from mlops_assets.export.tensors import to_tensors
    from mlops_assets.serving.predictor import Predictor

    predictor = Predictor(model)

    def answer(rows: pd.DataFrame) -> Answers:
        return from_outputs(predictor.predict(to_tensors(rows, use_case.inputs)))

    return answer
