"""What 8 bits cost and gain, each family on two data sets, against what skl2onnx writes.

One process, one thread, and the forms of a model in turn, so that a busy machine hurts all alike;
times are medians. Memory is that of a fresh process that loads the file and scores the rows. The
limits are those that this project set itself; the last line counts what missed them.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 5
ONE_ROW_ROUNDS = 300
PEER, FLOAT = "skl2onnx", "float"
LIMITS: dict[str, dict[str, float]] = {
    "MLP": {"size": 0.28, "speed": 2.0, "change": 0.02, "flips": 0.002, "metric": 0.001},
    "linear": {"size": 0.6, "speed": 1.0, "change": 0.01, "flips": 0.001, "metric": 0.001},
    "trees, speed": {
        "size": 0.35, "speed": 1.0, "change": 0.005, "flips": 0.0005, "metric": 0.0005,
    },
    "trees, size": {"size": 0.16, "change": 0.01, "flips": 0.001, "metric": 0.001},
}  # fmt: skip


def main() -> int:
    """Measure and print; returns 0, as a shortfall is a finding and not a failure."""
    from quantization_models import DATA, FAMILIES, make_case

    missed: list[str] = []
    for data_name, load in DATA.items():
        data = load()
        for family_name, family in FAMILIES.items():
            case = make_case(data, family)
            print(f"\n{data_name}, {family_name}: {len(case.labels):,} test rows", flush=True)
            missed += [f"{data_name}, {m}" for m in show(case, family_name)]
    print(f"\n{len(missed)} limit(s) missed" + "".join(f"\n  {line}" for line in missed))
    return 0


def show(case: Any, family: str) -> list[str]:
    """Print one model's table; the limits that it missed."""
    seconds, one_row = speeds(case), latencies(case)
    answers = {name: score(name, case) for name in case.forms}
    missed: list[str] = []
    print(
        f"  {'form':18} {'bytes':>11} {'rows/s':>11} {'1 row/s':>8} {'1 row us':>9} {'MB':>6}"
        "   against skl2onnx and the float form, with limits"
    )
    rows = len(case.labels)
    print(
        f"  {'scikit-learn':18} {'':11} {rows / seconds['scikit-learn']:11,.0f} "
        f"{1 / one_row['scikit-learn']:8,.0f} {one_row['scikit-learn'] * 1e6:9,.0f}"
    )
    for name, model in case.forms.items():
        memory = peak_memory(model, case.tensors[name])
        line = (
            f"  {name:18} {len(model):11,} {rows / seconds[name]:11,.0f} {1 / one_row[name]:8,.0f} "
            f"{one_row[name] * 1e6:9,.0f} {memory / 1e6:6,.0f}   "
        )
        if name == PEER:
            print(line)
            continue
        figures = {
            "size": len(model) / len(case.forms[PEER]),
            "speed": seconds[PEER] / seconds[name],
            **changes(answers[FLOAT], answers[name], case.labels),
        }
        limits = LIMITS[limits_of(family, name)] if name != FLOAT else {}
        texts, failed = judged(figures, limits)
        missed += [f"{family}, {name}: {text}" for text in failed]
        print(line + "; ".join(texts))
    for name, made in case.quantized.items():
        print(f"  {name}: {made.method}, {made.nodes_quantized} nodes{_because(made.reason)}")
    return missed


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def limits_of(family: str, name: str) -> str:
    for beginning in ("MLP", "linear"):
        if family.startswith(beginning):
            return beginning
    return "trees, size" if name.endswith("size") else "trees, speed"


def judged(figures: dict[str, float], limits: dict[str, float]) -> tuple[list[str], list[str]]:
    """Every figure as text with its limit, and those beyond it."""
    texts, failed = [], []
    for name, value in figures.items():
        group = "metric" if name in ("AUC", "loss") else name
        limit = limits.get(group)
        text = f"{name} {value:.3f}" if name in ("size", "speed") else f"{name} {value:+.5f}"
        if limit is not None:
            held = value >= limit if name == "speed" else abs(value) <= limit
            text += f" ({'met' if held else 'missed'} {limit:g})"
            failed += [] if held else [text]
        texts.append(text)
    return texts, failed


def changes(
    before: NDArray[np.float64], after: NDArray[np.float64], labels: NDArray[np.int64]
) -> dict[str, float]:
    from mlops_assets.export.effect import quantization_effect

    found = quantization_effect("binary", before, after, labels, 1, 1)
    names = {
        "change": "largest_difference",
        "flips": "decisions_flipped",
        "AUC": "roc_auc_change",
        "loss": "loss_change",
    }
    return {short: found[name] for short, name in names.items()}


def speeds(case: Any) -> dict[str, float]:
    """Median seconds for all test rows."""
    sessions = {name: session(model) for name, model in case.forms.items()}
    runs: dict[str, Callable[[], Any]] = {
        name: lambda name=name: run(sessions[name], case.tensors[name])  # type: ignore[misc]
        for name in sessions
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, ask in runs.items():
            seconds[name].append(took(ask))
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {"scikit-learn": took(lambda: case.peer.predict_proba(case.rows))} | medians


def latencies(case: Any) -> dict[str, float]:
    """Median seconds for one row."""
    one = case.rows.iloc[:1]
    few = [took(lambda: case.peer.predict_proba(one)) for _ in range(15)]
    sessions = {name: session(model) for name, model in case.forms.items()}
    rows = {n: {c: t[:1] for c, t in case.tensors[n].items()} for n in sessions}
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(ONE_ROW_ROUNDS):
        for name, opened in sessions.items():
            seconds[name].append(took(lambda o=opened, n=name: o.run(["probabilities"], rows[n])))  # type: ignore[misc]
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {"scikit-learn": statistics.median(few)} | medians


def took(ask: Callable[[], Any]) -> float:
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start


def session(model: bytes) -> Any:
    from mlops_assets.serving.predictor import open_session

    return open_session(model)


def chunk_rows() -> int:
    from mlops_assets.serving.predictor import CHUNK_ROWS

    return CHUNK_ROWS


def run(opened: Any, tensors: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Probabilities of all rows, in the chunks in which rows are served."""
    rows, chunk = len(next(iter(tensors.values()))), chunk_rows()
    parts = [
        opened.run(["probabilities"], {n: t[start : start + chunk] for n, t in tensors.items()})[0]
        for start in range(0, rows, chunk)
    ]
    return np.concatenate(parts)


def score(name: str, case: Any) -> NDArray[np.float64]:
    found = run(session(case.forms[name]), case.tensors[name])
    return found[:, 1:].astype(np.float64)


def peak_memory(model: bytes, tensors: dict[str, NDArray[Any]]) -> int:
    """Bytes by which a fresh process grows when it loads ``model`` and scores all rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case"
        path.write_bytes(pickle.dumps((model, tensors)))
        command = [sys.executable, __file__, "--memory", str(path)]
        made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(made.stdout)


def grow(path: Path) -> None:
    import onnxruntime  # noqa: F401 - its own memory is not the model's

    model, tensors = pickle.loads(path.read_bytes())
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of unpacking
    before = status("VmRSS")
    run(session(model), tensors)
    print(status("VmHWM") - before)


def status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        grow(Path(sys.argv[2]))
    else:
        sys.exit(main())
