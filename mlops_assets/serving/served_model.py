"""A release that is ready to answer: read from its bundle, verified, and asked its golden rows.

Belongs here: everything that must be true of a bundle before it takes traffic. Does not belong
here: when one is loaded (``watcher.py``), or which one answers whom (``router.py``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_assets.content_hash import folder_md5, hash_folder
from mlops_assets.serving.fast_json import FastJson
from mlops_assets.serving.golden_check import check_golden
from mlops_assets.serving.inputs import Inputs, bundle_inputs
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import read_columns
from mlops_assets.serving.release import manifest


class ReleaseError(Exception):
    """A bundle that must not be served; the text says why and names the release."""


@dataclass(frozen=True)
class ServedModel:
    """A loaded release under its use case's name."""

    name: str
    release: str
    predictor: Predictor
    inputs: Inputs
    messages: FastJson
    signature: Mapping[str, Any]
    declaration: Mapping[str, Any]

    def metadata(self, versions: list[str]) -> dict[str, Any]:
        """What the Open Inference Protocol v2 tells about a model."""
        tensors = {
            side: [
                {field: tensor[field] for field in _TENSOR}
                | {"parameters": {k: v for k, v in tensor.items() if k not in _TENSOR and v}}
                for tensor in self.signature[side]
            ]
            for side in ("inputs", "outputs")
        }
        return {"name": self.name, "versions": versions, "platform": "onnxruntime_onnx", **tensors}


_TENSOR = ("name", "datatype", "shape")


def load_model(releases: Path, release: str, limits: ServerLimits) -> ServedModel:
    """The release of that hash below ``releases``. Raises ``ReleaseError`` where its files are not
    those that its hash names, cannot be read, or do not answer the golden rows as recorded."""
    bundle = releases / release
    try:
        if not bundle.is_dir() or folder_md5(hash_folder(bundle)) != release:
            raise ReleaseError(f"release {release} is not there, or not as its hash says")
        model = _read(bundle, release, limits)
        golden = json.loads((bundle / "golden.json").read_bytes())
        answers = model.predictor.predict(read_columns(golden["request"]))
        verdict = check_golden(answers, golden, manifest(bundle)["serves"])
    except ReleaseError:
        raise
    # ONNX Runtime has an exception for every status, and no class that they have in common.
    except Exception as problem:
        raise ReleaseError(
            f"release {release} could not be loaded: {type(problem).__name__}"
        ) from problem
    if not verdict["agrees"]:
        found = "; ".join(verdict["findings"])
        raise ReleaseError(f"release {release} does not answer its golden rows: {found}")
    return model


def _read(bundle: Path, release: str, limits: ServerLimits) -> ServedModel:
    made = manifest(bundle)
    signature = _json(bundle / "signature.json")
    declaration = _json(bundle / "declaration.json")
    predictor = Predictor(bundle / str(made["serves"]))
    inputs = bundle_inputs(signature, declaration, predictor.signature, predictor.outputs)
    return ServedModel(
        name=str(made["use_case"]),
        release=release,
        predictor=predictor,
        inputs=inputs,
        messages=FastJson(inputs, limits.text_length),
        signature=signature,
        declaration=declaration,
    )


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content
