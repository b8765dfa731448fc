"""The client gets the model's own answers chunk by chunk, or says why it does not."""

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest
from handmade_models import MODELS, columns

from mlops_assets.serving.client import ServerError, ask
from mlops_assets.serving.predictor import Predictor


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 10, 23])
def test_answers_of_all_rows_to_the_last_bit(
    addresses: Mapping[str, str], task: str, rows: int, binary: bool
) -> None:
    rng = np.random.default_rng(rows)
    texts = np.array([["", "Ünï", 'a "b"\n', "\0x"][i % 4] for i in range(rows)], dtype=object)
    given = columns(rows, amount=rng.normal(size=rows), city=texts)
    expected = Predictor(MODELS[task]).predict(given)
    answers = ask(addresses[task], task, given, chunk_rows=10, binary=binary)
    assert [*answers] == [*expected]
    for name, values in expected.items():
        assert answers[name].dtype == values.dtype
        np.testing.assert_array_equal(answers[name], values)


def test_a_proxy_is_not_asked_about_this_machine(
    addresses: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert len(ask(addresses["binary"], "binary", columns())["label"]) == 3


def test_a_refusal_is_passed_on(addresses: Mapping[str, str]) -> None:
    with pytest.raises(ServerError, match=r"answered 400: column 'ammount': is no input"):
        ask(addresses["binary"], "binary", columns(ammount=np.zeros(3)))
    with pytest.raises(ServerError, match=r"answered 404: this version of binary"):
        ask(addresses["binary"], "binary", columns(), version="v2")


def test_a_token_is_sent_where_it_is_given() -> None:
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.headers["authorization"])
            self.send_error(401)

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        for token in (None, "secret"):
            with pytest.raises(ServerError, match="answered 401: without saying why"):
                ask(f"http://127.0.0.1:{server.server_port}", "m", columns(), token=token)
        server.shutdown()
        thread.join()
    assert seen == [None, "Bearer secret"]


def test_nobody_there() -> None:
    with pytest.raises(ServerError, match="could not be asked"):
        ask("http://127.0.0.1:9", "binary", columns())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"outputs": []}',
        b'{"outputs": [{"name": "label"}]}',
        b'{"outputs": [{"name": "label", "datatype": "INT64", "shape": [2], "data": [0, 1]}]}',
    ],
)
def test_something_else_than_answers(body: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with pytest.raises(ServerError, match=r"no tensors|did not answer 3 rows"):
            ask(f"http://127.0.0.1:{server.server_port}", "binary", columns())
        server.shutdown()
        thread.join()
