"""Asking a server that speaks the Open Inference Protocol v2.

Belongs here: a small client with little but the standard library and numpy. Does not belong here:
what the messages say (``protocol.py``), or what the answers should be (``golden_check.py``).
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

import numpy as np
import orjson
from numpy.typing import NDArray

from mlops_assets.serving.message import read_json
from mlops_assets.serving.protocol import (
    HEADER_LENGTH,
    ProtocolError,
    binary_request,
    divided,
    header_length_of,
    read_answers,
    request,
)

CHUNK_ROWS = 4096
TIMEOUT_SECONDS = 60.0
LONGEST_PROBLEM = 300
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ServerError(Exception):
    """A server that could not be reached, or did not answer what was asked."""


def ask(
    base_url: str,
    name: str,
    columns: Mapping[str, NDArray[Any]],
    version: str | None = None,
    chunk_rows: int = CHUNK_ROWS,
    timeout_seconds: float = TIMEOUT_SECONDS,
    *,
    binary: bool = False,
    token: str | None = None,
) -> dict[str, NDArray[Any]]:
    """The outputs of model ``name`` for all rows of ``columns`` (arrays as ``Predictor.predict``
    takes them), asked ``chunk_rows`` at a time, as JSON or ``binary``. ``base_url`` is what comes
    before ``/v2``; ``token`` is sent where the server wants one.

    Raises ``ServerError`` where the server cannot be reached, refuses, or answers something else.
    """
    path = f"/v2/models/{quote(name, safe='')}"
    path += f"/versions/{quote(version, safe='')}" if version else ""
    url, opener = f"{base_url.rstrip('/')}{path}/infer", _opener(base_url)
    fields = {} if token is None else {"Authorization": f"Bearer {token}"}
    rows = len(next(iter(columns.values())))
    answers = []
    for start in range(0, max(rows, 1), chunk_rows):
        chunk = {column: values[start : start + chunk_rows] for column, values in columns.items()}
        answer = _post(opener, _asking(url, chunk, binary, fields), timeout_seconds)
        answers.append(_of_as_many_rows(answer, min(chunk_rows, rows - start)))
    return {output: np.concatenate([part[output] for part in answers]) for output in answers[0]}


def _opener(base_url: str) -> OpenerDirector:
    """A proxy has no business with this machine's own servers."""
    direct = urlsplit(base_url).hostname in LOOPBACK
    return build_opener(ProxyHandler({})) if direct else build_opener()


def _asking(
    url: str, columns: Mapping[str, NDArray[Any]], binary: bool, fields: Mapping[str, str]
) -> Request:
    if not binary:
        body = orjson.dumps(request(columns))
        return Request(url, body, {"Content-Type": "application/json", **fields})
    body, length = binary_request(columns)
    told = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(length)}
    return Request(url, body, {**told, **fields})


def _post(
    opener: OpenerDirector, asking: Request, timeout_seconds: float
) -> dict[str, NDArray[Any]]:
    url = asking.full_url
    try:
        with opener.open(asking, timeout=timeout_seconds) as response:
            field, body = response.headers.get(HEADER_LENGTH), response.read()
        text, data = divided(body, header_length_of(field.encode() if field else None))
        answer = read_json(text)
        return read_answers(answer if isinstance(answer, dict) else {}, data)
    except HTTPError as refusal:
        raise ServerError(f"{url} answered {refusal.code}: {_problem(refusal)}") from None
    except (URLError, OSError) as problem:
        raise ServerError(f"{url} could not be asked: {problem}") from problem
    except (ProtocolError, ValueError) as problem:
        raise ServerError(f"{url} answered no tensors: {problem}") from problem


def _problem(refusal: HTTPError) -> str:
    try:
        return str(json.loads(refusal.read())["error"])[:LONGEST_PROBLEM]
    except (ValueError, KeyError, TypeError):
        return "without saying why"


def _of_as_many_rows(answer: dict[str, NDArray[Any]], rows: int) -> dict[str, NDArray[Any]]:
    if not answer or any(len(values) != rows for values in answer.values()):
        raise ServerError(f"the server did not answer {rows} rows where it was asked about as many")
    return answer
