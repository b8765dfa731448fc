"""Release bundles of handmade models, as a promotion leaves them in a use case's artifacts."""

from pathlib import Path
from typing import Any

import numpy as np
from handmade_models import MODELS, SIGNATURES, binary_model, columns

from mlops_assets.content_hash import folder_md5, hash_folder, json_bytes
from mlops_assets.release.golden import golden_file
from mlops_assets.serving.predictor import Predictor

DECLARED = {
    "city": {"type": "string", "nullable": True, "description": "where it goes"},
    "amount": {"type": "number", "nullable": True, "description": "in euro"},
    "seen": {"type": "integer", "description": "times seen before"},
    "member": {"type": "boolean", "description": "of the club"},
    "order": {"type": "string", "role": "ignored", "description": "the order's number"},
    "customer": {"type": "string", "role": "ignored", "description": "whose order it is"},
}
ENVELOPE = {
    "rows": 100,
    "columns": [
        {
            "name": "amount",
            "kind": "number",
            "low": -100.0,
            "high": 100.0,
            "quantiles": [],
            "scores": [],
            "spread": 1.0,
            "missing": True,
        }
    ],
    "joint": {"mean": [0.0], "precision": [[1.0]], "limit": None},
}


def add_release(
    root: Path,
    task: str = "binary",
    *,
    name: str | None = None,
    scale: float = 1.0,
    golden_of: float | None = None,
    **serving: Any,
) -> str:
    """Add a release below ``root`` and return its hash: the handmade model of ``task``, a binary
    one with the weight ``scale``. With ``golden_of``, what it is said to answer is of another."""
    model = binary_model(scale=scale) if task == "binary" else MODELS[task]
    said = model if golden_of is None else binary_model(scale=golden_of)
    rows = columns(8, amount=np.linspace(-3.0, 2.5, 8)[:, None])
    tensors = {n: np.asarray(values).reshape(-1, 1) for n, values in rows.items()}
    golden = golden_file(tensors, {"model.onnx": Predictor(said).predict(tensors)})
    contents: dict[str, Any] = {
        "manifest.json": {
            "use_case": name or task,
            "serves": "model.onnx",
            "cleaned_datasets": {"2024-01": "a", "2024-02": "b"},
        },
        "signature.json": SIGNATURES[task],
        "golden.json": golden,
        "envelope.json": ENVELOPE,
        "declaration.json": {
            "columns": DECLARED,
            "serving": {"row_id": "order", "entity_id": "customer", **serving},
        },
    }
    staged = root / "releases" / ".staged"
    staged.mkdir(parents=True)
    (staged / "model.onnx").write_bytes(model)
    for file, content in contents.items():
        (staged / file).write_bytes(json_bytes(content))
    release = folder_md5(hash_folder(staged))
    staged.rename(staged.with_name(release))
    return release


def promote(root: Path, release: str) -> None:
    """Make a release the champion, all at once."""
    folder = root / "release"
    folder.mkdir(exist_ok=True)
    new = folder / ".new"
    new.write_bytes(json_bytes({"champion": release, "bundle": f"releases/{release}"}))
    new.replace(folder / "release.json")
