"""Ten minutes of traffic: whether the server's memory stays flat, and whether every answer that the
client counted is a row of the log.

The client is this process, over 32 connections on the loopback interface, as fast as both can.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from served_bundle import make_root, some_rows
from serving import INFER, started

from mlops_assets.release.load import Load, put_under_load
from mlops_assets.serving.prediction_log.completeness import completeness
from mlops_assets.serving.prediction_log.reading import days, record_batches, releases
from mlops_assets.serving.protocol import request

CONNECTIONS = 32
BODIES = 64
SAMPLE_SECONDS = 5.0
SETTLED = 0.2
"""Share of the time after which memory is compared: what is loaded lazily is loaded by then."""


def bodies() -> list[bytes]:
    rows = some_rows(BODIES)
    return [
        json.dumps(request({name: values[i : i + 1] for name, values in rows.items()})).encode()
        for i in range(BODIES)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    seconds = 60.0 * parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        make_root(root)
        memory, load = soak(root, seconds)
        report(root, memory, load)


def soak(root: Path, seconds: float) -> tuple[list[tuple[float, float, float]], Load]:
    """Seconds and megabytes of the server, with and without what it started, and what the client
    counted."""
    sent, memory, loads = bodies(), list[tuple[float, float, float]](), list[Load]()
    command = [sys.executable, "-m", "mlops_assets.serving", str(root), "--port", "0"]
    with started(command) as (url, process):

        def ask() -> None:
            options = {"warm_up_seconds": 0.0, "seconds": seconds, "most": 10**9}
            loads.append(put_under_load(url, INFER, sent, connections=CONNECTIONS, **options))  # type: ignore[arg-type]

        asking = threading.Thread(target=ask)
        began = time.perf_counter()
        asking.start()
        while asking.is_alive():
            own = process.memory_info().rss / 1e6
            others = [resident(one) for one in process.children(recursive=True)]
            memory.append((time.perf_counter() - began, own, own + sum(others)))
            asking.join(SAMPLE_SECONDS)
    return memory, loads[0]


def resident(process: psutil.Process) -> float:
    """Megabytes of a process that may just have ended."""
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def report(root: Path, memory: list[tuple[float, float, float]], load: Load) -> None:
    served = root / "served"
    rows = sum(
        batch.num_rows
        for day in days(served)
        for release in releases(served, day)
        for batch in record_batches(served, day, release)
    )
    gaps = sum(one.missing for day in days(served) for one in completeness(served, day))
    answers = len(load.latencies)
    settled = [own for at, own, _ in memory if at > SETTLED * memory[-1][0]]
    half = len(settled) // 2
    first, second = statistics.median(settled[:half]), statistics.median(settled[half:])
    p99 = statistics.quantiles(load.latencies, n=100)[98]
    print(f"{answers:,} answers in {load.seconds:,.0f} s, {load.failed} failed, p99 {p99:.1f} ms")
    verdict = "complete" if rows == answers else "NOT complete"
    print(f"{rows:,} rows in the log, {gaps} lost: {verdict}")
    both = max(together for _, _, together in memory)
    print(f"memory in MB: median {first:.1f}, then {second:.1f}; largest {max(settled):.1f}")
    print(f"with the process that ships the log: largest {both:.1f}")


if __name__ == "__main__":
    main()
