"""The Triton model repository of a release, read by the message that Triton reads it with."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import tritonclient
from google.protobuf import text_format

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from handmade_models import MODELS, columns

from mlops_assets.release.exporting import ExportError, export_triton, triton_config
from mlops_assets.serving.predictor import Predictor

RELEASE = "0123456789abcdef0123456789abcdef.dir"
ONNX_TYPES = {
    "TYPE_STRING": "tensor(string)",
    "TYPE_FP64": "tensor(double)",
    "TYPE_FP32": "tensor(float)",
    "TYPE_INT64": "tensor(int64)",
    "TYPE_BOOL": "tensor(bool)",
}


def _model_config_messages() -> ModuleType:
    # NVIDIA's own, from its client; the package around it needs gRPC.
    path = Path(tritonclient.__path__[0]) / "grpc" / "model_config_pb2.py"
    specification = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


MESSAGES = _model_config_messages()


def read_config(text: str) -> Any:
    """The message; a field or a value that Triton does not know is an error."""
    return text_format.Parse(text, MESSAGES.ModelConfig())


def tensors(fields: Any) -> list[tuple[str, str, list[int]]]:
    kinds = MESSAGES.DataType
    return [(one.name, ONNX_TYPES[kinds.Name(one.data_type)], [*one.dims]) for one in fields]


def tensors_of_session(found: Any) -> list[tuple[str, str, list[int]]]:
    sizes = [[size if isinstance(size, int) else -1 for size in one.shape] for one in found]
    return [(one.name, one.type, shape) for one, shape in zip(found, sizes, strict=True)]


@pytest.fixture(params=sorted(MODELS))
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A bundle whose served file is not the first that one would take."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"not what is served")
    (folder / "quantized.onnx").write_bytes(MODELS[request.param])
    (folder / "manifest.json").write_text(json.dumps({"serves": "quantized.onnx"}))
    return folder


def test_inputs_and_outputs_are_those_of_the_model(bundle: Path, tmp_path: Path) -> None:
    folder = export_triton(bundle, RELEASE, "deliveries", tmp_path / "repository")

    config = read_config((folder / "config.pbtxt").read_text(encoding="utf-8"))
    session = ort.InferenceSession(str(folder / "1" / config.default_model_filename))
    assert tensors(config.input) == tensors_of_session(session.get_inputs())
    assert tensors(config.output) == tensors_of_session(session.get_outputs())
    assert (config.name, config.backend) == (folder.name, "onnxruntime")
    assert config.parameters["release"].string_value == RELEASE


def test_what_is_declared_is_what_the_model_takes_and_gives(bundle: Path, tmp_path: Path) -> None:
    folder = export_triton(bundle, RELEASE, "deliveries", tmp_path / "repository")

    config = read_config((folder / "config.pbtxt").read_text(encoding="utf-8"))
    asked = {
        one.name: np.asarray(columns(5)[one.name]).reshape([5 if d == -1 else d for d in one.dims])
        for one in config.input
    }
    session = ort.InferenceSession(str(folder / "1" / "model.onnx"))
    answers = session.run([one.name for one in config.output], asked)
    expected = Predictor(bundle / "quantized.onnx").predict(columns(5))
    for one, answer in zip(config.output, answers, strict=True):
        assert list(answer.shape) == [5 if size == -1 else size for size in one.dims]
        assert answer.tolist() == expected[one.name].tolist()


def test_the_repository_holds_this_and_nothing_else(bundle: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "another").mkdir(parents=True)

    export_triton(bundle, RELEASE, "deliveries", repository)

    files = sorted(path.relative_to(repository).as_posix() for path in repository.rglob("*"))
    made = ["deliveries", "deliveries/1", "deliveries/1/model.onnx", "deliveries/config.pbtxt"]
    assert files == ["another", *made]
    served = (repository / "deliveries" / "1" / "model.onnx").read_bytes()
    assert served == (bundle / "quantized.onnx").read_bytes()


def test_a_model_that_is_there_is_not_overwritten(bundle: Path, tmp_path: Path) -> None:
    folder = export_triton(bundle, RELEASE, "deliveries", tmp_path / "repository")
    before = (folder / "config.pbtxt").read_bytes()

    with pytest.raises(ExportError, match="exists already"):
        export_triton(bundle, "another", "deliveries", tmp_path / "repository")

    assert (folder / "config.pbtxt").read_bytes() == before


def test_a_crash_leaves_no_model_behind_and_nothing_in_the_way(
    bundle: Path, tmp_path: Path
) -> None:
    left = tmp_path / "repository" / ".deliveries"
    (left / "1").mkdir(parents=True)
    (left / "half").write_bytes(b"")

    folder = export_triton(bundle, RELEASE, "deliveries", tmp_path / "repository")

    assert not left.exists() and not (folder / "half").exists()


@pytest.mark.parametrize("name", ['a "quoted" name', "back\\slash", "hÖch", "tab\tand\nline"])
def test_any_name_is_read_back_as_it_is(name: str, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(MODELS["binary"])

    config = read_config(triton_config(model, name, RELEASE))

    assert config.name == name
    assert config.max_batch_size == 0 and not config.HasField("dynamic_batching")
