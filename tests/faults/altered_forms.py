"""Forms of the clean project's model that are not what they should be.

Belongs here: altering an ONNX file, and storing it in the place of a form. Does not belong here:
what has to see it (``test_fault_matrix.py``).
"""

import json
import shutil
from collections.abc import Callable

import numpy as np
import onnx
from onnx import numpy_helper

from mlops_assets.export.assets import model_file
from resources.artifact_store import ArtifactKey
from resources.workspace import Workspace

FIRST_CITY, METZ = 4, 2
"""Among the weights: the first of a city, after three numbers and whether one is missing; and the
place of the city whose rows are a slice."""


def alter_weight(model: bytes) -> bytes:
    """One weight of the linear model, that of the income, changed by 0.02."""
    return _moved(model, 0, 0.02)


def damaged(model: bytes) -> bytes:
    """The smaller form, with another weight for one city."""
    return without_names(_moved(model, FIRST_CITY + METZ, 0.14))


def without_names(model: bytes) -> bytes:
    """The same model in a smaller file."""
    found = onnx.load_from_string(model)
    for node in found.graph.node:
        node.name = ""
    content: bytes = found.SerializeToString()
    return content


def store_form(workspace: Workspace, name: str, change: Callable[[bytes], bytes]) -> None:
    """Store the changed float form as the artifact ``name``, as if it had been made so."""
    key = ArtifactKey(name)
    folder, lineage = workspace.store.folder(key), workspace.store.lineage(key)
    assert lineage is not None
    made = change(model_file(workspace, "onnx").read_bytes())
    upstream = workspace.upstream_hashes(name, None)
    with workspace.store.write(
        key, upstream=upstream, code=lineage.code, settings=lineage.settings
    ) as staged:
        shutil.copytree(folder, staged, dirs_exist_ok=True)
        (staged / "model.onnx").write_bytes(made)
        if name == "quantized_model":
            facts = json.loads((staged / "model.json").read_bytes()) | {"quantized": True}
            (staged / "model.json").write_text(json.dumps(facts))


def form_and_reasons(workspace: Workspace) -> tuple[str, tuple[str, ...]]:
    """Which of the stored forms the evaluation says is to be released, and why."""
    found = workspace.store.report(ArtifactKey("evaluation_report"))["released_form"]
    return found["form"], tuple(found["reasons"])


def _moved(model: bytes, place: int, by: float) -> bytes:
    found = onnx.load_from_string(model)
    [product] = [node for node in found.graph.node if node.op_type == "MatMul"]
    [weights] = [one for one in found.graph.initializer if one.name == product.input[1]]
    moved = numpy_helper.to_array(weights).copy()
    moved[place] += np.float32(by)
    weights.CopyFrom(numpy_helper.from_array(moved, weights.name))
    content: bytes = found.SerializeToString()
    return content
