"""A release in the layout of a Triton model repository, which KServe's Triton runtime reads too.

Belongs here: the folder with the model and the text of its ``config.pbtxt``. Does not belong here:
the command (``cli_deploy.py``), or a server of our own (``serving/``).

Triton's documentation of the model repository and of the model configuration says what is written:
``<model>/config.pbtxt`` (the message ``ModelConfig`` as text) and ``<model>/<version>/model.onnx``,
where a version is a number. A release is a hash, so its number is always 1 and its hash is the
parameter ``release``.

``max_batch_size`` is 0: the shapes are those of the ONNX file, with the number of rows as the first
dimension, so that any server's answers have the shapes of the golden rows. With a batch size Triton
could join requests, but would answer ``label`` as ``[n, 1]`` where the protocol says ``[n]``.
"""

import json
import shutil
from pathlib import Path

from mlops_assets.serving.predictor import open_session
from mlops_assets.serving.release import released_model

VERSION = "1"
MODEL_FILE = "model.onnx"
DATA_TYPES = {
    "tensor(bool)": "TYPE_BOOL",
    "tensor(double)": "TYPE_FP64",
    "tensor(float)": "TYPE_FP32",
    "tensor(int64)": "TYPE_INT64",
    "tensor(string)": "TYPE_STRING",
}
THREADS = {"inter_op_thread_count": "1", "intra_op_thread_count": "1"}
"""As our own server sets them: an answer depends on no number of threads."""
Dimensions = list[int | str | None]


class ExportError(ValueError):
    """A release that cannot be laid out; the message says why."""


def export_triton(bundle: Path, release: str, name: str, repository: Path) -> Path:
    """Lay out the file that ``bundle`` serves as model ``name`` of a Triton model repository, and
    return the model's folder; the repository's other models stay as they are.

    The folder appears when it is whole. Raises ``ExportError`` where it exists already, or where
    the model has a tensor that Triton has no type for.
    """
    target = repository / name
    if target.exists():
        raise ExportError(f"{target} exists already: remove it, or name another folder")
    config = triton_config(released_model(bundle), name, release)
    repository.mkdir(parents=True, exist_ok=True)
    # Triton takes no notice of a folder without a configuration.
    staged = repository / f".{name}"
    shutil.rmtree(staged, ignore_errors=True)
    (staged / VERSION).mkdir(parents=True)
    shutil.copyfile(released_model(bundle), staged / VERSION / MODEL_FILE)
    (staged / "config.pbtxt").write_text(config, encoding="utf-8")
    staged.rename(target)
    return target


def triton_config(model: Path, name: str, release: str) -> str:
    """The model configuration of an ONNX file as Triton reads it: its very inputs and outputs."""
    session = open_session(str(model))
    tensors = [
        *(_tensor("input", one.name, one.type, one.shape) for one in session.get_inputs()),
        *(_tensor("output", one.name, one.type, one.shape) for one in session.get_outputs()),
    ]
    parameters = {**THREADS, "release": release}
    return "".join(
        [
            f"name: {_quoted(name)}\n",
            'backend: "onnxruntime"\n',
            f"default_model_filename: {_quoted(MODEL_FILE)}\n",
            "max_batch_size: 0\n",
            *tensors,
            "instance_group {\n  count: 1\n  kind: KIND_CPU\n}\n",
            *(_parameter(key, value) for key, value in parameters.items()),
        ]
    )


def _tensor(field: str, name: str, kind: str, shape: Dimensions) -> str:
    if kind not in DATA_TYPES:
        raise ExportError(f"{field} {name!r} is {kind}, which has no data type in Triton")
    dimensions = ", ".join(str(size) if isinstance(size, int) else "-1" for size in shape)
    return (
        f"{field} {{\n  name: {_quoted(name)}\n  data_type: {DATA_TYPES[kind]}\n"
        f"  dims: [ {dimensions} ]\n}}\n"
    )


def _parameter(key: str, value: str) -> str:
    return (
        f"parameters {{\n  key: {_quoted(key)}\n"
        f"  value {{\n    string_value: {_quoted(value)}\n  }}\n}}\n"
    )


def _quoted(text: str) -> str:
    # JSON's escapes of quotes, backslashes and control characters are those of text protobuf.
    return json.dumps(text, ensure_ascii=False)
