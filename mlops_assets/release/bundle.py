"""The release bundle: all that serving, monitoring and an auditor need of one model.

Belongs here: what goes into the bundle and the form of its manifest. Does not belong here: whether
it may be released (``gate.py``) or where bundles are kept (``resources/releases.py``).
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_assets.catalog import BY_NAME
from mlops_assets.column_declaration import Column
from mlops_assets.content_hash import json_bytes
from mlops_assets.target_declaration import Target
from mlops_assets.use_case import UseCase

Form = Literal["onnx", "quantized"]

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

    ``window`` maps the batches learned from to their cleaned datasets' hashes; ``raw`` every batch
    up to the last of them to its raw copy's, ``corrections`` those that a person corrected to the
    hash of the corrections. ``reference`` is what monitoring compares with, ``golden`` what any
    deployment is checked with. ``compared_with`` is the champion of the evaluation, ``made_with``
    the code, libraries and processor. ``serves`` is the form that is released, and ``why`` it is.
    ``policy`` is what the use case declares about its responsibility, with every limit in force.
    """

    folders: Mapping[str, Path]
    hashes: Mapping[str, str]
    window: Mapping[str, str]
    raw: Mapping[str, str]
    corrections: Mapping[str, str]
    reference: dict[str, Any]
    golden: dict[str, Any]
    compared_with: str | None
    made_with: dict[str, Any]
    serves: Form
    why: tuple[str, ...]
    policy: dict[str, Any]


FORM_ARTIFACTS: dict[Form, str] = {"onnx": "onnx_model", "quantized": "quantized_model"}
"""The artifact that each exported form of the model is."""
FORM_FILES: dict[Form, str] = {"onnx": "model.onnx", "quantized": "quantized.onnx"}

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
    shutil.copyfile(parts.folders["approval"] / "approval.json", folder / "approval.json")
    shutil.copyfile(parts.folders["risk_report"] / "envelope.json", folder / "envelope.json")
    (folder / "policy.json").write_bytes(json_bytes(parts.policy))
    (folder / "reference.json").write_bytes(json_bytes(parts.reference))
    (folder / "golden.json").write_bytes(json_bytes(parts.golden))
    (folder / "declaration.json").write_text(_declaration(use_case), encoding="utf-8")
    (folder / "signature.json").write_bytes(json_bytes(signature(use_case)))
    manifest = {
        "use_case": name,
        "serves": FORM_FILES[parts.serves],
        "why_this_form": list(parts.why),
        "policy": parts.policy["class"],
        "made_of": dict(parts.hashes),
        "cleaned_datasets": dict(parts.window),
        "raw_copies": dict(parts.raw),
        "corrections": dict(parts.corrections),
        "compared_with": parts.compared_with,
        "made_with": parts.made_with,
    }
    (folder / "manifest.json").write_bytes(json_bytes(manifest))


def _declaration(use_case: UseCase) -> str:
    """The use case as JSON, not in the order of its keys: that of the columns has a meaning."""
    text = json.dumps(use_case.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return f"{text}\n"


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
        "outputs": output_tensors(use_case.target),
    }


def output_tensors(target: Target) -> list[dict[str, Any]]:
    """What a model of ``target`` answers, as the protocol names it."""
    if target.task == "regression":
        return [
            {"name": "prediction", "datatype": "FP32", "shape": [-1], "unit": target.unit},
            {"name": "interval", "datatype": "FP32", "shape": [-1, 2], "unit": target.unit},
        ]
    classes = list(target.class_names)
    label = "BYTES" if target.task == "multiclass" and target.type == "string" else "INT64"
    return [
        {"name": "label", "datatype": label, "shape": [-1]},
        {
            "name": "probabilities",
            "datatype": "FP32",
            "shape": [-1, len(classes)],
            "classes": classes,
        },
    ]


def datatype(column: Column) -> str:
    if column.nullable and column.type in ("integer", "boolean"):
        return "FP64"
    return DATATYPES[column.type]


def _missing(column: Column) -> str | None:
    if column.type == "string":
        return "empty string"
    return "NaN" if datatype(column) == "FP64" else None
