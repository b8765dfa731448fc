"""What the server is measured beside: the same HTTP server answering a constant, and the least
that can answer with a model, without protocol, checks or log: ``bare_server.py ROOT constant`` or
``bare_server.py ROOT model``.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.release import released_model
from mlops_assets.serving.server import serve

HEAD = {"type": "http.response.start", "status": 200}


async def send(send_message: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send_message({**HEAD, "headers": headers})
    await send_message({"type": "http.response.body", "body": body})


async def live(receive: Any, send_message: Any) -> None:
    for _ in range(2):
        event = (await receive())["type"]
        await send_message({"type": f"{event}.complete"})


async def constant(scope: Any, receive: Any, send_message: Any) -> None:
    if scope["type"] == "lifespan":
        return await live(receive, send_message)
    await receive()
    return await send(send_message, b"{}")


def model(predictor: Predictor) -> Any:
    kinds = {"string": np.object_, "double": np.float64, "int64": np.int64, "bool": np.bool_}
    dtypes = {name: kinds[kind] for name, kind in predictor.signature.items()}

    async def app(scope: Any, receive: Any, send_message: Any) -> None:
        if scope["type"] == "lifespan":
            return await live(receive, send_message)
        sent = orjson.loads((await receive())["body"])["inputs"]
        tensors = {t["name"]: np.array([t["data"]], dtypes[t["name"]]) for t in sent}
        answer = {name: values.tolist() for name, values in predictor.score(tensors).items()}
        return await send(send_message, orjson.dumps(answer))

    return app


def main() -> None:
    root, kind = Path(sys.argv[1]), sys.argv[2]
    pointer = json.loads((root / "release" / "release.json").read_bytes())
    app = constant
    if kind == "model":
        app = model(Predictor(released_model(root / pointer["bundle"])))
    ready = '{{"event": "ready", "url": "{}"}}'
    serve(app, port=0, on_ready=lambda url: print(ready.format(url), flush=True))


if __name__ == "__main__":
    main()
