"""A release of thirty columns to be served in the benchmark: twenty-six numbers, four texts, and
either a hundred boosted trees or a linear model."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from quantization_models import FAMILIES, TARGET, large
from sklearn.pipeline import Pipeline

from mlops_assets.content_hash import folder_md5, hash_folder, json_bytes
from mlops_assets.evidence.risk.envelope import learn_envelope
from mlops_assets.export.onnx_graph import to_onnx
from mlops_assets.export.tensors import to_tensors
from mlops_assets.release.bundle import datatype, output_tensors
from mlops_assets.release.golden import golden_file, golden_rows
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.release import released_model
from mlops_assets.training.calibration import BinaryModel
from mlops_assets.training.encoding import RowEncoder

NAME = "thirty_columns"


def make_root(root: Path, family_name: str = "boosting, 100 x 31", *, variant: int = 0) -> str:
    """Make a release below ``root``, as the champion of use case ``thirty_columns``, and return its
    hash. Another ``variant`` is another model."""
    family, data = FAMILIES[family_name], large()
    first = variant * family.rows
    fitted = data.rows.iloc[first : first + family.rows]
    encoder = RowEncoder(data.columns, family.form).fit(fitted)
    labels = data.labels[first : first + family.rows]
    estimator = family.make().fit(encoder.transform(fitted), labels)
    model = BinaryModel(Pipeline([("encode", encoder), ("estimate", estimator)])).uncalibrated()
    staged = root / "releases" / ".staged"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    (staged / "model.onnx").write_bytes(to_onnx(model, TARGET))
    rows = golden_rows(fitted, data.columns, seed=0)
    answers = Predictor(staged / "model.onnx").predict(rows)
    signature = {
        "inputs": [
            {"name": name, "datatype": datatype(column), "shape": [-1, 1]}
            for name, column in data.columns.items()
        ],
        "outputs": output_tensors(TARGET),
    }
    declared = {name: {"type": column.type} for name, column in data.columns.items()}
    contents: dict[str, dict[str, Any]] = {
        "manifest.json": {"use_case": NAME, "serves": "model.onnx"},
        "golden.json": golden_file(rows, {"model.onnx": answers}),
        "signature.json": signature,
        "declaration.json": {"columns": declared, "serving": {}},
        "envelope.json": learn_envelope(
            fitted.iloc[:20_000], fitted.iloc[20_000:30_000], data.columns
        ),
    }
    for file, content in contents.items():
        (staged / file).write_bytes(json_bytes(content))
    release = folder_md5(hash_folder(staged))
    shutil.rmtree(root / "releases" / release, ignore_errors=True)
    staged.rename(root / "releases" / release)
    point_to(root, release)
    return release


def point_to(root: Path, release: str) -> None:
    """Make ``release`` the champion, all at once, as a promotion does."""
    folder = root / "release"
    folder.mkdir(exist_ok=True)
    new = folder / ".release.json"
    new.write_bytes(json_bytes({"champion": release, "bundle": f"releases/{release}"}))
    new.replace(folder / "release.json")


def champion_model(root: Path) -> Path:
    """The ONNX file that the champion below ``root`` serves."""
    pointer = json.loads((root / "release" / "release.json").read_bytes())
    return released_model(root / str(pointer["bundle"]))


def some_rows(rows: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Tensors of ``rows`` rows to ask about."""
    data = large()
    chosen = np.random.default_rng(seed).integers(0, len(data.rows), rows)
    return to_tensors(data.rows.iloc[chosen], data.columns)
