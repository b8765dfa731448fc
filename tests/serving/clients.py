"""Clients that keep asking over many connections, and look at every answer."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from handmade_models import columns

from mlops_assets.serving.protocol import request

INFER = "/v2/models/binary/infer"
AMOUNTS = (-2.0, -0.5, 0.25, 1.5)


@dataclass
class Answers:
    """How many requests each release answered, what was wrong, and every request's id."""

    by_release: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    ended: int = 0
    """Connections that the server ended before it answered anything of a request."""


def expected_chance(amount: float, scale: float) -> float:
    """What the handmade binary model of that scale answers."""
    return float(1.0 / (1.0 + np.exp(-scale * amount)))


def message(amount: float, **ids: str) -> bytes:
    sent = request(columns(1, amount=np.array([amount])))
    for name, value in ids.items():
        tensor = {"name": name, "datatype": "BYTES", "shape": [1], "data": [value]}
        sent["inputs"].append(tensor)
    return json.dumps(sent).encode()


async def keep_asking(
    url: str,
    connections: int,
    scales: dict[str, float],
    until: asyncio.Event,
    ids_of: Callable[[int], dict[str, str]] = lambda _: {},
) -> Answers:
    """Ask over ``connections`` until ``until``: each answer must be that of the release that it
    names, ``scales`` being the model of each."""
    answers = Answers()
    where = urlsplit(url)

    async def ask(first: int) -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        number = first
        try:
            while not until.is_set():
                amount = AMOUNTS[number % len(AMOUNTS)]
                body = message(amount, **ids_of(number))
                status, headers, content = await post(reader, writer, body)
                if status != 200:
                    answers.failed.append(f"{status}: {content!r}")
                    continue
                answers.ids.append(headers["x-request-id"])
                _look(answers, json.loads(content), amount, scales)
                number += connections
        except (ConnectionError, asyncio.IncompleteReadError) as gone:
            if getattr(gone, "partial", b""):
                answers.failed.append(f"cut short: {gone.partial!r}")  # type: ignore[union-attr]
            answers.ended += 1
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    await asyncio.gather(*[ask(first) for first in range(connections)])
    return answers


async def post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, path: str = INFER
) -> tuple[int, dict[str, str], bytes]:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    content = await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split()[1]), headers, content


def _look(answers: Answers, said: dict[str, Any], amount: float, scales: dict[str, float]) -> None:
    release = said["model_version"]
    answers.by_release[release] += 1
    [chances] = [o["data"] for o in said["outputs"] if o["name"] == "probabilities"]
    if abs(chances[1] - expected_chance(amount, scales[release])) > 1e-6:
        answers.wrong.append(f"{release} answered {chances[1]} to {amount}")
