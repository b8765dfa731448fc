"""The release bundle: all that serving, monitoring and an auditor need of one model.

Belongs here: what goes into the bundle and the form of its manifest. Does not belong here: what is
asked of it before it is released (``candidate.py``), whether it may be (``gate.py``), or where
bundles are kept (``resources/releases.py``).
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_assets.catalog import ARTIFACTS, BY_NAME
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


def upstream_of(name: str) -> tuple[str, ...]:
    """Every artifact that ``name`` is made of, and what these are made of, in turn."""
    found: set[str] = set()
    left = [*BY_NAME[name].upstream]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += BY_NAME[one].upstream
    return tuple(artifact.name for artifact in ARTIFACTS if artifact.name in found)


FORM_ARTIFACTS: dict[Form, str] = {"onnx": "onnx_model", "quantized": "quantized_model"}
"""The artifact that each exported form of the model is."""
FORM_FILES: dict[Form, str] = {"onnx": "model.onnx", "quantized": "quantized.onnx"}

MADE_OF = BY_NAME["candidate"].upstream
"""The artifacts that a bundle is made of."""
MADE_IN_TURN = (*upstream_of("candidate"), "candidate")
"""All that comes before a bundle, in the catalog's order: the code of nothing else is named in it,
so that a change elsewhere makes no other bundle, and voids no signature."""
REPORTS = tuple(name for name in MADE_OF if BY_NAME[name].is_report)
"""What travels with the model, to be read by people."""


def copied_files(files: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, str]]:
    """The files of a bundle that are those of an artifact, byte for byte: where each comes from, as
    artifact and path. ``files`` are the paths of all files of each artifact."""
    copied = {
        f"{report}/{path}": (report, path) for report in REPORTS for path in files.get(report, ())
    }
    for form, artifact in FORM_ARTIFACTS.items():
        if "model.onnx" in files.get(artifact, ()) or form == "onnx":
            copied[FORM_FILES[form]] = (artifact, "model.onnx")
    return {**copied, "envelope.json": ("risk_report", "envelope.json")}


def write_bundle(folder: Path, parts: BundleParts, use_case: UseCase, name: str) -> None:
    """Write the bundle of use case ``name`` into ``folder``."""
    found = {artifact: _paths(place) for artifact, place in parts.folders.items()}
    for path, (artifact, source) in sorted(copied_files(found).items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parts.folders[artifact] / source, folder / path)
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


def _paths(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]


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
