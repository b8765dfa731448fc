"""What orchestration costs: one lifecycle as plain functions, through Dagster, through DVC.

Each way makes the artifacts of one training window from the source in an empty copy of the project,
three times in turn (or as often as the argument says); the ratios are those of the medians.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
USE_CASE = "flight_delays"
BATCHES = ("2013-01", "2013-02", "2013-03", "2013-04")
ROUNDS = 3
GOALS = {"through Dagster": 1.25, "through DVC": 1.5}


def main(rounds: int = ROUNDS) -> int:
    """Measure, print, and return 0 where both goals are met."""
    ways = {"plain functions": plain, "through Dagster": dagster, "through DVC": dvc}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(rounds):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                root = empty_project(Path(folder))
                start = time.perf_counter()
                way(root)
                seconds[name].append(time.perf_counter() - start)
            print(f"round {round_ + 1}: {name} {seconds[name][-1]:.1f} s", flush=True)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    base = medians["plain functions"]
    print(f"\n{'way':18} {'seconds':>8} {'ratio':>6} {'goal':>6}")
    for name, median in medians.items():
        goal = f"{GOALS[name]:.2f}" if name in GOALS else ""
        print(f"{name:18} {median:8.1f} {median / base:6.2f} {goal:>6}")
    return 0 if all(medians[name] / base <= goal for name, goal in GOALS.items()) else 1


def empty_project(root: Path) -> Path:
    """The project's tracked files in ``root``, with a source of a few batches, in git."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        path = Path(name)
        if path.suffix == ".parquet" and not (USE_CASE in name and path.stem in BATCHES):
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / path, root / path)
    (root / ".venv").symlink_to(PROJECT / ".venv")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def plain(root: Path) -> None:
    run(root, sys.executable, str(Path(__file__).with_name("plain_lifecycle.py")), str(root))


def dagster(root: Path) -> None:
    run(root, sys.executable, str(Path(__file__).with_name("dagster_lifecycle.py")), str(root))


def dvc(root: Path) -> None:
    run(root, str(PROJECT / ".venv" / "bin" / "dvc"), "repro", "--quiet")


def run(root: Path, *command: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "DAGSTER_HOME": str(root / ".dagster"),
        "DVC_NO_ANALYTICS": "1",
    }
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
