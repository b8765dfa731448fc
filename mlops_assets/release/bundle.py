"""The release bundle: all that serving, monitoring and an auditor need of one model.

Belongs here: what goes into the bundle and the form of its manifest. Does not belong here: whether
it may be released (``gate.py``) or where bundles are kept (``resources/releases.py``).
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_assets.catalog import BY_NAME
from mlops_assets.column_declaration import Column
from mlops_assets.content_hash import json_bytes
from mlops_assets.use_case import UseCase

DATATYPES = {
    "string": "BYTES",
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "timestamp": "INT64",
}
"""Tensor types as the Open Inference Protocol v2 names them."""


@dataclass(frozen=True)
class BundleParts:
    """Folders of the artifacts that are bundled, their hashes, and what was computed for it.

    ``window`` maps the batches learned from to their cleaned datasets' hashes; ``raw`` the same
    for the raw copies; ``reference`` is what monitoring compares with.
    """

    folders: Mapping[str, Path]
    hashes: Mapping[str, str]
    window: Mapping[str, str]
    raw: Mapping[str, str]
    reference: dict[str, Any]
    quantized_is_within_limits: bool


REPORTS = tuple(name for name in BY_NAME["release"].upstream if BY_NAME[name].is_report)
"""What travels with the model, to be read by people."""


def write_bundle(folder: Path, parts: BundleParts, use_case: UseCase, name: str) -> None:
    """Write the bundle of use case ``name`` into ``folder``."""
    shutil.copyfile(parts.folders["onnx_model"] / "model.onnx", folder / "model.onnx")
    quantized = parts.folders["quantized_model"] / "model.onnx"
    if quantized.is_file():
        shutil.copyfile(quantized, folder / "quantized.onnx")
    for report in REPORTS:
        shutil.copytree(parts.folders[report], folder / report)
    (folder / "reference.json").write_bytes(json_bytes(parts.reference))
    (folder / "signature.json").write_bytes(json_bytes(signature(use_case)))
    served = "quantized.onnx" if parts.quantized_is_within_limits else "model.onnx"
    manifest = {
        "use_case": name,
        "serves": served,
        "made_of": dict(parts.hashes),
        "cleaned_datasets": dict(parts.window),
        "raw_copies": dict(parts.raw),
    }
    (folder / "manifest.json").write_bytes(json_bytes(manifest))


def signature(use_case: UseCase) -> dict[str, Any]:
    """Inputs and outputs of the released model, one ``[n, 1]`` tensor a raw column."""
    return {
        "inputs": [
            {
                "name": name,
                "datatype": datatype(column),
                "shape": [-1, 1],
                "missing": _missing(column),
                "description": column.description,
            }
            for name, column in use_case.inputs.items()
        ],
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
        ],
    }


def datatype(column: Column) -> str:
    if column.nullable and column.type in ("integer", "boolean"):
        return "FP64"
    return DATATYPES[column.type]


def _missing(column: Column) -> str | None:
    if column.type == "string":
        return "empty string"
    return "NaN" if datatype(column) == "FP64" else None
