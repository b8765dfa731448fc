"""A process that logs as fast as it is told, and says on its standard output what is durable.

Run as ``hammer FOLDER INSTANCE BATCHES ROWS PAUSE_SECONDS [FILE_BYTES]``. Each line it prints has
how many rows it has added and, of a moment before, how many were flushed and lost, and the state of
the log. With FILE_BYTES, no file of the process may grow beyond that; a line on its standard input
lifts the limit. It closes the log after its last batch, unless it is killed.
"""

import json
import resource
import sys
import threading
import time
from pathlib import Path

from logged_answers import batch, open_log

from mlops_assets.serving.prediction_log.log import PredictionLog


def tell(log: PredictionLog, added: int) -> None:
    counters = log.counters()
    said = {
        "added": added,
        "flushed": counters.flushed,
        "lost": counters.lost,
        "state": counters.state,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def lift_the_limit() -> None:
    sys.stdin.readline()
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def main(
    folder: str, instance: str, batches: str, rows: str, pause: str, file_bytes: str = ""
) -> None:
    if file_bytes:
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_bytes), most))
        threading.Thread(target=lift_the_limit, daemon=True).start()
    alerts: list[str] = []
    log = open_log(Path(folder), instance, alerts, closing_seconds=20.0)
    added = 0
    for _ in range(int(batches)):
        log.add(batch(added, int(rows), received=time.time()))
        added += int(rows)
        tell(log, added)
        time.sleep(float(pause))
    log.close()
    tell(log, added)
    sys.stdout.write(json.dumps({"alerts": alerts}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
