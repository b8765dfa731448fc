"""Requests a second of a served release, beside the floors that hold on the same machine.

``wrk`` asks over 1, 16 and 64 connections, one row of thirty columns a request, over the loopback
interface, warm. Each server is a process of its own. With ``--rounds N`` everything is measured N
times in turn, and the medians are printed.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from served_bundle import NAME, champion_model, make_root, some_rows

from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.protocol import request

HERE = Path(__file__).resolve().parent
CONNECTIONS = (1, 16, 64)
WARM_UP_SECONDS, SECONDS = 1, 5
ASKED_IN_PROCESS = 5_000
INFER = f"/v2/models/{NAME}/infer"
PREDICT = "/v1/predict"
Figures = dict[str, float]


def servers(root: Path) -> dict[str, tuple[list[str], str, str]]:
    """By name: what starts it, the path that is asked, and the body that is sent."""
    bare = [sys.executable, str(HERE / "bare_server.py"), str(root)]
    ours = [sys.executable, "-m", "mlops_assets.serving", str(root), "--port", "0"]
    return {
        "floor: the same HTTP server, a constant": ([*bare, "constant"], "/", "infer.json"),
        "bare ASGI, one ONNX Runtime call a request": ([*bare, "model"], "/", "infer.json"),
        "this server, without the log": ([*ours, "--no-log"], INFER, "infer.json"),
        "this server": (ours, INFER, "infer.json"),
        "this server, rows as objects": (ours, PREDICT, "rows.json"),
    }


@contextmanager
def started(command: list[str]) -> Iterator[tuple[str, psutil.Process]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=HERE.parent)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            said = json.loads(line)
            if said["event"] == "ready":
                yield said["url"], psutil.Process(process.pid)
                break
        else:
            raise RuntimeError(f"{command} did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


def load(url: str, body: Path, connections: int, seconds: int) -> dict[str, Any]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "post.lua"), url]
    environment = {**os.environ, "BODY": str(body)}
    said = subprocess.run(command, capture_output=True, env=environment, check=True, text=True)
    found: dict[str, Any] = json.loads(said.stdout.strip().splitlines()[-1])
    return found


def measure(root: Path, name: str) -> dict[int, Figures]:
    command, path, body = servers(root)[name]
    found = {}
    with started(command) as (url, process):
        for connections in CONNECTIONS:
            load(url + path, root / body, connections, WARM_UP_SECONDS)
            said = load(url + path, root / body, connections, SECONDS)
            found[connections] = {
                "per_second": said["requests"] / said["seconds"],
                "p50_ms": said["p50_ms"],
                "p99_ms": said["p99_ms"],
                "failed": said["failed"],
                "megabytes": process.memory_info().rss / 1e6,
            }
    shutil.rmtree(root / "served", ignore_errors=True)
    return found


def in_process(root: Path) -> float:
    """Single rows a second that ONNX Runtime answers to one thread that has them as arrays."""
    predictor, row = Predictor(champion_model(root)), some_rows(1)
    start = time.perf_counter()
    for _ in range(ASKED_IN_PROCESS):
        predictor.score(row)
    return ASKED_IN_PROCESS / (time.perf_counter() - start)


def write_bodies(root: Path) -> None:
    row = some_rows(1)
    (root / "infer.json").write_text(json.dumps(request(row)), encoding="utf-8")
    values = {name: column[0, 0] for name, column in row.items()}
    plain = {n: None if v != v else v for n, v in values.items()}
    (root / "rows.json").write_text(json.dumps({"rows": [plain]}), encoding="utf-8")


def medians(rounds: list[dict[int, Figures]]) -> dict[int, Figures]:
    return {
        connections: {
            figure: statistics.median(one[connections][figure] for one in rounds)
            for figure in rounds[0][connections]
        }
        for connections in CONNECTIONS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    rounds = parser.parse_args().rounds
    if shutil.which("wrk") is None:
        raise SystemExit("not run: wrk is not on the PATH (Debian's package wrk has it)")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        make_root(root)
        write_bodies(root)
        found: dict[str, list[dict[int, Figures]]] = {name: [] for name in servers(root)}
        alone = []
        for _ in range(rounds):
            alone.append(in_process(root))
            for name, rows in found.items():
                rows.append(measure(root, name))
        report({name: medians(rows) for name, rows in found.items()}, statistics.median(alone))


def report(found: dict[str, dict[int, Figures]], alone: float) -> None:
    bare = found["bare ASGI, one ONNX Runtime call a request"]
    print(
        f"one row a request, 30 columns, 100 boosted trees; in process {alone:,.0f} rows a second"
    )
    print(f"{'':44}{'connections':>12}{'a second':>10}{'p50 ms':>8}{'p99 ms':>8}", end="")
    print(f"{'MB':>6}{'failed':>8}{'of bare':>9}")
    for name, rows in found.items():
        for connections, row in rows.items():
            ratio = row["per_second"] / bare[connections]["per_second"]
            print(
                f"{name:44}{connections:12}{row['per_second']:10,.0f}{row['p50_ms']:8.2f}", end=""
            )
            print(
                f"{row['p99_ms']:8.2f}{row['megabytes']:6.0f}{row['failed']:8.0f}{ratio:9.2f}",
                flush=True,
            )
            name = ""


if __name__ == "__main__":
    main()
