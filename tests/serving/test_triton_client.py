"""NVIDIA's own client, unmodified, gets what ONNX Runtime answers in this process, bit by bit."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from handmade_models import MODELS, columns
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from mlops_assets.serving.predictor import Predictor

DATATYPES = {"O": "BYTES", "f": "FP64", "i": "INT64", "b": "BOOL"}
ROWS = 7
GIVEN = columns(
    ROWS,
    city=np.array(["Oslo", "", "Ünï", 'a "b"\n', "日本", "x\ty", "🚲"], dtype=object),
    amount=np.array([1e-30, -1 / 3, 5.0, -0.0, 1e30, 0.1, -7.25]),
)


@pytest.fixture
def client(addresses: Mapping[str, str], task: str) -> Iterator[Any]:
    with triton.InferenceServerClient(addresses[task].removeprefix("http://")) as made:
        yield made


def inputs_of(given: Mapping[str, NDArray[Any]], *as_json: str) -> list[Any]:
    inputs = []
    for name, values in given.items():
        tensor = triton.InferInput(name, [len(values), 1], DATATYPES[values.dtype.kind])
        tensor.set_data_from_numpy(values.reshape(-1, 1), binary_data=name not in as_json)
        inputs.append(tensor)
    return inputs


def is_same(answer: Any, expected: Mapping[str, NDArray[Any]]) -> bool:
    for name, values in expected.items():
        given = answer.as_numpy(name)
        if given.dtype.kind == "O":
            texts = [t.decode() if isinstance(t, bytes) else t for t in given.ravel()]
            if texts != values.ravel().tolist():
                return False
        elif given.dtype != values.dtype or given.tobytes() != values.tobytes():
            return False
        if given.shape != values.shape:
            return False
    return True


def test_the_server_and_the_model_are_described(client: Any, task: str) -> None:
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(task)
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    described = client.get_model_metadata(task)
    assert [tensor["name"] for tensor in described["inputs"]] == [*GIVEN]
    (version,) = described["versions"]
    assert client.is_model_ready(task, version)
    assert client.get_model_metadata(task, version)["outputs"] == described["outputs"]


@pytest.mark.parametrize("as_json", [(), tuple(GIVEN), ("city", "seen")])
@pytest.mark.parametrize("sent", [None, "gzip", "deflate"])
@pytest.mark.parametrize("returned", [None, "gzip"])
def test_answers_are_the_models_own(
    client: Any, task: str, as_json: tuple[str, ...], sent: Any, returned: Any
) -> None:
    expected = Predictor(MODELS[task]).predict(GIVEN)
    answer = client.infer(
        task,
        inputs_of(GIVEN, *as_json),
        request_id="r-7",
        request_compression_algorithm=sent,
        response_compression_algorithm=returned,
    )
    assert answer.get_response()["id"] == "r-7"
    assert answer.get_response()["model_name"] == task
    assert is_same(answer, expected)


@pytest.mark.parametrize("binary", [False, True])
def test_outputs_are_chosen_one_by_one(client: Any, task: str, binary: bool) -> None:
    expected = Predictor(MODELS[task]).predict(GIVEN)
    first, second = expected
    one = client.infer(
        task, inputs_of(GIVEN), outputs=[triton.InferRequestedOutput(second, binary_data=binary)]
    )
    assert one.as_numpy(first) is None
    assert is_same(one, {second: expected[second]})
    mixed = client.infer(
        task,
        inputs_of(GIVEN),
        outputs=[
            triton.InferRequestedOutput(second, binary_data=binary),
            triton.InferRequestedOutput(first, binary_data=not binary),
        ],
    )
    assert [output["name"] for output in mixed.get_response()["outputs"]] == [second, first]
    assert is_same(mixed, expected)


def test_many_rows_come_back_compressed_and_the_same(client: Any, task: str) -> None:
    rows = 3000
    given = columns(rows, amount=np.random.default_rng(7).normal(size=rows))
    expected = Predictor(MODELS[task]).predict(given)
    for compression in (None, "gzip"):
        answer = client.infer(task, inputs_of(given), response_compression_algorithm=compression)
        assert is_same(answer, expected)


def test_a_version_is_asked_by_its_hash(client: Any, task: str) -> None:
    (version,) = client.get_model_metadata(task)["versions"]
    answer = client.infer(task, inputs_of(GIVEN), model_version=version)
    assert answer.get_response()["model_version"] == version
    with pytest.raises(InferenceServerException, match="this version") as caught:
        client.infer(task, inputs_of(GIVEN), model_version="1")
    assert caught.value.status() == "404"


def test_missing_values_travel_in_binary_and_json(client: Any, task: str) -> None:
    given = GIVEN | {"city": np.array([""] * ROWS, dtype=object)}
    expected = Predictor(MODELS[task]).predict(given)
    assert is_same(client.infer(task, inputs_of(given)), expected)
    assert is_same(client.infer(task, inputs_of(given, *given)), expected)


def test_a_refusal_is_understood(client: Any, task: str) -> None:
    wrong = GIVEN | {"seen": np.zeros(ROWS)}
    with pytest.raises(InferenceServerException, match="column 'seen': is FP64") as caught:
        client.infer(task, inputs_of(wrong))
    assert caught.value.status() == "400"
    output = triton.InferRequestedOutput("probabilities", class_count=2)
    if task != "regression":
        with pytest.raises(InferenceServerException, match="'classification' is not spoken"):
            client.infer(task, inputs_of(GIVEN), outputs=[output])
    assert is_same(client.infer(task, inputs_of(GIVEN)), Predictor(MODELS[task]).predict(GIVEN))
