"""How fast a release answers all rows of a Parquet file, and what that takes of memory.

A release of thirty raw columns (26 numbers, four texts; see ``served_bundle.py``), boosting and
linear, answers a million rows, and the boosting one ten million. The rows are the training rows
again and again, each time moved a little, written chunk by chunk. Each step is a process of its
own, so that its memory is its own; beside it stands the time of reading the same columns and
writing as many answers, with no model in between. The arguments are the numbers of rows.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FAMILIES = {"boosting": "boosting, 100 x 31", "linear": "linear"}
SIZES = (1_000_000, 10_000_000)
GOAL_ROWS_A_SECOND = {"boosting": 200_000, "linear": 430_000}
"""Five times MLflow's pyfunc on a machine such as this, and on rows such as these."""
GOAL_BYTES = 1_000_000_000
CHUNK_ROWS = 131_072


def main(sizes: tuple[int, ...]) -> int:
    """Measure and print; returns 0 where the goals were met."""
    missed = False
    print(f"{'rows':>10}  {'step':22} {'seconds':>8} {'rows/s':>10} {'x floor':>8} {'MB':>6}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for family in FAMILIES:
            measure("bundle", folder, 0, family)
        for rows in sizes:
            measure("make", folder, rows)
            floor, peak = measure("floor", folder, rows)
            show(rows, "read and write alone", floor, floor, peak)
            # Ten million rows of one family show the memory, and that time is linear.
            for family in FAMILIES if rows < max(sizes) or len(sizes) == 1 else ("boosting",):
                seconds, peak = measure("score", folder, rows, family)
                show(rows, family, seconds, floor, peak)
                missed |= rows / seconds < GOAL_ROWS_A_SECOND[family] or peak > GOAL_BYTES
    return int(missed)


def show(rows: int, step: str, seconds: float, floor: float, peak: int) -> None:
    print(
        f"{rows:10,}  {step:22} {seconds:8.1f} {rows / seconds:10,.0f} {seconds / floor:8.1f} "
        f"{peak / 1e6:6,.0f}",
        flush=True,
    )


def measure(step: str, folder: Path, rows: int, family: str = "boosting") -> tuple[float, int]:
    """Seconds that a step took without the loading of its libraries, and the largest memory of its
    process in bytes."""
    command = [sys.executable, __file__, "--step", step, str(folder), str(rows), family]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    seconds, peak = answer.stdout.split()[-2:]
    return float(seconds), int(peak)


def run_step(step: str, folder: Path, rows: int, family: str) -> None:
    took = STEPS[step](folder, rows, family)
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def make_bundle(folder: Path, rows: int, family: str) -> float:
    from served_bundle import make_root

    del rows
    release = make_root(folder / family, FAMILIES[family])
    (folder / family / "champion").write_text(release, encoding="utf-8")
    return 0.0


def make_rows(folder: Path, rows: int, family: str) -> float:
    """Rows of the benchmark's data again and again, the numbers of each time a little further."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from quantization_models import large

    del family
    frame = large().rows.head(CHUNK_ROWS)
    moving = [n for n in frame if pd.api.types.is_float_dtype(frame[n].dtype)]
    schema = pa.Schema.from_pandas(frame, preserve_index=False).remove_metadata()
    rng, written = np.random.default_rng(0), 0
    with pq.ParquetWriter(folder / "rows.parquet", schema, compression="zstd") as writer:
        while written < rows:
            part = frame.head(rows - written)
            moved = part[moving] * (1.0 + 0.01 * rng.random((len(part), 1)))
            further = part.assign(**moved.astype("float32").astype("float64"))
            table = pa.Table.from_pandas(further, schema, preserve_index=False)
            writer.write_table(table, row_group_size=CHUNK_ROWS)
            written += len(part)
    return 0.0


def floor(folder: Path, rows: int, family: str) -> float:
    """Read every column and write as many answers as a model of two classes gives."""
    import numpy as np
    import pyarrow as pa

    from mlops_assets.data.parquet_files import ChunkWriter, read_chunks

    del family
    start, read = time.perf_counter(), 0
    rng = np.random.default_rng(0)
    chances = rng.random(CHUNK_ROWS, np.float32)
    answers = pa.table(
        {
            "label": (chances > 0.5).astype(np.int64),
            "probability.0": 1 - chances,
            "probability.1": chances,
            "outside_envelope": chances > 0.99,
        }
    )
    with ChunkWriter(answers.schema, folder / "floor.parquet") as writer:
        for chunk in read_chunks(folder / "rows.parquet"):
            writer.write(answers.slice(0, chunk.num_rows))
            read += chunk.num_rows
    require(read == rows)
    return time.perf_counter() - start


def score(folder: Path, rows: int, family: str) -> float:
    from mlops_assets.prediction.scoring import score_parquet

    release = (folder / family / "champion").read_text(encoding="utf-8")
    bundle, target = folder / family / "releases" / release, folder / "answers.parquet"
    start = time.perf_counter()
    found = score_parquet(bundle, folder / "rows.parquet", target)
    seconds = time.perf_counter() - start
    require(found["rows"] == rows)
    return seconds


def require(holds: bool) -> None:
    if not holds:
        raise RuntimeError("a step did not see every row")


STEPS: dict[str, Callable[[Path, int, str], float]] = {
    "bundle": make_bundle,
    "make": make_rows,
    "floor": floor,
    "score": score,
}

if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    if sys.argv[1:2] == ["--step"]:
        run_step(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        sys.exit(main(tuple(int(size) for size in sys.argv[1:]) or SIZES))
