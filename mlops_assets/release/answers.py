"""What a release answers for rows as the use case declares them now.

Belongs here: asking a release about cleaned rows. Does not belong here: which release is asked
(``governance/ledger.py``), or what its answers are worth (``evidence/``, ``monitoring/``).
"""

import json

import pandas as pd

from mlops_assets.answers import Answers
from mlops_assets.export.assets import answers
from mlops_assets.release.bundle import datatype, output_tensors
from mlops_assets.serving.release import released_model
from resources.artifact_store import MissingArtifactError
from resources.workspace import Workspace


def released_answers(workspace: Workspace, release: str, rows: pd.DataFrame) -> Answers:
    """What a release answers, from the inputs that it was made for, whatever a new model's are.

    Raises ``MissingArtifactError`` where the rows no longer have one of them, or in another type,
    and where the release predicts something else than the use case now declares.
    """
    from mlops_assets.export.tensors import to_tensors

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
        if name not in declared or name not in rows or datatype(declared[name]) != type_
    ]
    if lost:
        raise MissingArtifactError(
            f"release {release} cannot be asked: it needs {lost} as they were declared when it was "
            "made. Declare a column that is no input any more with role: ignored and its old type"
        )
    tensors = to_tensors(rows, {name: declared[name] for name in wanted})
    return answers(released_model(bundle), tensors)
