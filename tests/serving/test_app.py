"""A real server gives the model's own answers, and refuses clearly what it cannot answer."""

import asyncio
import http.client
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from handmade_models import CLASS_NAMES, MODELS, SIGNATURES, columns

from mlops_assets.serving.app import make_app
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


def test_the_server_and_the_model_describe_themselves(addresses: Mapping[str, str]) -> None:
    address = addresses["multiclass"]
    assert call(address, "/v2")[1] | {"version": ""} == {
        "name": "mlops-assets",
        "version": "",
        "extensions": [],
    }
    assert call(address, "/v2/health/live") == (200, {"live": True})
    assert call(address, "/v2/health/ready") == (200, {"ready": True})
    for path in ("/v2/models/multiclass", "/v2/models/multiclass/versions/v1"):
        assert call(address, f"{path}/ready") == (200, {"name": "multiclass", "ready": True})
        status, described = call(address, path)
        assert (status, described["versions"]) == (200, ["v1"])
        assert described["inputs"][1] == {
            "name": "amount",
            "datatype": "FP64",
            "shape": [-1, 1],
            "parameters": {"missing": "NaN"},
        }
        assert described["outputs"][1]["parameters"] == {"classes": CLASS_NAMES}


def test_an_answer_is_the_models_own(addresses: Mapping[str, str], task: str) -> None:
    amounts = np.array([1e-30, np.nan, -1 / 3, 5.0])
    expected = Predictor(MODELS[task]).predict(columns(4, amount=np.nan_to_num(amounts)))
    path = f"/v2/models/{task}/versions/v1/infer"
    body = asked(rows=4, amount=np.nan_to_num(amounts))
    status, answer = call(addresses[task], path, body)
    assert (status, answer["model_name"], answer["model_version"]) == (200, task, "v1")
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
        (UNASKED, 400, "'price' is no output of the model"),
        (asked(rows=3, member=np.ones(2, dtype=bool)), 400, "'member': has 2 rows"),
        (asked(ammount=np.zeros(3)), 400, "'ammount': is no input"),
        (asked(city=np.arange(3)), 400, "'city': is int64, where strings are needed"),
        (b'{"inputs": [' + b" " * 300_000 + b"]}", 413, "longer than 300000 bytes"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    addresses: Mapping[str, str], body: bytes, status: int, problem: str
) -> None:
    given, answer = call(addresses["binary"], INFER, body)
    assert given == status
    assert problem in answer["error"]
    assert call(addresses["binary"], INFER, asked())[0] == 200


def test_infinity_is_refused_and_nan_is_missing(addresses: Mapping[str, str]) -> None:
    body = asked(rows=1, amount=np.array([4711.25]))
    for token, status in ((b"Infinity", 400), (b"1e999", 400), (b"NaN", 500), (b"null", 500)):
        given, answer = call(addresses["binary"], INFER, body.replace(b"4711.25", token))
        # This model answers NaN with NaN, and no answer at all is better than that.
        assert given == status, token
        assert "amount" in answer["error"] or "could not answer" in answer["error"]


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
        ("DELETE", "/v2/models/binary", 405),
        ("HEAD", "/v2/health/live", 200),
    ],
)
def test_paths_and_methods(
    addresses: Mapping[str, str], method: str, path: str, status: int
) -> None:
    assert call(addresses["binary"], path, method=method)[0] == status


def test_other_encodings_are_refused(addresses: Mapping[str, str]) -> None:
    for header, status in (
        ({"content_encoding": "gzip"}, 415),
        ({"inference_header_content_length": "10"}, 400),
    ):
        given, answer = call(addresses["binary"], INFER, asked(), **header)
        assert given == status
        assert "as it is" in answer["error"] or "as JSON" in answer["error"]


class Failing(Predictor):
    def predict(self, columns: Any) -> Any:
        raise RuntimeError(f"trouble with {columns['city'][0]}")


def test_what_goes_wrong_inside_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(Failing(MODELS["binary"]), "binary", "v1", SIGNATURES["binary"])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": asked(city=np.array(["Maria Roe"] * 3))}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": INFER, "headers": []}
    with caplog.at_level(logging.DEBUG):
        asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"]) == {"error": "the model could not answer"}
    assert "RuntimeError" in caplog.text and "Maria" not in caplog.text


def test_who_has_gone_is_not_answered() -> None:
    app = make_app(Predictor(MODELS["binary"]), "binary", "v1", SIGNATURES["binary"])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(
        app({"type": "http", "method": "POST", "path": INFER, "headers": []}, receive, send)
    )
    assert sent == []


def test_a_model_with_anothers_signature_is_not_served() -> None:
    with pytest.raises(ValueError, match="not of one release"):
        make_app(Predictor(MODELS["binary"]), "binary", "v1", SIGNATURES["regression"])
    typed = {**SIGNATURES["binary"], "inputs": SIGNATURES["binary"]["inputs"][:3]}
    with pytest.raises(ValueError, match="not of one release"):
        make_app(Predictor(MODELS["binary"]), "binary", "v1", typed)
