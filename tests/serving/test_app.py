"""A real server gives the model's own answers, and refuses clearly what it cannot answer."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from handmade_models import CLASS_NAMES, MODELS, columns
from server_process import ServerProcess

from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import request


def call(
    address: str, path: str, body: bytes | None = None, method: str = "", **headers: str
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, body, named)
        response = connection.getresponse()
        content = response.read()
        assert response.headers["content-type"] == "application/json"
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()


def asked(**changed: Any) -> bytes:
    return json.dumps(request(columns(**changed))).encode()


def release_of(server: ServerProcess) -> str:
    release: str = server.events("ready")[0]["release"]
    return release


def test_the_server_and_the_model_describe_themselves(
    servers: Mapping[str, ServerProcess],
) -> None:
    server = servers["multiclass"]
    address, release = server.url, release_of(server)
    assert call(address, "/v2")[1] | {"version": ""} == {
        "name": "mlops-assets",
        "version": "",
        "extensions": ["binary_tensor_data"],
    }
    assert call(address, "/v2/health/live") == (200, {"live": True})
    assert call(address, "/v2/health/ready") == (200, {"ready": True})
    for path in ("/v2/models/multiclass", f"/v2/models/multiclass/versions/{release}"):
        assert call(address, f"{path}/ready") == (200, {"name": "multiclass", "ready": True})
        status, described = call(address, path)
        assert (status, described["versions"]) == (200, [release])
        assert described["inputs"][1] == {
            "name": "amount",
            "datatype": "FP64",
            "shape": [-1, 1],
            "parameters": {"missing": "NaN"},
        }
        assert described["outputs"][1]["parameters"] == {"classes": CLASS_NAMES}


@pytest.mark.parametrize("rows", [1, 4, 300])
def test_an_answer_is_the_models_own(
    servers: Mapping[str, ServerProcess], task: str, rows: int
) -> None:
    amounts = np.resize([1e-30, -1 / 3, 0.1, 5.0], rows)
    expected = Predictor(MODELS[task]).predict(columns(rows, amount=amounts))
    release = release_of(servers[task])
    path = f"/v2/models/{task}/versions/{release}/infer"
    status, answer = call(servers[task].url, path, asked(rows=rows, amount=amounts))
    assert (status, answer["model_name"], answer["model_version"]) == (200, task, release)
    assert [output["name"] for output in answer["outputs"]] == [*expected]
    for output in answer["outputs"]:
        values = expected[output["name"]]
        given = np.array(output["data"], dtype=values.dtype).reshape(output["shape"])
        np.testing.assert_array_equal(given, values)


def test_id_and_choice_of_outputs(addresses: Mapping[str, str]) -> None:
    message = request(columns()) | {"id": "r-7", "outputs": [{"name": "probabilities"}]}
    status, answer = call(
        addresses["binary"], "/v2/models/binary/infer", json.dumps(message).encode()
    )
    assert (status, answer["id"]) == (200, "r-7")
    assert [output["name"] for output in answer["outputs"]] == ["probabilities"]


INFER = "/v2/models/binary/infer"
UNASKED = json.dumps(request(columns()) | {"outputs": [{"name": "price"}]}).encode()


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"{", 400, "no JSON"),
        (UNASKED, 400, "'price'"),
        (asked(rows=3, member=np.ones(2, dtype=bool)), 400, "'member'"),
        (asked(ammount=np.zeros(3)), 400, "'ammount'"),
        (asked(city=np.arange(3)), 400, "'city'"),
        (b'{"inputs": [' + b" " * 300_000 + b"]}", 413, "300000 bytes"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    addresses: Mapping[str, str], body: bytes, status: int, problem: str
) -> None:
    given, answer = call(addresses["binary"], INFER, body)
    assert given == status
    assert problem in answer["error"]
    assert call(addresses["binary"], INFER, asked())[0] == 200


@pytest.mark.parametrize("rows", [1, 2])
def test_infinity_is_refused_and_nan_is_missing(addresses: Mapping[str, str], rows: int) -> None:
    body = asked(rows=rows, amount=np.array([4711.25] * rows))
    for token, status in ((b"Infinity", 400), (b"1e999", 400), (b"NaN", 500), (b"null", 500)):
        given, answer = call(addresses["binary"], INFER, body.replace(b"4711.25", token))
        # This model answers NaN with NaN, and no answer at all is better than that.
        assert given == status, token
        assert "number" in answer["error"]


def test_a_body_in_pieces_is_limited_too(addresses: Mapping[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(addresses["binary"]).netloc, timeout=30)
    pieces = (b" " * 50_000 for _ in range(7))
    connection.request("POST", INFER, pieces)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/versions/v1/ready", 404),
        ("GET", "/v2/models/binary/versions/v2", 404),
        ("GET", "/v2/models/binary/unknown", 404),
        ("GET", INFER, 405),
        ("GET", "/v1/predict", 405),
        ("DELETE", "/v2/models/binary", 405),
        ("HEAD", "/v2/health/live", 200),
        ("GET", "/v2/", 200),
        ("GET", "/admin/status", 200),
        ("GET", "/openapi.json", 200),
    ],
)
def test_paths_and_methods(
    addresses: Mapping[str, str], method: str, path: str, status: int
) -> None:
    assert call(addresses["binary"], path, method=method)[0] == status


def test_rows_as_objects_are_answered(servers: Mapping[str, ServerProcess]) -> None:
    rows = [{"city": "Oslo", "amount": 0.5, "seen": 2, "member": True, "order": "o-1"}]
    body = json.dumps({"rows": rows, "id": "r-8"}).encode()
    status, answer = call(servers["binary"].url, "/v1/predict", body)
    assert (status, answer["id"]) == (200, "r-8")
    assert answer["release"] == release_of(servers["binary"])
    expected = Predictor(MODELS["binary"]).predict(columns(1, amount=np.array([0.5])))
    [prediction] = answer["predictions"]
    assert (prediction["label"], prediction["row_id"]) == (1, "o-1")
    assert np.float32([*prediction["probabilities"].values()]).tolist() == (
        expected["probabilities"][0].tolist()
    )


def test_a_request_gets_an_id_that_the_log_knows_it_by(addresses: Mapping[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(addresses["binary"]).netloc, timeout=30)
    said = []
    for message in (request(columns(1)), request(columns(2)), request(columns(1)) | {"id": "é"}):
        connection.request("POST", INFER, json.dumps(message).encode())
        response = connection.getresponse()
        response.read()
        said.append(response.headers["x-request-id"])
    connection.close()
    assert said[0] and said[1] and said[0] != said[1]
    # A header field cannot say every text.
    assert said[2] is None


def test_what_is_told_of_the_server_needs_no_release(addresses: Mapping[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(addresses["binary"]).netloc, timeout=30)
    for path, kind, content in (
        ("/metrics", "text/plain", b"mlops_serving_requests_total"),
        ("/docs", "text/html", b"<html"),
    ):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["content-type"].startswith(kind)
        assert content in response.read()
    connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:8080"}, 200),
        ({"host": "[::1]"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "localhost.evil.example"}, 403),
        ({"origin": "http://127.0.0.1:8080"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_without_tokens_no_page_of_another_site_can_ask(
    addresses: Mapping[str, str], headers: dict[str, str], status: int
) -> None:
    given, answer = call(addresses["binary"], INFER, asked(), **headers)
    assert given == status
    assert status == 200 or "localhost" in answer["error"]
    assert call(addresses["binary"], "/v2/health/live", **headers)[0] == 200
